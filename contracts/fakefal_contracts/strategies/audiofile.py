"""Silence without an encoder: MP3, WAV, M4A, Ogg Opus and FLAC files of any length that every player takes."""

from __future__ import annotations

import io
import struct
import wave
from functools import cache

from fakefal_contracts.strategies.clipfile import (
    EVERY_SAMPLE_IS_A_CHUNK,
    IDENTITY,
    box,
    data_information,
    descriptor,
    full_box,
    padding_box,
)

#: A file of each format lasts a whole number of these.
FRAME_MILLISECONDS = {"mp3": 24, "wav": 1, "m4a": 1, "ogg": 1, "flac": 1, "amr": 20}

MP3_HEADER = bytes.fromhex("fffb14c4")  # MPEG 1, layer III, 32 kbit/s, 48 kHz, mono
MP3_FRAME_BYTES = 96
MP3_SIDE_INFORMATION = 17

AAC_RATE, AAC_SAMPLES = 48_000, 1024
AAC_SILENCE = bytes.fromhex("00c800802380")  # one frame, mono
AAC_LC_MONO_48_KHZ = bytes.fromhex("1188")
AAC_IN_MPEG4, AUDIO_STREAM = 0x40, 0x15

OPUS_RATE, OPUS_SAMPLES = 48_000, 960
OPUS_SILENCE = bytes.fromhex("f8fffe")  # one packet of 20 ms
FIRST_PAGE, LAST_PAGE, MOST_SEGMENTS = 2, 4, 255

PCM_RATE, FLAC_SAMPLES = 8000, 4096


def write_audio(form: str, milliseconds: int) -> bytes:
    """The bytes of a silent file: a key of `FRAME_MILLISECONDS`, whose frames go into the length."""
    return {"mp3": _mp3, "wav": _wav, "m4a": _m4a, "ogg": _ogg, "flac": _flac, "amr": _amr}[form](milliseconds)


def audio_padding(form: str, size: int) -> bytes:
    """What goes before `size` bytes of nothing behind a file."""
    if form == "wav":
        return b"JUNK" + struct.pack("<I", size)
    return padding_box(size) if form == "m4a" else b""


def _mp3(milliseconds: int) -> bytes:
    """Frames of silence, behind one that says how many there are."""
    count = milliseconds // FRAME_MILLISECONDS["mp3"]
    frame = MP3_HEADER.ljust(MP3_FRAME_BYTES, b"\0")
    says = b"Info" + struct.pack(">III", 3, count, (count + 1) * MP3_FRAME_BYTES)
    first = MP3_HEADER + bytes(MP3_SIDE_INFORMATION) + says
    return first.ljust(MP3_FRAME_BYTES, b"\0") + frame * count


