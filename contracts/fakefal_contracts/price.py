"""What a request costs: seconds times a unit price, in exact decimals."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from fakefal_contracts.evidence import Evidence
from fakefal_contracts.model import Input


@dataclass(frozen=True)
class Price:
    """US dollars per billed second since a day; the dearest tier that applies counts."""

    since: dt.date
    usd: Decimal
    evidence: Evidence
    usd_with_audio: Decimal | None = None
    usd_with_clip: Decimal | None = None

    def unit(self, arguments: Input) -> Decimal:
        """US dollars per second for these arguments."""
        usd = self.usd
        if self.usd_with_audio is not None and arguments.audio():
            usd = max(usd, self.usd_with_audio)
        if self.usd_with_clip is not None and arguments.uses_clip():
            usd = max(usd, self.usd_with_clip)
        return usd


class Cost(NamedTuple):
    """The price of one request: `usd` is `seconds` times `unit_usd`."""

    usd: Decimal
    seconds: int
    unit_usd: Decimal


def price_of(arguments: Input, price: Price) -> Cost:
    """What these arguments cost when they are accepted."""
    unit = price.unit(arguments)
    seconds = arguments.seconds()
    return Cost(unit * seconds, seconds, unit)


def billed(units: Decimal, unit_usd: Decimal) -> Decimal:
    """US dollars for what the service says it billed, in the units of ``x-fal-billable-units`` (seconds)."""
    return units * unit_usd


def dollars(usd: Decimal) -> str:
    """An amount as people read it: two digits, and more only where they matter."""
    exact = usd.normalize()
    cents = exact.quantize(Decimal("0.01"))
    return f"${cents if cents == exact else exact}"
