"""The Platform API's view of an application's queue: its size, and its flush."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header
from starlette.responses import Response

from fakefal.engine.emulator import Emulator
from fakefal.platform_api.forms import PREFIX, PlatformKey, PlatformRoute, platform_refusal
from fakefal.wire.answers import Json
from fakefal.wire.context import TheEmulator

router = APIRouter(prefix=f"{PREFIX}/serverless/apps", tags=["platform"], route_class=PlatformRoute)
IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", description="A second flush with the same value does nothing.")
]


@router.get("/{owner}/{name}/queue")
async def queue_size(owner: str, name: str, emulator: TheEmulator, key: PlatformKey) -> Response:
    """Read how many requests of the caller's key are waiting for the application."""
    return Json({"queue_size": len(await emulator.waiting(key, _app(emulator, owner, name)))})


@router.delete("/{owner}/{name}/queue")
async def flush(
    owner: str, name: str, emulator: TheEmulator, key: PlatformKey, idempotency_key: IdempotencyKey = None
) -> Response:
    """Cancel the waiting requests of the caller's key for the application; running requests continue."""
    app = _app(emulator, owner, name)
    if idempotency_key is None or await emulator.once.first(key, f"{app}/{idempotency_key}"):
        await emulator.flush(key, app)
    return Response(status_code=204)


def _app(emulator: Emulator, owner: str, name: str) -> str:
    app = f"{owner}/{name}"
    if not emulator.knows_app(app):
        raise platform_refusal(404, f"Application {app} not found", hint=f"fakefal knows no model of {app}")
    return app
