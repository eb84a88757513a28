"""The Platform API's calls about money: the account's credits, usage, and single charges.

Forms as its OpenAPI document of August 2026 has them, and for billing events the newer one of autumn 2026 (both in the
public repository tryAGI/Fal): it adds `quantity`, `unit`, `tags` and `source`.  Any key counts as an admin's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from fakefal.core.plan import NOTHING, Charge
from fakefal.engine.emulator import Emulator
from fakefal.platform_api.forms import (
    PREFIX,
    Cursor,
    Expand,
    Ids,
    PlatformKey,
    PlatformRoute,
    Texts,
    expanded,
    few_ids,
    page,
    platform_refusal,
    split,
)
from fakefal.platform_api.moments import (
    DAY_SECONDS,
    Bound,
    Frame,
    Moment,
    Zone,
    check_order,
    iso,
    read_stretch,
    wall_seconds,
)
from fakefal.state.endings import ending_of
from fakefal.state.ledger import nanos
from fakefal.state.requests import Snapshot
from fakefal.state.tags import BadTagFilter, TagFilter
from fakefal.wire.answers import HINT, Json, header_text
from fakefal.wire.context import TheEmulator
from fakefal.wire.rest import NEVER_EMPTY

router = APIRouter(prefix=PREFIX, tags=["platform"], route_class=PlatformRoute)
CREDITS = "credits"
TIME_SERIES, SUMMARY = "time_series", "summary"
AUTH_METHOD, AUTH_METHOD_STRUCTURED = "auth_method", "auth_method_structured"
MOST_DAYS = 90
MOST_EVENTS = 10_000

Source = Literal["billed", "tagged-billed"]

LAG_SECONDS: dict[Source, float] = {"billed": 60.0, "tagged-billed": 300.0}
"""How long after a job's end its charge shows, in emulated seconds.  fal's document says that events are delayed, and
those with tags longer, but not how long: these values are inferred."""

Limit = Annotated[int, Query(ge=1, description="Lines in a page.")]
KeyIds = Annotated[Texts, Query(description="Ids of API keys, repeated or separated by commas.")]
Names = Annotated[Texts, Query(description="Users of a team.  fakefal has no users, so any value matches nothing.")]
RequestIds = Annotated[Texts, Query(description="Ids of requests, repeated or separated by commas; at most 50.")]
WantedTags = Annotated[Texts, Query(description="A tag, as key=value; needs source=tagged-billed.")]


@dataclass(frozen=True)
class Charged:
    """A job that was charged: its price, None where that is unknown, and its unit, where that is known."""

    look: Snapshot
    units: float
    usd: Decimal | None
    unit: str | None

    @property
    def unit_usd(self) -> Decimal | None:
        """The price of a unit."""
        if self.usd is None:
            return None
        return self.usd / Decimal(str(self.units)) if self.units else NOTHING

    def cost(self) -> dict[str, Any]:
        """What was charged, in the form that all lists share; nobody gets a discount."""
        usd = float(self.usd or NOTHING)
        unit_usd = self.unit_usd
        return {
            "unit_price": None if unit_usd is None else float(unit_usd),
            "percent_discount": None,
            "cost_subtotal": usd,
            "cost_discount": 0.0,
            "cost_total": usd,
        }


@router.get("/account/billing")
async def account_billing(emulator: TheEmulator, key: PlatformKey, expand: Expand = None) -> Response:
    """Read the account of the key; with expand=credits also its balance in US dollars (0 if negative)."""
    body: dict[str, Any] = {"username": key}
    if expanded(expand, (CREDITS,)):
        balance = await emulator.accounts.balance(key)
        left = float(NEVER_EMPTY if balance is None else max(balance, NOTHING))
        body[CREDITS] = {"current_balance": left, "currency": "USD"}
    return Json(body)


@router.get("/models/usage")
async def usage(
    emulator: TheEmulator,
    key: PlatformKey,
    endpoint_id: Ids = None,
    api_key_id: KeyIds = None,
    login_username: Names = None,
    start: Moment = None,
    end: Moment = None,
    zone: Zone = "UTC",
    timeframe: Frame = None,
    bound_to_timeframe: Bound = "true",
    expand: Expand = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Read the charges of the key's jobs, by time, endpoint and unit price.

    Only jobs that have ended count, at the real time of their acceptance.
    """
    wanted = expanded(expand, (TIME_SERIES, SUMMARY, AUTH_METHOD, AUTH_METHOD_STRUCTURED)) or [TIME_SERIES]
    if not {TIME_SERIES, SUMMARY} & set(wanted):
        raise platform_refusal(400, f"expand: give {TIME_SERIES} or {SUMMARY}")
    stretch = read_stretch(emulator.wall(), start, end, zone, timeframe, bound_to_timeframe)
    ids, whose = few_ids(endpoint_id), _is_wanted(key, api_key_id, login_username)
    looks = await emulator.all(key)

    def answer() -> Response:
        found = [one for one in _charged(looks, emulator, ids) if whose and stretch.holds(one.look)]
        known = [one for one in found if one.usd is not None]
        body: dict[str, Any] = {}
        following: dict[str, Any] = {"next_cursor": None, "has_more": False}
        if TIME_SERIES in wanted:
            buckets = stretch.buckets((one.look.record.sent_at, one) for one in known)
            shown, following = page([*buckets.items()], cursor, limit)
            body[TIME_SERIES] = [{"bucket": begin, "results": _lines(ones, key, wanted)} for begin, ones in shown]
        if SUMMARY in wanted:
            body[SUMMARY] = _lines(known, key, wanted)
        return Json(body | following, headers=_unpriced(found))

    return await asyncio.to_thread(answer)


