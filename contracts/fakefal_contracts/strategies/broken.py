"""Bodies with one broken rule, and bodies on both sides of a limit: read off an edition's rulebook."""

from __future__ import annotations

import copy
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, get_origin

from annotated_types import MaxLen
from hypothesis import strategies as st

from fakefal_contracts.check import open_data_uris
from fakefal_contracts.endpoint import Edition
from fakefal_contracts.media import Limits
from fakefal_contracts.model import Loc, Model, Spot, choices, spots
from fakefal_contracts.rule import Rule
from fakefal_contracts.rulebook import rulebook
from fakefal_contracts.strategies.bodies import Builder, Need, exactly, is_nullable
from fakefal_contracts.strategies.edges import edges
from fakefal_contracts.strategies.medium import Medium
from fakefal_contracts.strategies.recipes import RECIPES, Change

LARGEST_INLINE = 2 * 1024 * 1024
"""Up to how many bytes a medium is written into the body as a ``data:`` URI."""

SHELF = "https://v3b.fal.media/files/b/strategies/"
"""Under which addresses larger media stand; `Body.media` says what has to lie there."""

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 120
_short.maxdict = _short.maxlevel = 8


@dataclass(frozen=True)
class Body:
    """The arguments of a request, and the media behind those addresses in them that are no ``data:`` URIs."""

    arguments: Any
    media: Mapping[str, Medium] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_short.repr(self.arguments)})"

    def opener(self, address: str) -> bytes | Path | None:
        """What `fakefal_contracts.check` takes to look at the media.

        Raises:
            Missing: the address is of no kind that a service could download.
        """
        return self.media[address].content if address in self.media else open_data_uris(address)


@dataclass(frozen=True, repr=False)
class Broken(Body):
    """A body that breaks one rule and no other: the rule's id, and where the refusal has to point."""

    rule: str = ""
    loc: Loc = ()

    def __repr__(self) -> str:
        return f"Broken({self.rule} at {self.loc}: {_short.repr(self.arguments)})"


@dataclass(frozen=True)
class Boundary:
    """Both sides of one limit: the last body that it lets pass, and the first that it does not."""

    inside: Body
    outside: Broken

    def __str__(self) -> str:
        return self.outside.rule


@dataclass(frozen=True)
class Breach:
    """One way to break one rule of an edition, in any valid body.

    `path` is the place of the value that `outside` and, for a limit, `inside` change; a `Medium` or an
    address is put there as it is, and `wrong` draws what does not fit.
    """

    rule: Rule
    path: str
    outside: Change | Medium | str | None = None
    inside: Change | Medium | None = None
    wrong: st.SearchStrategy[Any] | None = None

    @property
    def need(self) -> Need:
        """The names on the way to the place."""
        return tuple(part.removesuffix("[]") for part in self.path.split(".") if part)

    def broken(self, edition: Edition, build: Builder) -> Broken:
        """A body that breaks the rule."""
        if self.wrong is None:
            body = self._changed(edition, build, self.outside)
        else:
            value = build.pick(None, self.wrong)
            body = self._changed(edition, build, lambda _: value)
        return Broken(body.arguments, body.media, self.rule.id, _loc(self.rule.field))

    def kept(self, edition: Edition, build: Builder) -> Body:
        """A body that is just inside the limit."""
        return self._changed(edition, build, self.inside)

    def _changed(self, edition: Edition, build: Builder, change: Change | Medium | str | None) -> Body:
        good = build.object(edition.model, self.need)
        if isinstance(change, Medium):
            address, media = _shelve(change)
            return Body(_put(good, _loc(self.path), lambda _: address), media)
        if isinstance(change, str):
            return Body(_put(good, _loc(self.path), lambda _: change))
        if change is None:
            return Body(_cut(good, _loc(self.path)))
        return Body(_put(good, _loc(self.path), change))


@lru_cache(maxsize=64)
def breaches(edition: Edition) -> tuple[Breach, ...]:
    """Every known way to break every rule of an edition."""
    book = rulebook(edition)
    written = (
        Breach(rule, path, one.outside, one.inside)
        for path, rule, requirement in book.written()
        for one in RECIPES[requirement].breaks
    )
    return (*_read(edition), *written)


