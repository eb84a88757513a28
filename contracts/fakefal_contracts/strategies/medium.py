"""Pictures and clips on both sides of every media limit: real bytes, made when they are asked for."""

from __future__ import annotations

import base64
import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path

from PIL import Image

from fakefal_contracts.media import ClipLimits, Limits, PictureLimits
from fakefal_contracts.probe import OTHER_PICTURE_FORMATS, PICTURE_FORMATS
from fakefal_contracts.strategies.clipfile import padding_box, write_clip

LARGE = 16 * 1024 * 1024
"""From how many bytes on a medium is written to a file, with a hole for its padding."""

CONTENT_TYPES = {"mov": "video/quicktime", "mp4": "video/mp4", "avi": "video/x-msvideo"}
NO_MEDIUM = (b"I am a text.", b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>")


@dataclass(frozen=True)
class Medium:
    """A picture or a clip.  `padding` zero bytes follow its `head`; both are its content."""

    name: str
    content_type: str
    head: bytes
    padding: int = 0

    def __repr__(self) -> str:
        return f"<{self.name}, {self.size:,} bytes>"

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.head) + self.padding

    @property
    def content(self) -> bytes | Path:
        """Its bytes, or a file of them where they are many: what an `Opener` returns."""
        return self.head + bytes(self.padding) if self.size < LARGE else _file(self)

    def save(self, path: Path) -> Path:
        """Write it to a file; the padding stays a hole, so that large ones cost no room."""
        with path.open("wb") as file:
            file.write(self.head)
            file.truncate(self.size)
        return path

    @property
    def address(self) -> str:
        """It as a ``data:`` URI."""
        return _data_uri(self)


@lru_cache(maxsize=64)
def _data_uri(medium: Medium) -> str:
    whole = medium.head + bytes(medium.padding)
    return f"data:{medium.content_type};base64,{base64.b64encode(whole).decode()}"


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fakefal-media-")


@cache
def _file(medium: Medium) -> Path:
    return medium.save(Path(_folder().name) / f"{medium.name.replace(' ', '-')}-{medium.size}")


@dataclass(frozen=True)
class Edge:
    """The two sides of one media limit: the kind of its rule, the last that fits, the first that does not.

    `outside` is an address where no content can break the rule.
    """

    kind: str
    inside: Medium
    outside: Medium | str


@cache
def picture(form: str, width: int, height: int, size: int = 0) -> Medium:
    """A flat picture in one of Pillow's formats, padded to `size` bytes where that is more."""
    out = io.BytesIO()
    flat = Image.new("RGB", (width, height), "teal")
    more = {"save_all": True, "append_images": [flat]} if form == "MPO" else {}  # with one picture it is a JPEG
    flat.save(out, form, **more)
    head = out.getvalue()
    name = (PICTURE_FORMATS | OTHER_PICTURE_FORMATS)[form]
    return Medium(f"{form.lower()} {width}x{height}", f"image/{name}", head, max(0, size - len(head)))


@cache
def clip(form: str, width: int, height: int, milliseconds: int, frames: int, size: int = 0) -> Medium:
    """A grey clip, padded to `size` bytes where that is more."""
    head = write_clip(form, width, height, milliseconds, frames)
    padding = max(0, size - len(head) - len(padding_box(0)))
    name = f"{form} {width}x{height} {milliseconds} ms {frames} frames"
    return Medium(name, CONTENT_TYPES[form], head + padding_box(padding) if padding else head, padding)


@cache
def edges(limits: Limits) -> tuple[Edge, ...]:
    """Both sides of every limit; formats and unreadable contents have one edge for each kind."""
    assert isinstance(limits, PictureLimits | ClipLimits), f"no media are made for {type(limits).__name__}"
    if isinstance(limits, PictureLimits):
        own = tuple(_picture_edges(limits))
    else:
        own = tuple(edge for form in limits.formats for edge in _Clips(limits, form).edges())
    good = usual(limits)
    return (*own, *_unreachable(good), *_unreadable(good, limits))


def _unreachable(good: Medium) -> Iterator[Edge]:
    # an empty address is left out: to rules across fields it is no address
    for address in ("picture.png", "ftp://media.example/a.png", "//media.example/a.png", "http://", "https://a b/"):
        yield Edge("reachable", good, address)


