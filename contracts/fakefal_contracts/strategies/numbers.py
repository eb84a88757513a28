"""Numbers within the bounds of a field, and the first ones outside of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

FINE = Fraction(1, 1_000_000)
"""How far from an open bound a number without a step is."""
WIDE = 1000
"""How many steps a range is taken to have where one end is open."""


@dataclass(frozen=True)
class Numbers:
    """The numbers that a field takes: the multiples of a step between two bounds, each perhaps open.

    Of numbers without a step, those a millionth apart stand for all.
    """

    whole: bool
    step: Fraction
    least: Fraction | None
    most: Fraction | None
    multiple: Fraction | None = None

    @classmethod
    def of(cls, kind: type, metadata: Iterable[Any]) -> Numbers:
        """The numbers of a type with the bounds among its metadata."""
        given = {
            name: Fraction(str(getattr(one, name)))
            for one in metadata
            for name in ("ge", "gt", "le", "lt", "multiple_of")
            if getattr(one, name, None) is not None
        }
        multiple = given.get("multiple_of")
        whole = kind is int or (multiple is not None and multiple.denominator == 1)
        step = multiple or (Fraction(1) if whole else FINE)
        least = [given["ge"] / step] if "ge" in given else []
        least += [given["gt"] / step] if "gt" in given else []
        most = [given["le"] / step] if "le" in given else []
        most += [given["lt"] / step] if "lt" in given else []
        low = max((math.ceil(one) for one in least), default=None)
        high = min((math.floor(one) for one in most), default=None)
        if low is not None and "gt" in given and low * step == given["gt"]:
            low += 1
        if high is not None and "lt" in given and high * step == given["lt"]:
            high -= 1
        return cls(whole, step, None if low is None else low * step, None if high is None else high * step, multiple)

    def as_json(self, number: Fraction) -> int | float:
        """A number as JSON writes it."""
        return int(number) if self.whole and number.denominator == 1 else float(number)

    @property
    def _steps(self) -> tuple[int, int]:
        """The first and the last number, in steps."""
        low = None if self.least is None else int(self.least / self.step)
        high = None if self.most is None else int(self.most / self.step)
        if low is None:
            low = -WIDE if high is None else high - WIDE
        return low, low + WIDE if high is None else high

    def strategy(self) -> st.SearchStrategy[int | float]:
        """Any of them, the bounds among them."""
        low, high = self._steps
        return st.integers(low, high).map(lambda count: self.as_json(count * self.step))

    @property
    def plain(self) -> int | float:
        """The one next to 1."""
        low, high = self._steps
        return self.as_json(min(max(math.ceil(1 / self.step), low), high) * self.step)

    def first(self, count: int) -> list[int | float]:
        """The first ones, or all where there are fewer."""
        low, high = self._steps
        return [self.as_json(one * self.step) for one in range(low, min(low + count, high + 1))]

    def below(self) -> int | float:
        """The first that is too small."""
        assert self.least is not None
        return self.as_json(self.least - self.step)

    def above(self) -> int | float:
        """The first that is too large."""
        assert self.most is not None
        return self.as_json(self.most + self.step)

    def between(self, kind: type) -> int | float | None:
        """One within the bounds that is no multiple, where the type has one."""
        assert self.multiple is not None
        low, high = self._steps
        smaller = Fraction(1) if kind is int else self.multiple / 2
        found = low * self.step + smaller
        if smaller % self.multiple == 0 or found > high * self.step:
            return None
        return int(found) if kind is int else float(found)
