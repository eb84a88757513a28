"""Width and height of the pictures and clips of a result: as the arguments say, otherwise those of the input."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fakefal.files.request_files import RequestFiles
from fakefal_contracts.model import IMAGE_SIZES, Model
from fakefal_contracts.probe import ClipFacts, PictureFacts
from fakefal_fixtures import MASTERS

Size = tuple[int, int]

MORE_SIZES: dict[str, Size] = IMAGE_SIZES | {
    "square_uhd": (2048, 2048),
    "portrait_3_2": (1024, 1536),
    "landscape_3_2": (1536, 1024),
    "portrait_hd": (1152, 2048),
    "landscape_hd": (2048, 1152),
    "portrait": (768, 1024),
    "landscape": (1024, 768),
}
"""Width and height of named sizes; those that only few models have are inferred from their names."""

_PIXELS = re.compile(r"(\d{2,5})\s*[x*]\s*(\d{2,5})")
_RATIO = re.compile(r"(\d+(?:\.\d+)?)[:/](\d+(?:\.\d+)?)")
_LINES = re.compile(r"(\d{3,4})p?")
_THOUSANDS = re.compile(r"(\d+(?:\.\d+)?)k", re.IGNORECASE)
_SIDES_OF_TIERS = {"standard": 720, "pro": 1080, "4k": 2160}
_SHORT_SIDES = {"sd": 480, "hd": 720, "fhd": 1080, "2k": 1440, "4k": 2160}
_SQUARE = 1024
_CLIP_SIDE = 960
"""The side of a square with as many pixels as 1280x720."""
_STEP = 8
"""Sides that are computed from a shape are multiples of this."""
_LARGEST_CLIP = max(one.width * one.height for one in MASTERS)
"""The pixels of the largest clip that an input is scaled up to."""


@dataclass
class WantedSizes(RequestFiles):
    """The sizes that a request wants."""

    @cached_property
    def picture_size(self) -> Size:
        """Width and height of a picture."""
        if (given := self._given_size("image_size", "canvas_size", "size", "resolution")) is not None:
            return given
        ratio, source = self._ratio, self.source
        if ratio is None and source is not None:
            return _scaled(source, self._factor or 1)
        return _of_area(ratio or 1.0, self._picture_side)

    @cached_property
    def given_clip_size(self) -> Size | None:
        """Width and height of a clip, if the arguments give them and not only its shape or tier."""
        return self._given_size("video_size", "image_size", "canvas_size", "size", "resolution")

    @cached_property
    def clip_size(self) -> Size:
        """Width and height of a clip, which is cut from the nearest master."""
        if (given := self.given_clip_size) is not None:
            return given
        ratio, source = self._ratio, self.source
        clip = source if source is not None and source in self._sizes(ClipFacts) else None
        factor = None if ratio else self._factor
        short = self._short_side or _SIDES_OF_TIERS.get(self.report.endpoint.tier)
        if clip is not None and not ratio and (factor or not short):
            most = math.sqrt(_LARGEST_CLIP / (clip[0] * clip[1]))
            return _scaled(clip, min(factor or 1, max(1.0, most)))
        area = short * 4 / 3 if short else math.sqrt(clip[0] * clip[1]) if clip else _CLIP_SIDE
        return _of_area(ratio or (source[0] / source[1] if source else 16 / 9), area)

    def _given_size(self, *names: str) -> Size | None:
        sizes = (_size(self.argument(name)) for name in (*names, "aspect_ratio"))
        return next(filter(None, sizes), None) or self._sides()

    def _sides(self) -> Size | None:
        """The size of which both sides are given, or one side of the input's shape."""
        wide, high = self.argument("width"), self.argument("height")
        if (size := _pixels(wide, high)) or (source := self.source) is None:
            return size
        by_width, by_height = _pixels(wide, 1), _pixels(1, high)
        if high is None and by_width:
            return _scaled(source, by_width[0] / source[0])
        return _scaled(source, by_height[1] / source[1]) if wide is None and by_height else None

    @property
    def _ratio(self) -> float | None:
        given = self.argument("aspect_ratio", "ratio", "video_aspect_ratio")
        if isinstance(given, Model):
            given = given.argument("ratio")
        found = _RATIO.fullmatch(str(given))
        return float(found[1]) / float(found[2]) if found and float(found[1]) and float(found[2]) else None

    @property
    def _factor(self) -> float | None:
        """How many times larger than its input a result is."""
        if self.argument("upscale_mode") == "target":
            short, source = self._short_side, self.source
            return short / min(source) if short and source else None
        if self.argument("dsize") is not None:  # its `scale` is that of the part around a face
            return None
        return self.number("upscale_factor", "scale_factor", "scale_ratio", "scale")

    def _sizes(self, *kinds: type[PictureFacts | ClipFacts]) -> list[Size]:
        """The sizes of the pictures or clips among the arguments, as far as they are known."""
        found = (facts for facts in self.report.facts.values() if isinstance(facts, kinds))
        return [(one.width, one.height) for one in found if one.width and one.height]

    @cached_property
    def source(self) -> Size | None:
        """The size of the input that the result is made from: the first frame, a clip, otherwise the first picture."""
        assert self.report.arguments is not None
        first = self.report.facts.get(self.report.arguments.first_frame() or "")
        if isinstance(first, PictureFacts | ClipFacts) and first.width and first.height:
            return first.width, first.height
        clips = [] if self.category.startswith("image") else self._sizes(ClipFacts)
        return next(iter(clips or self._sizes(PictureFacts, ClipFacts)), None)

    @property
    def _resolutions(self) -> Iterator[str]:
        for name in ("resolution", "target_resolution", "video_resolution", "image_size", "video_quality"):
            if isinstance(given := self.argument(name), str):
                yield given.lower()

    @property
    def _picture_side(self) -> int:
        """The side of a square picture at the requested resolution."""
        for given in self._resolutions:
            if found := _THOUSANDS.search(given):
                return round(float(found[1]) * _SQUARE)
            if found := _LINES.fullmatch(given):
                return int(found[1])
        return _SQUARE

    @property
    def _short_side(self) -> int | None:
        """The shorter side of a clip at the requested resolution."""
        for given in self._resolutions:
            if given in _SHORT_SIDES:
                return _SHORT_SIDES[given]
            if found := _LINES.fullmatch(given):
                return int(found[1])
        return None


def _size(given: Any) -> Size | None:
    """The size that an argument names or contains."""
    match given:
        case Model():
            return _pixels(given.argument("width"), given.argument("height"))
        case [wide, high]:
            return _pixels(wide, high)
        case str():
            found = _PIXELS.search(given)
            return _pixels(int(found[1]), int(found[2])) if found else MORE_SIZES.get(given)
    return None


def _pixels(wide: Any, high: Any) -> Size | None:
    """A size, if both numbers are valid; many models accept a width of 0 or less."""
    return (wide, high) if isinstance(wide, int) and isinstance(high, int) and min(wide, high) > 0 else None


def _scaled(size: Size, factor: float) -> Size:
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _of_area(ratio: float, side: float) -> Size:
    """A size of this shape with as many pixels as a square of this side; 960 has those of 1280x720."""
    wide = side * math.sqrt(ratio)
    return max(_STEP, round(wide / _STEP) * _STEP), max(_STEP, round(wide / ratio / _STEP) * _STEP)
