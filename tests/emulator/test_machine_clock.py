"""The machine's clock is set back, set ahead or frozen: jobs go on, and what is printed follows it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import freezegun
import pytest
import time_machine

from fakefal.state.clock import MOST_STEPS, MemoryClock, steady_time
from support.endpoints import O1
from support.server import Serve, Server

WHEN = dt.datetime(2020, 2, 29, 12, tzinfo=dt.UTC)
Frozen = Callable[[dt.datetime], Any]
pytestmark = pytest.mark.memory_only(why="replicas keep Redis's time, which no clock of theirs reaches")


@contextmanager
def by_freezegun(moment: dt.datetime) -> Iterator[None]:
    with freezegun.freeze_time(moment):
        yield


@contextmanager
def by_time_machine(moment: dt.datetime) -> Iterator[None]:
    with time_machine.travel(moment, tick=False):
        yield


@contextmanager
def set_to(moment: dt.datetime) -> Iterator[None]:
    with time_machine.travel(moment, tick=True):
        yield


def finished(server: Server, job: dict[str, Any]) -> dict[str, Any]:
    """The status of a job at its end, which must come however the clock stands."""
    while True:
        status: dict[str, Any] = server.http.get(job["status_url"], params={"logs": 1}).json()
        if status["status"] == "COMPLETED":
            return status


def moments(status: dict[str, Any]) -> list[dt.datetime]:
    return [dt.datetime.fromisoformat(line["timestamp"]) for line in status["logs"]]


@pytest.mark.parametrize("frozen", [by_freezegun, by_time_machine, set_to])
def test_jobs_end_and_print_the_frozen_time(serve: Serve, frozen: Frozen) -> None:
    server = serve(profile="quick")
    before = server.submit(O1, {"prompt": "x"})
    with frozen(WHEN):
        during = server.submit(O1, {"prompt": "x"})
        status = finished(server, during)
        finished(server, before)
        lines = moments(status)
        assert lines
        assert all(WHEN <= one < WHEN + dt.timedelta(minutes=1) for one in lines)
        (listed, _) = server.http.get(
            "/platform/v1/models/requests/by-endpoint", params={"endpoint_id": O1, "start": "2020-02-29"}
        ).json()["items"]
        assert listed["ended_at"].startswith("2020-02-29T12:00")
    after = finished(server, server.submit(O1, {"prompt": "x"}))
    assert min(moments(after)) > WHEN + dt.timedelta(days=365)


def test_a_clock_set_back_stops_nothing() -> None:
    ticks, wall = [100.0], [1_800_000_000.0]
    clock = MemoryClock(lambda: 1_800_000_000.0 - 100 + ticks[0], lambda: wall[0])
    submitted = clock.now("a")
    ticks[0] += 5
    wall[0] -= 3600
    assert clock.now("a") == submitted + 5
    assert clock.shown(submitted) == submitted  # what was printed stays
    assert clock.shown(submitted + 5) == wall[0]
    ticks[0] += 5
    wall[0] += 5
    assert clock.shown(submitted + 10) == wall[0]
    wall[0] += 7200  # and ahead
    assert clock.now("a") == submitted + 10


def test_steps_are_forgotten_but_the_newest() -> None:
    ticks = [0.0]
    clock = MemoryClock(lambda: ticks[0], lambda: 500.0)
    for _ in range(2 * MOST_STEPS):
        ticks[0] += 1
        assert 500.0 <= clock.shown(clock.now(None)) <= 500.1
    assert len(clock._steps) == MOST_STEPS


@pytest.mark.parametrize("frozen", [by_freezegun, by_time_machine])
def test_a_steady_clock_made_before_or_while_time_is_frozen_runs(frozen: Frozen) -> None:
    before = steady_time()
    with frozen(WHEN):
        during = steady_time()
        first, second = before(), during()
        assert second == pytest.approx(WHEN.timestamp(), abs=1)
        while before() == first or during() == second:
            pass
    assert before() == pytest.approx(time.time(), abs=1)
