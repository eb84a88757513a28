"""Submit and status under load, beside bare applications and beside other mock servers."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from fakefal.server.loops import loop_factory
from fakefal_contracts import examples
from tools.bench.load import Load, getting, posting
from tools.bench.rivals import Rival, aimock, wiremock
from tools.bench.servers import KEY, Running, bare, emulator
from tools.bench.table import Goal, Measured, NotInstalled, Row, Size, alternating

ENDPOINT = "fal-ai/kling-video/o1/image-to-video"
SUBMIT = f"/queue/{ENDPOINT}"
HEADERS = {**KEY, "Content-Type": "application/json"}
POLLED = 100
INSTANT = ("--profile", "instant")
"""A request that ends at once can be dropped again, so that submits can go on for ever."""

RUNNING = ("--profile", "realistic", "--runners", str(POLLED))
BARE = "bare ASGI app, same server and loop, same bytes"


def arguments() -> dict[str, Any]:
    """The body of every submit: fal's own example with a picture on its CDN."""
    found: dict[str, Any] = examples(ENDPOINT)["required"]
    return found


def body() -> str:
    """The same as it is sent."""
    return json.dumps(arguments(), separators=(",", ":"))


@contextmanager
def submitted(fast: bool) -> Iterator[tuple[Running, str]]:  # noqa: FBT001 - which of the two stacks
    """An emulator that takes submits, and one of its answers in the form of a bare application."""
    with emulator(*INSTANT, fast=fast) as ours:
        answer = ours.call("POST", SUBMIT, arguments(), KEY)
        yield ours, json.dumps(answer.recorded())


def submit(size: Size, *, fast: bool) -> Measured:
    """Submits per second beside an application that parses the same body and answers the same bytes."""
    _need_fast(fast)
    script = posting(body(), HEADERS)
    with submitted(fast) as (ours, recorded), bare("answering", recorded.encode(), fast=fast) as theirs:
        return _compared(size, Load(ours, SUBMIT, script, size), Load(theirs, SUBMIT, script, size))


def status(size: Size, *, fast: bool) -> Measured:
    """Status reads per second of running requests, beside the same bytes."""
    _need_fast(fast)
    with emulator(*RUNNING, fast=fast) as ours:
        urls = [json.loads(ours.call("POST", SUBMIT, arguments(), KEY).body)["status_url"] for _ in range(POLLED)]
        paths = [url.removeprefix(ours.url) for url in urls]
        script = getting(paths, KEY)
        rated = Load(ours, paths[0], script, size)
        recorded = json.dumps(ours.call("GET", paths[0], headers=KEY).recorded())
        with bare("answering", recorded.encode(), fast=fast) as theirs:
            return _compared(size, rated, Load(theirs, paths[0], script, size))


def beside(size: Size, rival: Rival) -> Measured:
    """Submits per second beside another mock server that knows fal, or is taught its answer."""
    script = posting(body(), HEADERS)
    with submitted(_has_fast()) as (ours, recorded), rival(recorded, arguments()) as (theirs, path, headers):
        other = posting(body(), {**HEADERS, **headers})
        return _compared(size, Load(ours, SUBMIT, script, size), Load(theirs, path, other, size))


def _compared(size: Size, ours: Load, theirs: Load) -> Measured:
    mine, other, quotients = alternating(size.rounds, ours, theirs)
    costs = f"{ours.cost * 1e6:.0f} µs and {theirs.cost * 1e6:.0f} µs of processor time a request"
    note = f"{costs}: by that, {theirs.cost / ours.cost:.2f}"
    return Measured(statistics.median(quotients), f"{mine:,.0f}/s", f"{other:,.0f}/s", quotients, note)


def _has_fast() -> bool:
    return loop_factory() is not None


def _need_fast(fast: bool) -> None:  # noqa: FBT001
    if fast and not _has_fast():
        raise NotInstalled("the extra is not installed: pip install 'fakefal[fast]'")


ROWS = (
    Row("submit", "submit, one process", BARE, Goal(0.5, "at least"), partial(submit, fast=False)),
    Row("submit_fast", "submit, one process, `[fast]`", BARE, Goal(0.5, "at least"), partial(submit, fast=True)),
    Row("status", "status poll, one process", BARE, Goal(0.6, "at least"), partial(status, fast=False)),
    Row("status_fast", "status poll, one process, `[fast]`", BARE, Goal(0.6, "at least"), partial(status, fast=True)),
    Row("submit_aimock", "submit", "AIMock's fal support, warm", Goal(1.5, "at least"), partial(beside, rival=aimock)),
    Row("submit_wiremock", "submit", "a WireMock stub, warm", Goal(1.5, "at least"), partial(beside, rival=wiremock)),
)
