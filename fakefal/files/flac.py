"""FLAC of any length: the tone of a WAV, in frames of verbatim samples (RFC 9639)."""

from __future__ import annotations

import struct
from functools import cache

from fakefal.files.sounds import RATE, tone

_BLOCK = 4096
_BLOCK_CODE, _RATE_CODE, _DEPTH_CODE = 0b1100, 0b0111, 0b100
"""The codes of a frame header for 4,096 samples, 24 kHz and 16 bits."""
_EXPLICIT_BLOCK = 0b0111
_POLYNOMIAL = 0x8005
_VERBATIM = b"\x02"
_BYTE = 8


def make_flac(seconds: float) -> bytes:
    """A file of one channel, 16 bits."""
    samples = tone(seconds)
    turned = bytearray(len(samples))
    turned[::2], turned[1::2] = samples[1::2], samples[::2]
    size = 2 * _BLOCK
    blocks = (bytes(turned[start : start + size]) for start in range(0, len(turned), size))
    info = _BLOCK << 256 | _BLOCK << 240 | RATE << 172 | 15 << 164 | len(turned) // 2 << 128
    stream_info = b"\x80\0\0\x22" + info.to_bytes(34, "big")
    return b"fLaC" + stream_info + b"".join(_frame(number, raw) for number, raw in enumerate(blocks))


def _frame(number: int, raw: bytes) -> bytes:
    """A frame of these samples, the highest byte of each first."""
    samples = len(raw) // 2
    whole = samples == _BLOCK
    head = bytes([0xFF, 0xF8, (_BLOCK_CODE if whole else _EXPLICIT_BLOCK) << 4 | _RATE_CODE, _DEPTH_CODE << 1])
    head += chr(number).encode()  # FLAC encodes numbers as UTF-8 does
    if not whole:
        head += (samples - 1).to_bytes(2, "big")
    frame = head + bytes([_checksum(head, 0x07, 8)]) + _VERBATIM
    found, words = _checksum(frame, _POLYNOMIAL, 16), _words()
    for sample in struct.unpack(f">{samples}H", raw):
        found = words[found ^ sample]
    return frame + raw + found.to_bytes(2, "big")


def _checksum(content: bytes, polynomial: int, width: int) -> int:
    """FLAC's CRCs: 8 bits for a header and 16 for a frame."""
    found = 0
    for byte in content:
        found ^= byte << width - _BYTE
        for _ in range(_BYTE):
            found = found << 1 ^ (polynomial if found >> width - 1 else 0)
            found &= (1 << width) - 1
    return found


@cache
def _words() -> tuple[int, ...]:
    """The effect of each sample on a frame's CRC; bit by bit, a minute of sound would take seconds."""
    made = [0]
    for bit in range(16):  # the CRC of two samples combines theirs
        one = _checksum((1 << bit).to_bytes(2, "big"), _POLYNOMIAL, 16)
        made += [one ^ other for other in made]
    return tuple(made)
