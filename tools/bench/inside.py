"""Calls of the emulator's application without a server, for measurements that sockets would distort."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp

from tools.bench.servers import KEY

HOST = "127.0.0.1:8710"
HEADERS = [(b"host", HOST.encode()), (b"content-type", b"application/json")]
HEADERS += [(name.lower().encode(), value.encode()) for name, value in KEY.items()]


async def called(app: ASGIApp, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
    """Call an application as a server does; returns its answer.

    Raises:
        RuntimeError: the answer is not a success.
    """
    parts: list[bytes] = []
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
        else:
            parts.append(message["body"])

    await app(_scope(method, path), receive, send)
    if statuses[0] >= 300:  # noqa: PLR2004 - what is no success
        raise RuntimeError(f"{method} {path}: {statuses[0]} {b''.join(parts)!r}")
    found: dict[str, Any] = json.loads(b"".join(parts))
    return found


def _scope(method: str, path: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": HEADERS,
        "server": ("127.0.0.1", 8710),
        "client": ("127.0.0.1", 1),
    }
