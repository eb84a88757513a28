"""Whether the clip of a result has a sound track: as the arguments say, otherwise as the input and the model tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from fakefal.files.request_files import RequestFiles
from fakefal_contracts.media import AudioLimits
from fakefal_contracts.model import Input, field_names, spots
from fakefal_contracts.probe import ClipFacts

_MADE = "generate_audio", "generate_audio_switch", "enable_audio", "audio"
"""Arguments that say whether sound is made for the clip."""
_KEPT = "keep_audio", "preserve_audio", "keep_original_sound", "original_sound_switch"
"""Arguments that say whether the sound of the input stays."""
_SOUNDING = re.compile(r"lip-?sync|avatar|talk|speech|dubbing|translate|foley|sound|mmaudio|sfx|\bsora-2|to-audio")
"""Words in the ids of models whose clips always have sound."""
_VOICE = re.compile(r"voice.*|audio_negative_prompt")
"""Arguments of models whose clips speak or sound."""


@dataclass
class WantedSound(RequestFiles):
    """The sound track that a request wants."""

    @property
    def has_sound(self) -> bool:
        """Whether a clip has a sound track."""
        arguments = self.report.arguments
        assert arguments is not None
        if self._brings_sound:
            return True
        for name in _MADE:
            if isinstance(made := self.argument(name), bool):
                return made
        kept = self.argument(*_KEPT)
        if self._model_sounds or (kept is None and arguments.audio()):
            return True
        known = [clip.sound for clip in self.read(ClipFacts) if clip.sound is not None]
        return kept is not False and any(known or [arguments.audio()])

    @property
    def _brings_sound(self) -> bool:
        """Whether a sound is among the arguments."""
        return any(self.argument(name) for name in _sounds_of(self._model))

    @property
    def _model_sounds(self) -> bool:
        by_id = self.category.startswith("audio") or _SOUNDING.search(self.report.endpoint.id)
        return bool(by_id) or any(map(_VOICE.fullmatch, field_names(self._model)))

    @property
    def _model(self) -> type[Input]:
        assert self.report.arguments is not None
        return type(self.report.arguments)


@cache
def _sounds_of(model: type[Input]) -> tuple[str, ...]:
    """The arguments that take sounds."""
    taken = (spot.path for spot in spots(model) if any(isinstance(one, AudioLimits) for one in spot.metadata))
    return tuple(path.removesuffix("[]") for path in taken)
