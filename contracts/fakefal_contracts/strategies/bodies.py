"""Valid bodies, built from a model: its annotations say what fits, and the recipes mend what stands across."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, get_args, get_origin
from uuid import UUID

from annotated_types import MaxLen, MinLen
from hypothesis import Phase, find, settings
from hypothesis import strategies as st
from pydantic import AnyUrl

from fakefal_contracts.media import Limits
from fakefal_contracts.model import Model, bare_type, branches, choices, is_model, takes_null, wire_fields
from fakefal_contracts.rule import Requirement
from fakefal_contracts.strategies.edges import edges
from fakefal_contracts.strategies.numbers import Numbers
from fakefal_contracts.strategies.places import KEY, VALUES, Form, Way
from fakefal_contracts.strategies.recipes import RECIPES, TEXT

T = TypeVar("T")

LONGEST_LIST = 9  # more than any rule written by hand allows, so that the mending is seen, too
SHORT_TEXT = 40
SMALL = 64 * 1024
NAMES = ("@Image1 and @Element1", "@Element2 looks at @Image7")
#: The end of a foreign address, by fal's word for what lies there.
_FILES = {"image": "picture.png", "video": "clip.mp4", "audio": "audio.mp3", "file": "file.zip"}
FOREIGN = ("https://media.example/{}", "http://media.example:8080/a%20{}?token=x#there", "HTTPS://MEDIA.EXAMPLE/{}")


@dataclass(frozen=True)
class Builder:
    """Builds bodies: at random where it can draw, else the plainest.

    `need` is the way to a place that has to be there: the lists on it get an item, the unions its form.
    """

    draw: st.DrawFn | None = None

    def pick(self, plain: T, strategy: st.SearchStrategy[T]) -> T:
        """One value of the strategy, or the plain one."""
        return plain if self.draw is None else self.draw(strategy)

    def object(self, model: type[Model], need: Way = ()) -> dict[str, Any]:
        """A valid object of a model that has what is needed."""
        built: dict[str, Any] = {}
        keep = str(need[0]) if need else ""
        for key, _, field in wire_fields(model):
            wanted = key == keep
            if wanted or field.is_required() or self.pick(plain=False, strategy=st.booleans()):
                kind, inner = field.annotation, tuple(field.metadata)
                if not wanted and takes_null(kind) and self.pick(plain=False, strategy=_RARELY):
                    built[key] = None
                else:
                    built[key] = self.value(kind, inner, need[1:] if wanted else (), wanted=wanted)
        while (mended := _mended(built, model, keep)) != built:
            built = mended
        return built

    def value(self, kind: Any, metadata: tuple[Any, ...], need: Way = (), *, wanted: bool = False) -> Any:
        """A valid value of an annotation; a list that is wanted has an item."""
        bare, inner = bare_type(kind)
        metadata += inner
        if len(forms := branches(bare)) > 1:
            if need and isinstance(need[0], Form):
                number, need = need[0].number, need[1:]
            else:
                number = self.pick(0, st.integers(0, len(forms) - 1))
            return self.value(forms[number], metadata, need, wanted=wanted)
        if get_origin(bare) in (list, set):
            built: Any = self._list(bare, metadata, need, least=int(wanted))
        elif get_origin(bare) is tuple:
            last = len(get_args(bare)) - 1
            built = [self.value(one, (), need[1:] if index == last else ()) for index, one in enumerate(get_args(bare))]
        elif get_origin(bare) is dict:
            built = self._dictionary(get_args(bare)[1], need)
        elif is_model(bare):
            built = self.object(bare, need)
        else:
            built = self._scalar(bare, metadata)
        for requirement in metadata:
            if isinstance(requirement, Requirement):
                built = RECIPES[requirement].mend(built, "")
        return built

    def _list(self, bare: Any, metadata: tuple[Any, ...], need: Way, *, least: int) -> list[Any]:
        kind = get_args(bare)[0]
        least, most = max(least, shortest(metadata)), longest(metadata)
        if get_origin(bare) is set and (allowed := choices(bare_type(kind)[0])):
            several = st.lists(st.sampled_from(allowed), min_size=least, max_size=most, unique=True)
            return self.pick(list(allowed[:least]), several)
        high = max(least, LONGEST_LIST if most is None else min(most, LONGEST_LIST))
        count = self.pick(least, st.integers(least, high) if least else _FEW.map(lambda drawn: min(drawn, high)))
        items = [
            self.value(kind, (), need[1:] if index == 0 else (), wanted=index == 0 and bool(need[1:]))
            for index in range(count)
        ]
        return items if get_origin(bare) is list else distinct((*items, *others(kind, least)))[: max(count, least)]

    def _dictionary(self, kind: Any, need: Way) -> dict[str, Any]:
        keys = [KEY] if need and need[0] == VALUES else []
        keys += self.pick([], st.lists(st.text(max_size=5), max_size=2))
        return {key: self.value(kind, (), need[1:] if key == KEY else ()) for key in keys}

    def _scalar(self, kind: Any, metadata: tuple[Any, ...]) -> Any:
        if allowed := choices(kind):
            return self.pick(allowed[0], st.sampled_from(allowed))
        if kind is bool:
            return self.pick(plain=False, strategy=st.booleans())
        if kind in (int, float):
            numbers = Numbers.of(kind, metadata)
            return self.pick(numbers.plain, numbers.strategy())
        if kind is str:
            return self._text(metadata)
        if isinstance(kind, type) and issubclass(kind, AnyUrl):
            foreign = _foreign(next((_FILES[one.kind] for one in metadata if isinstance(one, Limits)), "page"))
            return self.pick(foreign[0], st.sampled_from(foreign))
        return self.pick(*_OTHERS[kind]())

    def _text(self, metadata: tuple[Any, ...]) -> str:
        least, most = shortest(metadata), longest(metadata)
        if pattern := pattern_of(metadata):
            return self.pick(*matching(pattern))
        for extra in metadata:
            if isinstance(extra, Limits):
                address = _foreign(_FILES[extra.kind])[0]
                return self.pick(address, addresses(extra) if (least, most) == (0, None) else st.just(address))
        return self.pick(fitting(TEXT, least, most), texts(least, most))


_RARELY = st.sampled_from((False, False, False, True))
_FEW = st.sampled_from((0, 1, 1, 2, 2, 3, 4, LONGEST_LIST))
_ANYTHING: st.SearchStrategy[Any] = st.sampled_from((TEXT, 7, 0.5, True, [], {}, ["x"], {"x": 1}))

#: Of other types a plain value, and any.
_OTHERS: dict[Any, Any] = {
    Any: lambda: (TEXT, _ANYTHING),
    type(None): lambda: (None, st.none()),
    UUID: lambda: ("6f1f3f0e-6c43-4c5e-9d0b-0d7c2f1b4a11", st.uuids(version=4).map(str)),
    dt.datetime: lambda: ("2026-06-11T00:00:00Z", st.datetimes().map(lambda one: one.isoformat())),
    dt.date: lambda: ("2026-06-11", st.dates().map(lambda one: one.isoformat())),
}


def shortest(metadata: tuple[Any, ...]) -> int:
    """The least length among metadata."""
    return max((one.min_length for one in metadata if isinstance(one, MinLen)), default=0)


def longest(metadata: tuple[Any, ...]) -> int | None:
    """The largest length among metadata; None where it is not limited."""
    return min((one.max_length for one in metadata if isinstance(one, MaxLen)), default=None)


def pattern_of(metadata: tuple[Any, ...]) -> str | None:
    """The pattern among metadata."""
    return next((one.pattern for one in metadata if getattr(one, "pattern", None)), None)


def distinct(items: Sequence[Any]) -> list[Any]:
    """The items without those that are equal to an earlier one."""
    return [one for index, one in enumerate(items) if one not in items[:index]]


def others(kind: Any, count: int) -> list[Any]:
    """So many valid items of a set, or as many as are known to be different."""
    bare, metadata = bare_type(kind)
    if allowed := choices(bare):
        return list(allowed[:count])
    if bare in (int, float):
        return Numbers.of(bare, metadata).first(count)
    if bare is str and not metadata:
        return [f"{number}. {TEXT}" for number in range(count)]
    return [Builder().value(kind, ())][:count]


def _mended(built: dict[str, Any], model: type[Model], keep: str) -> dict[str, Any]:
    """The body after one turn of every recipe; one may undo what another did."""
    for requirement in model.requirements:
        built = RECIPES[requirement].mend(built, keep)
    return built


def _foreign(name: str) -> tuple[str, ...]:
    return tuple(pattern.format(name) for pattern in FOREIGN)


@cache
def addresses(limits: Limits) -> st.SearchStrategy[str]:
    """Addresses of media that all limits accept: foreign ones, and ``data:`` URIs at the very edges."""
    inside = tuple(dict.fromkeys(edge.inside for edge in edges(limits) if edge.inside.size < SMALL))
    return st.sampled_from(_foreign(_FILES[limits.kind])) | st.sampled_from(inside).map(lambda medium: medium.address)


@cache
def texts(least: int, most: int | None) -> st.SearchStrategy[str]:
    """Texts with so many characters, the longest among them."""
    short = st.text(min_size=least, max_size=max(least, SHORT_TEXT if most is None else min(SHORT_TEXT, most)))
    named = st.sampled_from(tuple(fitting(text, least, most) for text in (TEXT, *NAMES)))
    if most is None:
        return short | named
    return short | named | short.map(lambda text: exactly(text, most))


@cache
def matching(pattern: str) -> tuple[str, st.SearchStrategy[str]]:
    """The simplest text that matches a pattern, and any."""
    every = st.from_regex(pattern, fullmatch=True, alphabet=st.characters(codec="ascii"))
    first = settings(phases=[Phase.generate], max_examples=1, database=None, deadline=None)
    with ThreadPoolExecutor(1) as beside_any_test:  # Hypothesis allows no search within a search
        return beside_any_test.submit(find, every, lambda _: True, settings=first).result(), every


def fitting(text: str, least: int, most: int | None) -> str:
    """The text, cut or repeated where it is too long or too short."""
    return exactly(text, least) if len(text) < least else text[:most]


def exactly(text: str, length: int) -> str:
    """The text, repeated until it has so many characters."""
    text = text or "x"
    return (text * (length // len(text) + 1))[:length]
