"""Pictures and clips whose headers are changed to say other numbers."""

from __future__ import annotations

import re
import struct
import zlib

SIZES = {
    "JPEG": (rb"\xff[\xc0-\xc2]..\x08", ">HH"),
    "PNG": (rb"IHDR", ">II"),
    "GIF": (rb"(?:GIF8..|,\0\0\0\0)", "<HH"),
    "WEBP": (rb"VP8 .{7}\x9d\x01\x2a", "<HH"),
}
"""What stands before the size of a picture, and how it is written; a JPEG names its height first."""

PLACES = {
    "length of the file": (b"mvhd", 16),
    "length of the track": (b"tkhd", 20),
    "length of the media": (b"mdhd", 16),
    "frames with a length": (b"stts", 8),
    "length of a frame": (b"stts", 12),
    "frames with a size": (b"stsz", 8),
    "size of a frame": (b"stsz", 4),
    "place of a frame": (b"stco", 8),
    "number of lengths": (b"stts", 4),
    "number of places": (b"stco", 4),
}
"""Numbers of 32 bits in the boxes of a clip, behind the name of the box."""


def picture_that_says(content: bytes, form: str, width: int, height: int) -> bytes:
    """The same picture under another size."""
    before, pair = SIZES[form]
    size = struct.pack(pair, *((height, width) if form == "JPEG" else (width, height)))

    def renamed(found: re.Match[bytes]) -> bytes:
        return found[0][: -len(size)] + size

    whole = before + b".{%d}" % len(size)
    changed = re.sub(whole, renamed, content, count=2 if form == "GIF" else 1, flags=re.DOTALL)
    if form != "PNG":
        return changed
    return changed[:29] + struct.pack(">I", zlib.crc32(changed[12:29])) + changed[33:]


def number(clip: bytes, place: str) -> int:
    """One of the numbers in the boxes of a clip."""
    name, at = PLACES[place]
    (found,) = struct.unpack_from(">I", clip, clip.index(name) + 4 + at)
    return int(found)


def clip_that_says(clip: bytes, place: str, said: int) -> bytes:
    """The same clip under another number."""
    name, at = PLACES[place]
    start = clip.index(name) + 4 + at
    return clip[:start] + struct.pack(">I", said) + clip[start + 4 :]
