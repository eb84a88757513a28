"""Clips: size, length and rate, from the tables of their frames."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from fakefal_contracts.errors import Unreadable
from fakefal_contracts.probe.boxes import Box, OpenFile
from fakefal_contracts.probe.kinds import HEAD_BYTES, file_kind
from fakefal_contracts.probe.picture import probe_picture
from fakefal_contracts.probe.source import opened, size_of
from fakefal_contracts.probe.tables import read_pictures, track_kinds

FIRST_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
QUICKTIME = b"qt  "
GIF = b"GIF8"

UNEVEN = 0.0006
"""How far a frame rate may be from a whole number, as a share of it, to count as that number."""


@dataclass(frozen=True)
class ClipFacts:
    """A clip: pixels, length in seconds, and frames per second (None if the file does not say).

    `sound` is whether it has a sound track; None if that was not read. Of containers other than MP4 and QuickTime only
    the bytes and the format are known.
    """

    bytes: int
    format: str
    width: int
    height: int
    seconds: float
    fps: float | None
    sound: bool | None = None

    @property
    def unread(self) -> str:
        """What was not checked, and why; empty if everything was read."""
        return "" if self.width else f"of {self.format} only the format and the bytes are read"


def probe_clip(source: bytes | Path) -> ClipFacts:
    """Measure a clip by its tables.

    Raises:
        Unreadable: it is cut off or compressed, has no picture track, or lacks a size or a length.
    """
    size = size_of(source)
    with opened(source) as file:
        head = file.read(HEAD_BYTES)
        if head.startswith(GIF):
            probe_picture(source)
            return ClipFacts(size, "gif", 0, 0, 0.0, None)
        kind = file_kind(head)
        if kind is not None and kind.container:
            return ClipFacts(size, kind.container, 0, 0, 0.0, None)
        if kind is not None and kind.as_clip:
            raise Unreadable(*kind.as_clip)
        if head[4:8] not in FIRST_BOXES:
            raise Unreadable("it is not a clip in a known format")
        whole = OpenFile(file, size).whole()
        _check_boxes(whole)
        pictures = read_pictures(whole)
        if pictures is None:
            raise Unreadable("it has no picture track")
        if not pictures.seconds:
            raise Unreadable("its length is not stated")
        entry = pictures.entry.content()
        width, height = struct.unpack_from(">24xHH", entry) if len(entry) >= 28 else (0, 0)  # noqa: PLR2004
        if not width or not height:
            raise Unreadable("it has no picture track")
        container, sound = _container(whole), _has_sound(whole)
    fps = pictures.fps and _meant(pictures.fps)
    return ClipFacts(size, container, width, height, round(pictures.seconds, 3), fps, sound)


def _meant(fps: float) -> float:
    """The nominal rate of a camera whose frames vary in length; 23.976 and 29.97 are not rounded."""
    whole = round(fps)
    return float(whole) if abs(fps - whole) <= whole * UNEVEN else round(fps, 3)


def _check_boxes(whole: Box) -> None:
    """Refuse a file without media, and one with compressed tables, which are not supported.

    Raises:
        Unreadable: it is such a file, or is cut off.
    """
    if whole.first(b"moov", b"cmov"):
        raise Unreadable("its tables are compressed")
    if not whole.first(b"mdat"):
        raise Unreadable("it has no media data")


def _container(whole: Box) -> str:
    """``mov`` for QuickTime files, which have that brand or none."""
    brand = whole.first(b"ftyp")
    return "mov" if brand is None or brand.content()[:4] == QUICKTIME else "mp4"


def _has_sound(whole: Box) -> bool | None:
    """Whether one of the tracks is sound, if their kinds can be read."""
    try:
        return b"soun" in track_kinds(whole)
    except Unreadable:
        return None