def _read(edition: Edition) -> Iterator[Breach]:
    """The ways to break what the schema and the media limits say."""
    book = rulebook(edition)
    for spot in spots(edition.model):
        if spot.required:
            yield Breach(book.get(spot.path, "required"), spot.path)
        kind = "one_of" if choices(spot.kind) else "type"
        yield Breach(book.get(spot.path, kind), spot.path, wrong=misfits(spot))
        for extra in spot.metadata:
            if isinstance(extra, MaxLen):
                yield _length(book.get(spot.path, "max_length"), spot.path, extra.max_length)
            elif isinstance(extra, Limits):
                for edge in edges(extra):
                    inside = edge.inside if _is_limit(edge.kind) else None
                    yield Breach(book.get(spot.path, edge.kind), spot.path, edge.outside, inside)


def _is_limit(kind: str) -> bool:
    """Whether a media rule has a just inside: what cannot be opened or read has none."""
    return kind not in ("reachable", "readable")


def _length(rule: Rule, path: str, most: int) -> Breach:
    return Breach(rule, path, lambda text: exactly(text or "", most + 1), lambda text: exactly(text or "", most))


_SCALARS: st.SearchStrategy[Any] = st.integers(2) | st.floats(2.5, 1e9)
_OBJECTS: st.SearchStrategy[Any] = st.sampled_from(({}, {"prompt": "x"}))
_LISTS: st.SearchStrategy[Any] = st.sampled_from(([], ["x"], [1]))
#: No boolean and no choice ends so; neither is one of the words that stand for a boolean.
_WORDS: st.SearchStrategy[Any] = st.text(max_size=10).map(lambda text: f"{text}?")


def misfits(spot: Spot) -> st.SearchStrategy[Any]:
    """Values of the wrong JSON type, or for a choice none of its values."""
    null = st.none() if not _allows_null(spot) and spot.path else st.nothing()
    if choices(spot.kind) or spot.kind is bool:
        return _SCALARS | _WORDS | _OBJECTS | _LISTS | null
    if spot.kind is str:
        return _SCALARS | st.booleans() | _OBJECTS | _LISTS | null
    if get_origin(spot.kind) is list:
        return _SCALARS | st.booleans() | _WORDS | _OBJECTS | null
    assert issubclass(spot.kind, Model)
    return _SCALARS | st.booleans() | _WORDS | _LISTS | null


def _allows_null(spot: Spot) -> bool:
    name = spot.path.rpartition(".")[2]
    return not name.endswith("[]") and bool(name) and is_nullable(spot.owner.model_fields[name].annotation)


def _loc(path: str) -> Loc:
    """Where the first of what a path names stands in a body."""
    steps: list[str | int] = []
    for part in path.split(".") if path else ():
        name = part.rstrip("[]")
        steps += [name, *[0] * part.count("[]")]
    return tuple(steps)


def _put(body: Any, loc: Loc, change: Change) -> Any:
    """A copy of the body with what stands at a place changed."""
    if not loc:
        return change(body)
    copied = copy.copy(body)
    here = copied.get(loc[0]) if isinstance(copied, dict) else copied[loc[0]]
    copied[loc[0]] = _put(here, loc[1:], change)
    return copied


def _cut(body: Any, loc: Loc) -> Any:
    """A copy of the body without what stands at a place; the place of the whole body is null then."""
    if not loc:
        return None
    copied = copy.deepcopy(body)
    place = copied
    for step in loc[:-1]:
        place = place[step]
    del place[loc[-1]]
    return copied


def _shelve(medium: Medium) -> tuple[str, dict[str, Medium]]:
    """The address of a medium, and what has to lie there where it is no ``data:`` URI."""
    if medium.size <= LARGEST_INLINE:
        return medium.address, {}
    address = f"{SHELF}{medium.name.replace(' ', '-')}-{medium.size}"
    return address, {address: medium}
