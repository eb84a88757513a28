"""The properties that a request wants for the files of its result: size, number, kind, length, caption, seed."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fakefal.files.described import description_of
from fakefal.files.lengths import WantedLengths
from fakefal.files.made import MadeFile
from fakefal.files.media_types import FAMILIES, MediaFamily
from fakefal.files.sizes import WantedSizes
from fakefal.files.soundtrack import WantedSound
from fakefal_contracts.hints import END_FRAMES, START_FRAMES
from fakefal_contracts.judgement import media_addresses
from fakefal_contracts.model import Model
from fakefal_contracts.probe import ClipFacts, PictureFacts

_WORD = re.compile(r"[a-z0-9]+")
WORDS = 6
MOST_FILES = 100
MOST_SEED = 2**31

_ENDING_KEYS = {
    MediaFamily.PICTURE: ("output_format", "image_format", "format", "video_output_type", "output_type"),
    MediaFamily.CLIP: ("video_output_type", "output_format", "video_format", "format"),
    MediaFamily.SOUND: ("output_format", "audio_format", "format", "response_format"),
    MediaFamily.DATA: ("geometry_file_format", "export_format", "output_format", "format"),
}


@dataclass
class WantedFiles(WantedSizes, WantedLengths, WantedSound):
    """The files that a report's arguments request; the files are found by the id of its request.

    `clip` is the clip that was rendered for it. `is_random` says that something besides the file names was derived from
    the id.
    """

    request_id: str
    clip: MadeFile | None = None
    is_random: bool = field(default=False, init=False)

    @property
    def inline(self) -> bool:
        """Whether the files are returned inside the result, as ``data:`` URIs."""
        return self.argument("sync_mode") is True

    @cached_property
    def batch(self) -> list[Any]:
        """The inputs of a batch, each of which has a result of its own; empty for any other request."""
        given = self.argument("texts", "inputs")
        return given[:MOST_FILES] if isinstance(given, list) else []

    @cached_property
    def count(self) -> int:
        """The number of files in a list."""
        if self.batch:
            return len(self.batch)
        given = self.number("num_images", "num_samples", "num_outputs", "num_videos", "num_songs", "n", "max_images")
        return min(max(1, int(given or 1)), MOST_FILES)

    def sound_seconds_of(self, at: int) -> float:
        """The seconds of a sound, which may be one of a batch."""
        one = self.batch[at] if self.batch else None
        return self.spoken_seconds(one) if isinstance(one, str) else self.sound_seconds

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
    def clip_ending(self) -> str | None:
        """The extension of its clips, or None if a GIF is requested instead."""
        if self.ending(MediaFamily.PICTURE) == "gif":
            return None
        return self.ending(MediaFamily.CLIP) or "mp4"

    @property
    def input_facts(self) -> dict[str, float]:
        """Size and length of the input, as far as they are known."""
        known: dict[str, float] = {}
        if self.source is not None:
            known["width"], known["height"] = self.source
        if self.input_seconds is not None:
            known["duration"] = self.input_seconds
        return known

    @property
    def inspected(self) -> dict[str, Any] | None:
        """The description of the file that the model is asked about, if it was read."""
        facts = self.report.facts.get(address := str(self.argument("media_url")))
        return None if facts is None else description_of(address, facts)

    @cached_property
    def waveform(self) -> list[float] | None:
        """The loudness of the input at each point of time that is asked for."""
        if (rate := self.number("points_per_second")) is None:
            return None
        digits = round(self.number("precision") or 2)
        return [round(abs(math.sin(at)), digits) for at in range(round(self.sound_seconds * rate))]

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
