"""What a test says must have happened: the assertions of the fixture."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection
from decimal import Decimal, InvalidOperation

from fakefal.state.ledger import LedgerEntry, Sums
from fakefal.testing.seen_requests import EmulatedRequest, listed
from fakefal.verdict.findings import Verdict
from fakefal.verdict.mistakes import Kind
from fakefal_contracts.price import dollars

FLOAT_ERROR = 1e-9
PRICE_DIGITS = 9
"""What a sum of floats may lose lies far behind the last digit of any price."""


class Assertions(ABC):
    """Assertions about what an emulator saw, whose messages show it."""

    @property
    @abstractmethod
    def requests(self) -> list[EmulatedRequest]:
        """Every accepted request, oldest first."""

    @property
    @abstractmethod
    def ledger(self) -> list[LedgerEntry]:
        """Every accepted job with its units, its price and what it probably repeats, oldest first."""

    @property
    @abstractmethod
    def sums(self) -> Sums:
        """The ledger's sums; as a text, one line."""

    @property
    @abstractmethod
    def verdict(self) -> Verdict:
        """What the program would have done with real money so far, as if it ended now; as a text, a table."""

    def assert_completed(self, count: int | None = None) -> None:
        """Every request is over and succeeded; with a count, so many.  Without one, at least one was made."""
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
        """So many dollars or units were billed; without a number, anything at all.

        Args:
            usd: exact where it is a text or a Decimal; a float may be off by what floats lose in sums.
            units: as the ledger counts them, seconds for the most part.

        Raises:
            AssertionError: it was another amount.
            ValueError: that is no amount.
        """
        __tracebackhide__ = True
        billed = self.sums
        wrong = []
        if usd is not None and billed.usd != (wanted := exact_usd(usd)):
            wrong.append(f"{dollars(billed.usd)} were billed, not {dollars(wanted)}")
        if units is not None and not math.isclose(billed.units, units, rel_tol=FLOAT_ERROR):
            wrong.append(f"{billed.units:g} units were billed, not {units:g}")
        if usd is None and units is None and not billed.usd:
            wrong.append("nothing was billed")
        if wrong:
            raise AssertionError(f"{' and '.join(wrong)}:{listed(self.ledger)}")

    def assert_no_duplicates(self) -> None:
        """No job was paid twice: two of one key, endpoint and body within a minute count as one call sent twice."""
        __tracebackhide__ = True
        twins = [entry for entry in self.ledger if entry.duplicate_of]
        if twins:
            raise AssertionError(f"{len(twins)} of {len(self.ledger)} jobs were probably sent twice:{listed(twins)}")

    def assert_careful(self, *, allow: Collection[str] = ()) -> None:
        """Nothing that the program did would have cost real money in vain: the verdict has no proven finding.

        Args:
            allow: kinds of findings that are fine here, such as ``result_never_fetched`` where a test only submits.

        Raises:
            AssertionError: there are findings; the message shows the calls that prove them, and what to do.
            ValueError: that is no kind.
        """
        __tracebackhide__ = True
        verdict = self.verdict.without({Kind(one) for one in allow})
        if verdict.proven:
            raise AssertionError(f"{verdict}\n(allow=[...] lets kinds pass)")


def exact_usd(usd: float | str | Decimal) -> Decimal:
    """An amount of dollars; of a float, as many digits as prices have.

    Raises:
        ValueError: it is none.
    """
    try:
        amount = Decimal(str(usd).removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise ValueError(f"{usd!r} is not an amount of dollars: write 1.12 or '1.12'")
    return round(amount, PRICE_DIGITS) if isinstance(usd, float) else amount
