"""Limits what a run may cost: every submit is checked here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from fakefal.conform import fuse
from fakefal.conform.results import NotRun
from fakefal.conform.target import Answer
from fakefal.proxy.preflight import preflight
from fakefal.recording.spend_limit import NOTHING, SpendLimit, SpendReservation
from fakefal_contracts import BUILT_IN, Catalogue, Endpoint, Unit, UnknownEndpoint
from fakefal_contracts.endpoint import Edition
from fakefal_contracts.length import longest_file
from fakefal_contracts.model import choices, spots
from fakefal_contracts.price import Price, billed, dollars

CONTRACT = "latest"
UNITS = "x-fal-billable-units"


@dataclass(frozen=True)
class Admitted:
    """A submit that may cost money: its reservation, and the price of one unit in US dollars."""

    reservation: SpendReservation
    unit_usd: Decimal


class SpendGuard:
    """Allows or refuses submits.

    Args:
        budget: the spend limit; None for an emulator, where nothing costs money.
        catalogue: the known models and their prices.
    """

    def __init__(self, budget: SpendLimit | None, catalogue: Catalogue = BUILT_IN) -> None:
        self.budget = budget
        self._catalogue = catalogue

    @property
    def fused(self) -> bool:
        """Whether bodies that test a refusal get a fuse."""
        return self.budget is not None

    def check(self, endpoint_id: str, body: Any) -> Decimal:
        """The highest possible cost of a submit: zero for an emulator, and zero with a fuse.

        Raises:
            NotRun: it may cost more than the limit allows, or its price is unknown.
        """
        if self.budget is None:
            return NOTHING
        try:
            endpoint = self._catalogue.find(endpoint_id)
        except UnknownEndpoint as error:
            raise NotRun("its price is unknown: no schema covers it") from error
        if fuse.holds(endpoint, body):
            return NOTHING
        most = dearest(endpoint, body, self._catalogue)
        if most > max(self.budget.left, NOTHING):
            limit = dollars(self.budget.limit)
            raise NotRun(
                f"no fuse covers it, and it may cost {dollars(most)}: more than the rest of the limit of {limit}"
            )
        return most

    def admit(self, endpoint_id: str, body: Any) -> Admitted | None:
        """Allow a submit and reserve its cost; None if it costs nothing.

        Raises:
            NotRun: as `check`.
        """
        most = self.check(endpoint_id, body)
        if self.budget is None or not most:
            return None
        found = preflight(endpoint_id, body, catalogue=self._catalogue)
        unit = found.cost.unit_usd if found.cost is not None else _unit(found.endpoint.price(CONTRACT))
        return Admitted(self.budget.reserve(most), unit)

    def settle(self, admitted: Admitted | None, answer: Answer) -> None:
        """Replace the reservation by the bill on a result; without a bill, the reserved amount counts as spent.

        The billed seconds are priced by the tier that the body asked for, or by the most expensive one if no known
        revision accepts the body.
        """
        if self.budget is None or admitted is None:
            return
        try:
            units = Decimal(answer.headers[UNITS])
        except (KeyError, InvalidOperation):
            return
        if units.is_finite() and units >= 0:
            self.budget.settle(admitted.reservation, billed(units, admitted.unit_usd))

    def refund(self, admitted: Admitted | None) -> None:
        """Refund a submit that was not accepted."""
        if self.budget is not None and admitted is not None:
            self.budget.refund(admitted.reservation)

    @property
    def spent_usd(self) -> Decimal:
        """The spent and reserved amount in US dollars."""
        return self.budget.spent + self.budget.reserved if self.budget else Decimal(0)


def dearest(endpoint: Endpoint, body: Any, catalogue: Catalogue = BUILT_IN) -> Decimal:
    """The highest possible cost of a body, even if the service ignores parts of it.

    Raises:
        NotRun: its price is unknown, or how much of it the body asks for.
    """
    price = endpoint.price(CONTRACT)
    if price is not None and price.unit is not Unit.SECOND:
        cost = preflight(endpoint.id, body, catalogue=catalogue).cost
        if cost is None:
            raise NotRun("its price is unknown: no known schema accepts it")
        return cost.usd
    return _unit(price) * max(_longest(endpoint.edition(CONTRACT)), Decimal(_shots(body)))


def _unit(price: Price | None) -> Decimal:
    if price is None:
        raise NotRun("its price is unknown: give it in [prices] of fakefal.toml")
    return max((*price.tiers.values(), *price.by_resolution.values()))


def _longest(edition: Edition) -> Decimal:
    """The longest clip that one prompt or one file can produce, in seconds."""
    file = edition.model.follows and longest_file(edition.model, edition.model.follows)
    if file is None:
        raise NotRun(f"the longest {edition.model.follows} that it takes is unknown")
    if file and "duration" not in edition.model.model_fields:
        return file
    allowed = next((choices(spot.kind) for spot in spots(edition.model) if spot.path == "duration"), None)
    found = [re.fullmatch(r"(\d+)s?", str(one)) for one in allowed or ("60",)]
    if not all(found):
        raise NotRun(f"the length of duration {' or '.join(map(str, allowed or ()))} in seconds is unknown")
    return max(file or NOTHING, *(Decimal(one[1]) for one in found if one))


def _shots(body: Any) -> int:
    """The seconds of all shots of a body; one that says nothing useful counts as the longest."""
    shots = body.get("multi_prompt") if isinstance(body, dict) else None
    if not isinstance(shots, list):
        return 0
    given = [shot.get("duration", "5") if isinstance(shot, dict) else None for shot in shots]
    return sum(int(one) if isinstance(one, str) and one.isdecimal() else 15 for one in given)
