"""The arguments of a request and what is known of the files among them, from which its result is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from fakefal_contracts import Report
from fakefal_contracts.media import Facts

F = TypeVar("F", bound=Facts)


@dataclass
class RequestFiles:
    """The arguments of a report, and its files as far as they were read."""

    report: Report

    @cached_property
    def argument(self) -> Callable[..., Any]:
        """Finds the first of several arguments that was given or has a default."""
        assert self.report.arguments is not None
        return self.report.arguments.argument

    @property
    def category(self) -> str:
        """The category of the model at fal, such as ``image-to-video``; empty if unknown."""
        return self.report.endpoint.category or ""

    @property
    def makes_clips(self) -> bool:
        """Whether the model makes clips."""
        return self.category.endswith("video")

    def number(self, *names: str) -> float | None:
        """The first of several arguments, if it is a number above 0."""
        given = self.argument(*names)
        return given if isinstance(given, int | float) and not isinstance(given, bool) and given > 0 else None

    def read(self, kind: type[F]) -> Iterator[F]:
        """The files of this kind that were read, in the order of the arguments."""
        return (facts for facts in self.report.facts.values() if isinstance(facts, kind))
