"""The calls of the control API that plain functions answer: who only asks these needs no FastAPI."""

from __future__ import annotations

from starlette.responses import Response

from fakefal.control.guard import check_caller
from fakefal.version import VERSION
from fakefal.wire.answers import Json, refusal
from fakefal.wire.call import TEXT, Call


async def health(call: Call) -> Response:
    """Whether the server answers."""
    check_caller(call.request, call.emulator.settings)
    settings = call.emulator.settings
    told = {"profile": settings.profile, "contract": settings.contract, "any_key": not settings.keys}
    return Json({"status": "ok", "version": VERSION, **told})


async def ready(call: Call) -> Response:
    """Whether requests can be taken: 503 while stopping, and while the store is away.

    `lead_folder` has what leads programs of this machine, which ``fakefal env`` prints; null without ``serve --lead``.
    """
    check_caller(call.request, call.emulator.settings)
    if not await call.emulator.ready():
        raise refusal(503, "fakefal: stopping")
    folder = call.emulator.lead_folder
    return Json({"ready": True, "fakefal": VERSION, "lead_folder": str(folder) if folder else None})


async def metrics(call: Call) -> Response:
    """Counts and sums for Prometheus, in its text form or OpenMetrics, as it asks for."""
    check_caller(call.request, call.emulator.settings)
    from fakefal.control.metrics import exposition

    content, content_type = await exposition(call.emulator, call.header(b"accept") or "")
    return Response(content, headers={"content-type": content_type})


async def reset(call: Call) -> Response:
    """Forget the requests of a key; without a key, everything."""
    check_caller(call.request, call.emulator.settings)
    return Json(await call.emulator.reset(call.read("key", TEXT)))
