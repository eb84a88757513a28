"""Accepted requests, as a test sees them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fakefal.core.plan import NOTHING, Charge
from fakefal.state import jsonio
from fakefal.state.endings import ending_of, result_value
from fakefal.state.ledger import LedgerEntry
from fakefal.state.requests import Snapshot
from fakefal_contracts.price import dollars


@dataclass(frozen=True)
class EmulatedRequest:
    """A request at the moment when the test read it.

    Attributes:
        id: the request id.
        endpoint_id: the full id that was called.
        arguments: the JSON body; a ``data:`` URI is replaced by the URL of the file in which it is stored.
        key: the id part of the key.
        status: IN_QUEUE, IN_PROGRESS or COMPLETED; fal calls a refused request COMPLETED, too.
        result_status: the HTTP status of its result, after it has ended.
        result: the JSON of its result, after it has ended: the output of the model, or the error.
        webhook: the URL for its webhook.
        logs: the log lines so far.
        hint: what to change, if it was refused.
    """

    id: str
    endpoint_id: str
    arguments: Any
    key: str
    status: str
    result_status: int | None
    result: Any
    webhook: str | None
    logs: tuple[str, ...]
    hint: str

    @property
    def succeeded(self) -> bool:
        """Whether it has ended with an output of the model."""
        return self.result_status is not None and self.result_status < HTTPStatus.BAD_REQUEST

    def __str__(self) -> str:
        answer = f" with {self.result_status}" if self.result_status is not None else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.endpoint_id} {self.id}: {self.status}{answer}{hint}"


def seen(look: Snapshot) -> EmulatedRequest:
    """A request, as a test sees it."""
    record, ending = look.record, ending_of(look)
    return EmulatedRequest(
        record.id,
        record.endpoint_id,
        jsonio.load(record.arguments),
        record.key,
        look.view.state.value,
        ending.status if ending else None,
        result_value(ending, record.base_url) if ending else None,
        record.webhook,
        tuple(text for _, text in look.view.logs),
        ending.hint if ending else "",
    )


def listed(things: Iterable[EmulatedRequest | LedgerEntry]) -> str:
    """Requests or jobs, one in a line, for the message of a failed assertion."""
    lines = [f"\n  {one if isinstance(one, EmulatedRequest) else _job(one)}" for one in things]
    return "".join(lines) or "\n  (none was accepted)"


def _job(entry: LedgerEntry) -> str:
    twin = f", repeats {entry.duplicate_of}" if entry.duplicate_of else ""
    usd = "price unknown" if entry.usd is None else dollars(entry.usd)
    maybe = (
        f", and {dollars(entry.maybe_usd or NOTHING)} may be charged for the refusal"
        if entry.charge is Charge.MAYBE
        else ""
    )
    return f"{entry.endpoint_id} {entry.request_id}: {entry.units:g} units, {usd}{maybe}{twin}"
