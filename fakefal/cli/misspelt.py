"""The message for a command that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def no_such_command(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The most similar command; `otherwise` if none is similar."""
    near = difflib.get_close_matches(name, [*known], n=1)
    return f"No such command {name!r}. " + (f"Did you mean {near[0]!r}?" if near else otherwise)
