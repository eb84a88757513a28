"""Clips: what their tables say, once they bear out what their heads say."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from fakefal_contracts.errors import Unreadable
from fakefal_contracts.probe.boxes import Box, OpenFile
from fakefal_contracts.probe.frame_size import coded_size
from fakefal_contracts.probe.source import opened, size_of
from fakefal_contracts.probe.tables import read_pictures

FIRST_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
OTHER_CONTAINERS = {b"\x1aE\xdf\xa3": "webm", b"FLV": "flv", b"\x30\x26\xb2\x75": "wmv"}
QUICKTIME = b"qt  "

UNEVEN = 0.0006
"""How far the rate of a clip may be from a whole one, as a part of it, that is meant all the same."""

BLOCK = 16
"""Frames are made of blocks of so many pixels: some cameras fill up the last one, and do not say so."""


@dataclass(frozen=True)
class ClipFacts:
    """A clip: pixels, length in seconds, and frames per second (None where the file does not say).

    Of containers other than MP4 and QuickTime only the bytes and the format are known.
    """

    bytes: int
    format: str
    width: int
    height: int
    seconds: float
    fps: float | None


def probe_clip(source: bytes | Path) -> ClipFacts:
    """Measure a clip by its tables.

    Raises:
        Unreadable: it is cut off or compressed, has no picture track, lacks a size or a length, or its head says
            others than its tables and its codec.
    """
    size = size_of(source)
    with opened(source) as file:
        head = file.read(16)
        if other := _other_container(head):
            return ClipFacts(size, other, 0, 0, 0.0, None)
        if head[4:8] not in FIRST_BOXES:
            raise Unreadable("it is not a clip in a known format")
        whole = OpenFile(file, size).whole()
        _check_boxes(whole)
        pictures = read_pictures(whole)
        if pictures is None:
            raise Unreadable("it has no picture track")
        if not pictures.seconds:
            raise Unreadable("its length is not stated")
        width, height = _check_frame(pictures.entry)
        kind = _container(whole)
    fps = pictures.fps and _meant(pictures.fps)
    return ClipFacts(size, kind, width, height, round(pictures.seconds, 3), fps)


def _meant(fps: float) -> float:
    """The rate that a camera meant whose frames last unevenly; 23.976 and 29.97 are none of those."""
    whole = round(fps)
    return float(whole) if abs(fps - whole) <= whole * UNEVEN else round(fps, 3)


def _check_boxes(whole: Box) -> None:
    """Refuse a file that is cut off, and one whose tables are compressed: nobody inflates them here.

    Raises:
        Unreadable: it is such a file.
    """
    kinds = set()
    for box in whole.inside:
        kinds.add(box.kind)
        if box.kind == b"moov" and box.first(b"cmov"):
            raise Unreadable("its tables are compressed")
    if b"mdat" not in kinds:
        raise Unreadable("it has no media data")


def _check_frame(entry: Box) -> tuple[int, int]:
    """Width and height by the sample entry, compared with what the codec's own head says, where that is read.

    Raises:
        Unreadable: they differ, or are not there.
    """
    content = entry.content()
    said = struct.unpack_from(">24xHH", content) if len(content) >= 28 else (0, 0)  # noqa: PLR2004
    if not all(said):
        raise Unreadable("it has no picture track")
    coded = coded_size(entry)
    if coded and any(there not in (named, named + -named % BLOCK) for named, there in zip(said, coded, strict=True)):
        raise Unreadable(f"its head says {said[0]}x{said[1]} pixels, its frames have {coded[0]}x{coded[1]}")
    width, height = said
    return width, height


def _other_container(head: bytes) -> str | None:
    """The name of a common container that is no MP4 or QuickTime, by its first bytes."""
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    return next((name for magic, name in OTHER_CONTAINERS.items() if head.startswith(magic)), None)


def _container(whole: Box) -> str:
    """``mov`` for QuickTime files: the brand says it, or there is none."""
    brand = whole.first(b"ftyp")
    return "mov" if brand is None or brand.content()[:4] == QUICKTIME else "mp4"
