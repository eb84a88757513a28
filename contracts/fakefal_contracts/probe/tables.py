"""Whether the tables of a clip bear out the lengths that its heads say.

A clip is as long as its frames: `stts` gives their durations, `stsz` their sizes, `stsc` and `stco` their places, in
a fragmented file `trun` gives all.  What players may make of them stays allowed: edits, delays, longer sound.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import mul

from fakefal_contracts.errors import Unreadable
from fakefal_contracts.probe.boxes import Box

SLACK = 0.1
"""Seconds that heads may be off, and one frame more: writers round, and guess how long the last frame lasts."""

MOST_TRACKS = 100
TIMED = {b"vide", b"soun"}
NORMAL_SPEED = 0x10000
DURATION, SIZE = 0x100, 0x200
"""What each entry of a `trun` has, besides flags (0x400) and offset (0x800)."""


def read_pictures(whole: Box) -> Pictures | None:
    """The first track of pictures of a clip, once all that its heads say of its length is compared with its tables.

    Raises:
        Unreadable: something differs, or the tables are broken.
    """
    try:
        return next((track.pictures for track in [*_tracks(whole)] if track.pictures is not None), None)
    except (struct.error, ArithmeticError, LookupError) as error:
        raise Unreadable("its tables are broken") from error


@dataclass(frozen=True)
class Pictures:
    """A track of pictures: the seconds that it is shown, its frames per second, and its sample entry."""

    seconds: float
    fps: float | None
    entry: Box


@dataclass(frozen=True)
class _Track:
    """A track: the seconds that its tables let it last at least and at most, and its pictures, if it has some."""

    shortest: float
    longest: float
    pictures: Pictures | None = None


@dataclass
class _Held:
    """Frames that are there: how many, how long they last in ticks, and how many bytes they have.

    `begins` is the tick at which the first of them is decoded, where fragments say so.
    """

    frames: int = 0
    ticks: int = 0
    bytes: int = 0
    begins: int | None = None


def _tracks(whole: Box) -> Iterator[_Track]:
    movie = whole.only(b"moov")
    if movie is None:
        return
    fragments = _fragments(whole, movie) if movie.first(b"mvex") else None
    scale, length = _times(_table(movie, b"mvhd"))
    shortest = longest = 0.0
    for count, box in enumerate(movie.all(b"trak"), 1):
        if count > MOST_TRACKS:
            raise Unreadable("it has more tracks than a clip needs")
        track = _track(box, scale, fragments)
        shortest, longest = max(shortest, track.shortest), max(longest, track.longest)
        yield track
    _compare("", length and length / scale, shortest, longest)


def _table(box: Box, *path: bytes) -> bytes:
    found = box.only(*path)
    if found is None:
        raise Unreadable(f"it has no {path[-1].decode()} box")
    return found.content()


def _times(head: bytes) -> tuple[int, int | None]:
    """The ticks of a second and the length in ticks, where they are stated, of an `mvhd` or `mdhd`."""
    scale, length = struct.unpack_from(">IQ" if head[0] else ">II", head, 20 if head[0] else 12)
    return scale, _stated(length, head)


def _stated(length: int, head: bytes) -> int | None:
    """A length; none and all ones say that it is unknown."""
    return None if length in (0, 2**64 - 1 if head[0] else 2**32 - 1) else length


def _compare(what: str, said: float | None, least: float, most: float) -> None:
    if said is not None and not least <= said <= most:
        raise Unreadable(f"its head says {said:.2f} s{what}, its tables hold {'less' if said > most else 'more'}")


def _track(box: Box, movie_scale: int, fragments: dict[int, _Held] | None) -> _Track:
    """Compare the head of a track with its tables."""
    head = _table(box, b"tkhd")
    identity, length = struct.unpack_from(">I4xQ" if head[0] else ">I4xI", head, 20 if head[0] else 12)
    stated = _stated(length, head)
    said = stated and stated / movie_scale
    handler = box.only(b"mdia", b"hdlr")
    kind = handler.content()[8:12] if handler else b""
    if kind not in TIMED:
        return _Track(0.0, SLACK + (said or 0.0))
    scale, ticks = _times(_table(box, b"mdia", b"mdhd"))
    held = _held(box, kind)
    if fragments is not None:
        held.frames += fragments[identity].frames
        held.ticks += fragments[identity].ticks
    seconds = held.ticks / scale
    slack = SLACK + seconds / max(1, held.frames)
    which = " of pictures" if kind == b"vide" else " of sound"
    _compare(which, ticks and ticks / scale, 0.0 if fragments is not None else seconds - slack, seconds + slack)
    shortest, longest = _shown(box, movie_scale, seconds, slack)
    least = 0.0 if fragments is not None else shortest - slack
    _compare(which, said, least, longest + slack)
    pictures = None
    if kind == b"vide":
        lasts = seconds if abs(longest - seconds) <= slack else longest  # edits are told in ticks of the whole file
        pictures = Pictures(lasts, held.frames / seconds if seconds else None, _entry(box))
    return _Track(least, longest + slack, pictures)


def _entry(track: Box) -> Box:
    """The first sample entry of a track."""
    found = track.only(b"mdia", b"minf", b"stbl", b"stsd")
    entry = found and next(found.after(8), None)
    if entry is None:
        raise Unreadable("it does not say how its pictures are coded")
    return entry


def _shown(box: Box, scale: int, seconds: float, slack: float) -> tuple[float, float]:
    """How long a track is shown at least and at most, by its edits: they may delay, cut, repeat and stretch it."""
    table = box.only(b"edts", b"elst")
    edits = list(_edits(table.content())) if table else []
    delay = sum(length for length, start, _ in edits if start < 0) / scale
    parts = [(length / scale, speed) for length, start, speed in edits if start >= 0]
    if not parts or any(not length for length, _ in parts):  # of no length: to the end
        return 0.0 if parts else seconds, seconds + delay
    for length, speed in parts:
        if speed == NORMAL_SPEED:
            _compare(" in an edit", length, 0.0, seconds + slack)
    total = sum(length for length, _ in parts)
    return total, total + delay


def _edits(table: bytes) -> Iterator[tuple[int, int, int]]:
    """The length, the start in the media (negative: a delay) and the speed of each edit."""
    form = ">QqI" if table[0] else ">IiI"
    return struct.iter_unpack(form, _listed(table, struct.calcsize(form)))


def _listed(table: bytes, size: int) -> bytes:
    """The entries of a table that says their number first."""
    return _entries(table, 8, int.from_bytes(table[4:8], "big"), size)


def _entries(table: bytes, at: int, count: int, size: int) -> bytes:
    """The bytes of so many entries."""
    if at + count * size > len(table):
        raise Unreadable(f"a table says {count} entries, its {len(table)} bytes hold fewer")
    return table[at : at + count * size]


def _numbers(entries: bytes, form: str = "I") -> array[int]:
    """Big-endian numbers: ``I`` of 32 bits, ``Q`` of 64, ``H`` of 16, ``B`` of 8."""
    found = array(form, entries)
    if sys.byteorder == "little":
        found.byteswap()
    return found


def _held(box: Box, kind: bytes) -> _Held:
    """The frames of a track outside of fragments; those of pictures have to be where the tables say."""
    samples = box.only(b"mdia", b"minf", b"stbl")
    if samples is None:
        raise Unreadable("it has no stbl box")
    times = _numbers(_listed(_table(samples, b"stts"), 8))
    held = _Held(sum(times[::2]), sum(map(mul, times[::2], times[1::2])))
    if kind == b"vide":
        _check_places(samples, held.frames)
    return held


def _check_places(samples: Box, frames: int) -> None:
    """Every frame has a size and a place within the file."""
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
    """How many frames have a size, and where each ends if they stand side by side."""
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


def _fragments(whole: Box, movie: Box) -> dict[int, _Held]:
    """What the fragments of a file hold, by the number of the track."""
    defaults = {}
    for box in movie.all(b"mvex", b"trex"):
        identity, *usual = struct.unpack_from(">4xI4xII", box.content())
        defaults[identity] = usual
    found: dict[int, _Held] = defaultdict(_Held)
    for box in whole.all(b"moof", b"traf"):
        head = _table(box, b"tfhd")
        flags, identity = struct.unpack_from(">II", head)
        at = 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
        usual = list(defaults.get(identity, (0, 0)))
        for place, flag in enumerate((8, 16)):
            if flags & flag:
                (usual[place],) = struct.unpack_from(">I", head, at)
                at += 4
        held = found[identity]
        if (moment := box.only(b"tfdt")) is not None:
            _move_on(held, moment.content())
        for run in box.all(b"trun"):
            _add_run(held, run.content(), *usual)
    if any(not held.frames <= held.bytes <= whole.end for held in found.values()):
        raise Unreadable("its fragments say other sizes than its frames can have")
    return found


def _move_on(held: _Held, moment: bytes) -> None:
    """A fragment says when it begins: what came before it lasted until then."""
    (at,) = struct.unpack_from(">Q" if moment[0] else ">I", moment, 4)
    held.begins = at if held.begins is None else held.begins
    held.ticks = max(held.ticks, at - held.begins)


def _add_run(held: _Held, table: bytes, ticks: int, size: int) -> None:
    """Add the frames of a `trun`, which have these lengths and sizes unless it says others."""
    flags, count = struct.unpack_from(">II", table)
    at = 8 + (4 if flags & 1 else 0) + (4 if flags & 4 else 0)
    each = (flags & 0xF00).bit_count()
    numbers = _numbers(_entries(table, at, count, 4 * each))
    held.frames += count
    held.ticks += sum(numbers[::each]) if flags & DURATION else count * ticks
    held.bytes += sum(numbers[1 if flags & DURATION else 0 :: each]) if flags & SIZE else count * size
