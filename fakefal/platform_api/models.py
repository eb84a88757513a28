"""The Platform API's catalogue: models, their prices, and estimates."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from annotated_types import Interval, Len
from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from fakefal.engine.emulator import Emulator
from fakefal.platform_api.forms import (
    PREFIX,
    Cursor,
    Expand,
    Ids,
    MaybeKey,
    PlatformKey,
    PlatformRoute,
    expanded,
    page,
    platform_refusal,
    some_ids,
    split,
)
from fakefal.state.ledger import entries
from fakefal.state.requests import NO_KEY
from fakefal.wire.answers import Json
from fakefal.wire.context import TheBaseUrl, TheEmulator
from fakefal_contracts import FOUNDING, Endpoint, UnknownContract, judge
from fakefal_contracts.catalogue import about
from fakefal_contracts.errors import UnreadableContract, how_to_price
from fakefal_contracts.example import example_input
from fakefal_contracts.hosts import BaseUrl, Part
from fakefal_contracts.openapi import openapi, thumbnail_url
from fakefal_contracts.price import Price

router = APIRouter(prefix=f"{PREFIX}/models", tags=["platform"], route_class=PlatformRoute)
OPENAPI, ENTERPRISE = "openapi-3.0", "enterprise_status"
ACTIVE = "active"
MOST_UNITS = 10**12
"""An upper bound, so that the cost stays a finite number."""

#: The shape that fal gave one model of each category instead of its document (June 2026).
NO_DOCUMENT = {"error": {"code": "expansion_failed", "message": "Failed to fetch OpenAPI schema"}}
NO_ENTERPRISE = {"error": {"code": "expansion_failed", "message": "fakefal does not know enterprise statuses"}}

Limit = Annotated[int, Query(ge=1, description="Models in a page.")]


@router.get("")
async def models(
    emulator: TheEmulator,
    base_url: TheBaseUrl,
    key: MaybeKey,
    endpoint_id: Ids = None,
    q: Annotated[str, Query(description="Words that the id, name or category contain; all must match.")] = "",
    category: Annotated[str | None, Query(description="Only models of this category.")] = None,
    status: Annotated[Literal["active", "deprecated"] | None, Query(description="Every model is active.")] = None,
    expand: Expand = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List the models that fakefal knows, by id or by search."""
    wanted = expanded(expand, (OPENAPI, ENTERPRISE))
    known = emulator.catalogue
    ids = some_ids(endpoint_id) if split(endpoint_id) else list(known)
    if unknown := [one for one in ids if one not in known]:
        raise platform_refusal(404, f"No such model: {', '.join(unknown)}")
    if q or category or status:
        sought = await asyncio.to_thread(known.search, q, [category] if category else ())
        found = set(sought) if status in (None, ACTIVE) else set()
        ids = [one for one in ids if one in found]
    shown, following = page(ids, cursor, limit)
    return Json({"models": [_model(one, emulator, base_url, key, wanted) for one in shown], **following})


def _model(endpoint_id: str, emulator: Emulator, base_url: BaseUrl, key: str, wanted: list[str]) -> dict[str, Any]:
    endpoint = emulator.catalogue.find(endpoint_id)
    shown: dict[str, Any] = {"endpoint_id": endpoint_id, "metadata": _metadata(endpoint, base_url, key)}
    if OPENAPI in wanted:
        shown["openapi"] = _document(endpoint, emulator.settings.contract, base_url)
    if ENTERPRISE in wanted:
        shown[ENTERPRISE] = NO_ENTERPRISE
    return shown


def _metadata(endpoint: Endpoint, base_url: BaseUrl, key: str) -> dict[str, Any]:
    said = endpoint.metadata
    return {
        "display_name": endpoint.title,
        "category": endpoint.category,
        "description": about(endpoint.id),
        "status": ACTIVE,
        "tags": said.get("tags", []),
        "updated_at": said.get("updated_at"),
        "is_favorited": None if key == NO_KEY else False,
        "thumbnail_url": base_url.url(Part.CDN, urlsplit(thumbnail_url(endpoint)).path),
        "model_url": base_url.url(Part.RUN, f"/{endpoint.id}"),
        "license_type": said.get("license_type"),
        "date": said.get("date"),
        "group": said.get("group"),
        "highlighted": False,
        "kind": said.get("kind", "inference"),
        "pinned": False,
    }


