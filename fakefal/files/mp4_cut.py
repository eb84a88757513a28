"""Cuts the first seconds of a master clip into a new file by rewriting its MP4 tables, without a codec.

Layout of the boxes: ISO/IEC 14496-12. The masters are as `fixtures/make_masters.py` writes them: each second is a
closed group of pictures, no picture refers to later ones, all boxes are of version 0.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeAlias

from fakefal_fixtures import FRAMES_PER_SECOND

Boxes: TypeAlias = "list[tuple[bytes, bytes | Boxes]]"
"""Boxes by kind: their content, or the boxes in them."""

_PARENTS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"}
_TABLES = {b"stts", b"stss", b"stsc", b"stsz", b"stco", b"sgpd", b"sbgp"}
PICTURES, SOUND = b"vide", b"soun"
_QUICKTIME = b"qt  \0\0\2\0qt  "
_ADTS_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000)
AAC_SAMPLES = 1024
"""The samples in each AAC frame; the first frame only prepares the decoder."""


@dataclass(frozen=True)
class Mp4Track:
    """A track of a master: its boxes, ticks per second, ticks per sample, and the samples that may be repeated."""

    boxes: Boxes
    kind: bytes
    rate: int
    delta: int
    samples: Sequence[bytes]

    def count(self, seconds: float) -> int:
        """The samples of a clip of this length: fal's formula 24 N + 1 for pictures, and the sound to match."""
        if self.kind == PICTURES:
            return round(seconds * FRAMES_PER_SECOND) + 1
        return 1 + -(-round(seconds * self.rate) // self.delta)


class Mp4Master:
    """A parsed master clip.

    Args:
        content: the whole file.
    """

    def __init__(self, content: bytes) -> None:
        top = {kind: (start, end) for kind, start, end in _boxes(content, 0, len(content))}
        self._brand = content[slice(*top[b"ftyp"])]
        self._movie = _tree(content, *top[b"moov"])
        self._tracks = [_track(boxes, content) for kind, boxes in self._movie if kind == b"trak" and boxes]

    def cut(self, seconds: float, *, sound: bool, quicktime: bool = False) -> bytes:
        """Its first seconds as MP4 or QuickTime; after its end it starts again."""
        lasts = seconds + 1 / FRAMES_PER_SECOND
        kinds = {PICTURES: seconds, **({SOUND: lasts} if sound else {})}
        return self._file(kinds, lasts, _QUICKTIME if quicktime else self._brand)

    def cut_sound(self, seconds: float) -> bytes:
        """The first seconds of its sound track alone, as M4A."""
        return self._file({SOUND: seconds}, seconds, b"M4A \0\0\2\0M4A isom")

    def adts(self, seconds: float) -> bytes:
        """The first seconds of its sound track as a stream of AAC frames, each with a header of its own."""
        track = next(one for one in self._tracks if one.kind == SOUND)
        samples = [track.samples[at % len(track.samples)] for at in range(track.count(seconds))]
        return b"".join(_adts_header(track.rate, len(one)) + one for one in samples)

    def _file(self, wanted: dict[bytes, float], lasts: float, brand: bytes) -> bytes:
        tracks = [(one, one.count(wanted[one.kind])) for one in self._tracks if one.kind in wanted]
        data = [b"".join(track.samples[:count]) for track, count in tracks]
        header = _written([(b"ftyp", brand)])
        size = len(_written(self._tables(tracks, lasts, [0] * len(tracks))))
        starts = accumulate(map(len, data), initial=len(header) + size + 8)
        movie = _written(self._tables(tracks, lasts, list(starts)))
        return header + movie + _written([(b"mdat", b"".join(data))])

    def _tables(self, tracks: list[tuple[Mp4Track, int]], lasts: float, starts: list[int]) -> Boxes:
        """The movie's boxes for these samples, whose bytes start at that offset in the file."""
        kept: Boxes = [(kind, boxes) for kind, boxes in self._movie if kind not in (b"trak", b"mvhd")]
        head = _get(self._movie, b"mvhd")
        ticks = round(lasts * _u32(head, 12))
        new: Boxes = [(b"mvhd", _with_u32(head, 16, ticks))]
        new += [(b"trak", _cut_track(*one, start, ticks)) for one, start in zip(tracks, starts, strict=False)]
        return [(b"moov", new + kept)]


def _boxes(content: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while start < end:
        size, kind = struct.unpack_from(">I4s", content, start)
        yield kind, start + 8, start + size
        start += size


def _tree(content: bytes, start: int, end: int) -> Boxes:
    return [
        (kind, _tree(content, begin, stop) if kind in _PARENTS else content[begin:stop])
        for kind, begin, stop in _boxes(content, start, end)
    ]


def _written(boxes: Boxes) -> bytes:
    contents = ((kind, _written(one) if isinstance(one, list) else one) for kind, one in boxes)
    return b"".join(struct.pack(">I4s", 8 + len(content), kind) + content for kind, content in contents)


def _inside(boxes: Boxes, *path: bytes) -> Boxes:
    for kind in path:
        boxes = next(one for name, one in boxes if name == kind and isinstance(one, list))
    return boxes


def _get(boxes: Boxes, *path: bytes) -> bytes:
    *outer, last = path
    return next(one for name, one in _inside(boxes, *outer) if name == last and isinstance(one, bytes))


def _u32(content: bytes, at: int) -> int:
    number: int = struct.unpack_from(">I", content, at)[0]
    return number


def _with_u32(content: bytes, at: int, number: int) -> bytes:
    return content[:at] + struct.pack(">I", number) + content[at + 4 :]


def _track(boxes: bytes | Boxes, content: bytes) -> Mp4Track:
    assert isinstance(boxes, list)
    media = _inside(boxes, b"mdia")
    table = _inside(media, b"minf", b"stbl")
    rate, kind = _u32(_get(media, b"mdhd"), 12), _get(media, b"hdlr")[8:12]
    samples = list(_samples(table, content))
    delta = _u32(_get(table, b"stts"), 12)
    # the last picture starts a group of its own, and the last piece of sound may be shorter
    repeated = samples[:-1] if kind == PICTURES else samples[:-2]
    return Mp4Track(boxes, kind, rate, delta, repeated)


def _samples(table: Boxes, content: bytes) -> Iterator[bytes]:
    sizes, chunks, runs = _get(table, b"stsz"), _get(table, b"stco"), _get(table, b"stsc")
    known = [struct.unpack_from(">II", runs, 8 + 12 * at) for at in range(_u32(runs, 4))]
    number = 0
    for chunk in range(_u32(chunks, 4)):
        place = _u32(chunks, 8 + 4 * chunk)
        for _ in range(next(count for first, count in reversed(known) if first <= chunk + 1)):
            size = _u32(sizes, 12 + 4 * number)
            yield content[place : place + size]
            place += size
            number += 1


def _cut_track(track: Mp4Track, count: int, start: int, ticks: int) -> Boxes:
    """The boxes of a track with its first samples, `ticks` of the movie long."""

    def rewritten(boxes: Boxes) -> Boxes:
        return [(kind, _one(kind, one)) for kind, one in boxes if kind not in _TABLES]

    def _one(kind: bytes, one: bytes | Boxes) -> bytes | Boxes:
        if isinstance(one, list):
            return rewritten(one) + (_sample_tables(track, count, start) if kind == b"stbl" else [])
        match kind:
            case b"tkhd":
                return _with_u32(one, 20, ticks)
            case b"mdhd":
                return _with_u32(one, 16, count * track.delta)
            case b"elst":
                return _with_u32(one, 8, ticks)
        return one

    return rewritten(track.boxes)


def _sample_tables(track: Mp4Track, count: int, start: int) -> Boxes:
    """The offset and duration of each sample: one chunk for each repetition of the track."""
    period = len(track.samples)
    whole, rest = divmod(count, period)
    runs = [*([(1, period)] if whole else []), *([(whole + 1, rest)] if rest else [])]
    sizes = [len(one) for one in track.samples]
    sizes = sizes * whole + sizes[:rest]
    tables: Boxes = [
        (b"stts", struct.pack(">4I", 0, 1, count, track.delta)),
        (b"stsc", struct.pack(">2I", 0, len(runs)) + b"".join(struct.pack(">3I", *run, 1) for run in runs)),
        (b"stsz", struct.pack(f">3I{count}I", 0, 0, count, *sizes)),
        (b"stco", struct.pack(">2I", 0, whole + bool(rest)) + struct.pack(">I", start) * (whole + bool(rest))),
    ]
    if track.kind == PICTURES:
        keys = range(1, count + 1, FRAMES_PER_SECOND)
        tables.append((b"stss", struct.pack(f">2I{len(keys)}I", 0, len(keys), *keys)))
    return tables


def _adts_header(rate: int, size: int) -> bytes:
    """The seven bytes before a frame of AAC-LC in one channel (ISO/IEC 13818-7)."""
    length = size + 7
    bits = 0xFFF1 << 40 | 1 << 38 | _ADTS_RATES.index(rate) << 34 | 1 << 30 | length << 13 | 0x7FF << 2
    return bits.to_bytes(7, "big")
