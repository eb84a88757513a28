"""fal.ai: the OpenAPI document and llms.txt of each model, at fal's own addresses."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import PlainTextResponse, Response

from fakefal.emulator import Emulator
from fakefal.verdict import UnknownPath
from fakefal.wire.answers import HINT, Json, WireError, header_text
from fakefal.wire.context import TheEmulator, TheWay
from fakefal_contracts import Edition
from fakefal_contracts.hosts import Part
from fakefal_contracts.llms import llms_txt
from fakefal_contracts.openapi import openapi

router = APIRouter(prefix=f"/{Part.SITE}", tags=["site"])
EndpointId = Annotated[str, Query(description="full id of a model")]


@router.get("/api/openapi/queue/openapi.json")
async def document(emulator: TheEmulator, way: TheWay, endpoint_id: EndpointId = "") -> Response:
    """The OpenAPI document of a model under the server's contract; 404 and null for an unknown one."""
    return Json(openapi(_edition(emulator, endpoint_id), server=way.url(Part.QUEUE, "")))


@router.get("/models/{endpoint_id:path}/llms.txt")
async def llms(endpoint_id: str, emulator: TheEmulator, way: TheWay) -> Response:
    """What a language model has to know of a model; 404 and null for an unknown one."""
    text = llms_txt(_edition(emulator, endpoint_id), run=way.url(Part.RUN, ""), queue=way.url(Part.QUEUE, ""))
    return PlainTextResponse(text)


def _edition(emulator: Emulator, endpoint_id: str) -> Edition:
    """What the server judges this model by; 501 for one that fal has and the emulator does not."""
    try:
        return emulator.judge.edition(endpoint_id)
    except UnknownPath as error:
        raise WireError(404, None, {HINT: header_text(error.hint)}) from error
