"""Moments and stretches of time in the calls of the Platform API, and the buckets of its time series."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar
from zoneinfo import ZoneInfo

from fastapi import Query
from pydantic import BeforeValidator

from fakefal.platform_api.forms import platform_refusal
from fakefal.state.requests import Snapshot

T = TypeVar("T")
HOUR_SECONDS = 3600.0
DAY_SECONDS = 24 * HOUR_SECONDS

Timeframe = Literal["minute", "hour", "day", "week", "month"]

#: Below which length a stretch has which buckets (fal's document of August 2026).
_USUAL: tuple[tuple[float, Timeframe], ...] = (
    (2 * HOUR_SECONDS, "minute"),
    (2 * DAY_SECONDS, "hour"),
    (64 * DAY_SECONDS, "day"),
    (183 * DAY_SECONDS, "week"),
)


def _moment(text: str) -> dt.datetime:
    """A moment as text; pydantic alone would also take numbers."""
    return dt.datetime.fromisoformat(text)


Moment = Annotated[
    Annotated[dt.datetime, BeforeValidator(_moment)] | None,
    Query(description="An ISO date or time; without offset it is UTC."),
]
Zone = Annotated[str, Query(alias="timezone", description="The time zone of dates and buckets, such as Europe/Berlin.")]
Frame = Annotated[
    Timeframe | None, Query(description="The length of a bucket; default: depends on the length of the period.")
]
Bound = Annotated[Literal["true", "false"], Query(description="Whether start and end are extended to whole buckets.")]


def wall_seconds(moment: dt.datetime | None, default: float, zone: dt.tzinfo = dt.UTC) -> float:
    """A moment in seconds since 1970; one without offset is the zone's."""
    if moment is None:
        return default
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()


def iso(seconds: float) -> str:
    """A moment as fal's lists write it."""
    text = dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


@dataclass(frozen=True)
class Stretch:
    """From `start` and before `end` in wall time, with the buckets of a time series."""

    start: float
    end: float
    timeframe: Timeframe
    zone: dt.tzinfo

    def holds(self, look: Snapshot) -> bool:
        """Whether a request was accepted in it, by the clock of its caller."""
        return self.start <= look.record.sent_at < self.end

    def buckets(self, things: Iterable[tuple[float, T]]) -> dict[str, list[T]]:
        """Things by the bucket that their moment lies in, oldest first; empty buckets are left out (inferred)."""
        found: dict[str, list[T]] = {}
        for seconds, one in sorted(things, key=lambda pair: pair[0]):
            bucket = _floor(dt.datetime.fromtimestamp(seconds, self.zone), self.timeframe)
            found.setdefault(bucket.isoformat(timespec="seconds"), []).append(one)
        return found


def read_stretch(
    now: float, start: dt.datetime | None, end: dt.datetime | None, zone: str, timeframe: Timeframe | None, bound: str
) -> Stretch:
    """The stretch that a call asks for: the last day by default.

    Raises:
        WireError: 400, its end does not lie behind its start, its buckets leave the calendar, or there is no such time
            zone.
    """
    place = _zone(zone)
    first, last = wall_seconds(start, now - DAY_SECONDS, place), wall_seconds(end, now, place)
    check_order(first, last)
    frame = _usual(last - first) if timeframe is None else timeframe
    if bound == "true":
        try:
            first = _floor(dt.datetime.fromtimestamp(first, place), frame).timestamp()
            last = _ceiling(dt.datetime.fromtimestamp(last, place), frame).timestamp()
        except (OverflowError, ValueError) as error:
            raise platform_refusal(400, f"start, end: a {frame} at their ends is in no year from 1 to 9999") from error
    return Stretch(first, last, frame, place)


def check_order(start: float, end: float) -> None:
    """See that there is time between two moments.

    Raises:
        WireError: 400, there is none.
    """
    if not start < end:
        raise platform_refusal(400, "end: it must be after start")


def _usual(seconds: float) -> Timeframe:
    return next((name for limit, name in _USUAL if seconds < limit), "month")


def _zone(name: str) -> dt.tzinfo:
    if name == "UTC":
        return dt.UTC  # where no time zones are installed, too
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise platform_refusal(400, f"timezone: {name[:80]} is not known; use a name such as Europe/Berlin") from error


def _floor(moment: dt.datetime, frame: Timeframe) -> dt.datetime:
    """The begin of the bucket that a moment lies in; weeks begin on Monday (inferred)."""
    moment = moment.replace(second=0, microsecond=0)
    if frame == "minute":
        return moment
    moment = moment.replace(minute=0)
    if frame == "hour":
        return moment
    moment = moment.replace(hour=0, fold=0)
    if frame == "week":
        return moment - dt.timedelta(days=moment.weekday())
    return moment.replace(day=1) if frame == "month" else moment


def _ceiling(moment: dt.datetime, frame: Timeframe) -> dt.datetime:
    """The begin of the first bucket that lies wholly behind a moment, or at it."""
    begin = _floor(moment, frame)
    if begin == moment:
        return moment
    if frame in ("minute", "hour"):
        step = dt.timedelta(**{f"{frame}s": 1})
        return (begin.astimezone(dt.UTC) + step).astimezone(moment.tzinfo)
    days = {"day": 1, "week": 7, "month": 32}[frame]
    return _floor(begin + dt.timedelta(days=days), frame)
