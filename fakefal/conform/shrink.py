"""Shrinks a body that shows a difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

MOST_TRIES = 60
"""How many smaller bodies are tried: against a service each of them is a request."""


def shrink(body: Any, shows: Callable[[Any], bool], most_tries: int = MOST_TRIES) -> Any:
    """The smallest body found by removing one part at a time while it still `shows` the difference."""
    tries = iter(range(most_tries))
    found = True
    while found:
        found = False
        for smaller in _smaller(body):
            if next(tries, None) is None:
                return body
            if shows(smaller):
                body, found = smaller, True
                break
    return body


def _smaller(value: Any) -> Iterator[Any]:
    """Every value that lacks one part: a member, an item, or the second half of a text; outermost first."""
    if isinstance(value, dict):
        for name in value:
            yield {other: one for other, one in value.items() if other != name}
        for name, inner in value.items():
            yield from (value | {name: one} for one in _smaller(inner))
    elif isinstance(value, list):
        for place in range(len(value)):
            yield value[:place] + value[place + 1 :]
        for place, inner in enumerate(value):
            yield from ([*value[:place], one, *value[place + 1 :]] for one in _smaller(inner))
    elif isinstance(value, str) and len(value) > 1 and not value.startswith(("data:", "http")):
        yield value[: len(value) // 2]
        yield value[:-1]
