"""What wakes the emulator: nothing that falls due is slept over, and a stop is a stop however often it is said."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, cast

import pytest

from fakefal.core.lifecycle import State
from fakefal.core.line import Line
from fakefal.core.plan import Ending, Marks, Plan, View
from fakefal.engine.emulator import Emulator, Stopping
from fakefal.engine.waker import Waker
from fakefal.server import app as application
from fakefal.settings import Settings
from fakefal.state.clock import MemoryClock
from fakefal.state.patience import cancel_and_wait
from fakefal.state.queue import QueueStore
from fakefal.state.requests import Record, Snapshot
from fakefal_contracts.hosts import BaseUrl
from support.waiting import LIMIT

pytestmark = pytest.mark.quick

PLAN = Plan(Ending(200, b"{}", 5.0, ok=True), run_seconds=10)


def test_changes_in_a_row_need_one_timer_and_a_nearer_moment_a_new_one() -> None:
    async def story() -> None:
        clock, bell = MemoryClock(), asyncio.Event()
        waker = Waker(cast("QueueStore", None), clock, nothing)
        record = Record("id", "key", "fal-ai/kling-video", "o1", b"{}", 0.0, BaseUrl())

        def seen(next_at: float | None) -> Snapshot:
            return Snapshot(record, View(State.IN_PROGRESS, PLAN, Marks(), 0.0, next_at), 0, PLAN)

        first = waker._timer("key", seen(None), bell, None)
        assert waker._timer("key", seen(None), bell, first) is first
        nearer = waker._timer("key", seen(clock.now("key") + 5), bell, first)
        assert nearer is not first
        assert first.cancelled()
        later = waker._timer("key", seen(None), bell, nearer)
        assert later.when() > nearer.when()
        assert nearer.cancelled()
        later.cancel()

    asyncio.run(story())


class Slow:
    """A store whose answer to one question takes until it is let go; how often it was asked is counted."""

    def __init__(self) -> None:
        self.asked = asyncio.Semaphore(0)
        self.answer = asyncio.Event()
        self.count = 0

    async def carry_out(self, key: str, now: float) -> float | None:  # noqa: ARG002
        self.count += 1
        self.asked.release()
        await self.answer.wait()
        return now + 1000


async def nothing(_: str) -> None:
    pass


def test_what_is_added_while_the_store_is_asked_is_asked_for_again() -> None:
    async def story() -> int:
        store = Slow()
        clock = MemoryClock()
        waker = Waker(cast("QueueStore", store), clock, nothing)
        async with waker.running():
            waker.changed("key")
            await store.asked.acquire()
            waker.added("key", clock.now("key") + 500)
            store.answer.set()
            await store.asked.acquire()
            return store.count

    assert asyncio.run(story()) == 2


def test_what_goes_wrong_for_one_key_does_not_end_it_for_the_others() -> None:
    class Broken(Slow):
        async def carry_out(self, key: str, now: float) -> float | None:
            if key == "broken":
                raise ZeroDivisionError
            return await super().carry_out(key, now)

    async def story() -> None:
        store = Broken()
        waker = Waker(cast("QueueStore", store), MemoryClock(), nothing)
        async with waker.running():
            waker.changed("broken")
            await asyncio.sleep(0)
            waker.changed("whole")
            async with asyncio.timeout(LIMIT):
                await store.asked.acquire()

    asyncio.run(story())


def test_a_later_moment_does_not_hide_a_sooner_one() -> None:
    async def story() -> dict[str, float]:
        clock = MemoryClock()
        waker = Waker(cast("QueueStore", Slow()), clock, nothing)
        now = clock.now("key")
        for moment in (now + 100, now + 900, None):
            waker.added("key", moment)
        return {key: due - now for key, due in waker._due.items()}

    assert asyncio.run(story()) == {"key": pytest.approx(100)}


def test_a_line_that_waits_for_a_judgement_still_says_when_its_runs_end() -> None:
    line = Line(2)
    line.submit("running", PLAN, 0)
    line.advance(0)
    line.submit("unjudged", None, 1)
    assert line.advance(1).needs == "unjudged"
    assert line.advance(1).next_due == 10


def test_a_stop_may_be_said_twice() -> None:
    async def story() -> None:
        emulator = Emulator(Settings(profile="instant"))
        async with emulator.running():
            waiting = asyncio.create_task(emulator.unless_stopping(asyncio.sleep(1000)))
            await asyncio.sleep(0)  # it begins to wait
            assert emulator._waker.limits
            emulator.close()
            emulator.close()
            with pytest.raises(Stopping):
                await waiting

    asyncio.run(story())


def test_an_application_that_could_not_be_made_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> list[Any]:
        app = application.Documented(Emulator())
        made = application._documented
        monkeypatch.setattr(application, "_documented", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await app._making()
        monkeypatch.setattr(application, "_documented", made)
        return [callable(await app._making()), await app._making() is await app._making()]

    assert asyncio.run(story()) == [True, True]


def test_what_loses_a_cancellation_is_ended_all_the_same() -> None:
    async def deaf() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(1000)
        await asyncio.sleep(1000)

    async def story() -> None:
        task = asyncio.create_task(deaf())
        await asyncio.sleep(0)
        async with asyncio.timeout(LIMIT):
            await cancel_and_wait((task,))
        assert task.cancelled()

    asyncio.run(story())
