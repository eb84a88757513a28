"""Values of the wrong JSON type, and choices that are none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, get_origin
from uuid import UUID

from hypothesis import strategies as st
from pydantic import AnyUrl

from fakefal_contracts.model import Spot, bare_type, branches, choices, is_model

Misfits = tuple[Any, st.SearchStrategy[Any]]
"""A plain value that does not fit, and any."""

#: Values by their JSON type, a plain one and any: integers that are no booleans, numbers that are no integers, and
#: texts that end as no number, choice, day or word for a boolean does.
_VALUES: Mapping[str, Misfits] = {
    "integer": (2, st.integers(2)),
    "fraction": (2.5, st.integers(2, 10**6).map(lambda number: number + 0.5)),
    "boolean": (True, st.booleans()),
    "text": ("?", st.text(max_size=10).map(lambda text: f"{text}?")),
    "object": ({}, st.sampled_from(({}, {"prompt": "x"}))),
    "list": ([], st.sampled_from(([], ["x"], [1]))),
    "null": (None, st.none()),
}
_EVERY = frozenset(_VALUES)
_NUMBERS = frozenset({"integer", "fraction", "boolean"})

#: The types that are taken or refused for another reason than their type, by type; a choice is told below.
_TAKEN: dict[Any, frozenset[str]] = {
    Any: _EVERY,
    str: frozenset({"text"}),
    bool: frozenset({"boolean"}),
    int: frozenset({"integer", "boolean"}),
    float: _NUMBERS,
    type(None): frozenset({"null"}),
    UUID: frozenset(),
    dt.datetime: _NUMBERS,
    dt.date: _NUMBERS,
}
_HOLDERS = {list: "list", set: "list", tuple: "list", dict: "object"}


def misfits(spot: Spot) -> Misfits | None:
    """Values of the wrong JSON type, or for a choice none of its values; None where any value fits."""
    forms = [bare_type(one)[0] for one in branches(spot.kind)]
    taken = frozenset[str]().union(*map(_taken, forms))
    if spot.nullable or not spot.path:
        taken |= {"null"}
    allowed = tuple(value for form in forms for value in choices(form) or ())
    return _without(allowed, [kind for kind in _VALUES if kind not in taken])


def _taken(bare: Any) -> frozenset[str]:
    """The JSON types that a type takes, or refuses for another reason."""
    if choices(bare) is not None:
        return frozenset({"boolean"})  # to a choice, true may be 1
    if is_model(bare):
        return frozenset({"object"})
    if isinstance(bare, type) and issubclass(bare, AnyUrl):
        return frozenset({"text"})
    if (origin := get_origin(bare)) in _HOLDERS:
        return frozenset({_HOLDERS[origin]})
    return _TAKEN[bare]


def _without(allowed: tuple[Any, ...], kinds: list[str]) -> Misfits | None:
    """Values of these types; numbers above those that are allowed."""
    most = max((one for one in allowed if isinstance(one, int | float)), default=0)

    def beyond(value: Any) -> Any:
        return value + int(most) + 1 if most and isinstance(value, int | float) else value

    if not kinds:
        return None
    return beyond(_VALUES[kinds[0]][0]), st.one_of([_VALUES[kind][1] for kind in kinds]).map(beyond)
