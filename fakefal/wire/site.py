"""fal.ai: the list of models, and the OpenAPI document and llms.txt of each, at fal's own addresses."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Query
from starlette.responses import PlainTextResponse, Response

from fakefal.engine.emulator import Emulator
from fakefal.engine.judge import UnknownPath
from fakefal.wire.answers import HINT, Json, WireError, header_text
from fakefal.wire.context import TheBaseUrl, TheEmulator
from fakefal_contracts import Edition, Endpoint
from fakefal_contracts.catalogue import about
from fakefal_contracts.hosts import BaseUrl, Part
from fakefal_contracts.llms import llms_txt
from fakefal_contracts.openapi import openapi, thumbnail_url
from fakefal_contracts.price import dollars

router = APIRouter(prefix=f"/{Part.SITE}", tags=["site"])
EndpointId = Annotated[str, Query(description="The full endpoint id.")]
Keywords = Annotated[str, Query(description="Words that the id, name or category contain; all must match.")]
Categories = Annotated[str, Query(description="Categories of fal, separated by commas.")]
MODELS_ON_A_PAGE = 40
"""As programs of 2026 found it at fal."""


@router.get("/api/models")
async def found_models(
    emulator: TheEmulator,
    base_url: TheBaseUrl,
    keywords: Keywords = "",
    categories: Categories = "",
    category: Categories = "",
    page: Annotated[int, Query(ge=1, description="The number of the page, from 1.")] = 1,
    size: Annotated[int, Query(ge=1, description="Models in a page.")] = MODELS_ON_A_PAGE,
) -> Response:
    """Search the models that fakefal knows, as fal's website does.  No API key is needed.

    Inferred: no answer of fal was seen.  Parameters and keys are those that public programs of 2026 use.  Results
    are in the order of their ids.
    """
    catalogue = emulator.catalogue
    kinds = set(filter(None, f"{categories},{category}".split(",")))
    found = await asyncio.to_thread(catalogue.search, keywords, kinds)
    shown = found[(page - 1) * size : page * size]
    items = [_item(catalogue.find(one), emulator.settings.contract, base_url) for one in shown]
    return Json({"items": items, "page": page, "size": size, "total": len(found), "pages": -(-len(found) // size)})


def _item(endpoint: Endpoint, contract: str, base_url: BaseUrl) -> dict[str, Any]:
    said, price = endpoint.metadata, endpoint.price(contract)
    return {
        "id": endpoint.id,
        "title": endpoint.title,
        "category": endpoint.category,
        "shortDescription": about(endpoint.id),
        "tags": said.get("tags", []),
        "thumbnailUrl": base_url.url(Part.CDN, urlsplit(thumbnail_url(endpoint)).path),
        "modelUrl": base_url.url(Part.RUN, f"/{endpoint.id}"),
        "licenseType": said.get("license_type"),
        "date": said.get("date"),
        "group": said.get("group"),
        "kind": said.get("kind", "inference"),
        "status": "public",
        "deprecated": False,
        "removed": False,
        "hidePricing": False,
        "pricingInfoOverride": None if price is None else f"{dollars(price.usd)} per {price.unit}",
    }


@router.get("/api/openapi/queue/openapi.json")
async def document(emulator: TheEmulator, base_url: TheBaseUrl, endpoint_id: EndpointId = "") -> Response:
    """Read the OpenAPI document of a model under the server's contract.  404 with null for an unknown model."""
    return Json(openapi(_edition(emulator, endpoint_id), server=base_url.url(Part.QUEUE, "")))


@router.get("/models/{endpoint_id:path}/llms.txt")
async def llms(endpoint_id: str, emulator: TheEmulator, base_url: TheBaseUrl) -> Response:
    """Read a description of a model for language models.  404 with null for an unknown model."""
    text = llms_txt(_edition(emulator, endpoint_id), run=base_url.url(Part.RUN, ""), queue=base_url.url(Part.QUEUE, ""))
    return PlainTextResponse(text)


def _edition(emulator: Emulator, endpoint_id: str) -> Edition:
    """The model under the server's contract; 404 if it is unknown."""
    try:
        return emulator.judge.edition(endpoint_id)
    except UnknownPath as error:
        raise WireError(404, None, {HINT: header_text(error.hint)}) from error
