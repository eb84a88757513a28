"""Calls of the queue under load, beside bare applications and beside other mock servers."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Protocol

from fakefal.server.loops import loop_factory
from fakefal.version import install_line
from tools.bench.load import Load
from tools.bench.rivals import aimock, wiremock
from tools.bench.sides import Kind, Side, bare_asgi, fakefal
from tools.bench.table import Goal, Measured, NotInstalled, Row, Size, alternating

JOB: tuple[Kind, ...] = ("submit", "status", "status", "status", "result")
BARE = "bare ASGI app, same server and loop, same bytes"
AIMOCK = "AIMock's fal support, warm"
NEW_AIMOCK = "AIMock, just started"


class Reference(Protocol):
    """Starts the reference of our side, for one kind of call."""

    def __call__(self, ours: Side, kind: Kind, /, *, fast: bool) -> AbstractContextManager[Side]:
        """The other side."""


def under_load(*kinds: Kind, beside: Reference, fast: bool = True) -> Callable[[Size], Measured]:
    """Jobs of these calls per second of processor time, beside a reference; `fast` is with the extra."""
    return partial(measured, kinds=kinds, beside=beside, fast=fast)


def measured(size: Size, *, kinds: tuple[Kind, ...], beside: Reference, fast: bool) -> Measured:
    """Load both sides in turn."""
    if fast and loop_factory() is None:
        raise NotInstalled(f"the extra is not installed: {install_line('fast')}")
    with fakefal(kinds[0], fast=fast) as ours, beside(ours, kinds[0], fast=fast) as theirs:
        return compared(size, Load.warm(ours, kinds, size), Load.warm(theirs, kinds, size))


def in_the_first_second(*kinds: Kind) -> Callable[[Size], Measured]:
    """Calls in the first second of new servers, in which most tests' programs end."""

    def measure(size: Size) -> Measured:
        size = replace(size, seconds=1)
        ours, theirs = (Load(partial(side, "submit", fast=True), kinds, size) for side in (fakefal, aimock))
        return compared(size, ours, theirs)

    return measure


def compared(size: Size, ours: Load, theirs: Load) -> Measured:
    """Both sides in turn, by processor time."""
    quotients = alternating(size.rounds, ours, theirs)[2]
    note = f"by the rate {ours.rate / theirs.rate:.2f}"
    return Measured(statistics.median(quotients), str(ours), str(theirs), quotients, note)


def at_least(bound: float) -> Goal:
    """How to read rows under load: more is better."""
    return Goal(bound, "at least")


ROWS = (
    Row("submit", "submit", BARE, at_least(0.25), under_load("submit", beside=bare_asgi)),
    Row("status", "status of a running request", BARE, at_least(0.45), under_load("poll", beside=bare_asgi)),
    Row("result", "result", BARE, at_least(0.45), under_load("result", beside=bare_asgi)),
    Row("submit_plain", "submit, no `[fast]`", BARE, Goal(), under_load("submit", beside=bare_asgi, fast=False)),
    Row("status_plain", "status, no `[fast]`", BARE, Goal(), under_load("poll", beside=bare_asgi, fast=False)),
    Row(
        "job_aimock",
        "a whole job: submit, 3 status reads, result",
        AIMOCK,
        at_least(1.2),
        under_load(*JOB, beside=aimock),
    ),
    Row("job_aimock_new", "a whole job, a server's first second", NEW_AIMOCK, Goal(), in_the_first_second(*JOB)),
    Row("submit_aimock", "submit", AIMOCK, at_least(1), under_load("submit", beside=aimock)),
    Row("submit_aimock_new", "submit, a server's first second", NEW_AIMOCK, Goal(), in_the_first_second("submit")),
    Row("status_aimock", "status of a finished request", AIMOCK, Goal(), under_load("status", beside=aimock)),
    Row("result_aimock", "result", AIMOCK, Goal(), under_load("result", beside=aimock)),
    Row("submit_wiremock", "submit", "a WireMock stub, warm", Goal(), under_load("submit", beside=wiremock)),
)
