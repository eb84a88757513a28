"""Audio files: format and length, from their headers."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from fakefal_contracts.errors import CutOff, Unreadable
from fakefal_contracts.probe.boxes import OpenFile
from fakefal_contracts.probe.kinds import HEAD_BYTES, file_kind, not_read
from fakefal_contracts.probe.source import opened, size_of
from fakefal_contracts.probe.tables import track_kinds

#: The formats that are measured, by the media type that tinytag finds.
AUDIO_FORMATS = {
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/mp4": "m4a",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/aiff": "aiff",
}
UNMEASURED = {b"#!AMR": "amr", b"caff": "caf", b"RF64": "wav"}
OGG_PAGE = b"OggS"
NO_AUDIO = "it is not audio in a known format"
NO_SOUND = "no sound is found in it; it is cut off or broken"

HELD_BY_BYTES = {"wav", "mp3"}
"""Formats whose players play the available data, whatever the header says."""

SHORTEST_FRAME = 0.008
"""Seconds; a frame of an MP3 is not shorter."""

MOST_READS = 100_000
"""How many reads of a file are allowed: twice for each second of ten hours in fragments of one second."""

MOST_READ = 16 * 1024 * 1024
"""How many bytes of a file may be read in total; tags and sound are skipped."""

BOTH_ENDS = 128 * 1024
"""How much of an Ogg file is read at its start, and at its end, which holds its length: two pages fit in."""


@dataclass(frozen=True)
class AudioFacts:
    """An audio file: its format, and the length in seconds, channels and samples per second from its headers.

    The length is None if the headers do not give it. A clip with sound is ``mp4``, or named as `ClipFacts` does.
    """

    bytes: int
    format: str
    seconds: float | None
    channels: int | None = None
    rate: int | None = None

    @property
    def unread(self) -> str:
        """What was not checked, and why; empty if everything was read."""
        return "" if self.seconds is not None else f"the length of this {self.format} file is not stated in its header"


class _Counted(io.RawIOBase):
    """A file with a limit on the bytes and the number of reads, enough for headers."""

    def __init__(self, file: io.BytesIO | io.BufferedReader) -> None:
        super().__init__()
        self._file, self._size = file, file.seek(0, io.SEEK_END)
        file.seek(0)
        self._reads, self._bytes = MOST_READS, MOST_READ

    @override
    def read(self, size: int = -1, /) -> bytes:
        left = max(0, self._size - self._file.tell())
        wanted = left if size < 0 else min(size, left)
        self._reads, self._bytes = self._reads - 1, self._bytes - wanted
        if self._reads < 0 or self._bytes < 0:
            raise Unreadable("it has more parts than an audio file needs")
        return self._file.read(wanted)

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    @override
    def tell(self) -> int:
        return self._file.tell()


def probe_audio(source: bytes | Path) -> AudioFacts:
    """Measure an audio file by its headers; its first bytes determine the kind.

    Raises:
        Unreadable: it is not audio, or contains none.
    """
    size = size_of(source)
    with opened(source) as file:
        first = file.read(HEAD_BYTES)
        if name := _unmeasured(first):
            return AudioFacts(size, name, None)
        boxes = track_kinds(OpenFile(file, size).whole()) if first[4:8] == b"ftyp" else ()
        if boxes and b"soun" not in boxes:
            raise Unreadable("it has no sound track")
        file.seek(0)
        facts = _measured(_both_ends(file) if first.startswith(OGG_PAGE) else file, size, first)
    return AudioFacts(size, "mp4", facts.seconds, facts.channels, facts.rate) if b"vide" in boxes else facts


def _both_ends(file: io.BytesIO | io.BufferedReader) -> io.BytesIO:
    """The first and the last pages of an Ogg file; the packets between would be read one by one."""
    begins = file.read(BOTH_ENDS)
    left = file.seek(0, io.SEEK_END) - BOTH_ENDS
    if left <= 0:
        return io.BytesIO(begins)
    file.seek(max(left, BOTH_ENDS))
    ends = file.read()
    return io.BytesIO(begins[: begins.rfind(OGG_PAGE)] + ends[ends.find(OGG_PAGE) :])


def _measured(file: io.BytesIO | io.BufferedReader, size: int, first: bytes) -> AudioFacts:
    from tinytag import TinyTag  # late: importing the contracts must stay light

    try:
        # tags are left out: a file may have so many that comparing them takes hours
        tag = TinyTag.get(file_obj=_Counted(file), tags=False)  # type: ignore[arg-type]
        name = AUDIO_FORMATS[(tag.mime_type or "").partition(";")[0]]
    except Unreadable:
        raise
    except Exception as error:  # tinytag's parsers raise any exception for broken bytes
        if isinstance(error.__cause__, Unreadable):
            raise error.__cause__ from error
        raise _unknown(first) from error
    seconds = tag.duration
    if not (tag.samplerate or seconds):
        raise CutOff(NO_SOUND)
    if seconds and tag.bitrate and name in HELD_BY_BYTES:  # a header may claim more data than there is
        seconds = min(seconds, size * 8 / 1000 / tag.bitrate)
    if name == "mp3" and (not seconds or seconds < SHORTEST_FRAME):
        raise CutOff(NO_SOUND)
    return AudioFacts(size, name, round(seconds, 3) if seconds else None, tag.channels, tag.samplerate)


def _unknown(first: bytes) -> Unreadable:
    """The error for a file that is not read as audio, by its first bytes."""
    kind = file_kind(first)
    if kind is None:
        return Unreadable(NO_AUDIO)
    return Unreadable(*kind.as_sound) if kind.as_sound else not_read(kind)


def _unmeasured(first: bytes) -> str | None:
    """The format of audio whose length the headers alone do not give, or of a clip that may contain audio."""
    if first[:1] == b"\xff" and len(first) > 1 and first[1] & 0xF6 == 0xF0:  # noqa: PLR2004 - the sync word of ADTS
        return "aac"
    known = next((name for magic, name in UNMEASURED.items() if first.startswith(magic)), None)
    kind = file_kind(first)
    # sound in an Ogg is measured
    return known or (kind.container if kind is not None and kind.container not in ("", "ogg") else None)
