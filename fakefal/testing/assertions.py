"""Assertions of the fixture."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection
from decimal import Decimal, InvalidOperation

from fakefal.state.ledger import LedgerEntry, Sums
from fakefal.testing.seen_requests import EmulatedRequest, listed
from fakefal.verdict.findings import Verdict
from fakefal.verdict.mistakes import kinds_of
from fakefal_contracts.price import Unit, dollars

FLOAT_ERROR = 1e-9
PRICE_DIGITS = 9
"""Rounding errors of floats are far smaller than the last digit of any price."""


class Assertions(ABC):
    """Assertions about the calls to an emulator; their messages list what it saw."""

    @property
    @abstractmethod
    def requests(self) -> list[EmulatedRequest]:
        """Every accepted request, oldest first."""

    @property
    @abstractmethod
    def ledger(self) -> list[LedgerEntry]:
        """Every accepted job with its units, its price and the job that it probably repeats, oldest first."""

    @property
    @abstractmethod
    def sums(self) -> Sums:
        """The totals of the ledger; ``str()`` makes one line of them."""

    @property
    @abstractmethod
    def verdict(self) -> Verdict:
        """Mistakes so far that would cost real money, as if the program ended now; ``str()`` makes a table of them."""

    @abstractmethod
    def _unit_of(self, endpoint_id: str) -> Unit | None:
        """What the price of a model is for, such as a second; None if its price is unknown."""

    def assert_completed(self, count: int | None = None) -> None:
        """Assert that every request succeeded, and that there were `count`, or at least one."""
        __tracebackhide__ = True
        requests = self.requests
        failed = [one for one in requests if not one.succeeded]
        if not requests:
            raise AssertionError("no request was accepted, so none completed")
        if failed:
            raise AssertionError(f"{len(failed)} of {len(requests)} requests did not succeed:{listed(failed)}")
        if count is not None and len(requests) != count:
            raise AssertionError(f"{len(requests)} requests succeeded, not {count}:{listed(requests)}")

    def assert_billed(self, usd: float | str | Decimal | None = None, *, units: float | None = None) -> None:
        """Assert what was billed: this amount or these units, or anything at all.

        Args:
            usd: dollars; exact if it is a string or a Decimal, while a float may be off by its rounding.
            units: as in the ledger, mostly seconds.

        Raises:
            AssertionError: something else was billed.
            ValueError: `usd` is not an amount.
        """
        __tracebackhide__ = True
        billed = self.sums
        wrong = []
        if usd is not None and billed.usd != (wanted := exact_usd(usd)):
            wrong.append(f"{dollars(billed.usd)} were billed, not {dollars(wanted)}")
        if units is not None and not math.isclose(billed.units, units, rel_tol=FLOAT_ERROR):
            wrong.append(f"{self._in_words(billed.units)} were billed, not {units:g}")
        if usd is None and units is None and not billed.usd:
            wrong.append("nothing was billed")
        if wrong:
            raise AssertionError(f"{' and '.join(wrong)}:{listed(self.ledger)}")

    def _in_words(self, units: float) -> str:
        """Units with their name, if all jobs have the same one."""
        found = {self._unit_of(entry.endpoint_id) for entry in self.ledger}
        unit = found.pop() if len(found) == 1 else None
        return f"{units:g} units" if unit is None else unit.in_words(Decimal(f"{units:g}"))

    def assert_no_duplicates(self) -> None:
        """Assert that no job repeats an equal one of its key within a minute, as after a lost answer."""
        __tracebackhide__ = True
        twins = [entry for entry in self.ledger if entry.duplicate_of]
        if twins:
            repeat = "repeats" if len(twins) == 1 else "repeat"
            raise AssertionError(f"{len(twins)} of {len(self.ledger)} jobs {repeat} an equal one:{listed(twins)}")

    def assert_careful(self, *, allow: str | Collection[str] = ()) -> None:
        """Assert that the program made no mistake that costs real money: the verdict has no proven finding.

        Args:
            allow: kinds of findings to ignore, or one, such as ``result_never_fetched`` if a test only submits.

        Raises:
            AssertionError: there are findings; the message shows the calls that prove them, and what to do.
            ValueError: a kind does not exist.
        """
        __tracebackhide__ = True
        verdict = self.verdict.without(kinds_of(allow))
        if verdict.proven:
            raise AssertionError(f"{verdict}\n(allow=[...] ignores kinds)")


def exact_usd(usd: float | str | Decimal) -> Decimal:
    """An exact amount in US dollars; a float is rounded to the digits of prices.

    Raises:
        ValueError: it is not an amount.
    """
    try:
        amount = Decimal(str(usd).removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise ValueError(f"{usd!r} is not an amount of dollars: write 1.12 or '1.12'")
    return round(amount, PRICE_DIGITS) if isinstance(usd, float) else amount
