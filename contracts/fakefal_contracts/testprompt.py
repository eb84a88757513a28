"""Test prompts: ``fakefal:content_policy_violation`` anywhere in a prompt, as test card numbers do for payments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

PROMPT_MARK = re.compile(r"fakefal:[a-z][a-z0-9_]*")
"""How a text begins that asks the emulator for an effect, and that must never be sent to fal."""

LONGEST_EFFECT = 2000
"""Characters of an effect where a single request names it."""

_PIECES = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[()\[\]{}'"]""", re.DOTALL)
"""What decides where arguments end: whole quoted texts, and single brackets and quotes."""


def marks(text: str) -> Iterator[str]:
    """Every mark in a text with its arguments, or with all that follows where their bracket never closes."""
    end = 0
    while found := PROMPT_MARK.search(text, end):
        end = _closed(text, found.end()) if text.startswith("(", found.end()) else found.end()
        yield text[found.start() : end]


def effect_in(text: str) -> str | None:
    """The effect that the first mark of a text asks for."""
    mark = next(marks(text), None)
    return mark and mark.partition(":")[2]


def _closed(text: str, start: int) -> int:
    """Where the bracket that opens at `start` is closed, or the end of the text where no effect is so long."""
    depth = 0
    for piece in _PIECES.finditer(text, start, start + LONGEST_EFFECT):
        if piece[0] in ("'", '"'):
            break  # a quote that nothing closes
        depth += (piece[0] in "([{") - (piece[0] in ")]}") if len(piece[0]) == 1 else 0
        if not depth:
            return piece.end()
    return len(text)


def marked_texts(value: Any) -> Iterator[str]:
    """Every mark in the texts of a JSON value."""
    if isinstance(value, str):
        yield from marks(value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from marked_texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from marked_texts(item)
