"""A server under load: the addresses of its queue calls, and the right answer to each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from fakefal_contracts import examples
from tools.bench.servers import KEY, Running, ServedAnswer, emulator, serving

Kind = Literal["submit", "poll", "status", "result"]
"""The calls of a job: `poll` reads the status of a running request, `status` that of a finished one."""

ENDPOINT = "fal-ai/kling-video/o1/image-to-video"
SUBMIT = f"/queue/{ENDPOINT}"
REQUESTS = "/queue/fal-ai/kling-video/requests"

POLLED = 100
INSTANT = ("--profile", "instant")
"""A request that ends at once can be evicted, so that submits can continue without limit."""

A_DAY = "respond(seconds=86400)"
RUNNING = ("--profile", "realistic", "--runners", str(POLLED), "--effect", A_DAY)
STARTED_SECONDS = 60
"""Emulated seconds after which all of these run."""

RIGHT: dict[Kind, tuple[int, tuple[str, ...]]] = {
    "submit": (200, ('"request_id":"', '"status_url":"', '"response_url":"')),
    "poll": (202, ('"status":"IN_PROGRESS"', '"request_id":"')),
    "status": (200, ('"status":"COMPLETED"', '"request_id":"')),
    "result": (200, ('"video":{"url":"',)),
}
"""The status code and content of every right answer: ours and a rival's."""

SPREAD = 0.1
"""The share by which the lengths of answers to one call may differ."""

NOT_COMPARED = {"date", "connection", "keep-alive"}
"""Headers that the server itself sets: time, and those of the connection."""


def arguments(prompt: str = "a lighthouse") -> dict[str, Any]:
    """The body of a submit: fal's own example with a picture on its CDN, and a prompt."""
    return {**examples(ENDPOINT)["required"], "prompt": prompt}


@dataclass(frozen=True)
class Call:
    """A call with the gaps ``ID`` in its path, ``NUMBER`` in its body."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str = ""


@dataclass(frozen=True)
class Right:
    """The right answer to a call."""

    status: int
    texts: tuple[str, ...]
    least_bytes: int
    most_bytes: int


@dataclass(frozen=True)
class Side:
    """One side of a comparison.

    `submit` is the path that takes requests, `requests` the path below which they are found, and `ids` are existing
    requests. `fixed` is the answer of a server that has only one.
    """

    running: Running
    submit: str = SUBMIT
    requests: str = REQUESTS
    headers: Mapping[str, str] = field(default_factory=lambda: KEY)
    ids: tuple[str, ...] = ()
    fixed: ServedAnswer | None = None

    def call(self, kind: Kind) -> Call:
        """The call of a kind."""
        if kind == "submit":
            body = json.dumps(arguments("a lighthouse NUMBER"), separators=(",", ":"))
            return Call("POST", self.submit, {**self.headers, "Content-Type": "application/json"}, body)
        return Call("GET", f"{self.requests}/ID{'' if kind == 'result' else '/status'}", self.headers)

    def answer(self, kind: Kind) -> ServedAnswer:
        """Its answer to one call."""
        call = self.call(kind)
        path = call.path.replace("ID", self.ids[0]) if self.ids else call.path
        return self.running.call(call.method, path, arguments() if call.body else None, call.headers)

    def right(self, kind: Kind) -> Right:
        """The pattern for every answer to a call: like the first one, which must contain the right content."""
        if self.fixed is not None:
            return Right(self.fixed.status, (self.fixed.body.decode(),), len(self.fixed.body), len(self.fixed.body))
        first, (status, texts) = self.answer(kind), RIGHT[kind]
        if first.status != status or not all(text in first.body.decode() for text in texts):
            raise RuntimeError(f"{kind}: {self.running.url} says {first.status} {first.body!r}")
        size, spread = len(first.body), int(len(first.body) * SPREAD)
        return Right(status, texts, size - spread, size + spread)

    def filled(self, requests: int = POLLED) -> Side:
        """The same with requests to read."""
        return replace(self, ids=tuple(json.loads(self.answer("submit").body)["request_id"] for _ in range(requests)))


@contextmanager
def fakefal(kind: Kind, *, fast: bool) -> Iterator[Side]:
    """The emulator with requests to read: running ones for `poll`, otherwise finished ones."""
    with emulator(*(RUNNING if kind == "poll" else INSTANT), fast=fast) as running:
        side = Side(running).filled()
        if kind == "poll":
            running.call("POST", "/_fakefal/clock", {"advance": STARTED_SECONDS})
        yield side


@contextmanager
def bare_asgi(
    ours: Side, kind: Kind, *, fast: bool, program: tuple[str, str] = ("tools.bench.bare", "answering")
) -> Iterator[Side]:
    """An application that answers one kind of call as our side does: the same headers, the same bytes.

    Raises:
        RuntimeError: it answers differently.
    """
    answer = ours.answer(kind)
    recorded = json.dumps(answer.recorded(NOT_COMPARED)).encode()
    with serving(*program, content=recorded, fast=fast) as running:
        theirs = replace(ours, running=running, fixed=answer)
        if (said := theirs.answer(kind)).recorded(NOT_COMPARED) != answer.recorded(NOT_COMPARED):
            raise RuntimeError(f"the reference answers {said}, not {answer}")
        yield theirs
