"""Bodies with one broken rule, and bodies on both sides of a limit: read off an edition's rulebook."""

from __future__ import annotations

import copy
import re
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import AnyUrl, TypeAdapter, ValidationError

from fakefal_contracts.endpoint import Edition
from fakefal_contracts.media import Limits
from fakefal_contracts.model import Loc, bare_type, branches, choices, is_model
from fakefal_contracts.openers import open_data_uris
from fakefal_contracts.rule import Rule, Violation
from fakefal_contracts.rulebooks import Rulebook, rulebook
from fakefal_contracts.strategies.bodies import FOREIGN, Builder, exactly, longest, others, pattern_of, shortest
from fakefal_contracts.strategies.edges import edges
from fakefal_contracts.strategies.medium import Medium
from fakefal_contracts.strategies.misfits import Misfits, misfits
from fakefal_contracts.strategies.numbers import Numbers
from fakefal_contracts.strategies.places import ValuePlace, place_of, places
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
    """The arguments of a request, and the media behind addresses in them that are not ``data:`` URIs."""

    arguments: Any
    media: Mapping[str, Medium] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_short.repr(self.arguments)})"

    def opener(self, address: str) -> bytes | Path | None:
        """The `opener` with which `fakefal_contracts.check` reads the media.

        Raises:
            Missing: the address is of no kind that a service could download.
        """
        return self.media[address].content if address in self.media else open_data_uris(address)


@dataclass(frozen=True, repr=False)
class Broken(Body):
    """A body that breaks exactly one rule: the id of the rule, and the place of the error.

    In a union, each member reports why the value does not fit: `forms` are the rules that may refuse it as well.
    """

    rule: str = ""
    loc: Loc = ()
    forms: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"Broken({self.rule} at {self.loc}: {_short.repr(self.arguments)})"

    def explains(self, refusal: Iterable[Violation]) -> bool:
        """Whether these errors are right for this body: its rule at its place, and no others except `forms`."""
        found = [(error.rule.id, error.loc) for error in refusal]
        if not self.forms:
            return found == [(self.rule, self.loc)]
        return any(rule == self.rule and _holds(loc, self.loc) for rule, loc in found) and all(
            rule == self.rule or rule in self.forms for rule, _ in found
        )


def _holds(whole: Loc, part: Loc) -> bool:
    """Whether a location has these steps in this order; the names of forms stand between them."""
    steps = iter(whole)
    return all(step in steps for step in part)


@dataclass(frozen=True)
class Boundary:
    """Both sides of one limit: the last body that is accepted, and the first that is refused."""

    inside: Body
    outside: Broken

    def __str__(self) -> str:
        return self.outside.rule


@dataclass(frozen=True)
class Breach:
    """One way to break one rule of an edition, in any valid body.

    At its place `outside` and, for a limit, `inside` change the value; a `Medium` or an address is put there
    as it is, and `wrong` draws what does not fit.  `at` is where the refusal points, seen from there.
    """

    rule: Rule
    place: ValuePlace
    outside: Change | Medium | str | None = None
    inside: Change | Medium | None = None
    wrong: Misfits | None = None
    at: Loc = ()

    def broken(self, edition: Edition, build: Builder) -> Broken:
        """A body that breaks the rule."""
        if self.wrong is None:
            body = self._changed(edition, build, self.outside)
        else:
            value = build.pick(*self.wrong)
            body = self._changed(edition, build, lambda _: value)
        return Broken(
            body.arguments, body.media, self.rule.id, (*self.place.loc, *self.at), _forms(edition, self.place)
        )

    def kept(self, edition: Edition, build: Builder) -> Body:
        """A body that is just inside the limit."""
        return self._changed(edition, build, self.inside)

    def _changed(self, edition: Edition, build: Builder, change: Change | Medium | str | None) -> Body:
        good, loc = build.object(edition.model, self.place.way), self.place.loc
        if isinstance(change, Medium):
            address, media = _shelve(change, inline=_takes_any_text(self.place))
            return Body(_put(good, loc, lambda _: address), media)
        if isinstance(change, str):
            return Body(_put(good, loc, lambda _: change))
        if change is None:
            return Body(_cut(good, loc))
        return Body(_put(good, loc, change))


