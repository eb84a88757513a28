"""Clips without an encoder: MP4, QuickTime and AVI files whose frames are one JPEG, shown again and again.

Any size, length and frame rate takes milliseconds to write, and every player with Motion JPEG plays it.
"""

from __future__ import annotations

import io
import struct
from functools import lru_cache

from PIL import Image

JPEG_QUALITY = 10
IDENTITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
EVERY_SAMPLE_IS_A_CHUNK = struct.pack(">III", 1, 1, 1)
MILLISECONDS = 1000
JPEG_IN_MPEG4, VISUAL_STREAM = 0x6C, 0x11
AVI_HAS_INDEX, AVI_KEY_FRAME = 0x10, 0x10


def write_clip(form: str, width: int, height: int, milliseconds: int, frames: int) -> bytes:
    """The bytes of a grey clip.

    Args:
        form: ``mp4``, ``mov`` or ``avi``.
        width: in pixels.
        height: in pixels.
        milliseconds: how long it lasts.
        frames: how many there are; the frame rate is these by the length.
    """
    picture = _jpeg(width, height)
    if form == "avi":
        return _avi(picture, width, height, milliseconds, frames)
    brand = box("ftyp", b"qt  \0\0\0\0qt  ") if form == "mov" else box("ftyp", b"isom\0\0\2\0isomiso2mp41")
    media = box("mdat", picture)
    offset = len(brand) + len(media) - len(picture)
    return brand + media + _movie(form, width, height, milliseconds, [offset] * frames, len(picture))


@lru_cache(maxsize=32)
def _jpeg(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "grey").save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def box(kind: str, *content: bytes) -> bytes:
    """A box and its content."""
    whole = b"".join(content)
    return struct.pack(">I4s", len(whole) + 8, kind.encode()) + whole


def full_box(kind: str, *content: bytes, flags: int = 0) -> bytes:
    """A box with version 0, flags and content."""
    return box(kind, struct.pack(">I", flags), *content)


def padding_box(size: int) -> bytes:
    """The header of a box of nothing, after which `size` bytes follow."""
    return struct.pack(">I4s", size + 8, b"free")


def _movie(form: str, width: int, height: int, milliseconds: int, offsets: list[int], size: int) -> bytes:
    """The ``moov`` box.  Each frame lasts a whole number of ticks, so that rate and length are exact."""
    frames = len(offsets)
    scale, length = MILLISECONDS * frames, milliseconds * frames
    header = full_box(
        "mvhd",
        struct.pack(">IIIIIHH8x", 0, 0, MILLISECONDS, milliseconds, 0x10000, 0x100, 0),
        IDENTITY,
        struct.pack(">24xI", 2),
    )
    track = full_box(
        "tkhd",
        struct.pack(">IIIIIIIHHHH", 0, 0, 1, 0, milliseconds, 0, 0, 0, 0, 0, 0),
        IDENTITY,
        struct.pack(">II", width << 16, height << 16),
        flags=3,
    )
    samples = box(
        "stbl",
        full_box("stsd", struct.pack(">I", 1), _sample_entry(form, width, height)),
        full_box("stts", struct.pack(">III", 1, frames, milliseconds)),
        full_box("stsc", struct.pack(">I", 1), EVERY_SAMPLE_IS_A_CHUNK),
        full_box("stsz", struct.pack(">II", size, frames)),
        full_box("stco", struct.pack(f">I{frames}I", frames, *offsets)),
    )
    media = box(
        "mdia",
        full_box("mdhd", struct.pack(">IIIIHH", 0, 0, scale, length, 0x55C4, 0)),
        full_box("hdlr", b"mhlr" if form == "mov" else bytes(4), b"vide", bytes(12), b"\0"),
        box("minf", full_box("vmhd", bytes(8), flags=1), data_information(), samples),
    )
    return box("moov", header, box("trak", track, media))


def data_information() -> bytes:
    """The box that says that the media are in this file."""
    return box("dinf", full_box("dref", struct.pack(">I", 1), full_box("url ", flags=1)))


def _sample_entry(form: str, width: int, height: int) -> bytes:
    """QuickTime names Motion JPEG by a box of its own, MP4 by an elementary stream descriptor."""
    resolution, depth = 72 << 16, 24
    body = struct.pack(
        ">6xH16xHHIIIH32sHh", 1, width, height, resolution, resolution, 0, 1, b"\4jpeg".ljust(32, b"\0"), depth, -1
    )
    if form == "mov":
        return box("jpeg", body)
    decoder = descriptor(4, struct.pack(">BBBHII", JPEG_IN_MPEG4, VISUAL_STREAM, 0, 0, 0, 0))
    stream = descriptor(3, struct.pack(">HB", 1, 0) + decoder + descriptor(6, b"\2"))
    return box("mp4v", body, full_box("esds", stream))


def descriptor(tag: int, content: bytes) -> bytes:
    """A part of the box that says how a stream is decoded."""
    return bytes((tag, len(content))) + content


def _avi(picture: bytes, width: int, height: int, milliseconds: int, frames: int) -> bytes:
    """An AVI file: every frame has a copy of its own, as the format wants."""
    picture += b"\0" * (len(picture) % 2)
    size, tick = len(picture), milliseconds * MILLISECONDS // frames
    main = struct.pack("<10I16x", tick, 0, 0, AVI_HAS_INDEX, frames, 0, 1, size, width, height)
    rate = milliseconds, frames * MILLISECONDS
    stream = b"vidsMJPG" + struct.pack("<8xIIIIIIiI8x", 0, *rate, 0, frames, size, -1, 0)
    form = struct.pack("<IIIHH4sI16x", 40, width, height, 1, 24, b"MJPG", size)
    header = _list("hdrl", _chunk("avih", main), _list("strl", _chunk("strh", stream), _chunk("strf", form)))
    frame = _chunk("00dc", picture)
    index = b"".join(b"00dc" + struct.pack("<III", AVI_KEY_FRAME, 4 + i * len(frame), size) for i in range(frames))
    whole = b"AVI " + header + _list("movi", frame * frames) + _chunk("idx1", index)
    return b"RIFF" + struct.pack("<I", len(whole)) + whole


def _chunk(kind: str, content: bytes) -> bytes:
    return kind.encode() + struct.pack("<I", len(content)) + content


def _list(kind: str, *content: bytes) -> bytes:
    return _chunk("LIST", kind.encode() + b"".join(content))
