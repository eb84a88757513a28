"""Limits of pictures, clips, audio and other files, written into the annotation of the field they guard.

`fakefal_contracts.probe` measures files; this module judges, and is pure. Every bound may be absent; each bound that is
present is a rule. The error types are fal's own (error reference, 2026). Which of them an endpoint uses is known only
for small pictures of Kling. So the form of all other errors is graded as inferred, while the limits themselves are
documented.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from typing_extensions import override

from fakefal_contracts.errors import Unreadable
from fakefal_contracts.evidence import Evidence, inferred
from fakefal_contracts.failures import MODEL_ERRORS
from fakefal_contracts.probe import (
    AudioFacts,
    ClipFacts,
    FileFacts,
    PictureFacts,
    probe_audio,
    probe_clip,
    probe_file,
    probe_picture,
)

Facts = PictureFacts | ClipFacts | AudioFacts | FileFacts

_INFERRED = inferred("fal's error reference; no answer of this kind was published", "2026-11-20")
_DOWNLOAD = inferred("a refusal seen on another fal endpoint (2026-08-13); the seconds are the schema's", "2026-11-20")

_MEGABYTE = 1_048_576

#: fal's names of the limits in a document (``x-fal``), ours, and how fal prints them (June 2026).
PUBLISHED = {
    "max_file_size": ("max_bytes", "Max file size: {:.1f}MB"),
    "min_width": ("min_width", "Min width: {:.0f}px"),
    "min_height": ("min_height", "Min height: {:.0f}px"),
    "max_width": ("max_width", "Max width: {:.0f}px"),
    "max_height": ("max_height", "Max height: {:.0f}px"),
    "min_aspect_ratio": ("min_ratio", "Min aspect ratio: {:.2f}"),
    "max_aspect_ratio": ("max_ratio", "Max aspect ratio: {:.2f}"),
    "min_duration": ("min_seconds", "Min duration: {}s"),
    "max_duration": ("max_seconds", "Max duration: {}s"),
    "min_fps": ("min_fps", "Min FPS: {:.1f}"),
    "max_fps": ("max_fps", "Max FPS: {:.1f}"),
    "timeout": ("timeout_seconds", "Timeout: {:.1f}s"),
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


def _pixels(width: int | None, height: int | None) -> str:
    """A size in words; one side may be open."""
    if width is not None and height is not None:
        return f"{width} x {height} pixels"
    return f"{height} pixels high" if width is None else f"{width} pixels wide"


def _sides(width: int | None, height: int | None) -> list[tuple[int, tuple[str, ...]]]:
    """The bounds of a frame, each with its sides: both sides in one bound if they are equal."""
    if width is not None and width == height:
        return [(width, ("width", "height"))]
    return [(bound, (name,)) for name, bound in (("width", width), ("height", height)) if bound is not None]


def _range(least: float | None, most: float | None) -> str:
    """The range of a ratio in words; one end may be open."""
    if least is not None and most is not None:
        return f"from {least:.2f} to {most:.2f}"
    return f"at most {most:.2f}" if least is None else f"at least {least:.2f}"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of a file of any kind; None or an empty tuple means no limit.

    `evidence` is the source of the limits.
    """

    max_bytes: int | None = None
    timeout_seconds: float | None = None
    formats: tuple[str, ...] = ()
    formats_evidence: Evidence | None = None
    evidence: Evidence
    noun: ClassVar[str] = "file"
    kind: ClassVar[str] = "file"
    """fal's word for this kind of file."""

    def says(self) -> dict[str, tuple[str, Evidence]]:
        """Every rule of these limits: its kind, with its text and evidence."""
        answers = "answers" if self.timeout_seconds is None else f"answers within {self.timeout_seconds:g} s"
        found = {
            "reachable": (f"an http(s) or data: address that {answers}", _DOWNLOAD),
            "readable": (f"bytes that are {self._one}", _INFERRED),
        }
        if self.formats:
            found["format"] = f"one of {', '.join(self.formats)}", self.formats_evidence or self.evidence
        if self.max_bytes is not None:
            found["max_bytes"] = f"at most {self.max_bytes:,} bytes", self.evidence
        return found | {kind: (says, self.evidence) for kind, says in self._says().items()}

    def _says(self) -> dict[str, str]:
        """The rules that only this kind of file has."""
        return {}

    @property
    def _one(self) -> str:
        return f"{'an' if self.noun[0] == 'a' else 'a'} {self.noun}"

    def unreachable(self, why: Unreadable) -> BrokenLimit:
        """The finding for content that is missing or unreadable."""
        if isinstance(why, Missing):
            return BrokenLimit(
                "reachable",
                "file_download_error",
                "Failed to download the file. Please check if the URL is accessible and try again.",
                None,
                str(why) if why.advice else f"{why}; give an http(s) or data: address that the service can open",
            )
        form = f" as {' or '.join(self.formats)}" if self.formats else ""
        return BrokenLimit(
            "readable",
            "image_load_error" if self.kind == "image" else "file_download_error",
            f"Failed to load the {self.kind}.",
            None,
            str(why) if why.advice else f"{why}; send {self._one}{form}",
        )

    @property
    def most_bytes(self) -> float:
        """The maximum size in bytes; infinity if there is none."""
        return math.inf if self.max_bytes is None else self.max_bytes

    def too_large(self) -> BrokenLimit:
        """The finding for content above the maximum size; nothing else is checked then."""
        return BrokenLimit(
            "max_bytes",
            "file_too_large",
            f"File size exceeds the maximum allowed size of {self.max_bytes} bytes.",
            {"max_size": self.max_bytes},
            f"the file has more than {self.max_bytes:,} bytes: compress it",
        )

    def published(self) -> dict[str, float]:
        """The present limits, under their names in fal's schemas (``x-fal``)."""
        named = {theirs: getattr(self, ours, None) for theirs, (ours, _) in PUBLISHED.items()}
        return {theirs: bound for theirs, bound in named.items() if bound is not None}

    def published_text(self) -> str:
        """The limits as the sentence that fal's documents print with them."""
        values = self.published()
        if "max_file_size" in values:
            values["max_file_size"] /= _MEGABYTE
        return ", ".join(PUBLISHED[name][1].format(float(value)) for name, value in values.items())

    def measure(self, source: bytes | Path) -> Facts:
        """The facts of the content; raises `Unreadable`."""
        return probe_file(source)

    def judge(self, facts: Any) -> Iterator[BrokenLimit]:
        """Every limit that the facts break."""
        if self.formats and facts.format not in self.formats:
            yield BrokenLimit(
                "format",
                f"unsupported_{self.kind}_format",
                f"Unsupported {self.kind} format. Supported formats are {', '.join(self.formats)}.",
                {"supported_formats": list(self.formats)},
                f"the file is {facts.format}: convert it to one of {', '.join(self.formats)}",
            )

    def unjudged(self, facts: Any) -> str:
        """Why some of the limits could not be judged by these facts; empty if all were."""
        return str(facts.unread)