@lru_cache(maxsize=256)
def _forms(edition: Edition, place: ValuePlace) -> frozenset[str]:
    """The rules of all forms of the union that a place is in, or is."""
    path = place.spot.path if len(place.forms) > 1 else place.union
    if path is None:
        return frozenset()
    below = (f"{path}.", f"{path}[")
    return frozenset(rule.id for rule in rulebook(edition) if rule.field == path or rule.field.startswith(below))


@lru_cache(maxsize=64)
def breaches(edition: Edition) -> tuple[Breach, ...]:
    """Every known way to break every rule of an edition.

    A rule of a value that may be anything has none, nor has one of a form whose breach another form takes.
    """
    book = rulebook(edition)
    written = (
        Breach(rule, place_of(edition.model, path), one.outside, one.inside, at=_at(rule, path))
        for path, rule, requirement in book.written()
        for one in RECIPES[requirement].breaks
    )
    return (*(one for one in _read(edition) if not _is_taken(edition, one)), *written)


def _at(rule: Rule, path: str) -> Loc:
    """What the place of a rule has that the place it looks at has not: the one field that it names."""
    name = rule.field.removeprefix(path).removeprefix(".")
    return (name,) if name else ()


def _is_taken(edition: Edition, breach: Breach) -> bool:
    """Whether another form of the union around it takes what breaks the rule of one form."""
    if breach.place.union is None or isinstance(breach.outside, Medium | str):
        return False  # media are looked at once a form took the body
    try:
        edition.model.model_validate(breach.broken(edition, Builder()).arguments, from_attributes=True)
    except ValidationError:
        return False
    return True


def _read(edition: Edition) -> Iterator[Breach]:
    """The ways to break what the schema and the media limits say."""
    book = rulebook(edition)
    for place in places(edition.model):
        spot = place.spot
        if spot.required:
            yield Breach(book.get(spot.path, "required"), place)
        is_form = place.union == spot.path and len(place.forms) == 1
        wrong = None if is_form else misfits(spot)
        if wrong is not None:
            of_choice = any(choices(bare_type(one)[0]) for one in place.forms)
            kinds = (["type"] if len(place.forms) > 1 or not of_choice else []) + (["one_of"] if of_choice else [])
            yield from (Breach(book.get(spot.path, kind), place, wrong=wrong) for kind in kinds)
        for kind, outside, inside in _limits(spot.kind, spot.metadata):
            yield Breach(book.get(spot.path, kind), place, outside, inside)
        yield from _object_breaches(book, place)
        for extra in spot.metadata:
            if isinstance(extra, Limits):
                yield from _media_breaches(book, place, extra)


def _object_breaches(book: Rulebook, place: ValuePlace) -> Iterator[Breach]:
    """A key that is not taken, and what is no address."""
    kind = place.spot.kind
    if is_model(kind) and kind.model_config.get("extra") == "forbid":
        yield Breach(
            book.get(place.spot.path, "no_other_keys"), place, lambda given: {**given, "other": 1}, at=("other",)
        )
    if _is_address(kind):
        rule = book.get(place.spot.path, "address")
        yield from (Breach(rule, place, _to(text)) for text in ("no address", "//media.example/a.png", ""))


def _media_breaches(book: Rulebook, place: ValuePlace, limits: Limits) -> Iterator[Breach]:
    for edge in edges(limits):
        if isinstance(edge.outside, str) and not _fits(place, edge.outside):
            continue  # the schema refuses it before anything is fetched
        inside = edge.inside if edge.kind not in ("reachable", "readable") else None
        yield Breach(book.get(place.spot.path, edge.kind), place, edge.outside, inside)


Limit = tuple[str, Change, Change | None]
"""A kind of rule, what breaks it, and what just keeps it."""


