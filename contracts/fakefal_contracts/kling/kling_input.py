"""What the arguments of a Kling endpoint mean: seconds, sound, voices, named references, shots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar

from typing_extensions import override

from fakefal_contracts.evidence import third_party
from fakefal_contracts.kling.shared import FORMAT, SURE_FORMATS, named_references
from fakefal_contracts.media import Facts
from fakefal_contracts.model import Advice, Caution, Input, Loc, field_names
from fakefal_contracts.probe import PictureFacts

SHORTEST, LONGEST, MOST_SHOTS = 3, 15, 6
SPOKEN_CHARACTERS = 15
"""In a second of speech at normal speed (inferred: the pace of people)."""

_LISTS = {"Image": "image_urls", "Element": "elements"}
"""The words for what arguments list, in prompts."""

_KLING = third_party("Kling's own interface, as a reseller documents it", "2026-06-11")
SHOTS_SUM = Caution("shots_sum", "the shots should add up to an explicit duration", _KLING)
SHOTS_RANGE = Caution("shots_range", f"the shots should add up to {SHORTEST} to {LONGEST} seconds", _KLING)
SHOTS_COUNT = Caution("shots_count", f"at most {MOST_SHOTS} shots", _KLING)
END_WITHOUT_START = Caution("end_without_start", "a last frame needs a first frame", _KLING)
END_WITH_PICTURES = Caution("end_with_pictures", "no last frame with more than two pictures", _KLING)


class KlingInput(Input):
    """The arguments of any Kling endpoint, whichever of the family's fields it has.

    `sound` says whether the clip has a sound track, or names the argument that says it; `speaks` tells that the result
    is `text`, spoken; `frames` tells that the prompt names the first and the last frame by their order.
    """

    sound: ClassVar[str | bool] = "generate_audio"
    speaks: ClassVar[bool] = False
    frames: ClassVar[bool] = False

    def _listed(self, name: str) -> Sequence[Any]:
        return self.given.get(name) or ()

    def _elements_have(self, name: str) -> bool:
        return any(vars(element).get(name) for element in self._listed("elements"))

    def references(self) -> int:
        """Elements and loose pictures, as the limits count them."""
        return len(self._listed("elements")) + len(self._listed("image_urls"))

    @override
    def seconds(self) -> Decimal | None:
        """The sum of the shots where there are shots (inferred); of speech, what its text takes (inferred)."""
        if shots := self.given.get("multi_prompt"):
            return Decimal(sum(int(shot.duration) for shot in shots))
        if self.speaks:
            return round(Decimal(self.characters()) / SPOKEN_CHARACTERS / Decimal(str(self.argument("voice_speed"))), 2)
        return super().seconds()

    @override
    def clip_seconds(self) -> Decimal | None:
        """The seconds within what the model can make of shots."""
        seconds = self.seconds()
        if seconds is None or not self._listed("multi_prompt"):
            return seconds
        return min(max(seconds, Decimal(SHORTEST)), Decimal(LONGEST))

    @override
    def audio(self) -> bool:
        return self.sound if isinstance(self.sound, bool) else self.argument(self.sound) is True

    @override
    def uses_clip(self) -> bool:
        return self._elements_have("video_url")

    @override
    def uses_voice(self) -> bool:
        return bool(self.argument("voice_ids")) or self._elements_have("voice_id")

    @override
    def first_frame(self) -> str | None:
        first = self.argument("start_image_url", "image_url")
        return first or next(iter(self._listed("input_image_urls")), None)

    @override
    def advice(self) -> list[Advice]:
        given = self.given
        texts: list[tuple[Loc, str]] = [(("prompt",), given.get("prompt", ""))]
        shots = given.get("multi_prompt")
        if shots:
            texts += ((("multi_prompt", index, "prompt"), shot.prompt) for index, shot in enumerate(shots))
        last_frame = given.get("end_image_url")
        if self.frames:
            found = named_references(texts, (), _BOTH_FRAMES if last_frame else _FIRST_FRAME)
        else:
            lists, others = _words(type(self))
            counted = [(word, field, len(given.get(field) or ())) for word, field in lists]
            found = named_references(texts, counted, others)
        if last_frame:
            found += self._last_frame()
        if shots:
            found += self._shots()
        return found

    @override
    def media_advice(self, loc: Loc, facts: Facts) -> Iterator[Advice]:
        if isinstance(facts, PictureFacts) and facts.format not in SURE_FORMATS:
            yield Advice(FORMAT, loc, f"the picture is {facts.format}", "send it as jpeg or png")

    def _last_frame(self) -> Iterator[Advice]:
        if not self.first_frame():
            msg = "a last frame is given without a first frame"
            yield Advice(END_WITHOUT_START, ("end_image_url",), msg, "add start_image_url: Kling itself demands it")
        if len(self._listed("image_urls")) > 2:
            msg = "a last frame is given with more than two pictures"
            yield Advice(END_WITH_PICTURES, ("end_image_url",), msg, "remove end_image_url, or keep two of image_urls")

    def _shots(self) -> Iterator[Advice]:
        shots, loc = len(self._listed("multi_prompt")), ("multi_prompt",)
        if (seconds := self.seconds()) is None:
            return
        duration = self.argument("duration")
        if "duration" in self.model_fields_set and int(duration) != seconds:
            msg = f"the shots add up to {seconds} s, duration says {duration}"
            fits = SHORTEST <= seconds <= LONGEST
            hint = f'set duration to "{seconds}" or leave it out' if fits else "leave duration out"
            yield Advice(SHOTS_SUM, loc, msg, hint)
        if not SHORTEST <= seconds <= LONGEST:
            msg = f"the shots add up to {seconds} s, outside {SHORTEST} to {LONGEST}"
            yield Advice(SHOTS_RANGE, loc, msg, f"make the shots add up to {SHORTEST} to {LONGEST} s")
        if shots > MOST_SHOTS:
            yield Advice(SHOTS_COUNT, loc, f"{shots} shots; Kling takes {MOST_SHOTS}", "merge some shots")


_FIRST_FRAME = {"Image": ("start_image_url", 1)}
_BOTH_FRAMES = {"Image": ("end_image_url", 2)}


@cache
def _words(model: type[KlingInput]) -> tuple[list[tuple[str, str]], dict[str, tuple[str, int]]]:
    """The words that stand for lists of media in the prompts of a model, and the word for its one clip beside them."""
    fields = field_names(model)
    lists = [(word, field) for word, field in _LISTS.items() if field in fields]
    return lists, {"Video": ("video_url", 1)} if lists and "video_url" in fields else {}
