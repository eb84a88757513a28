"""The length of a clip's pictures, from the tables of their frames.

A clip is as long as its frames. `stts` gives their durations, `stsz` their sizes, `stsc` and `stco` their places; in a
fragmented file `trun` gives all of these. Edits may delay, cut, repeat or stretch them. The lengths in `mvhd`, `tkhd`
and `mdhd` are not used: a file with fewer frames than they say is as short as its frames.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import mul

from fakefal_contracts.errors import Unreadable
from fakefal_contracts.probe.boxes import Box

SLACK = 0.1
"""The tolerance for an edit in seconds, plus one frame: writers round, and guess the length of the last frame."""

NORMAL_SPEED = 0x10000
DURATION = 0x100
"""The fields of each entry of a `trun`, besides size (0x200), flags (0x400) and offset (0x800)."""


@dataclass(frozen=True)
class Pictures:
    """A track of pictures: the seconds that are shown, its frames per second, and its sample entry."""

    seconds: float
    fps: float | None
    entry: Box


@dataclass
class _Held:
    """Existing frames: how many, and their total length in ticks.

    `begins` is the tick at which the first frame is decoded, if fragments say so.
    """

    frames: int = 0
    ticks: int = 0
    begins: int | None = None


def track_kinds(whole: Box) -> tuple[bytes, ...]:
    """The kinds of the tracks of an MP4 or QuickTime file: ``vide``, ``soun``."""
    return tuple(box.content()[8:12] for box in whole.all(b"moov", b"trak", b"mdia", b"hdlr"))


def read_pictures(whole: Box) -> Pictures | None:
    """The first track of pictures of a clip, if it has one.

    Raises:
        Unreadable: its frames are not where its tables say, or the tables are broken.
    """
    try:
        movie = whole.only(b"moov")
        for track in movie.all(b"trak") if movie else ():
            handler = track.only(b"mdia", b"hdlr")
            if movie and handler and handler.content()[8:12] == b"vide":
                return _pictures(whole, movie, track)
    except (struct.error, ArithmeticError, LookupError) as error:
        raise Unreadable("its tables are broken") from error
    return None


def _pictures(whole: Box, movie: Box, track: Box) -> Pictures:
    held = _held(track)
    if movie.first(b"mvex"):
        fragments = _fragments(whole, movie, _table(track, b"tkhd"))
        held.frames += fragments.frames
        held.ticks += fragments.ticks
    seconds = held.ticks / _scale(_table(track, b"mdia", b"mdhd"))
    slack = SLACK + seconds / max(1, held.frames)
    shown = _shown(track, _scale(_table(movie, b"mvhd")), seconds, slack)
    if abs(shown - seconds) <= slack:
        shown = seconds  # edits are given in ticks of the whole file
    entry = next(_only(track, b"mdia", b"minf", b"stbl", b"stsd").after(8), None)
    if entry is None:
        raise Unreadable("it does not say how its pictures are coded")
    return Pictures(shown, held.frames / seconds if seconds else None, entry)


def _only(box: Box, *path: bytes) -> Box:
    found = box.only(*path)
    if found is None:
        raise Unreadable(f"it has no {path[-1].decode()} box")
    return found


def _table(box: Box, *path: bytes) -> bytes:
    return _only(box, *path).content()


def _scale(header: bytes) -> int:
    """The ticks per second, from an `mvhd` or `mdhd`."""
    return int.from_bytes(header[20:24] if header[0] else header[12:16], "big")


def _shown(track: Box, scale: int, seconds: float, slack: float) -> float:
    """How long a track of this number of seconds is shown, by its edits."""
    table = track.only(b"edts", b"elst")
    edits = list(_edits(table.content())) if table else []
    delay = sum(length for length, start, _ in edits if start < 0) / scale
    parts = [(length / scale, speed) for length, start, speed in edits if start >= 0]
    if not parts or any(not length for length, _ in parts):  # without a length: to the end
        return seconds + delay
    if any(length > seconds + slack for length, speed in parts if speed == NORMAL_SPEED):
        raise Unreadable("an edit shows more than its frames")
    return delay + sum(length for length, _ in parts)


def _edits(table: bytes) -> Iterator[tuple[int, int, int]]:
    """The length, the start in the media (negative: a delay) and the speed of each edit."""
    form = ">QqI" if table[0] else ">IiI"
    return struct.iter_unpack(form, _listed(table, struct.calcsize(form)))


def _listed(table: bytes, size: int) -> bytes:
    """The entries of a table that starts with their number."""
    return _entries(table, 8, int.from_bytes(table[4:8], "big"), size)


def _entries(table: bytes, at: int, count: int, size: int) -> bytes:
    """The bytes of this number of entries."""
    if at + count * size > len(table):
        raise Unreadable(f"a table says {count} entries, its {len(table)} bytes hold fewer")
    return table[at : at + count * size]


def _numbers(entries: bytes, form: str = "I") -> array[int]:
    """Big-endian numbers: ``I`` of 32 bits, ``Q`` of 64, ``H`` of 16, ``B`` of 8."""
    found = array(form, entries)
    if sys.byteorder == "little":
        found.byteswap()
    return found


def _held(track: Box) -> _Held:
    """The frames of a track outside of fragments; they must be where the tables say."""
    samples = _only(track, b"mdia", b"minf", b"stbl")
    times = _numbers(_listed(_table(samples, b"stts"), 8))
    held = _Held(sum(times[::2]), sum(map(mul, times[::2], times[1::2])))
    _check_places(samples, held.frames)
    return held


def _check_places(samples: Box, frames: int) -> None:
    """Check that every frame has a size and a place within the file."""
    count, ends = _sizes(samples)
    if count != frames:
        raise Unreadable(f"its tables have lengths for {frames} frames and sizes for {count}")
    name, each, form = (b"co64", 8, "Q") if samples.first(b"co64") else (b"stco", 4, "I")
    offsets = _numbers(_listed(_table(samples, name), each), form)
    runs = _numbers(_listed(_table(samples, b"stsc"), 12))
    chunks = [*runs[::3], len(offsets) + 1]
    if chunks != sorted(set(chunks)):
        raise Unreadable("its tables are broken")
    placed, size = 0, samples.source.size
    for (first, after), each in zip(pairwise(chunks), runs[1::3], strict=True):
        for offset in offsets[first - 1 : after - 1]:
            until = min(placed + each, count)
            if offset + ends[until] - ends[placed] > size:
                raise Unreadable("its tables place frames behind its end")
            placed = until
    if placed < count:
        raise Unreadable(f"its tables have sizes for {count} frames and places for {placed}")


def _sizes(samples: Box) -> tuple[int, range | list[int]]:
    """How many frames have a size, and the end of each if they are contiguous."""
    if samples.first(b"stz2"):
        table = _table(samples, b"stz2")
        bits, count = struct.unpack_from(">7xBI", table)
        entries = _entries(table, 12, (count * bits + 7) // 8, 1)
        sizes = _numbers(entries, "H") if bits == 16 else _numbers(entries, "B")  # noqa: PLR2004 - bits of each
        halves = (half for pair in sizes for half in (pair >> 4, pair & 15))
        return count, list(accumulate(list(halves)[:count] if bits == 4 else sizes, initial=0))  # noqa: PLR2004
    table = _table(samples, b"stsz")
    size, count = struct.unpack_from(">4xII", table)
    if size:
        return count, range(0, (count + 1) * size, size)
    return count, list(accumulate(_numbers(_entries(table, 12, count, 4)), initial=0))


def _fragments(whole: Box, movie: Box, track_header: bytes) -> _Held:
    """The frames of a track in the fragments of a file."""
    identity = track_header[20:24] if track_header[0] else track_header[12:16]
    defaults = (box.content() for box in movie.all(b"mvex", b"trex"))
    usual = next((one[12:16] for one in defaults if one[4:8] == identity), bytes(4))
    held = _Held()
    for box in whole.all(b"moof", b"traf"):
        header = _table(box, b"tfhd")
        if header[4:8] != identity:
            continue
        flags = header[3]
        at = 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
        ticks = header[at : at + 4] if flags & 8 else usual
        if (moment := box.only(b"tfdt")) is not None:
            _move_on(held, moment.content())
        for run in box.all(b"trun"):
            _add_run(held, run.content(), int.from_bytes(ticks, "big"))
    return held


def _move_on(held: _Held, moment: bytes) -> None:
    """Use the start that a fragment states: the frames before it lasted until then."""
    (at,) = struct.unpack_from(">Q" if moment[0] else ">I", moment, 4)
    held.begins = at if held.begins is None else held.begins
    held.ticks = max(held.ticks, at - held.begins)


def _add_run(held: _Held, table: bytes, ticks: int) -> None:
    """Add the frames of a `trun`; each lasts the default number of ticks unless its entry differs."""
    flags, count = struct.unpack_from(">II", table)
    at = 8 + (4 if flags & 1 else 0) + (4 if flags & 4 else 0)
    each = (flags & 0xF00).bit_count()
    entries = _entries(table, at, count, 4 * each)
    held.frames += count
    held.ticks += sum(_numbers(entries)[::each]) if flags & DURATION else count * ticks
