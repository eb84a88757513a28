"""Warnings of the check before sending, as Python warnings at the line of the caller."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable

from fakefal_contracts import Advice

PACKAGE = __name__.partition(".")[0]


class RequestWarning(UserWarning):
    """The service accepts the request, but it may not do what you mean.

    Attributes:
        advice: its code, place, message and hint.
    """

    def __init__(self, endpoint_id: str, advice: Advice) -> None:
        place = ".".join(map(str, advice.loc))
        super().__init__(f"{endpoint_id}{f', {place}' if place else ''}: {advice.msg} ({advice.code}; {advice.hint})")
        self.advice = advice


def warn(endpoint_id: str, found: Iterable[Advice]) -> None:
    """Issue each warning.

    Raises:
        RequestWarning: the program's warning filters turn it into an error.
    """
    for advice in found:
        warnings.warn(RequestWarning(endpoint_id, advice), stacklevel=_level_of_the_caller())


def _level_of_the_caller() -> int:
    """The stack level of the first caller outside this package."""
    frame, level = sys._getframe(1), 1  # noqa: SLF001 - as the module warnings itself does
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == PACKAGE:
        frame, level = frame.f_back, level + 1
    return level
