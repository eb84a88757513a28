"""Passes the calls of one program to a shared emulator, and counts them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from fakefal.proxy.passing import HOP_HEADERS
from fakefal.proxy.upstream import AnswerLost, Broken, NotReached, Reply, Upstream
from fakefal.state.bounded import Bounded
from fakefal.state.journal import JournalEntry
from fakefal.wire.answers import HINT, REQUEST_ID, Json, header_text
from fakefal.wire.faults import abort
from fakefal_contracts.hosts import Part, host_name, part_of

MOST_CALLS = 10_000
"""How many of the newest calls are remembered."""

MOST_JOBS = 100_000
"""How many of the newest jobs are remembered: as many as an emulator keeps by default."""

DROPPED = HOP_HEADERS - {"upgrade"}
"""Headers of one connection.  The emulator says itself why it opens no websocket."""


class AttachedApp:
    """Passes calls and answers on unchanged.  A connection that breaks there also breaks here.

    `calls` are the calls of the program, newest first.  `jobs` are the ids of its jobs, each with whether it was
    certainly accepted.

    Args:
        upstream: the emulator.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._lifespan = Router(lifespan=self._living)
        self.calls: deque[JournalEntry] = deque(maxlen=MOST_CALLS)
        self.jobs: Bounded[str, bool] = Bounded(MOST_JOBS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        with suppress(ClientDisconnect):
            answer = await self._answer(Request(scope, receive))
            if answer is not None:
                await answer(scope, receive, send)

    @asynccontextmanager
    async def _living(self, _: object) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await self._upstream.close()

    async def _answer(self, request: Request) -> Response | None:
        """The answer; None if there is none, and then the caller's connection is dropped, too."""
        host = host_name(request.headers.get("host", ""))
        headers = _kept(request.headers.raw)
        has_body = any(name in request.headers for name in ("content-length", "transfer-encoding"))
        content = request.stream() if has_body else b""
        entry = _entry(request, host)
        self.calls.appendleft(entry)
        try:
            reply = await self._upstream.send(
                request.method, host, request.scope["path"], request.url.query, headers, content
            )
        except NotReached as error:
            text = f"fakefal run: the server at {self._upstream.name} cannot be reached: {error}"
            return Json({"detail": text}, HTTPStatus.BAD_GATEWAY, {HINT: header_text(text)})
        except AnswerLost:
            abort(request.scope)
            return None
        entry.status = reply.status_code
        self._note_job(entry, reply.headers.get(REQUEST_ID))
        answer = StreamingResponse(_pieces(request.scope, reply), reply.status_code)
        answer.raw_headers = _kept(reply.headers.raw)
        return answer

    def _note_job(self, entry: JournalEntry, request_id: str | None) -> None:
        """Remember the job of a submit.  If a call of fal.run failed, only the ledger knows whether there is a job."""
        accepted = entry.status == HTTPStatus.OK
        if entry.is_submit and request_id is not None and (accepted or entry.part == Part.RUN):
            self.jobs[request_id] = entry.accepted = accepted
            entry.request_id = request_id


def _kept(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers that are not of one connection only."""
    lower = [(name.lower(), value) for name, value in headers]
    return [pair for pair in lower if pair[0].decode("latin-1") not in DROPPED]


def _entry(request: Request, host: str) -> JournalEntry:
    """A call as an entry of the journal."""
    part = part_of(host) or ""
    path = f"/{part}{request.scope['path']}" if part else request.scope["path"]
    return JournalEntry(at=0.0, wall=time.time(), key="", method=request.method, host=host, part=part, path=path)


async def _pieces(scope: Scope, reply: Reply) -> AsyncIterator[bytes]:
    """The parts of the body of an answer."""
    try:
        async for piece in reply.aiter_raw():
            yield piece
    except Broken:
        abort(scope)
    finally:
        await reply.aclose()