def _unreadable(good: Medium, limits: Limits) -> Iterator[Edge]:
    wrong = clip("mp4", 16, 16, 1000, 1) if isinstance(limits, PictureLimits) else picture("PNG", 16, 16)
    cut = Medium(f"the first bytes of {good.name}", good.content_type, good.head[:20])
    contents = [Medium(f"no {limits.noun} {number}", good.content_type, one) for number, one in enumerate(NO_MEDIUM)]
    for medium in (wrong, cut, *contents):
        yield Edge("readable", good, medium)


@cache
def usual(limits: Limits) -> Medium:
    """One that all limits accept, with room on every side."""
    if isinstance(limits, PictureLimits):
        side = max(limits.min_width, limits.min_height) + 100
        return picture(_pillow(limits.formats[0])[0], side, side)
    assert isinstance(limits, ClipLimits)
    return _Clips(limits, limits.formats[0]).make((limits.min_seconds + limits.max_seconds) / 2)


def _pillow(form: str) -> list[str]:
    """The names that Pillow has for a format of the limits."""
    return [name for name, known in PICTURE_FORMATS.items() if known == form]


def _picture_edges(limits: PictureLimits) -> Iterator[Edge]:
    wide, high = limits.min_width, limits.min_height
    side = max(wide, high)
    tall = int(wide / Fraction(str(limits.min_ratio)))
    broad = int(high * Fraction(str(limits.max_ratio)))
    outsiders = [picture(form, side, side) for form in OTHER_PICTURE_FORMATS if form != "ICO"]  # which stop at 256
    forms = [name for form in limits.formats for name in _pillow(form)]
    for number, form in enumerate(forms):
        yield Edge("format", picture(form, side, side), outsiders[number % len(outsiders)])
        most, more = limits.max_bytes, limits.max_bytes + 1
        yield Edge("max_bytes", picture(form, side, side, most), picture(form, side, side, more))
        yield Edge("min_pixels", picture(form, wide, side), picture(form, wide - 1, side))
        yield Edge("min_pixels", picture(form, side, high), picture(form, side, high - 1))
        yield Edge("ratio", picture(form, wide, tall), picture(form, wide, tall + 1))
        yield Edge("ratio", picture(form, broad, high), picture(form, broad + 1, high))


@dataclass(frozen=True)
class _Clips:
    """Clips of one format that are small, and usual in what is not given."""

    limits: ClipLimits
    form: str

    def make(self, seconds: float, *, fps: float = 0, width: int = 0, height: int = 0, size: int = 0) -> Medium:
        limits, milliseconds = self.limits, round(seconds * 1000)
        fps = fps or (limits.min_fps + limits.max_fps) / 2
        frames = round(fps * milliseconds / 1000)
        return clip(self.form, width or limits.min_pixels, height or limits.min_pixels, milliseconds, frames, size)

    def edges(self) -> Iterator[Edge]:
        limits, make = self.limits, self.make
        short, long, most = limits.min_seconds, limits.max_seconds, limits.max_bytes
        whole = int(long)  # so many seconds hold a whole number of frames, and one more or less is seen
        wrong = next(form for form in ("avi", "mov") if form not in limits.formats)
        yield Edge("format", make(short), _Clips(limits, wrong).make(short, fps=limits.min_fps))
        yield Edge("max_bytes", make(short, size=most), make(short, size=most + 1))
        for kind, last, first in (
            ("min_pixels", limits.min_pixels, limits.min_pixels - 1),
            ("max_pixels", limits.max_pixels, limits.max_pixels + 1),
        ):
            yield Edge(kind, make(short, width=last), make(short, width=first))
            yield Edge(kind, make(short, height=last), make(short, height=first))
        yield Edge("min_seconds", make(short), make(short - 0.001))
        yield Edge("max_seconds", make(long), make(long + 0.001))
        yield Edge("min_fps", make(whole, fps=limits.min_fps), make(whole, fps=limits.min_fps - 1 / whole))
        yield Edge("max_fps", make(whole, fps=limits.max_fps), make(whole, fps=limits.max_fps + 1 / whole))
