"""The references: applications that do as little as a server can do for the same bytes.

``python -m tools.bench.bare KIND [FILE]`` serves one on a free port, exactly as the emulator is served, and prints its
address.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]


async def lifespan(receive: Receive, send: Send) -> None:
    """Confirm the start and the end of the lifespan."""
    for moment in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{moment}.complete"})


def answering(status: int, headers: Headers, body: bytes) -> ASGIApp:
    """An application that reads the call's body as JSON, if there is one, and always answers the same bytes."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        if scope["method"] == "POST":
            parts = []
            more = True
            while more:
                message = await receive()
                parts.append(message.get("body", b""))
                more = message.get("more_body", False)
            json.loads(b"".join(parts))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def streaming(event: bytes) -> ASGIApp:
    """Server-sent events as Starlette's page shows them: `event` now, and once more whenever anybody posts."""
    changed = asyncio.Event()

    async def events() -> AsyncIterator[bytes]:
        while True:
            next_change = changed
            yield event
            await next_change.wait()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal changed
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
        elif scope["method"] == "POST":
            changed.set()
            changed = asyncio.Event()
            await Response(status_code=204)(scope, receive, send)
        else:
            await StreamingResponse(events(), media_type="text/event-stream")(scope, receive, send)

    return app


def fastapi_app() -> ASGIApp:
    """FastAPI with one route."""
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/")
    async def front() -> dict[str, str]:
        return {"status": "IN_QUEUE"}

    return app


def build(kind: str, source: str = "") -> ASGIApp:
    """The application of a kind; `source` is a file with its answer."""
    if kind == "fastapi":
        return fastapi_app()
    if kind == "streaming":
        return streaming(Path(source).read_bytes())
    recorded = json.loads(Path(source).read_text("utf-8"))
    headers = [(name.encode(), value.encode()) for name, value in recorded["headers"]]
    return answering(recorded["status"], headers, recorded["body"].encode())


def main() -> None:
    """Serve until a signal comes."""
    from fakefal.server.loops import run
    from fakefal.server.serving import bind, hosting

    async def serve() -> None:
        async with hosting(build(*sys.argv[1:]), bind("127.0.0.1", 0)) as where:
            sys.stdout.write(f"{where.url}\n")
            sys.stdout.flush()
            await asyncio.Event().wait()

    run(serve())


if __name__ == "__main__":
    main()
