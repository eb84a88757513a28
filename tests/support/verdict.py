"""Calls that the verdict judges, and what it finds."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from fakefal.state.journal import JournalEntry
from fakefal.verdict.mistakes import Kind
from support.endpoints import O1
from support.server import Server

X, Y = {"prompt": "x"}, {"prompt": "y"}
PRICE = 0.56


@dataclass
class Ticks:
    """Steady seconds that pass when a test says so."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def found(server: Server, **params: Any) -> list[tuple[str, str]]:
    """Kind and grade of each finding, oldest first."""
    return [(one["kind"], one["grade"]) for one in reversed(server.control("verdict", **params)["findings"])]


def only(server: Server, kind: Kind) -> dict[str, Any]:
    """The one finding, which is proven and of this kind."""
    assert found(server) == [(kind, "proven")]
    (one,) = server.control("verdict")["findings"]
    assert isinstance(one, dict)
    return one


def send(server: Server, body: Any = X, path: str = f"queue/{O1}", **more: Any) -> httpx.Response | None:
    """Ask for a job; None where no whole answer comes."""
    with suppress(httpx.TransportError):
        return server.http.post(f"/{path}", json=body, **more)
    return None


def finish(server: Server, answer: httpx.Response | None) -> None:
    """Read the result of a job, as a careful program does."""
    assert answer is not None
    assert server.http.get(answer.json()["response_url"]).status_code < 500


def entry(path: str, **more: Any) -> JournalEntry:
    """A call of the key `k` to the queue."""
    return JournalEntry(at=0.0, wall=0.0, key="k", method="POST", host="queue.fal.run", part="queue", path=path, **more)
