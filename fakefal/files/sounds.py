"""Sounds of results, of any length: a tone, as WAV or as frames of the master MP3."""

from __future__ import annotations

import io
import math
import struct
import wave
from functools import cache
from itertools import cycle, islice

from fakefal_fixtures import SOUND

RATE = 24_000
"""Samples per second, in one channel."""
PITCH = 330
_FRAME_SAMPLES = 576
"""Samples in a frame of an MP3 of 24 kHz (MPEG-2, layer III)."""
_BIT_RATES = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


def make_wav(seconds: float) -> bytes:
    """A WAV of 16 bits."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(tone(seconds))
    return out.getvalue()


def tone(seconds: float) -> bytes:
    """The samples of a sound, 16 bits each, the lowest byte first."""
    whole, rest = divmod(round(seconds * RATE), RATE)
    return _second() * whole + _second()[: 2 * rest]


@cache
def _second() -> bytes:
    """One second of the tone, which can be repeated without a break."""
    turn = 2 * math.pi * PITCH / RATE
    return struct.pack(f"<{RATE}h", *(int(6000 * math.sin(turn * at)) for at in range(RATE)))


def make_mp3(seconds: float) -> bytes:
    """An MP3 of whole frames of 24 ms each, as close to the length as possible."""
    frames = max(1, round(seconds * RATE / _FRAME_SAMPLES))
    return b"".join(islice(cycle(_mp3_frames()), frames))


@cache
def _mp3_frames() -> tuple[bytes, ...]:
    """The frames of the master except the first, which holds the encoder's delay."""
    content = SOUND.read_bytes()
    frames, at = [], 0
    while at + 4 <= len(content):
        size = 72_000 * _BIT_RATES[content[at + 2] >> 4] // RATE + (content[at + 2] >> 1 & 1)
        frames.append(content[at : at + size])
        at += size
    return tuple(frames[1:])