def _limits(kind: Any, metadata: tuple[Any, ...]) -> Iterator[Limit]:
    """The limits of a text, a number or a list."""
    if kind is str:
        yield from _text_limits(metadata)
    elif kind in (int, float):
        yield from _number_limits(kind, metadata)
    elif len(branches(kind)) > 1:  # bounds of the whole union
        yield from _number_limits(float, metadata)
    elif get_origin(kind) in (list, set):
        yield from _list_limits(kind, metadata)


def _text_limits(metadata: tuple[Any, ...]) -> Iterator[Limit]:
    least, most, pattern = shortest(metadata), longest(metadata), pattern_of(metadata)
    if pattern:
        yield "pattern", _to(_no_match(pattern, max(least, 1))), None
    is_medium = any(isinstance(one, Limits) for one in metadata)
    base = FOREIGN[0].format("") if is_medium else ""
    if most is not None:
        yield "max_length", _filled(base, most + 1), None if pattern else _filled(base, most)
    if least:
        inside = None if pattern or len(base) > least else _filled(base, least)
        yield "min_length", _cut_to(least - 1), inside


def _no_match(pattern: str, length: int) -> str:
    return next(text for sign in "?x 0" if not re.search(pattern, text := sign * length))


def _number_limits(kind: type, metadata: tuple[Any, ...]) -> Iterator[Limit]:
    numbers = Numbers.of(kind, metadata)
    if numbers.least is not None:
        yield "minimum", _to(numbers.below()), _to(numbers.as_json(numbers.least))
    if numbers.most is not None:
        yield "maximum", _to(numbers.above()), _to(numbers.as_json(numbers.most))
    if numbers.multiple is not None and (between := numbers.between(kind)) is not None:
        yield "multiple_of", _to(between), _to(numbers.plain)


def _list_limits(kind: Any, metadata: tuple[Any, ...]) -> Iterator[Limit]:
    item = get_args(kind)[0]
    for limit, count, beyond in (("max_items", longest(metadata), 1), ("min_items", shortest(metadata), -1)):
        if count is None or (limit == "min_items" and not count):
            continue
        is_set = get_origin(kind) is set
        if is_set and len(others(item, count + beyond)) < count + beyond:
            continue  # there are not so many different items
        yield limit, _items(item, count + beyond, is_set=is_set), _items(item, count, is_set=is_set)


def _items(item: Any, count: int, *, is_set: bool) -> Change:
    """Fill a list up, or cut it, to so many items."""

    def change(given: Any) -> list[Any]:
        if is_set:
            return others(item, count)
        return [*(given or [])[:count], *(Builder().value(item, ()) for _ in range(count - len(given or [])))]

    return change


def _to(value: Any) -> Change:
    return lambda _: value


def _filled(base: str, length: int) -> Change:
    """Make a text so long by repeating it; an address gets a longer path."""
    return lambda text: base + exactly("x" if base else text or "", length - len(base))


def _cut_to(length: int) -> Change:
    return lambda text: exactly(text or "", length)


def _is_address(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, AnyUrl)


def _takes_any_text(place: ValuePlace) -> bool:
    """Whether the schema takes a ``data:`` URI of any length there."""
    metadata = place.spot.metadata
    return not _is_address(place.spot.kind) and longest(metadata) is None and pattern_of(metadata) is None


def _fits(place: ValuePlace, text: str) -> bool:
    """Whether the schema of a place takes a text."""
    least, most = shortest(place.spot.metadata), longest(place.spot.metadata)
    if not _is_address(place.spot.kind):
        return least <= len(text) and (most is None or len(text) <= most)
    try:
        TypeAdapter(place.spot.kind).validate_python(text)
    except ValidationError:
        return False
    return True


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


def _shelve(medium: Medium, *, inline: bool) -> tuple[str, dict[str, Medium]]:
    """The address of a medium, and what has to lie there where it is no ``data:`` URI."""
    if inline and medium.size <= LARGEST_INLINE:
        return medium.address, {}
    address = f"{SHELF}{medium.name.replace(' ', '-')}-{medium.size}"
    return address, {address: medium}