def _document(endpoint: Endpoint, contract: str, base_url: BaseUrl) -> dict[str, Any]:
    try:
        return openapi(endpoint.edition(contract), server=base_url.url(Part.QUEUE, ""))
    except (UnknownContract, UnreadableContract):
        return NO_DOCUMENT


@router.get("/pricing")
async def pricing(emulator: TheEmulator, _: PlatformKey, endpoint_id: Ids = None) -> Response:
    """Read unit prices in US dollars, without surcharges for sound or an input clip.  404 if a price is unknown."""
    prices = []
    for one in some_ids(endpoint_id):
        price = _priced(emulator, one)
        prices.append({"endpoint_id": one, "unit_price": float(price.usd), "unit": f"{price.unit}s", "currency": "USD"})
    return Json({"prices": prices, "next_cursor": None, "has_more": False})


class Calls(BaseModel):
    """The planned number of calls."""

    call_quantity: Annotated[int, Interval(ge=1, le=MOST_UNITS)]


class Units(BaseModel):
    """The planned number of billed units."""

    unit_quantity: Annotated[float, Interval(ge=0.000001, le=MOST_UNITS)]


_IDS = Field(json_schema_extra={"propertyNames": {"enum": [*FOUNDING]}})
"""For the document; the answer to an id that is not known is 404."""


class HistoricalEstimate(BaseModel):
    """An estimate from the average cost of earlier calls."""

    estimate_type: Literal["historical_api_price"]
    endpoints: Annotated[dict[str, Calls], Len(min_length=1), _IDS]


class UnitEstimate(BaseModel):
    """An estimate from the unit price."""

    estimate_type: Literal["unit_price"]
    endpoints: Annotated[dict[str, Units], Len(min_length=1), _IDS]


Estimate = Annotated[HistoricalEstimate | UnitEstimate, Body(discriminator="estimate_type")]


@router.post("/pricing/estimate")
async def estimate(wanted: Estimate, emulator: TheEmulator, key: PlatformKey) -> Response:
    """Estimate the cost of calls or units, in US dollars.

    A call costs the average of the key's billed calls.  If there are none, it costs what the smallest example of
    the model costs.
    """
    if isinstance(wanted, UnitEstimate):
        parts = [
            _priced(emulator, one).usd * Decimal(str(units.unit_quantity)) for one, units in wanted.endpoints.items()
        ]
    else:
        usual = await _usual_costs(emulator, key)
        parts = [
            (usual[one] if one in usual else _example_cost(emulator, one)) * calls.call_quantity
            for one, calls in wanted.endpoints.items()
        ]
    total = float(sum(parts, Decimal(0)))
    return Json({"estimate_type": wanted.estimate_type, "total_cost": total, "currency": "USD"})


async def _usual_costs(emulator: Emulator, key: str) -> dict[str, Decimal]:
    """What a billed call of this key cost on average, by endpoint."""
    billed: dict[str, list[Decimal]] = {}
    for entry in await asyncio.to_thread(list, entries(await emulator.all(key))):
        if entry.usd:
            billed.setdefault(entry.endpoint_id, []).append(entry.usd)
    return {endpoint_id: sum(costs, Decimal(0)) / len(costs) for endpoint_id, costs in billed.items()}


def _example_cost(emulator: Emulator, endpoint_id: str) -> Decimal:
    price = _priced(emulator, endpoint_id)
    endpoint = emulator.catalogue.find(endpoint_id)
    report = judge(endpoint.edition(emulator.settings.contract), example_input(endpoint))
    return report.cost.usd if report.cost is not None else price.usd


def _priced(emulator: Emulator, endpoint_id: str) -> Price:
    endpoint = emulator.catalogue.get(endpoint_id)
    if endpoint is None:
        raise platform_refusal(404, f"No price for {endpoint_id}: there is no such model")
    if (price := endpoint.price(emulator.settings.contract)) is None:
        hint = how_to_price(endpoint_id)
        raise platform_refusal(404, f"No price for {endpoint_id}: fakefal does not know it", hint=hint)
    return price
