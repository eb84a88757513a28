"""Clips: what MediaInfo reads in them, once their tables are found to bear out their heads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakefal_contracts.errors import Unreadable
from fakefal_contracts.probe.boxes import Box
from fakefal_contracts.probe.source import opened, size_of
from fakefal_contracts.probe.tables import check_lengths

#: MediaInfo follows playlists and references to other files and addresses.  Media of strangers must not
#: make this machine read or call anything: only what begins as MP4 or QuickTime is shown to it, without
#: a file name, to be read as nothing else.
ONLY_THIS_FILE = {"File_ForceParser": "Mpeg4"}
FIRST_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
OTHER_CONTAINERS = {b"\x1aE\xdf\xa3": "webm", b"FLV": "flv", b"\x30\x26\xb2\x75": "wmv"}

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
    """Measure a clip.

    Raises:
        Unreadable: it is cut off or compressed, has no picture track, lacks a size or a length, or its head says
            others than its tables and its codec.
    """
    from pymediainfo import MediaInfo

    size = size_of(source)
    with opened(source) as file:
        head = file.read(16)
        if other := _other_container(head):
            return ClipFacts(size, other, 0, 0, 0.0, None)
        if head[4:8] not in FIRST_BOXES:
            raise Unreadable("it is not a clip in a known format")
        whole = Box(file, b"", 0, size)
        _check_boxes(whole)
        longest = check_lengths(whole)
        file.seek(0)
        try:
            found = MediaInfo.parse(file, mediainfo_options=ONLY_THIS_FILE)
        except Exception as error:
            raise Unreadable("it is not a clip in a known format") from error
    general = found.general_tracks[0] if found.general_tracks else None
    video = found.video_tracks[0] if found.video_tracks else None
    if general is None or video is None or not video.width or not video.height:
        raise Unreadable("it has no picture track")
    milliseconds = video.duration or general.duration
    if not milliseconds:
        raise Unreadable("its length is not stated")
    if float(milliseconds) / 1000 > longest:
        raise Unreadable(f"it says {float(milliseconds) / 1000:.2f} s, its tables hold {longest:.2f} s")
    _check_frame(video)
    return ClipFacts(
        bytes=size,
        format=_container(general),
        width=int(video.width),
        height=int(video.height),
        seconds=float(milliseconds) / 1000,
        fps=float(video.frame_rate) if video.frame_rate else None,
    )


def _check_boxes(whole: Box) -> None:
    """Refuse a file that is cut off, and one whose tables are compressed: those MediaInfo inflates without a bound.

    Raises:
        Unreadable: it is such a file.
    """
    kinds = set()
    for box in whole.inside():
        kinds.add(box.kind)
        if box.kind == b"moov" and box.first(b"cmov"):
            raise Unreadable("its tables are compressed")
    if b"mdat" not in kinds:
        raise Unreadable("it has no media data")


def _check_frame(video: Any) -> None:
    """Compare what the head says of the pixels with what MediaInfo finds in the codec's own data, if it does.

    Raises:
        Unreadable: they differ.
    """
    if not video.sampled_width or not video.sampled_height:
        return
    said, coded = (int(video.width), int(video.height)), (int(video.sampled_width), int(video.sampled_height))
    if any(there not in (named, named + -named % BLOCK) for named, there in zip(said, coded, strict=True)):
        raise Unreadable(f"its head says {said[0]}x{said[1]} pixels, its frames have {coded[0]}x{coded[1]}")


def _other_container(head: bytes) -> str | None:
    """The name of a common container that is no MP4 or QuickTime, by its first bytes."""
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    return next((name for magic, name in OTHER_CONTAINERS.items() if head.startswith(magic)), None)


def _container(general: Any) -> str:
    """``mov`` for QuickTime files; newer ones MediaInfo tells from MP4 by profile only."""
    described = f"{general.format or ''} {general.format_profile or ''}".lower()
    return "mov" if "quicktime" in described else "mp4"