def _wav(milliseconds: int) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 1, PCM_RATE, 0, "NONE", ""))
        file.writeframes(b"\x80" * (milliseconds * PCM_RATE // 1000))
    return out.getvalue()


def _amr(milliseconds: int) -> bytes:
    return b"#!AMR\n" + (b"\x3c" + bytes(31)) * (milliseconds // FRAME_MILLISECONDS["amr"])


def _m4a(milliseconds: int) -> bytes:
    samples = milliseconds * AAC_RATE // 1000
    count, rest = divmod(samples, AAC_SAMPLES)
    times = [(count, AAC_SAMPLES)] * bool(count) + [(1, rest)] * bool(rest)
    count += bool(rest)
    brand = box("ftyp", b"M4A \0\0\0\0M4A mp42isom")
    media = box("mdat", AAC_SILENCE * count)
    offset, size = len(brand) + 8, len(AAC_SILENCE)
    decoder = descriptor(
        4, struct.pack(">BBBHII", AAC_IN_MPEG4, AUDIO_STREAM, 0, 0, 0, 0) + descriptor(5, AAC_LC_MONO_48_KHZ)
    )
    stream = descriptor(3, struct.pack(">HB", 1, 0) + decoder + descriptor(6, b"\2"))
    entry = box("mp4a", struct.pack(">6xH8xHHxxxxI", 1, 1, 16, AAC_RATE << 16), full_box("esds", stream))
    tables = box(
        "stbl",
        full_box("stsd", struct.pack(">I", 1), entry),
        full_box("stts", struct.pack(">I", len(times)), *(struct.pack(">II", *one) for one in times)),
        full_box("stsc", struct.pack(">I", 1), EVERY_SAMPLE_IS_A_CHUNK),
        full_box("stsz", struct.pack(">II", size, count)),
        full_box("stco", struct.pack(f">I{count}I", count, *range(offset, offset + count * size, size))),
    )
    track = full_box(
        "tkhd", struct.pack(">IIIII8xHHHH", 0, 0, 1, 0, milliseconds, 0, 0, 0x100, 0), IDENTITY, bytes(8), flags=3
    )
    times_of_all = struct.pack(">IIIIIHH8x", 0, 0, 1000, milliseconds, 0x10000, 0x100, 0)
    header = full_box("mvhd", times_of_all, IDENTITY, struct.pack(">24xI", 2))
    mdia = box(
        "mdia",
        full_box("mdhd", struct.pack(">IIIIHH", 0, 0, AAC_RATE, samples, 0x55C4, 0)),
        full_box("hdlr", bytes(4), b"soun", bytes(12), b"\0"),
        box("minf", full_box("smhd", bytes(4)), data_information(), tables),
    )
    return brand + media + box("moov", header, box("trak", track, mdia))


def _ogg(milliseconds: int) -> bytes:
    """An Opus stream; its last page says where in the last packet it ends."""
    samples = milliseconds * OPUS_RATE // 1000
    head = b"OpusHead" + struct.pack("<BBHIHB", 1, 1, 0, OPUS_RATE, 0, 0)
    tags = b"OpusTags" + struct.pack("<II", 0, 0)
    pages = [_page(0, FIRST_PAGE, 0, [head]), _page(1, 0, 0, [tags])]
    left = max(1, -(-samples // OPUS_SAMPLES))
    done = 0
    while left:
        count = min(left, MOST_SEGMENTS)
        left -= count
        done = min(samples, done + count * OPUS_SAMPLES)
        pages.append(_page(len(pages), 0 if left else LAST_PAGE, done, [OPUS_SILENCE] * count))
    return b"".join(pages)


def _page(number: int, flags: int, position: int, packets: list[bytes]) -> bytes:
    head = b"OggS\0" + struct.pack("<BqII", flags, position, 1, number)
    tail = bytes((len(packets), *map(len, packets))) + b"".join(packets)
    return head + struct.pack("<I", _crc(head + bytes(4) + tail, 32, 0x04C11DB7)) + tail


def _flac(milliseconds: int) -> bytes:
    """Frames whose one constant is zero."""
    samples = milliseconds * PCM_RATE // 1000
    sound = PCM_RATE << 44 | 15 << 36 | samples  # mono, 16 bits
    info = struct.pack(">HH6xQ16x", FLAC_SAMPLES, FLAC_SAMPLES, sound)
    frames = [
        _flac_frame(number, min(FLAC_SAMPLES, samples - start))
        for number, start in enumerate(range(0, samples, FLAC_SAMPLES))
    ]
    return b"fLaC\x80" + len(info).to_bytes(3, "big") + info + b"".join(frames)


@cache
def _flac_frame(number: int, samples: int) -> bytes:
    head = b"\xff\xf8\x74\x08" + chr(number).encode() + (samples - 1).to_bytes(2, "big")
    whole = head + bytes((_crc(head, 8, 7),)) + bytes(3)
    return whole + _crc(whole, 16, 0x8005).to_bytes(2, "big")


def _crc(data: bytes, bits: int, polynomial: int) -> int:
    """A checksum that begins with the highest bit and with nothing."""
    table, mask, crc = _crc_table(bits, polynomial), (1 << bits) - 1, 0
    for byte in data:
        crc = (crc << 8 & mask) ^ table[crc >> bits - 8 ^ byte]
    return crc


@cache
def _crc_table(bits: int, polynomial: int) -> tuple[int, ...]:
    found = []
    for byte in range(256):
        crc = byte << bits - 8
        for _ in range(8):
            crc = crc << 1 ^ (polynomial if crc >> bits - 1 else 0)
            crc &= (1 << bits) - 1
        found.append(crc)
    return tuple(found)
