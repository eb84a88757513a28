"""Calls of the control API that work without FastAPI, which is slow to import."""

from __future__ import annotations

from starlette.responses import Response

from fakefal.control.guard import check_caller
from fakefal.version import VERSION
from fakefal.wire.answers import Json, refusal
from fakefal.wire.call import TEXT, Call


async def health(call: Call) -> Response:
    """Check that the server is running."""
    check_caller(call.request, call.emulator.settings)
    settings = call.emulator.settings
    told = {"profile": settings.profile, "contract": settings.contract, "any_key": not settings.keys}
    return Json({"status": "ok", "version": VERSION, **told})


async def ready(call: Call) -> Response:
    """Check that the server accepts requests.  503 while it is stopping, or while its store is unreachable.

    ``fakefal env`` reads its variables from `lead_folder`, which is null without ``serve --lead``.
    """
    check_caller(call.request, call.emulator.settings)
    if not await call.emulator.ready():
        raise refusal(503, "fakefal: stopping")
    folder = call.emulator.lead_folder
    return Json({"ready": True, "fakefal": VERSION, "lead_folder": str(folder) if folder else None})


async def metrics(call: Call) -> Response:
    """Read metrics for Prometheus, in its text format or as OpenMetrics (header Accept)."""
    check_caller(call.request, call.emulator.settings)
    from fakefal.control.metrics import exposition

    content, content_type = await exposition(call.emulator, call.header(b"accept") or "")
    return Response(content, headers={"content-type": content_type})


async def reset(call: Call) -> Response:
    """Delete the requests of a key; without a key, delete everything."""
    check_caller(call.request, call.emulator.settings)
    return Json(await call.emulator.reset(call.read("key", TEXT)))
