"""Limits of pictures and clips, written into the annotation of the field they guard.

Measuring is `fakefal_contracts.probe`; judging is here, and pure.  The types are fal's own
(error reference, 2026); which of them a Kling endpoint uses is known only for small pictures, so all
but that one are graded as inferred in form, while the limits themselves are documented.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema
from typing_extensions import override

from fakefal_contracts.errors import Unreadable
from fakefal_contracts.evidence import Evidence, inferred, observed
from fakefal_contracts.failures import MODEL_ERRORS
from fakefal_contracts.probe import ClipFacts, PictureFacts, probe_clip, probe_picture

Facts = PictureFacts | ClipFacts

_INFERRED = inferred("fal's error reference; no Kling answer of this kind was published", "2026-11-20")
_DOWNLOAD = inferred("a refusal seen on another fal endpoint (2026-08-13); the seconds are the schema's", "2026-11-20")
_SMALL = observed("message of a v-family element refusal (August 2026); type and ctx inferred", "2026-08-31")


_MEGABYTE = 1_048_576

#: How fal's documents print each limit (June 2026).
_PRINTED = {
    "max_file_size": "Max file size: {:.1f}MB",
    "min_width": "Min width: {:.0f}px",
    "min_height": "Min height: {:.0f}px",
    "max_width": "Max width: {:.0f}px",
    "max_height": "Max height: {:.0f}px",
    "min_aspect_ratio": "Min aspect ratio: {:.2f}",
    "max_aspect_ratio": "Max aspect ratio: {:.2f}",
    "min_duration": "Min duration: {}s",
    "max_duration": "Max duration: {}s",
    "min_fps": "Min FPS: {:.1f}",
    "max_fps": "Max FPS: {:.1f}",
    "timeout": "Timeout: {:.1f}s",
}


class Missing(Unreadable):
    """The address could not be downloaded; ``str()`` says why."""


@dataclass(frozen=True)
class BrokenLimit:
    """One broken limit: its kind (the last part of the rule's id) and fal's error item."""

    kind: str
    type: str
    msg: str
    ctx: dict[str, Any] | None
    hint: str


def _broken(kind: str, type_: str, ctx: dict[str, Any], hint: str) -> BrokenLimit:
    """The finding of an error whose message follows from its context."""
    return BrokenLimit(kind, type_, MODEL_ERRORS[type_].message(ctx), ctx, hint)


@dataclass(frozen=True)
class Limits:
    """What pictures and clips have in common."""

    max_bytes: int
    timeout_seconds: float
    formats: tuple[str, ...]
    formats_evidence: Evidence
    evidence: Evidence
    noun: ClassVar[str] = ""

    def says(self) -> dict[str, tuple[str, Evidence]]:
        """Every rule of these limits: kind to what it demands and why it is believed."""
        return {
            "reachable": (
                f"an http(s) or data: address that answers within {self.timeout_seconds:g} s",
                _DOWNLOAD,
            ),
            "readable": (f"bytes that are a {self.noun}", _INFERRED),
            "format": (f"one of {', '.join(self.formats)}", self.formats_evidence),
            "max_bytes": (f"at most {self.max_bytes:,} bytes", self.evidence),
        }

    def unreachable(self, why: Unreadable) -> BrokenLimit:
        """The finding for content that cannot be had or read."""
        if isinstance(why, Missing):
            return BrokenLimit(
                "reachable",
                "file_download_error",
                "Failed to download the file. Please check if the URL is accessible and try again.",
                None,
                f"{why}; give an http(s) or data: address that the service can open",
            )
        return BrokenLimit(
            "readable",
            "image_load_error" if self.noun == "picture" else "file_download_error",
            f"Failed to load the {'image' if self.noun == 'picture' else 'video'}.",
            None,
            f"{why}; send a {self.noun} as {' or '.join(self.formats)}",
        )

    def too_large(self) -> BrokenLimit:
        """The finding for content with more bytes than are allowed; nothing else is then looked at."""
        return BrokenLimit(
            "max_bytes",
            "file_too_large",
            f"File size exceeds the maximum allowed size of {self.max_bytes} bytes.",
            {"max_size": self.max_bytes},
            f"the file has more than {self.max_bytes:,} bytes: compress it",
        )

    def _wrong_format(self, facts: Facts) -> Iterator[BrokenLimit]:
        if facts.format not in self.formats:
            kind = "image" if self.noun == "picture" else "video"
            yield BrokenLimit(
                "format",
                f"unsupported_{kind}_format",
                f"Unsupported {kind} format. Supported formats are {', '.join(self.formats)}.",
                {"supported_formats": list(self.formats)},
                f"the file is {facts.format}: convert it to one of {', '.join(self.formats)}",
            )

    def published(self) -> dict[str, float]:
        """The limits under the names that fal's schemas have for them (``x-fal``)."""
        raise NotImplementedError

    def published_text(self) -> str:
        """The limits as the sentence that fal's documents print beside them."""
        values = self.published()
        values["max_file_size"] /= _MEGABYTE
        return ", ".join(_PRINTED[name].format(float(value)) for name, value in values.items())

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        ui = {"field": "image" if self.noun == "picture" else "video"}
        return handler(schema) | {"limit_description": self.published_text(), "x-fal": self.published(), "ui": ui}

    def measure(self, source: bytes | Path) -> Facts:
        """The facts of the content; raises `Unreadable`."""
        raise NotImplementedError

    def judge(self, facts: Any) -> Iterator[BrokenLimit]:
        """Every limit that the facts break."""
        raise NotImplementedError


@dataclass(frozen=True)
class PictureLimits(Limits):
    """Bytes, pixels and ratio (width divided by height) of a picture."""

    min_width: int
    min_height: int
    min_ratio: float
    max_ratio: float
    noun: ClassVar[str] = "picture"

    @override
    def says(self) -> dict[str, tuple[str, Evidence]]:
        return super().says() | {
            "min_pixels": (f"at least {self.min_width} x {self.min_height} pixels", _SMALL),
            "ratio": (f"width / height from {self.min_ratio:.2f} to {self.max_ratio:.2f}", self.evidence),
        }

    @override
    def published(self) -> dict[str, float]:
        return {
            "max_file_size": self.max_bytes,
            "min_width": self.min_width,
            "min_height": self.min_height,
            "min_aspect_ratio": self.min_ratio,
            "max_aspect_ratio": self.max_ratio,
            "timeout": self.timeout_seconds,
        }

    @override
    def measure(self, source: bytes | Path) -> PictureFacts:
        return probe_picture(source)

    @override
    def judge(self, facts: PictureFacts) -> Iterator[BrokenLimit]:
        yield from self._wrong_format(facts)
        size = f"the picture has {facts.width} x {facts.height} pixels"
        if facts.width < self.min_width or facts.height < self.min_height:
            yield _broken(
                "min_pixels",
                "image_too_small",
                {"min_height": self.min_height, "min_width": self.min_width},
                f"{size}: enlarge it to at least {self.min_width} x {self.min_height}",
            )
        if not self.min_ratio <= facts.ratio <= self.max_ratio:
            yield BrokenLimit(
                "ratio",
                "image_aspect_ratio_error",
                f"Image aspect ratio must be between {self.min_ratio:.2f} and {self.max_ratio:.2f}.",
                {"min_aspect_ratio": self.min_ratio, "max_aspect_ratio": self.max_ratio},
                f"{size}, a ratio of {facts.ratio:.2f}: crop it to {self.min_ratio:.2f} to {self.max_ratio:.2f}",
            )


@dataclass(frozen=True)
class ClipLimits(Limits):
    """Bytes, pixels, seconds and frames per second of a clip."""

    min_pixels: int
    max_pixels: int
    min_seconds: float
    max_seconds: float
    min_fps: float
    max_fps: float
    noun: ClassVar[str] = "clip"

    @override
    def says(self) -> dict[str, tuple[str, Evidence]]:
        return super().says() | {
            "min_pixels": (f"at least {self.min_pixels} pixels wide and high", self.evidence),
            "max_pixels": (f"at most {self.max_pixels} pixels wide and high", self.evidence),
            "min_seconds": (f"at least {self.min_seconds:g} s long", self.evidence),
            "max_seconds": (f"at most {self.max_seconds:g} s long", self.evidence),
            "min_fps": (f"at least {self.min_fps:g} frames per second", self.evidence),
            "max_fps": (f"at most {self.max_fps:g} frames per second", self.evidence),
        }

    @override
    def published(self) -> dict[str, float]:
        return {
            "max_file_size": self.max_bytes,
            "min_width": self.min_pixels,
            "min_height": self.min_pixels,
            "max_width": self.max_pixels,
            "max_height": self.max_pixels,
            "min_duration": self.min_seconds,
            "max_duration": self.max_seconds,
            "min_fps": self.min_fps,
            "max_fps": self.max_fps,
            "timeout": self.timeout_seconds,
        }

    @override
    def measure(self, source: bytes | Path) -> ClipFacts:
        return probe_clip(source)

    @override
    def judge(self, facts: ClipFacts) -> Iterator[BrokenLimit]:
        if facts.format not in self.formats:
            yield from self._wrong_format(facts)
            return
        yield from self._pixels(facts)
        yield from self._seconds(facts)
        yield from self._fps(facts)

    def _pixels(self, facts: ClipFacts) -> Iterator[BrokenLimit]:
        small, large = min(facts.width, facts.height), max(facts.width, facts.height)
        size = f"the clip has {facts.width} x {facts.height} pixels"
        if small < self.min_pixels:
            msg = f"Video width and height should be at least {self.min_pixels} pixels."
            yield BrokenLimit("min_pixels", "greater_than_equal", msg, {"ge": self.min_pixels}, f"{size}: enlarge it")
        if large > self.max_pixels:
            msg = f"Video width and height should be at most {self.max_pixels} pixels."
            yield BrokenLimit("max_pixels", "less_than_equal", msg, {"le": self.max_pixels}, f"{size}: shrink it")

    def _seconds(self, facts: ClipFacts) -> Iterator[BrokenLimit]:
        given = round(facts.seconds, 3)
        if facts.seconds < self.min_seconds:
            yield _broken(
                "min_seconds",
                "video_duration_too_short",
                {"min_duration": self.min_seconds, "provided_duration": given},
                f"the clip lasts {given:g} s: it needs {self.min_seconds:g} s or more",
            )
        if facts.seconds > self.max_seconds:
            yield _broken(
                "max_seconds",
                "video_duration_too_long",
                {"max_duration": self.max_seconds, "provided_duration": given},
                f"the clip lasts {given:g} s: cut it to {self.max_seconds:g} s or less",
            )

    def _fps(self, facts: ClipFacts) -> Iterator[BrokenLimit]:
        if facts.fps is None:
            return
        rate = f"the clip has {facts.fps:g} frames per second"
        if facts.fps < self.min_fps:
            msg = f"Video frame rate should be at least {self.min_fps:g} FPS."
            yield BrokenLimit("min_fps", "greater_than_equal", msg, {"ge": self.min_fps}, f"{rate}: convert it")
        if facts.fps > self.max_fps:
            msg = f"Video frame rate should be at most {self.max_fps:g} FPS."
            yield BrokenLimit("max_fps", "less_than_equal", msg, {"le": self.max_fps}, f"{rate}: convert it")


Opener = Callable[[str], bytes | Path | None]
"""Finds the content of an address: bytes, a file, or None for what nobody may look at.

Raises `Unreadable` where the content cannot be had (`Missing`) or read."""
