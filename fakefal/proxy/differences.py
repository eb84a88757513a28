"""Compares the prediction of the contract with the answer of the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import Any

from fakefal.proxy.preflight import ProxyPreflight
from fakefal.state import jsonio
from fakefal.wire.answers import BILLABLE_UNITS
from fakefal_contracts.failures import PLATFORM_ERRORS

CANCELLED = PLATFORM_ERRORS["client_cancelled"].status

#: Refusals that depend on contents and on other machines: no contract could have foretold them.
UNFORESEEABLE = frozenset(
    {
        "content_policy_violation",
        "downstream_service_error",
        "downstream_service_unavailable",
        "face_detection_error",
        "file_download_error",
        "generation_timeout",
        "image_load_error",
        "internal_server_error",
        "no_media_generated",
    }
)


@dataclass(frozen=True)
class Item:
    """The compared parts of one error of a refusal."""

    loc: tuple[Any, ...]
    type: str
    msg: str

    def as_dict(self) -> dict[str, Any]:
        """As the report has it."""
        return {"loc": list(self.loc), "type": self.type, "msg": self.msg}

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.loc))}: {self.type}: {self.msg}"


@dataclass(frozen=True)
class ServiceEnding:
    """How a job ended at the service.  `units` is None without a bill."""

    status: int
    items: tuple[Item, ...]
    units: Decimal | None
    error_type: str = ""

    @property
    def refused(self) -> bool:
        """Whether the model refused the request."""
        return self.status == HTTPStatus.UNPROCESSABLE_ENTITY


@dataclass(frozen=True)
class Difference:
    """One difference between prediction and answer: its kind, and both sides as text."""

    kind: str
    predicted: str
    answered: str


def read_ending(status: int, headers: Mapping[str, str], raw: bytes) -> ServiceEnding | None:
    """The end of a job in an answer to its result call, or to a synchronous one; None if it is not over.

    An answer without a bill ends a job only in a form that the model or the platform gives to an end:
    the gateway's own 400, 401 or 5xx says nothing about the job.
    """
    try:
        body = jsonio.parse(raw)
    except jsonio.InvalidJson:
        body = None
    named = body if isinstance(body, dict) else {}
    detail = named.get("detail")
    items = tuple(_item(one) for one in detail) if isinstance(detail, list) else ()
    error_type = str(named.get("error_type") or "")
    ended = BILLABLE_UNITS in headers or status in (HTTPStatus.OK, HTTPStatus.UNPROCESSABLE_ENTITY, CANCELLED)
    if ended or (status >= HTTPStatus.INTERNAL_SERVER_ERROR and (items or error_type)):
        return ServiceEnding(status, items, _units(headers.get(BILLABLE_UNITS)), error_type)
    return None


def _item(written: Any) -> Item:
    named = written if isinstance(written, dict) else {}
    loc = named.get("loc")
    return Item(tuple(loc) if isinstance(loc, list) else (), str(named.get("type")), str(named.get("msg")))


def _units(text: str | None) -> Decimal | None:
    try:
        units = Decimal(text or "")
    except InvalidOperation:
        return None
    return units if units.is_finite() and units >= 0 else None


def predicted_items(before: ProxyPreflight) -> tuple[Item, ...]:
    """The expected errors; none if acceptance is expected."""
    return tuple(Item(("body", *error.loc), error.type, error.msg) for error in before.predicted.errors)


def compare(before: ProxyPreflight, ending: ServiceEnding) -> list[Difference]:
    """The differences between an ending and its prediction.

    Failures of the service, cancelled jobs, and errors that depend on unread media are not differences.
    """
    expected = predicted_items(before)
    if ending.status == HTTPStatus.OK:
        return [*_accepted(expected), *_bill(before, ending)]
    if not ending.refused:
        return []
    answered = tuple(item for item in ending.items if not _unforeseen(before, item))
    found = _bill(before, ending)
    if not expected:
        return [*found, Difference("refused", "accepted", _words(answered))] if answered or not ending.items else found
    if sorted(map(str, expected)) != sorted(map(str, ending.items)):
        found.append(Difference("refusal", _words(expected), _words(ending.items)))
    return found


def _accepted(expected: tuple[Item, ...]) -> list[Difference]:
    return [Difference("accepted", _words(expected), "accepted")] if expected else []


def _bill(before: ProxyPreflight, ending: ServiceEnding) -> list[Difference]:
    """Billed units that differ from the priced units."""
    if ending.units is None or before.cost is None:
        return []
    expected = Decimal(0) if ending.refused else before.cost.units
    if ending.units == expected:
        return []
    return [Difference("units", f"{expected} units billed", f"{ending.units} units billed")]


def _unforeseen(before: ProxyPreflight, item: Item) -> bool:
    """Whether an error is about media that were not read."""
    unseen = [("body", *media.loc) for media in before.predicted.unchecked]
    return item.type in UNFORESEEABLE or any(item.loc[: len(loc)] == loc for loc in unseen)


def _words(items: tuple[Item, ...]) -> str:
    return "refused: " + ("; ".join(map(str, items)) or "without items")
