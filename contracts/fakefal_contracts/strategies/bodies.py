"""Valid bodies, built from a model: its annotations say what fits, and the recipes mend what stands across."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from annotated_types import MaxLen
from hypothesis import strategies as st

from fakefal_contracts.media import Limits
from fakefal_contracts.model import Model, bare_type, choices
from fakefal_contracts.rule import Requirement
from fakefal_contracts.strategies.edges import edges
from fakefal_contracts.strategies.recipes import RECIPES, TEXT

T = TypeVar("T")

Need = tuple[str, ...]
"""The names on the way to a place that the body has to have; lists on the way get a first item."""

LONGEST_LIST = 9  # more than any rule allows, so that the mending is seen, too
SHORT_TEXT = 40
SMALL = 64 * 1024
NAMES = ("@Image1 and @Element1", "@Element2 looks at @Image7")
#: The end of a foreign address, by fal's word for what lies there.
_FILES = {"image": "picture.png", "video": "clip.mp4", "audio": "audio.mp3", "file": "file.zip"}
FOREIGN = ("https://media.example/{}", "http://media.example:8080/a%20{}?token=x#there", "HTTPS://MEDIA.EXAMPLE/{}")


@dataclass(frozen=True)
class Builder:
    """Builds bodies: at random where it can draw, else the plainest."""

    draw: st.DrawFn | None = None

    def pick(self, plain: T, strategy: st.SearchStrategy[T]) -> T:
        """One value of the strategy, or the plain one."""
        return plain if self.draw is None else self.draw(strategy)

    def object(self, model: type[Model], need: Need = ()) -> dict[str, Any]:
        """A valid object of a model that has what is needed."""
        built: dict[str, Any] = {}
        keep = need[0] if need else ""
        for name, field in model.model_fields.items():
            wanted = name == keep
            if wanted or field.is_required() or self.pick(plain=False, strategy=st.booleans()):
                kind, inner = field.annotation, tuple(field.metadata)
                if not wanted and is_nullable(kind) and self.pick(plain=False, strategy=_RARELY):
                    built[name] = None
                else:
                    built[name] = self.value(kind, inner, need[1:] if wanted else (), wanted=wanted)
        for requirement in model.requirements:
            built = RECIPES[requirement].mend(built, keep)
        return built

    def value(self, kind: Any, metadata: tuple[Any, ...], need: Need = (), *, wanted: bool = False) -> Any:
        """A valid value of an annotation; a list that is wanted has an item."""
        bare, inner = bare_type(kind)
        metadata += inner
        if get_origin(bare) is list:
            built: Any = self._list(get_args(bare)[0], need, least=int(wanted))
        elif isinstance(bare, type) and issubclass(bare, Model):
            built = self.object(bare, need)
        else:
            built = self._scalar(bare, metadata)
        for requirement in metadata:
            if isinstance(requirement, Requirement):
                built = RECIPES[requirement].mend(built, "")
        return built

    def _list(self, kind: Any, need: Need, *, least: int) -> list[Any]:
        count = self.pick(least, st.integers(least, LONGEST_LIST) if least else _FEW)
        return [self.value(kind, (), need if index == 0 else (), wanted=index < least) for index in range(count)]

    def _scalar(self, kind: Any, metadata: tuple[Any, ...]) -> Any:
        if allowed := choices(kind):
            return self.pick(allowed[0], st.sampled_from(allowed))
        if kind is bool:
            return self.pick(plain=False, strategy=st.booleans())
        assert kind is str, f"no strategy for {kind}"
        for extra in metadata:
            if isinstance(extra, Limits):
                return self.pick(FOREIGN[0].format(_FILES[extra.kind]), addresses(extra))
        longest = next((extra.max_length for extra in metadata if isinstance(extra, MaxLen)), None)
        return self.pick(TEXT[:longest], texts(longest))


_RARELY = st.sampled_from((False, False, False, True))
_FEW = st.sampled_from((0, 1, 1, 2, 2, 3, 4, LONGEST_LIST))


def is_nullable(kind: Any) -> bool:
    """Whether an annotation allows null."""
    while hasattr(kind, "__metadata__"):
        kind = get_args(kind)[0]
    return get_origin(kind) in (Union, UnionType) and type(None) in get_args(kind)


@cache
def addresses(limits: Limits) -> st.SearchStrategy[str]:
    """Addresses of media that all limits accept: foreign ones, and ``data:`` URIs at the very edges."""
    foreign = tuple(pattern.format(_FILES[limits.kind]) for pattern in FOREIGN)
    inside = tuple(dict.fromkeys(edge.inside for edge in edges(limits) if edge.inside.size < SMALL))
    return st.sampled_from(foreign) | st.sampled_from(inside).map(lambda medium: medium.address)


@cache
def texts(longest: int | None) -> st.SearchStrategy[str]:
    """Texts up to a length in characters, the longest among them."""
    short = st.text(max_size=SHORT_TEXT if longest is None else min(SHORT_TEXT, longest))
    named = st.sampled_from(tuple(text[:longest] for text in (TEXT, *NAMES)))
    if longest is None:
        return short | named
    return short | named | short.map(lambda text: exactly(text, longest))


def exactly(text: str, length: int) -> str:
    """The text, repeated until it has so many characters."""
    text = text or "x"
    return (text * (length // len(text) + 1))[:length]
