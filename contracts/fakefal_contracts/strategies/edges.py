"""Both sides of every media limit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from fakefal_contracts.media import AudioLimits, ClipLimits, Limits, PictureLimits
from fakefal_contracts.probe import OTHER_PICTURE_FORMATS, PICTURE_FORMATS
from fakefal_contracts.strategies.audiofile import FRAME_MILLISECONDS
from fakefal_contracts.strategies.medium import AUDIO_TYPES, Medium, any_file, audio, clip, picture

NO_MEDIUM = (b"I am a text.", b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>")
OTHER_PICTURES = tuple(form for form in OTHER_PICTURE_FORMATS if form != "ICO")  # which stop at 256

FLASH = Medium("flv", "video/x-flv", b"FLV\1\5\0\0\0\t\0\0\0\0")
"""A clip of a format that no limits name; nobody reads more than its first bytes."""

ROOM = 100
"""Pixels by which a usual picture is larger than the least, and the sides of one that nothing limits."""

MANY = 10**6
SIDE, RATE, SECONDS = 64, 10.0, 2.0
"""Of a clip, where nothing limits them: pixels, frames a second, length.  So are sides of pictures, length of audio."""


@dataclass(frozen=True)
class Edge:
    """The two sides of one media limit: the kind of its rule, the last that fits, the first that does not.

    `outside` is an address where no content can break the rule.
    """

    kind: str
    inside: Medium
    outside: Medium | str


@cache
def edges(limits: Limits) -> tuple[Edge, ...]:
    """Both sides of every limit that is there; formats and unreadable contents have one edge for each kind."""
    good = usual(limits)
    own = tuple(edge for form in _forms(limits) for edge in _maker(limits, form).edges())
    return (*own, *_unreachable(good), *_unreadable(good, limits))


@cache
def usual(limits: Limits) -> Medium:
    """One that all limits accept, with room on every side."""
    return _maker(limits, _forms(limits)[0]).usual()


def _unreachable(good: Medium) -> Iterator[Edge]:
    # an empty address is left out: to rules across fields it is no address
    for address in ("picture.png", "ftp://media.example/a.png", "//media.example/a.png", "http://", "https://a b/"):
        yield Edge("reachable", good, address)


def _unreadable(good: Medium, limits: Limits) -> Iterator[Edge]:
    if limits.kind == "file":  # any bytes are one: only a broken data: URI holds none
        yield Edge("readable", good, "data:application/zip;base64,?")
        return
    wrong = clip("mp4", 16, 16, 1000, 1) if limits.kind == "image" else picture("PNG", 16, 16)
    cut = Medium(f"the first bytes of {good.name}", good.content_type, good.head[:20])
    contents = [Medium(f"no {limits.noun} {number}", good.content_type, one) for number, one in enumerate(NO_MEDIUM)]
    for medium in (wrong, cut, *contents):
        yield Edge("readable", good, medium)


def _forms(limits: Limits) -> list[str]:
    """The formats to make: those of the limits that can be made, or else a plain one."""
    if isinstance(limits, PictureLimits):  # by the names that Pillow has for them
        return [name for form in limits.formats or ("png",) for name, known in PICTURE_FORMATS.items() if known == form]
    if isinstance(limits, ClipLimits):
        return [form for form in limits.formats if form in ("mp4", "mov")] or ["mp4"]  # others are not measured
    if isinstance(limits, AudioLimits):
        return [form for form in limits.formats if form in AUDIO_TYPES and form != "amr"] or ["wav"]
    return [""]


def _maker(limits: Limits, form: str) -> _Pictures | _Clips | _Audio | _Files:
    if isinstance(limits, PictureLimits):
        return _Pictures(limits, form)
    if isinstance(limits, ClipLimits):
        return _Clips(limits, form)
    return _Audio(limits, form) if isinstance(limits, AudioLimits) else _Files(limits)


def _exact(ratio: float | None, unlimited: Fraction) -> Fraction:
    return unlimited if ratio is None else Fraction(str(ratio))


@dataclass(frozen=True)
class _Pictures:
    """Pictures of one format."""

    limits: PictureLimits
    form: str

    def make(self, size: tuple[int, int], most: int = 0, *, taller: int = 0, wider: int = 0) -> Medium:
        return picture(self.form, size[0] + wider, size[1] + taller, most)

    def usual(self) -> Medium:
        return self.make(self._usual_size())

    def edges(self) -> Iterator[Edge]:
        limits, make, size = self.limits, self.make, self._usual_size()
        if limits.formats:
            wrong = OTHER_PICTURES[_forms(limits).index(self.form) % len(OTHER_PICTURES)]
            small = self._usual_size(room=0)
            yield Edge("format", make(small), picture(wrong, *small))
        if (most := limits.max_bytes) is not None:
            yield Edge("max_bytes", make(size, most), make(size, most + 1))
        for kind, step, wide, high in (
            ("min_pixels", -1, limits.min_width, limits.min_height),
            ("max_pixels", 1, limits.max_width, limits.max_height),
        ):
            if wide is not None:
                size = wide, self._height(wide, low=step > 0)
                yield Edge(kind, make(size), make(size, wider=step))
            if high is not None:
                size = self._width(high, thin=step > 0), high
                yield Edge(kind, make(size), make(size, taller=step))
        yield from self._ratio_edges()

    def _ratio_edges(self) -> Iterator[Edge]:
        limits, least, most = self.limits, self._least, self._most
        if limits.min_ratio is not None:
            wide = max(limits.min_width or ROOM, math.ceil((limits.min_height or 1) * least))
            tall = wide, int(wide / least)
            yield Edge("ratio", self.make(tall), self.make(tall, taller=1))
        if limits.max_ratio is not None:
            high = max(limits.min_height or ROOM, math.ceil((limits.min_width or 1) / most))
            broad = int(high * most), high
            yield Edge("ratio", self.make(broad), self.make(broad, wider=1))

    @property
    def _least(self) -> Fraction:
        return _exact(self.limits.min_ratio, Fraction(1, MANY))

    @property
    def _most(self) -> Fraction:
        return _exact(self.limits.max_ratio, Fraction(MANY))

    def _usual_size(self, *, room: int = ROOM) -> tuple[int, int]:
        limits = self.limits
        wide = max(limits.min_width or SIDE, limits.min_height or SIDE) + room
        wide = min(wide, limits.max_width or MANY)
        return wide, self._height(wide)

    def _height(self, width: int, *, low: bool = False) -> int:
        """A height that fits this width, and one a pixel off: nearly as much, or the least."""
        least = max(self.limits.min_height or 1, math.ceil((width + 1) / self._most))
        most = min(self.limits.max_height or MANY, int((width - 1) / self._least))
        return least if low else max(least, min(width, most))

    def _width(self, height: int, *, thin: bool = False) -> int:
        """A width that fits this height, and one a pixel off: nearly as much, or the least."""
        least = max(self.limits.min_width or 1, math.ceil((height + 1) * self._least))
        most = min(self.limits.max_width or MANY, int((height - 1) * self._most))
        return least if thin else max(least, min(height, most))


def _seconds(limits: ClipLimits | AudioLimits) -> tuple[float, float]:
    """The shortest and the longest that fits; where one of them is open, one that is not far from the other."""
    least, most = limits.min_seconds, limits.max_seconds
    if least is None:
        least = SECONDS if most is None else most / 2
    return least, least + SECONDS if most is None else most


@dataclass(frozen=True)
class _Clips:
    """Clips of one format that are small, and usual in what is not given."""

    limits: ClipLimits
    form: str

    def make(self, seconds: float, *, fps: float = 0, wide: int = 0, high: int = 0, size: int = 0) -> Medium:
        limits, milliseconds = self.limits, round(seconds * 1000)
        frames = max(1, round((fps or self._rate()) * milliseconds / 1000))
        wide = wide or limits.min_width or min(SIDE, limits.max_width or SIDE)
        high = high or limits.min_height or min(SIDE, limits.max_height or SIDE)
        return clip(self.form, wide, high, milliseconds, frames, size)

    def usual(self) -> Medium:
        return self.make(sum(_seconds(self.limits)) / 2)

    def _rate(self) -> float:
        least, most = self.limits.min_fps, self.limits.max_fps
        if least is not None and most is not None:
            return (least + most) / 2
        return least or most or RATE

    def edges(self) -> Iterator[Edge]:
        limits, make = self.limits, self.make
        short, long = _seconds(limits)
        whole = max(1, int(long))  # so many seconds hold a whole number of frames, and one more or less is seen
        if limits.formats:
            wrong = next((form for form in ("avi", "mov", "mp4") if form not in limits.formats), None)
            other = _Clips(limits, wrong).make(short, fps=limits.min_fps or 0) if wrong else FLASH
            yield Edge("format", make(short), other)
        if (most := limits.max_bytes) is not None:
            yield Edge("max_bytes", make(short, size=most), make(short, size=most + 1))
        for kind, step, wide, high in (
            ("min_pixels", -1, limits.min_width, limits.min_height),
            ("max_pixels", 1, limits.max_width, limits.max_height),
        ):
            if wide is not None:
                yield Edge(kind, make(short, wide=wide), make(short, wide=wide + step))
            if high is not None:
                yield Edge(kind, make(short, high=high), make(short, high=high + step))
        if limits.min_seconds is not None:
            yield Edge("min_seconds", make(short), make(short - 0.001))
        if limits.max_seconds is not None:
            yield Edge("max_seconds", make(long), make(long + 0.001))
        for kind, fps, step in (("min_fps", limits.min_fps, -1), ("max_fps", limits.max_fps, 1)):
            if fps is not None:
                yield Edge(kind, make(whole, fps=fps), make(whole, fps=fps + step / whole))


@dataclass(frozen=True)
class _Audio:
    """Audio files of one format."""

    limits: AudioLimits
    form: str

    def usual(self) -> Medium:
        return audio(self.form, self._frames(sum(_seconds(self.limits)) / 2))

    def edges(self) -> Iterator[Edge]:
        limits, form, good = self.limits, self.form, self.usual()
        frame = FRAME_MILLISECONDS[form]
        if limits.formats:
            wrong = next(one for one in AUDIO_TYPES if one not in limits.formats)
            yield Edge("format", good, _Audio(limits, wrong).usual())
        if (most := limits.max_bytes) is not None:
            middle = self._frames(sum(_seconds(limits)) / 2)
            yield Edge("max_bytes", audio(form, middle, most), audio(form, middle, most + 1))
        if limits.min_seconds is not None:
            least = -self._frames(-limits.min_seconds)
            yield Edge("min_seconds", audio(form, least), audio(form, least - frame))
        if limits.max_seconds is not None:
            longest = self._frames(limits.max_seconds)
            yield Edge("max_seconds", audio(form, longest), audio(form, longest + frame))

    def _frames(self, seconds: float) -> int:
        """The milliseconds of the whole frames in so many seconds."""
        frame = FRAME_MILLISECONDS[self.form]
        return int(Fraction(str(seconds)) * 1000 // frame) * frame


@dataclass(frozen=True)
class _Files:
    """Files of any kind."""

    limits: Limits

    def usual(self) -> Medium:
        return any_file()

    def edges(self) -> Iterator[Edge]:
        if (most := self.limits.max_bytes) is not None:
            yield Edge("max_bytes", any_file(most), any_file(most + 1))
