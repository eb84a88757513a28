"""The Platform API's list of requests, and the deletion of what went in and came out."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from fakefal.core.errors import RefusedMove
from fakefal.engine.emulator import Emulator
from fakefal.files.cdn import addresses_in
from fakefal.files.datauris import with_addresses
from fakefal.platform_api.forms import (
    PREFIX,
    Cursor,
    Expand,
    Ids,
    PlatformKey,
    PlatformRoute,
    expanded,
    page,
    platform_refusal,
    some_ids,
)
from fakefal.platform_api.moments import DAY_SECONDS, Moment, iso, wall_seconds
from fakefal.state import jsonio
from fakefal.state.access import NotYours
from fakefal.state.clock import Clock
from fakefal.state.endings import ending_of, result_value
from fakefal.state.history import ListedOutcome, Wanted, duration_of, latest_first, longest_first
from fakefal.state.requests import Snapshot
from fakefal.wire.answers import Json
from fakefal.wire.context import TheBaseUrl, TheEmulator
from fakefal.wire.upload_lifecycle import said_of
from fakefal_contracts.hosts import BaseUrl

router = APIRouter(prefix=f"{PREFIX}/models/requests", tags=["platform"], route_class=PlatformRoute)
PAYLOADS = "payloads"
LONG_SECONDS = 90 * DAY_SECONDS
"""How far back the list goes by default: a day, or longer where one request is asked for."""

Limit = Annotated[int, Query(ge=1, le=100, description="Requests in a page.")]


@router.get("/by-endpoint")
async def by_endpoint(
    emulator: TheEmulator,
    base_url: TheBaseUrl,
    key: PlatformKey,
    endpoint_id: Ids = None,
    start: Moment = None,
    end: Moment = None,
    status: Annotated[ListedOutcome | None, Query(description="Only requests with this outcome.")] = None,
    request_id: Annotated[str | None, Query(description="Only this request.")] = None,
    expand: Expand = None,
    sort_by: Annotated[
        Literal["ended_at", "duration"], Query(description="Latest first, or longest first.")
    ] = "ended_at",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List the requests of the caller's key.

    `start` and `end` filter by the real time of acceptance (`sent_at`).  `started_at` and `ended_at` are emulated
    times.  Inferred: requests are listed as soon as they are accepted, and filtered by that time.
    """
    payloads = PAYLOADS in expanded(expand, (PAYLOADS,))
    back = DAY_SECONDS if request_id is None else LONG_SECONDS
    wanted = Wanted(
        endpoint_ids=frozenset(some_ids(endpoint_id)),
        start=wall_seconds(start, emulator.wall() - back),
        end=wall_seconds(end, float("inf")),
        outcome=status,
        request_id=request_id,
    )
    looks, in_order = await emulator.all(key), latest_first if sort_by == "ended_at" else longest_first
    found = await asyncio.to_thread(lambda: in_order([look for look in looks if wanted.holds(look)]))
    shown, following = page(found, cursor, limit)
    items = [request_item(look, emulator.clock, base_url, payloads=payloads) for look in shown]
    return Json({"items": items, **following})


def request_item(look: Snapshot, clock: Clock, base_url: BaseUrl, *, payloads: bool) -> dict[str, Any]:
    """One line of the list; what has not started shows its acceptance as its start, which cannot be null."""
    record, view, ending = look.record, look.view, ending_of(look)
    item: dict[str, Any] = {
        "request_id": record.id,
        "endpoint_id": record.endpoint_id,
        "started_at": iso(record.sent_at if view.started_at is None else clock.shown(view.started_at)),
        "sent_at": iso(record.sent_at),
        "ended_at": None if view.ended_at is None else iso(clock.shown(view.ended_at)),
        "status_code": ending.status if ending else None,
        "duration": duration_of(look),
    }
    if payloads and not look.erased:
        item["json_input"], item["json_output"] = payloads_of(look, base_url)
    return item


def payloads_of(look: Snapshot, base_url: BaseUrl) -> tuple[Any, Any]:
    """What went in and what came out: None where nothing did yet."""
    ending = ending_of(look)
    given = with_addresses(jsonio.load(look.record.arguments), base_url)
    return given, result_value(ending, base_url) if ending else None


@router.delete("/{request_id}/payloads")
async def delete_payloads(request_id: str, emulator: TheEmulator, base_url: TheBaseUrl, key: PlatformKey) -> Response:
    """Delete the input and output of a request, and the files of its result.  Input files stay."""
    try:
        look = await emulator.erase(key, request_id)
    except RefusedMove as error:
        raise platform_refusal(400, str(error)) from error
    ending = ending_of(look)
    assert ending is not None
    made = result_value(ending, base_url) if ending.ok else None
    return Json({"cdn_delete_results": [await _removed(link, emulator, base_url, key) for link in addresses_in(made)]})


async def _removed(link: str, emulator: Emulator, base_url: BaseUrl, key: str) -> dict[str, str | None]:
    path = emulator.cdn.path_of(link, base_url)
    file = None if path is None else emulator.cdn.find(path)
    if file is not None:
        try:
            (await said_of(emulator, file)).acl_for(key)
            await emulator.access.remove(file.url_path, key)
        except NotYours:
            return {"link": link, "exception": "The file belongs to another key"}
    return {"link": link, "exception": None}
