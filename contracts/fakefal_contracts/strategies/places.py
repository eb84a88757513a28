"""Where in a body something can be changed: the places of a model, each with the way to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, get_args, get_origin

from fakefal_contracts.model import Loc, Model, Spot, bare_type, branches, spots

VALUES = "*"
"""The step into a dictionary; the value lies under `KEY`."""
KEY = "key"


@dataclass(frozen=True)
class Form:
    """The step into one branch of a union, by its number among those that are not null."""

    number: int


Step = str | int | Form
Way = tuple[Step, ...]
"""The steps from the body to a place: names, positions in lists, forms of unions."""


@dataclass(frozen=True)
class ValuePlace:
    """A place of a model, the way to it, and the path of the outermost union that it is in."""

    spot: Spot
    way: Way = ()
    union: str | None = None

    @property
    def loc(self) -> Loc:
        """Where it stands in a body; the forms of unions are no part of that."""
        return tuple(KEY if step == VALUES else step for step in self.way if not isinstance(step, Form))

    @property
    def forms(self) -> tuple[Any, ...]:
        """The types that its value may have, one or several."""
        return branches(self.spot.kind)

    def as_form(self, number: int) -> ValuePlace:
        """The place as one branch of its union; of any other type, itself."""
        if len(self.forms) == 1:
            return self
        bare, metadata = bare_type(self.forms[number])
        spot = replace(self.spot, kind=bare, metadata=metadata, required=False)
        union = self.spot.path if self.union is None else self.union
        return ValuePlace(spot, (*self.way, Form(number)), union)

    def inside(self) -> Iterator[ValuePlace]:
        """The places directly inside this one, which has one form."""
        for spot in self.spot.inside():
            yield ValuePlace(spot, (*self.way, _step(self.spot.kind, spot)), self.union)


def _step(bare: Any, inner: Spot) -> Step:
    origin = get_origin(bare)
    if origin is dict:
        return VALUES
    if origin is tuple:
        return len(get_args(bare)) - 1
    return 0 if origin in (list, set) else inner.path.rpartition(".")[2]


@lru_cache(maxsize=256)
def places(model: type[Model]) -> tuple[ValuePlace, ...]:
    """Every place of a model, outermost first; of a union first the whole, then each form with what is in it."""

    def walk(place: ValuePlace) -> Iterator[ValuePlace]:
        yield place
        for number in range(len(place.forms)):
            form = place.as_form(number)
            if form is not place:
                yield form
            for inner in form.inside():
                yield from walk(inner)

    return tuple(walk(ValuePlace(spots(model)[0])))


def place_of(model: type[Model], path: str) -> ValuePlace:
    """The first place with this path."""
    return next(place for place in places(model) if place.spot.path == path)
