"""How many seconds a request makes: by its arguments, or by the file that it follows."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from fakefal_contracts.media import Facts
from fakefal_contracts.model import Input, spots

ASSUMED_SECONDS = Decimal(5)
"""The length of a file that nobody looked at: the shortest that most models make."""


class Length(NamedTuple):
    """Seconds, and the argument whose file they are assumed of because nobody looked at it."""

    seconds: Decimal
    assumed_of: str = ""


def length_of(arguments: Input, facts: Mapping[str, Facts], *, at_most: bool = False) -> Length | None:
    """The seconds of a request, whole or not; None where nothing tells them.

    Args:
        arguments: the parsed body.
        facts: what is known of its files, by their addresses.
        at_most: of a file that nobody looked at, assume the longest that the endpoint takes; nothing tells that of a
            file without such a limit.
    """
    if (seconds := arguments.seconds()) is not None:
        return Length(seconds)
    if not (field := arguments.follows):
        return None
    known = getattr(facts.get(str(arguments.argument(field))), "seconds", None)
    if known:
        return Length(Decimal(str(known)))
    assumed = longest_file(type(arguments), field) if at_most else ASSUMED_SECONDS
    return None if assumed is None else Length(assumed, field)


@cache
def longest_file(model: type[Input], field: str) -> Decimal | None:
    """The seconds of the longest file that an argument takes; None where its files have no such limit."""
    limits = (one for spot in spots(model) if spot.path == field for one in spot.metadata)
    bounds = (getattr(one, "max_seconds", None) for one in limits)
    return next((Decimal(str(bound)) for bound in bounds if bound is not None), None)
