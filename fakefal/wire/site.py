"""fal.ai: the OpenAPI document and llms.txt of each model, at fal's own addresses."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import PlainTextResponse, Response

from fakefal.engine.emulator import Emulator
from fakefal.engine.judge import UnknownPath
from fakefal.wire.answers import HINT, Json, WireError, header_text
from fakefal.wire.context import TheBaseUrl, TheEmulator
from fakefal_contracts import Edition
from fakefal_contracts.hosts import Part
from fakefal_contracts.llms import llms_txt
from fakefal_contracts.openapi import openapi

router = APIRouter(prefix=f"/{Part.SITE}", tags=["site"])
EndpointId = Annotated[str, Query(description="full id of a model")]


@router.get("/api/openapi/queue/openapi.json")
async def document(emulator: TheEmulator, base_url: TheBaseUrl, endpoint_id: EndpointId = "") -> Response:
    """The OpenAPI document of a model under the server's contract; 404 and null for an unknown one."""
    return Json(openapi(_edition(emulator, endpoint_id), server=base_url.url(Part.QUEUE, "")))


@router.get("/models/{endpoint_id:path}/llms.txt")
async def llms(endpoint_id: str, emulator: TheEmulator, base_url: TheBaseUrl) -> Response:
    """What a language model has to know of a model; 404 and null for an unknown one."""
    text = llms_txt(_edition(emulator, endpoint_id), run=base_url.url(Part.RUN, ""), queue=base_url.url(Part.QUEUE, ""))
    return PlainTextResponse(text)


def _edition(emulator: Emulator, endpoint_id: str) -> Edition:
    """What the server judges this model by; 404 for one that it does not know."""
    try:
        return emulator.judge.edition(endpoint_id)
    except UnknownPath as error:
        raise WireError(404, None, {HINT: header_text(error.hint)}) from error
