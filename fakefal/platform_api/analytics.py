"""The Platform API's analytics: numbers of requests by outcome, and durations.

Metrics as its OpenAPI document of August 2026 names them (public repository tryAGI/Fal).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from fakefal.core.plan import Charge
from fakefal.platform_api.charges import SUMMARY, TIME_SERIES, Limit
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
from fakefal.platform_api.moments import Bound, Frame, Moment, Zone, read_stretch
from fakefal.state.endings import ending_of
from fakefal.state.history import duration_of, listed_outcome
from fakefal.state.requests import Snapshot
from fakefal.wire.answers import Json
from fakefal.wire.context import TheEmulator

router = APIRouter(prefix=f"{PREFIX}/models", tags=["platform"], route_class=PlatformRoute)
Looks = Sequence[Snapshot]
Metric = Callable[[Looks], float | None]


def _outcomes(name: str) -> Metric:
    return lambda looks: sum(listed_outcome(look) == name for look in looks)


def _errors(*types: str) -> Metric:
    """How many requests ended with one of these failures of the platform."""
    return lambda looks: sum((ending := ending_of(look)) is not None and ending.error_type in types for look in looks)


def _percentile(percent: int, length: Callable[[Snapshot], float | None]) -> Metric:
    """The nearest-rank percentile of the known values; None if there are none."""

    def metric(looks: Looks) -> float | None:
        found = sorted(seconds for look in looks if (seconds := length(look)) is not None)
        return found[math.ceil(percent / 100 * len(found)) - 1] if found else None

    return metric


def _prepared(look: Snapshot) -> float | None:
    """The emulated seconds from acceptance to start."""
    started = look.view.started_at
    return None if started is None else started - look.record.submitted_at


def _never(_: Looks) -> None:
    """Unknown: runners of the emulator never start cold."""


def _billed_seconds(looks: Looks) -> float:
    ended = ((look, ending_of(look)) for look in looks)
    return sum(duration_of(look) or 0.0 for look, ending in ended if ending and ending.charge is Charge.YES)


METRICS: dict[str, Metric] = {
    "request_count": len,
    "success_count": _outcomes("success"),
    "user_error_count": _outcomes("user_error"),
    "error_count": _outcomes("error"),
    "startup_error_count": _errors("startup_timeout", "runner_scheduling_failure"),
    "connection_error_count": _errors(
        "runner_connection_timeout", "runner_disconnected", "runner_connection_refused", "runner_connection_error"
    ),
    "timeout_error_count": _errors("request_timeout"),
    "runtime_error_count": _errors("internal_error", "runner_server_error", "runner_incomplete_response"),
    **{f"p{one}_prepare_duration": _percentile(one, _prepared) for one in (50, 75, 90, 95, 99)},
    **{f"p{one}_duration": _percentile(one, duration_of) for one in (25, 50, 75, 90, 95, 99)},
    "cold_boot_count": lambda _: 0,
    **dict.fromkeys((f"p{one}_cold_boot_duration" for one in (50, 75, 90)), _never),
    "total_billable_duration": _billed_seconds,
}


@router.get("/analytics")
async def analytics(
    emulator: TheEmulator,
    key: PlatformKey,
    endpoint_id: Ids = None,
    start: Moment = None,
    end: Moment = None,
    zone: Zone = "UTC",
    timeframe: Frame = None,
    bound_to_timeframe: Bound = "true",
    expand: Expand = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Read numbers and durations of the key's requests, by endpoint and by the time of their acceptance.

    Durations are emulated seconds.  A metric without values is left out.
    """
    wanted = expanded(expand, (TIME_SERIES, SUMMARY, *METRICS)) or [TIME_SERIES, "request_count"]
    metrics = [name for name in wanted if name in METRICS]
    if not metrics or len(metrics) == len(wanted):
        raise platform_refusal(400, f"expand: give {TIME_SERIES} or {SUMMARY}, and a metric such as request_count")
    ids = some_ids(endpoint_id)
    stretch = read_stretch(emulator.wall(), start, end, zone, timeframe, bound_to_timeframe)
    looks = await emulator.all(key)

    def answer() -> Response:
        found = [look for look in looks if look.record.endpoint_id in ids and stretch.holds(look)]
        body: dict[str, Any] = {}
        following: dict[str, Any] = {"next_cursor": None, "has_more": False}
        if TIME_SERIES in wanted:
            buckets = stretch.buckets((look.record.sent_at, look) for look in found)
            shown, following = page([*buckets.items()], cursor, limit)
            body[TIME_SERIES] = [{"bucket": begin, "results": _lines(ones, metrics)} for begin, ones in shown]
        if SUMMARY in wanted:
            body[SUMMARY] = _lines(found, metrics)
        return Json(body | following)

    return await asyncio.to_thread(answer)


def _lines(looks: Iterable[Snapshot], metrics: list[str]) -> list[dict[str, Any]]:
    """One line for each endpoint."""
    groups: dict[str, list[Snapshot]] = {}
    for look in looks:
        groups.setdefault(look.record.endpoint_id, []).append(look)
    return [
        {"endpoint_id": endpoint_id, **{name: value for name in metrics if (value := METRICS[name](group)) is not None}}
        for endpoint_id, group in groups.items()
    ]
