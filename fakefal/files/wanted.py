"""The properties that a request wants for the files of its result: size, number, kind, length, caption, seed."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from fakefal.files.made import LONGEST_SECONDS, MadeFile
from fakefal.files.media_types import FAMILIES, MediaFamily
from fakefal_contracts import Report
from fakefal_contracts.hints import END_FRAMES, START_FRAMES
from fakefal_contracts.judgement import media_addresses
from fakefal_contracts.model import IMAGE_SIZES, Model
from fakefal_contracts.probe import AudioFacts, ClipFacts, PictureFacts

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
_WORD = re.compile(r"[a-z0-9]+")
_SIDES_OF_TIERS = {"pro": 1080, "4k": 2160}
_SHORT_SIDES = {"sd": 480, "hd": 720, "fhd": 1080, "2k": 1440, "4k": 2160}
_SQUARE = 1024
_STEP = 8
"""Sides that are computed from a shape are multiples of this."""
WORDS = 6
SPOKEN_CHARACTERS = 15
"""Words per second of speech."""
MOST_FILES = 100
DEFAULT_SECONDS = 5.0
MOST_SEED = 2**31

_ENDING_KEYS = {
    MediaFamily.PICTURE: ("output_format", "image_format", "format", "video_output_type", "output_type"),
    MediaFamily.CLIP: ("video_output_type", "output_format", "video_format", "format"),
    MediaFamily.SOUND: ("output_format", "audio_format", "format", "response_format"),
    MediaFamily.DATA: ("geometry_file_format", "export_format", "output_format", "format"),
}


@dataclass
class WantedFiles:
    """The files that a report's arguments request; the files are found by the id of its request.

    `clip` is the clip that was rendered for it. `is_random` says that something besides the file names was derived from
    the id.
    """

    report: Report
    request_id: str
    clip: MadeFile | None = None
    is_random: bool = field(default=False, init=False)

    @cached_property
    def argument(self) -> Callable[..., Any]:
        """Finds the first of several arguments that was given or has a default."""
        assert self.report.arguments is not None
        return self.report.arguments.argument

    @property
    def inline(self) -> bool:
        """Whether the files are returned inside the result, as ``data:`` URIs."""
        return self.argument("sync_mode") is True

    @cached_property
    def count(self) -> int:
        """The number of files in a list."""
        given = self.argument("num_images", "num_samples", "num_outputs", "num_videos", "n", "max_images")
        whole = isinstance(given, int | float) and not isinstance(given, bool)
        return min(max(1, int(given)), MOST_FILES) if whole else 1

    @cached_property
    def seed(self) -> int:
        """The given seed; otherwise a random-looking one derived from the request's id."""
        given = self.argument("seed")
        if isinstance(given, int) and not isinstance(given, bool):
            return given
        return self._drawn() % MOST_SEED

    @property
    def voice_id(self) -> str:
        """The id of a generated voice: eighteen digits as in fal's example, different for each request."""
        return f"{self._drawn() % 10**18:018d}"

    def _drawn(self) -> int:
        """A random-looking number derived from the request's id."""
        self.is_random = True
        return int.from_bytes(hashlib.blake2b(self.request_id.encode(), digest_size=8).digest(), "big")

    @property
    def has_sound(self) -> bool:
        """Whether a clip has a sound track."""
        assert self.report.arguments is not None
        return self.report.arguments.audio() or self.argument("generate_audio_switch") is True

    @property
    def makes_clips(self) -> bool:
        """Whether the model makes clips."""
        return (self.report.endpoint.category or "").endswith("video")

    @property
    def clip_ending(self) -> str | None:
        """The extension of its clips, or None if a GIF is requested instead."""
        if self.ending(MediaFamily.PICTURE) == "gif":
            return None
        return self.ending(MediaFamily.CLIP) or "mp4"

    @cached_property
    def last_frame(self) -> Any:
        """The address of the picture with which the clip ends."""
        return self.argument(*END_FRAMES)

    @cached_property
    def shown(self) -> tuple[str, ...]:
        """The pictures and clips among the arguments that were read: the first frame is first, the last frame last."""
        arguments, facts = self.report.arguments, self.report.facts
        assert arguments is not None
        given = dict.fromkeys(address for _, address, _ in media_addresses(arguments))
        seen = [one for one in given if isinstance(facts.get(one), PictureFacts | ClipFacts)]
        ends = arguments.first_frame() or self.argument(*START_FRAMES), self.last_frame
        first, last = ([one] if one in seen else [] for one in ends)
        return (*first, *(one for one in seen if one not in ends), *last)

    @property
    def words(self) -> str:
        """The first words of the prompt."""
        prompt = self.argument("prompt", "text", "input")
        return " ".join(prompt.split()[:WORDS])[:40] if isinstance(prompt, str) else ""

    @cached_property
    def caption(self) -> str:
        """The model, the first words of the prompt and the seed if the model has one, each on its own line."""
        assert self.report.arguments is not None
        seeded = "seed" in type(self.report.arguments).model_fields
        lines = (self.report.endpoint.id[:60], self.words, f"seed {self.seed}" if seeded else "")
        return "\n".join(filter(None, lines))

    def ending(self, family: MediaFamily) -> str | None:
        """The extension that the arguments request for files of this family."""
        for name in _ENDING_KEYS[family]:
            if asked := self.argument(name):
                for word in _WORD.finditer(str(asked).lower()):
                    if FAMILIES.get(word[0]) is family:
                        return word[0]
        setting = self.argument("audio_setting")
        if family is MediaFamily.SOUND and isinstance(setting, Model) and FAMILIES.get(str(setting.argument("format"))):
            return str(setting.argument("format"))
        return None

    # -- lengths --------------------------------------------------------------------------------

    @cached_property
    def clip_seconds(self) -> float:
        """The seconds of a clip."""
        assert self.report.arguments is not None
        return self._bounded(self.report.arguments.clip_seconds() or self._measured(ClipFacts, AudioFacts))

    @property
    def made_seconds(self) -> float:
        """The seconds of a clip as files have them: at least one, in whole hundredths."""
        return max(1.0, round(self.clip_seconds, 2))

    @cached_property
    def sound_seconds(self) -> float:
        """The seconds of a sound."""
        assert self.report.arguments is not None
        spoken = self.argument("text", "input", "prompt") if self._speaks else None
        by_text = len(spoken) / SPOKEN_CHARACTERS if isinstance(spoken, str) else None
        measured = self._measured(AudioFacts, ClipFacts)
        return self._bounded(self.report.arguments.seconds() or measured or by_text)

    @property
    def _speaks(self) -> bool:
        return (self.report.endpoint.category or "").endswith("-to-speech")

    @staticmethod
    def _bounded(seconds: Decimal | float | None) -> float:
        return round(min(max(1.0, float(seconds or DEFAULT_SECONDS)), LONGEST_SECONDS), 2)

    def _measured(self, *kinds: type[ClipFacts | AudioFacts]) -> float | None:
        """The length of the first input file of these kinds with a known length."""
        found = (facts for kind in kinds for facts in self.report.facts.values() if isinstance(facts, kind))
        return next((facts.seconds for facts in found if facts.seconds), None)

    # -- sizes ----------------------------------------------------------------------------------

    @cached_property
    def picture_size(self) -> Size:
        """Width and height of a picture."""
        if (given := self._given_size("image_size", "size", "resolution")) is not None:
            return given
        ratio, source = self._ratio, self._source
        if ratio is None and source is not None:
            factor = self.argument("upscale_factor", "scale")
            factor = factor if isinstance(factor, int | float) and factor > 0 else 1
            return max(1, round(source[0] * factor)), max(1, round(source[1] * factor))
        return _of_area(ratio or 1.0, self._picture_side)

    @cached_property
    def given_clip_size(self) -> Size | None:
        """Width and height of a clip, if the arguments give them and not only its shape or tier."""
        return self._given_size("video_size", "image_size", "size", "resolution")

    @cached_property
    def clip_size(self) -> Size:
        """Width and height of a clip, which is cut from the nearest master."""
        if (given := self.given_clip_size) is not None:
            return given
        source = self._source
        ratio = self._ratio or (source[0] / source[1] if source and all(source) else 16 / 9)
        short = self._short_side or _SIDES_OF_TIERS.get(self.report.endpoint.tier, 720)
        return _of_area(ratio, short * 4 / 3)

    def _given_size(self, *names: str) -> Size | None:
        sizes = (_size(self.argument(name)) for name in (*names, "aspect_ratio"))
        return next(filter(None, sizes), None) or _pixels(self.argument("width"), self.argument("height"))

    @property
    def _ratio(self) -> float | None:
        given = self.argument("aspect_ratio", "ratio", "video_aspect_ratio")
        if isinstance(given, Model):
            given = given.argument("ratio")
        found = _RATIO.fullmatch(str(given))
        return float(found[1]) / float(found[2]) if found and float(found[1]) and float(found[2]) else None

    @property
    def _source(self) -> Size | None:
        """The size of the first picture or clip among the arguments whose size is known."""
        assert self.report.arguments is not None
        facts = self.report.facts
        first = facts.get(self.report.arguments.first_frame() or "")
        for one in (first, *facts.values()):
            if isinstance(one, PictureFacts | ClipFacts) and one.width and one.height:
                return one.width, one.height
        return None

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
    if isinstance(given, Model):
        return _pixels(given.argument("width"), given.argument("height"))
    if isinstance(given, str):
        if found := _PIXELS.search(given):
            return _pixels(int(found[1]), int(found[2]))
        return MORE_SIZES.get(given)
    return None


def _pixels(wide: Any, high: Any) -> Size | None:
    """A size, if both numbers are valid; many models accept a width of 0 or less."""
    return (wide, high) if isinstance(wide, int) and isinstance(high, int) and min(wide, high) > 0 else None


def _of_area(ratio: float, side: float) -> Size:
    """A size of this shape with as many pixels as a square of this side; 960 has those of 1280x720."""
    wide = side * math.sqrt(ratio)
    return max(_STEP, round(wide / _STEP) * _STEP), max(_STEP, round(wide / ratio / _STEP) * _STEP)
