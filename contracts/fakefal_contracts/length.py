"""How many seconds a request makes: by its arguments, or by the file that it follows."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from fakefal_contracts.media import Facts
from fakefal_contracts.model import Input

ASSUMED_SECONDS = Decimal(5)
"""The length of a file that nobody looked at: the shortest that most models make."""


class Length(NamedTuple):
    """Seconds, and the argument whose file they are assumed of because nobody looked at it."""

    seconds: Decimal
    assumed_of: str = ""


def length_of(arguments: Input, facts: Mapping[str, Facts]) -> Length | None:
    """The seconds of a request, whole or not; None where nothing tells them.

    Args:
        arguments: the parsed body.
        facts: what is known of its files, by their addresses.
    """
    if (seconds := arguments.seconds()) is not None:
        return Length(seconds)
    if (field := arguments.followed()) is None:
        return None
    known = getattr(facts.get(str(arguments.argument(field))), "seconds", None)
    return Length(Decimal(str(known))) if known else Length(ASSUMED_SECONDS, field)