@dataclass(frozen=True, kw_only=True)
class _Framed(Limits):
    """Limits of files with a width and a height."""

    min_width: int | None = None
    min_height: int | None = None
    max_width: int | None = None
    max_height: int | None = None

    @override
    def _says(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for kind, words in (("min", "at least"), ("max", "at most")):
            width, height = getattr(self, f"{kind}_width"), getattr(self, f"{kind}_height")
            if (width, height) != (None, None):
                found[f"{kind}_pixels"] = f"{words} {_pixels(width, height)}"
        return found | super()._says()


@dataclass(frozen=True, kw_only=True)
class PictureLimits(_Framed):
    """Bytes, pixels and ratio (width divided by height) of a picture."""

    min_ratio: float | None = None
    max_ratio: float | None = None
    min_pixels_evidence: Evidence | None = None
    noun: ClassVar[str] = "picture"
    kind: ClassVar[str] = "image"

    @override
    def says(self) -> dict[str, tuple[str, Evidence]]:
        found = super().says()
        if "min_pixels" in found and self.min_pixels_evidence:
            found["min_pixels"] = found["min_pixels"][0], self.min_pixels_evidence
        return found

    @override
    def _says(self) -> dict[str, str]:
        found = super()._says()
        if (self.min_ratio, self.max_ratio) != (None, None):
            found["ratio"] = f"width / height {_range(self.min_ratio, self.max_ratio)}"
        return found

    @override
    def measure(self, source: bytes | Path) -> PictureFacts:
        return probe_picture(source)

    @override
    def judge(self, facts: PictureFacts) -> Iterator[BrokenLimit]:
        yield from super().judge(facts)
        if not facts.width:  # nothing else is known of such formats
            return
        size = f"the picture has {facts.width} x {facts.height} pixels"
        wide, high = self.min_width or 1, self.min_height or 1
        if facts.width < wide or facts.height < high:
            ctx = {"min_height": high, "min_width": wide}
            yield _broken("min_pixels", "image_too_small", ctx, f"{size}: enlarge it to at least {wide} x {high}")
        wide, high = self.max_width or facts.width, self.max_height or facts.height
        if facts.width > wide or facts.height > high:
            bounds = {"max_height": self.max_height, "max_width": self.max_width}
            ctx = {name: bound for name, bound in bounds.items() if bound is not None}
            most = _pixels(self.max_width, self.max_height)
            yield _broken("max_pixels", "image_too_large", ctx, f"{size}: shrink it to at most {most}")
        yield from self._ratio(facts, size)

    def _ratio(self, facts: PictureFacts, size: str) -> Iterator[BrokenLimit]:
        least, most = self.min_ratio, self.max_ratio
        if (least is None or least <= facts.ratio) and (most is None or facts.ratio <= most):
            return
        both = least is not None and most is not None
        bounds = {"min_aspect_ratio": least, "max_aspect_ratio": most}
        yield BrokenLimit(
            "ratio",
            "image_aspect_ratio_error",
            f"Image aspect ratio must be {f'between {least:.2f} and {most:.2f}' if both else _range(least, most)}.",
            {name: bound for name, bound in bounds.items() if bound is not None},
            f"{size}, a ratio of {facts.ratio:.2f}: crop it to {_range(least, most).removeprefix('from ')}",
        )


@dataclass(frozen=True, kw_only=True)
class _Timed(Limits):
    """Limits of files with a length."""

    min_seconds: float | None = None
    max_seconds: float | None = None

    @override
    def _says(self) -> dict[str, str]:
        found = super()._says()
        if self.min_seconds is not None:
            found["min_seconds"] = f"at least {self.min_seconds:g} s long"
        if self.max_seconds is not None:
            found["max_seconds"] = f"at most {self.max_seconds:g} s long"
        return found

    def _seconds(self, seconds: float) -> Iterator[BrokenLimit]:
        given = round(seconds, 3)
        lasts = f"the {self.noun} lasts {given:g} s"
        if self.min_seconds is not None and seconds < self.min_seconds:
            yield _broken(
                "min_seconds",
                f"{self.kind}_duration_too_short",
                {"min_duration": self.min_seconds, "provided_duration": given},
                f"{lasts}: it needs {self.min_seconds:g} s or more",
            )
        if self.max_seconds is not None and seconds > self.max_seconds:
            yield _broken(
                "max_seconds",
                f"{self.kind}_duration_too_long",
                {"max_duration": self.max_seconds, "provided_duration": given},
                f"{lasts}: cut it to {self.max_seconds:g} s or less",
            )


@dataclass(frozen=True, kw_only=True)
class ClipLimits(_Framed, _Timed):
    """Bytes, pixels, seconds and frames per second of a clip."""

    min_fps: float | None = None
    max_fps: float | None = None
    noun: ClassVar[str] = "clip"
    kind: ClassVar[str] = "video"

    @override
    def _says(self) -> dict[str, str]:
        found = super()._says()
        if self.min_fps is not None:
            found["min_fps"] = f"at least {self.min_fps:g} frames per second"
        if self.max_fps is not None:
            found["max_fps"] = f"at most {self.max_fps:g} frames per second"
        return found

    @override
    def measure(self, source: bytes | Path) -> ClipFacts:
        return probe_clip(source)

    @override
    def judge(self, facts: ClipFacts) -> Iterator[BrokenLimit]:
        wrong = list(super().judge(facts))
        if wrong or facts.unread:
            yield from wrong
            return
        yield from self._size(facts)
        yield from self._seconds(facts.seconds)
        yield from self._fps(facts)

    @override
    def unjudged(self, facts: ClipFacts) -> str:
        if facts.unread or facts.fps is not None or (self.min_fps, self.max_fps) == (None, None):
            return facts.unread
        return "the file does not state its frame rate"

    def _size(self, facts: ClipFacts) -> Iterator[BrokenLimit]:
        size = f"the clip has {facts.width} x {facts.height} pixels"
        sides = {"width": facts.width, "height": facts.height}
        for bound, names in _sides(self.min_width, self.min_height):
            if any(sides[name] < bound for name in names):
                msg = f"Video {' and '.join(names)} should be at least {bound} pixels."
                yield BrokenLimit("min_pixels", "greater_than_equal", msg, {"ge": bound}, f"{size}: enlarge it")
        for bound, names in _sides(self.max_width, self.max_height):
            if any(sides[name] > bound for name in names):
                msg = f"Video {' and '.join(names)} should be at most {bound} pixels."
                yield BrokenLimit("max_pixels", "less_than_equal", msg, {"le": bound}, f"{size}: shrink it")

    def _fps(self, facts: ClipFacts) -> Iterator[BrokenLimit]:
        if facts.fps is None:
            return
        rate = f"the clip has {facts.fps:g} frames per second"
        if self.min_fps is not None and facts.fps < self.min_fps:
            msg = f"Video frame rate should be at least {self.min_fps:g} FPS."
            yield BrokenLimit("min_fps", "greater_than_equal", msg, {"ge": self.min_fps}, f"{rate}: convert it")
        if self.max_fps is not None and facts.fps > self.max_fps:
            msg = f"Video frame rate should be at most {self.max_fps:g} FPS."
            yield BrokenLimit("max_fps", "less_than_equal", msg, {"le": self.max_fps}, f"{rate}: convert it")


@dataclass(frozen=True, kw_only=True)
class AudioLimits(_Timed):
    """Bytes and seconds of an audio file."""

    noun: ClassVar[str] = "audio file"
    kind: ClassVar[str] = "audio"

    @override
    def measure(self, source: bytes | Path) -> AudioFacts:
        return probe_audio(source)

    @override
    def judge(self, facts: AudioFacts) -> Iterator[BrokenLimit]:
        yield from super().judge(facts)
        if facts.seconds is not None:
            yield from self._seconds(facts.seconds)


Opener = Callable[[str], bytes | Path | None]
"""Finds the content of an address: bytes, a file, or None if it must not be opened.

Raises `Unreadable` if the content is not available (`Missing`) or not readable.
"""
