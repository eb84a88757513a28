"""What pre-flight warns of, as a warning of Python's own, at the line of the program that calls."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable

from fakefal_contracts import Advice

PACKAGE = __name__.partition(".")[0]


class RequestWarning(UserWarning):
    """The service accepts the request, but it may not do what you mean.

    Attributes:
        advice: its code, place, words and hint.
    """

    def __init__(self, endpoint_id: str, advice: Advice) -> None:
        place = ".".join(map(str, advice.loc))
        super().__init__(f"{endpoint_id}{f', {place}' if place else ''}: {advice.msg} ({advice.code}; {advice.hint})")
        self.advice = advice


def warn(endpoint_id: str, found: Iterable[Advice]) -> None:
    """Give each warning out.

    Raises:
        RequestWarning: the program's filters make errors of them.
    """
    for advice in found:
        warnings.warn(RequestWarning(endpoint_id, advice), stacklevel=_level_of_the_caller())


def _level_of_the_caller() -> int:
    """How many calls above `warn` this package ends."""
    frame, level = sys._getframe(1), 1  # noqa: SLF001 - as the module warnings itself does
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == PACKAGE:
        frame, level = frame.f_back, level + 1
    return level