def _lines(ones: Iterable[Charged], key: str, wanted: list[str]) -> list[dict[str, Any]]:
    """One line for each endpoint and price."""
    groups: dict[tuple[str, float], list[Charged]] = {}
    for one in ones:
        groups.setdefault((one.look.record.endpoint_id, float(one.unit_usd or NOTHING)), []).append(one)
    return [_line(endpoint_id, group, key, wanted) for (endpoint_id, _), group in groups.items()]


def _line(endpoint_id: str, group: list[Charged], key: str, wanted: list[str]) -> dict[str, Any]:
    units = sum((Decimal(str(one.units)) for one in group), NOTHING)
    usd = sum((one.usd or NOTHING for one in group), NOTHING)
    whole = Charged(group[0].look, float(units), usd, group[0].unit)
    return {
        "endpoint_id": endpoint_id,
        "unit": whole.unit or "request",
        "quantity": whole.units,
        **whole.cost(),
        "cost": float(usd),
        "currency": "USD",
        **_auth_method(key, wanted),
    }


@router.get("/models/billing-events")
async def billing_events(
    emulator: TheEmulator,
    key: PlatformKey,
    endpoint_id: Ids = None,
    request_id: RequestIds = None,
    api_key_id: KeyIds = None,
    login_username: Names = None,
    start: Moment = None,
    end: Moment = None,
    source: Annotated[Source, Query(description="With tagged-billed, charges include their tags.")] = "billed",
    tag: WantedTags = None,
    expand: Expand = None,
    limit: Annotated[int, Query(ge=1, le=MOST_EVENTS, description="Charges in a page.")] = 50,
    cursor: Cursor = None,
) -> Response:
    """List the charges of the key, newest first.  A new charge is listed after a delay."""
    wanted = expanded(expand, (AUTH_METHOD, AUTH_METHOD_STRUCTURED))
    now = emulator.wall()
    first, last = wall_seconds(start, now - DAY_SECONDS), wall_seconds(end, float("inf"))
    check_order(first, last)
    if min(last, now) - first > MOST_DAYS * DAY_SECONDS:
        raise platform_refusal(400, f"start: at most {MOST_DAYS} days are shown at once")
    tags = _tag_filter(tag, source)
    ids, requests = few_ids(endpoint_id), few_ids(request_id, "request_id")
    shown_until = emulator.clock.now(key) - LAG_SECONDS[source]
    found = [
        one
        for one in await asyncio.to_thread(_charged, await emulator.all(key), emulator, ids)
        if first <= one.look.record.sent_at < last
        and _is_wanted(key, api_key_id, login_username)
        and (not requests or one.look.record.id in requests)
        and tags.holds(one.look.record.tags)
        and (one.look.view.ended_at or 0.0) <= shown_until
    ]
    shown, following = page(found[::-1], cursor, limit)
    events = [_event(one, source) | _auth_method(key, wanted) for one in shown]
    return Json({"billing_events": events, **following}, headers=_unpriced(shown))


def _event(one: Charged, source: Source) -> dict[str, Any]:
    record = one.look.record
    tags = {"tags": dict(record.tags)} if source == "tagged-billed" else {}
    return {
        "request_id": record.id,
        "endpoint_id": record.endpoint_id,
        "timestamp": iso(record.sent_at),
        "quantity": one.units,
        "output_units": one.units,
        "unit": one.unit,
        **one.cost(),
        "cost_estimate_nano_usd": nanos(one.usd or NOTHING),
        **tags,
    }


def _tag_filter(texts: Texts, source: Source) -> TagFilter:
    """The filter by tags, which only the source with tags has.

    Raises:
        WireError: 400, a text is none, or the source has no tags.
    """
    if texts and source == "billed":
        raise platform_refusal(400, "tag: give source=tagged-billed with it")
    try:
        return TagFilter.read(texts or ())
    except BadTagFilter as error:
        raise platform_refusal(400, str(error)) from error


def _charged(looks: Iterable[Snapshot], emulator: Emulator, ids: list[str]) -> list[Charged]:
    """The jobs that are over and charged, oldest first; of these endpoints, or of all."""
    found = []
    units: dict[str, str | None] = {}
    for look in looks:
        ending, endpoint_id = ending_of(look), look.record.endpoint_id
        if ending is None or ending.charge is not Charge.YES or (ids and endpoint_id not in ids):
            continue
        if endpoint_id not in units:
            units[endpoint_id] = _unit(emulator, endpoint_id)
        found.append(Charged(look, ending.billable_units, ending.usd, units[endpoint_id]))
    return found


def _unit(emulator: Emulator, endpoint_id: str) -> str | None:
    endpoint = emulator.catalogue.get(endpoint_id)
    if endpoint is None:
        price = emulator.catalogue.prices.get(endpoint_id)
    else:
        price = endpoint.price(emulator.settings.contract)
    return None if price is None else str(price.unit)


def _is_wanted(key: str, keys: Texts, names: Texts) -> bool:
    """Whether a call asks for what the caller's own key did, by itself or among others."""
    return not split(names) and (not split(keys) or key in split(keys))


def _auth_method(key: str, wanted: list[str]) -> dict[str, Any]:
    """By which key a job came."""
    structured = {"detail": key, "api_key_id": key}
    shown = {AUTH_METHOD: key, AUTH_METHOD_STRUCTURED: structured}
    return {name: value for name, value in shown.items() if name in wanted}


def _unpriced(ones: Iterable[Charged]) -> dict[str, str]:
    """Tells the developer of jobs whose price is unknown: they cost nothing here."""
    ids = sorted({one.look.record.endpoint_id for one in ones if one.usd is None})
    said = f"the sums do not include {', '.join(ids)}: their prices are unknown; set them in [prices]"
    return {HINT: header_text(said)} if ids else {}
