"""The layer of the emulator that sees at which points a program calls, and lets one of them fail."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fakefal.audit.ways import Fault, Point, PointKind
from fakefal.wire.answers import Json
from fakefal.wire.faults import DroppedAnswer
from fakefal.wire.incoming import EFFECT
from fakefal.wire.webhook_hint import WEBHOOK
from fakefal_contracts.hosts import BaseUrl, Part

APP_SEGMENTS = 2
ASKING = (PointKind.SUBMIT, PointKind.RUN)


class Pointed:
    """Passes calls on; remembers their points in `points`, and counts in `hits` how often its fault happened.

    Args:
        fault: what fails, if anything.
        slow: how many seconds a late answer takes.
    """

    def __init__(self, fault: Fault | None, slow: float) -> None:
        self.points: dict[Point, None] = {}
        self.hits = 0
        self._fault = fault
        self._slow = slow

    def layer(self, app: ASGIApp) -> ASGIApp:
        """The application with the fault."""

        async def answering(scope: Scope, receive: Receive, send: Send) -> None:
            found = list(points_of(scope)) if scope["type"] == "http" else []
            self.points.update(dict.fromkeys(found))
            fault = self._fault
            if fault is None or (self.hits and not fault.way.every) or not _meets(fault, found):
                await app(scope, receive, send)
                return
            self.hits += 1  # now, so that no call beside this one meets it, too
            try:
                await self._fail(fault, app, scope, receive, send)
            finally:
                self.hits -= not self._was_applied(fault, scope)

        return answering

    def _was_applied(self, fault: Fault, scope: Scope) -> bool:
        """Whether a call had the effect: one that is refused before, such as a body that is not JSON, has none."""
        call = scope["state"].get("call")
        return not fault.way.effect or (
            call is not None and call.effect == _effect(fault, self._slow).partition("(")[0]
        )

    async def _fail(self, fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        way = fault.way
        if way.effect:
            asked = EFFECT, _effect(fault, self._slow).encode()
            scope["state"]["headers"] = {**scope["state"]["headers"], asked[0]: asked[1]}
            await app({**scope, "headers": [asked, *scope["headers"]]}, receive, send)
        elif way.status is not None:
            await _read(receive)
            await Json({"detail": way.status.phrase}, way.status)(scope, receive, send)
        elif way.late:
            await app(scope, receive, _late(self._slow, receive, send))
        else:
            await app(scope, receive, _unheard)
            await DroppedAnswer()(scope, receive, send)


def _effect(fault: Fault, slow: float) -> str:
    return fault.way.effect.format(slow=slow)


def points_of(scope: Scope) -> Iterator[Point]:
    """The points that a call belongs to; a job with a webhook is two."""
    method = scope["method"]
    part, *segments = scope["path"].lstrip("/").split("/")
    app, rest = "/".join(segments[:APP_SEGMENTS]), segments[APP_SEGMENTS:]
    if part in (Part.QUEUE, Part.RUN) and method == "POST" and rest[:1] != ["requests"]:
        endpoint_id = "/".join(segments)
        yield Point(PointKind.SUBMIT if part == Part.QUEUE else PointKind.RUN, endpoint_id)
        if WEBHOOK in parse_qs(scope["query_string"].decode("latin-1")):
            yield Point(PointKind.WEBHOOK, endpoint_id)
    elif part == Part.QUEUE and method == "GET" and rest[:1] == ["requests"]:
        yield Point(PointKind.STATUS if "status" in rest[2:] else PointKind.RESULT, app)
    elif part in (Part.REST, Part.CDN) and method in ("POST", "PUT"):
        yield Point(PointKind.UPLOAD, BaseUrl().url(Part(part), "").removeprefix("https://"))


def _meets(fault: Fault, found: list[Point]) -> bool:
    """Whether a call is the one that a fault happens to: what befalls a job befalls the call that asks for it."""
    if not fault.way.effect or fault.point.kind in (*ASKING, PointKind.UPLOAD):
        return fault.point in found
    return any(one.kind in ASKING and f"{one.name}/".startswith(f"{fault.point.name}/") for one in found)


async def _read(receive: Receive) -> None:
    while (await receive()).get("more_body"):
        pass


async def _unheard(_: Message) -> None:
    """Nobody hears the answer."""


def _late(seconds: float, receive: Receive, send: Send) -> Send:
    """Sends an answer after so many seconds, or at once to nobody where the caller has gone."""
    waited = False

    async def late(message: Message) -> None:
        nonlocal waited
        if not waited:
            waited = True
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while (await receive())["type"] != "http.disconnect":
                        pass
        await send(message)

    return late
