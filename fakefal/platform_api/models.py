"""The Platform API's catalogue: models, their prices, and estimates."""

from __future__ import annotations

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
from fakefal_contracts import BUILT_IN, IN_DEPTH, Endpoint, UnknownContract, examples, judge
from fakefal_contracts.catalogue import about
from fakefal_contracts.hosts import BaseUrl, Part
from fakefal_contracts.openapi import openapi, thumbnail_url

router = APIRouter(prefix=f"{PREFIX}/models", tags=["platform"], route_class=PlatformRoute)
OPENAPI, ENTERPRISE = "openapi-3.0", "enterprise_status"
ACTIVE = "active"
MOST_UNITS = 10**12
"""Nobody calls oftener; what it costs is still a number."""

#: The shape that fal gave one model of each category instead of its document (June 2026).
NO_DOCUMENT = {"error": {"code": "expansion_failed", "message": "Failed to fetch OpenAPI schema"}}
NO_ENTERPRISE = {"error": {"code": "expansion_failed", "message": "fakefal does not know enterprise statuses"}}

Limit = Annotated[int, Query(ge=1, description="models on a page")]


@router.get("")
async def models(
    emulator: TheEmulator,
    base_url: TheBaseUrl,
    key: MaybeKey,
    endpoint_id: Ids = None,
    q: str = "",
    category: str | None = None,
    status: Literal["active", "deprecated"] | None = None,
    expand: Expand = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The emulated models, searched or by id; of fal's other Kling ids only that they exist."""
    wanted = expanded(expand, (OPENAPI, ENTERPRISE))
    ids = some_ids(endpoint_id) if split(endpoint_id) else list(IN_DEPTH)
    if unknown := [one for one in ids if one not in BUILT_IN]:
        raise platform_refusal(404, f"No such model: {', '.join(unknown)}")
    searching = bool(q or category or status)
    found = [one for one in ids if not searching or _matches(one, q, category, status)]
    shown, following = page(found, cursor, limit)
    return Json({"models": [_model(one, emulator, base_url, key, wanted) for one in shown], **following})


def _matches(endpoint_id: str, q: str, category: str | None, status: str | None) -> bool:
    endpoint = IN_DEPTH.get(endpoint_id)
    if endpoint is None:
        return False
    text = f"{endpoint_id} {endpoint.title} {about(endpoint_id)} {endpoint.category}".casefold()
    words = all(word in text for word in q.casefold().split())
    return words and category in (None, endpoint.category) and status in (None, ACTIVE)


def _model(endpoint_id: str, emulator: Emulator, base_url: BaseUrl, key: str, wanted: list[str]) -> dict[str, Any]:
    endpoint = IN_DEPTH.get(endpoint_id)
    shown: dict[str, Any] = {"endpoint_id": endpoint_id}
    if endpoint is not None:
        shown["metadata"] = _metadata(endpoint, base_url, key)
    if OPENAPI in wanted:
        shown["openapi"] = _document(endpoint, emulator.settings.contract, base_url)
    if ENTERPRISE in wanted:
        shown[ENTERPRISE] = NO_ENTERPRISE
    return shown


def _metadata(endpoint: Endpoint, base_url: BaseUrl, key: str) -> dict[str, Any]:
    return {
        "display_name": endpoint.title,
        "category": endpoint.category,
        "description": about(endpoint.id),
        "status": ACTIVE,
        "tags": endpoint.metadata["tags"],
        "updated_at": endpoint.metadata["updated_at"],
        "is_favorited": None if key == NO_KEY else False,
        "thumbnail_url": base_url.url(Part.CDN, urlsplit(thumbnail_url(endpoint)).path),
        "model_url": base_url.url(Part.RUN, f"/{endpoint.id}"),
        "license_type": endpoint.metadata["license_type"],
        "date": endpoint.metadata["date"],
        "group": endpoint.metadata["group"],
        "highlighted": False,
        "kind": "inference",
        "pinned": False,
    }


def _document(endpoint: Endpoint | None, contract: str, base_url: BaseUrl) -> dict[str, Any]:
    if endpoint is None:
        return NO_DOCUMENT
    try:
        return openapi(endpoint.edition(contract), server=base_url.url(Part.QUEUE, ""))
    except UnknownContract:
        return NO_DOCUMENT


@router.get("/pricing")
async def pricing(emulator: TheEmulator, _: PlatformKey, endpoint_id: Ids = None) -> Response:
    """The price of a second of each endpoint, without what sound or a clip adds."""
    contract = emulator.settings.contract
    prices = [
        {"endpoint_id": one.id, "unit_price": float(one.price(contract).usd), "unit": "seconds", "currency": "USD"}
        for one in map(_priced, some_ids(endpoint_id))
    ]
    return Json({"prices": prices, "next_cursor": None, "has_more": False})


class Calls(BaseModel):
    """How often an endpoint will be called."""

    call_quantity: Annotated[int, Interval(ge=1, le=MOST_UNITS)]


class Units(BaseModel):
    """How many seconds an endpoint will make."""

    unit_quantity: Annotated[float, Interval(ge=0.000001, le=MOST_UNITS)]


_IDS = Field(json_schema_extra={"propertyNames": {"enum": [*IN_DEPTH]}})
"""For the document; the answer to an id that is not known is 404."""


class HistoricalEstimate(BaseModel):
    """An estimate from what calls have cost so far."""

    estimate_type: Literal["historical_api_price"]
    endpoints: Annotated[dict[str, Calls], Len(min_length=1), _IDS]


class UnitEstimate(BaseModel):
    """An estimate from the price of a second."""

    estimate_type: Literal["unit_price"]
    endpoints: Annotated[dict[str, Units], Len(min_length=1), _IDS]


Estimate = Annotated[HistoricalEstimate | UnitEstimate, Body(discriminator="estimate_type")]


@router.post("/pricing/estimate")
async def estimate(wanted: Estimate, emulator: TheEmulator, key: PlatformKey) -> Response:
    """What calls or seconds will cost; a call costs what the key's own billed calls did on average.

    Without any, it costs what the document's smallest example does.
    """
    if isinstance(wanted, UnitEstimate):
        contract = emulator.settings.contract
        parts = [
            _priced(one).price(contract).usd * Decimal(str(units.unit_quantity))
            for one, units in wanted.endpoints.items()
        ]
    else:
        usual = await _usual_costs(emulator, key)
        parts = [
            usual.get(one, _example_cost(_priced(one), emulator.settings.contract)) * calls.call_quantity
            for one, calls in wanted.endpoints.items()
        ]
    total = float(sum(parts, Decimal(0)))
    return Json({"estimate_type": wanted.estimate_type, "total_cost": total, "currency": "USD"})


async def _usual_costs(emulator: Emulator, key: str) -> dict[str, Decimal]:
    """What a billed call of this key cost on average, by endpoint."""
    billed: dict[str, list[Decimal]] = {}
    for entry in entries(await emulator.all(key)):
        if entry.usd:
            billed.setdefault(entry.endpoint_id, []).append(entry.usd)
    return {endpoint_id: sum(costs, Decimal(0)) / len(costs) for endpoint_id, costs in billed.items()}


def _example_cost(endpoint: Endpoint, contract: str) -> Decimal:
    report = judge(endpoint.edition(contract), examples(endpoint.id)["required"])
    assert report.cost is not None
    return report.cost.usd


def _priced(endpoint_id: str) -> Endpoint:
    if endpoint := IN_DEPTH.get(endpoint_id):
        return endpoint
    if endpoint_id in BUILT_IN:
        raise platform_refusal(501, f"fakefal does not emulate {endpoint_id}; emulated are: {', '.join(IN_DEPTH)}")
    raise platform_refusal(404, f"No price for {endpoint_id}: there is no such model")
