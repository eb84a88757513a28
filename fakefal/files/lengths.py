"""The seconds of the clips and sounds of a result: as the arguments say, otherwise those of the input."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from fakefal.files.made import LONGEST_SECONDS
from fakefal.files.request_files import RequestFiles
from fakefal_contracts.probe import AudioFacts, ClipFacts

SPOKEN_CHARACTERS = 15
"""Characters per second of speech."""
DEFAULT_SECONDS = 5.0

_Timed = type[ClipFacts | AudioFacts]
_EXTENSIONS = (
    "extend_seconds_before",
    "extend_seconds_after",
    "extend_before_duration",
    "extend_after_duration",
    "extend_duration",
    "append_duration",
)
"""Arguments whose seconds are added to the input."""
_MATCHES: dict[str, _Timed] = {
    "match_video_length": ClipFacts,
    "match_audio_length": AudioFacts,
    "match_input_num_frames": ClipFacts,
}
"""Arguments that give the result the length of the input, whatever length others ask for."""


@dataclass
class WantedLengths(RequestFiles):
    """The lengths that a request wants."""

    @cached_property
    def clip_seconds(self) -> float:
        """The seconds of a clip."""
        assert self.report.arguments is not None
        return self._seconds(self.report.arguments.clip_seconds(), ClipFacts, AudioFacts)

    @property
    def made_seconds(self) -> float:
        """The seconds of a clip as files have them: at least one, in whole hundredths."""
        return max(1.0, round(self.clip_seconds, 2))

    @cached_property
    def sound_seconds(self) -> float:
        """The seconds of a sound."""
        assert self.report.arguments is not None
        return self._seconds(self.report.arguments.seconds(), AudioFacts, ClipFacts)

    @cached_property
    def input_seconds(self) -> float | None:
        """The length of the input, if it is known."""
        return self._measured(ClipFacts, AudioFacts)

    def _seconds(self, asked: Decimal | None, *kinds: _Timed) -> float:
        seconds = self._merged or self._matched or self._cut(asked) or asked
        if not seconds or self._task.startswith("retake"):  # this redoes the asked seconds within the whole clip
            seconds = self._measured(*kinds) or self._by_text
        if any(self.argument(name) is not None for name in _EXTENSIONS):
            more = sum(self.number(name) or 0.0 for name in _EXTENSIONS)
            seconds = float(seconds or DEFAULT_SECONDS) + more - (self.number("crop_duration") or 0.0)
        return _bounded(float(seconds or DEFAULT_SECONDS))

    @staticmethod
    def spoken_seconds(text: str) -> float:
        """How long a text is spoken."""
        return _bounded(len(text) / SPOKEN_CHARACTERS)

    @property
    def _by_text(self) -> float | None:
        """How long its text is spoken."""
        spoken = self.argument("text", "input", "prompt") if self.category.endswith("-to-speech") else None
        return self.spoken_seconds(spoken) if isinstance(spoken, str) else None

    @property
    def _merged(self) -> float | None:
        """The sum of the files that are put one after another; a file that was not read counts as the default."""
        if not self._task.startswith("merge"):
            return None
        given = self.argument("video_urls", "audio_urls")
        found = [self.report.facts.get(str(one)) for one in given] if isinstance(given, list) else []
        return sum(getattr(one, "seconds", None) or DEFAULT_SECONDS for one in found) or None

    @property
    def _matched(self) -> float | None:
        """The length of the input that the result matches."""
        kinds = [kind for name, kind in _MATCHES.items() if self.argument(name) is True]
        seconds = self._measured(*kinds)
        rate = self.number("frames_per_second", "fps")
        if seconds is None or self.argument("match_input_frames_per_second") is not False or rate is None:
            return seconds
        fps = next((clip.fps for clip in self.read(ClipFacts)), None)
        return seconds if fps is None else seconds * fps / rate

    def _cut(self, asked: Decimal | None) -> float | None:
        """The length of a part of the input."""
        whole = self._measured(ClipFacts, AudioFacts)
        if (first := self.number("first_n_seconds")) is not None:
            return min(first, whole or first)
        if not self._task.startswith("trim"):
            return None
        start, end = self.number("start_time") or 0.0, self.number("end_time")
        length = float(asked or DEFAULT_SECONDS) if end is None else end - start
        return length if whole is None else min(length, whole - start)

    @property
    def _task(self) -> str:
        """The last part of the model's id, which names what it does."""
        return self.report.endpoint.id.rpartition("/")[2]

    def _measured(self, *kinds: _Timed) -> float | None:
        """The length of the first input file of these kinds with a known length."""
        found = (facts for kind in kinds for facts in self.read(kind))
        return next((facts.seconds for facts in found if facts.seconds), None)


def _bounded(seconds: float) -> float:
    return round(min(max(1.0, seconds), LONGEST_SECONDS), 2)
