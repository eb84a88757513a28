"""What wakes the emulator: nothing that falls due is slept over, and a stop is a stop however often it is said."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, cast

import pytest

from fakefal.core.errors import StoreUnavailable
from fakefal.core.line import Line
from fakefal.core.plan import Ending, Plan
from fakefal.engine import waker
from fakefal.engine.bell import TICK_SECONDS, Bell
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

RECORD = Record("id", "key", "fal-ai/app", "path", b"{}", 0.0, BaseUrl())
PLAN = Plan(Ending(200, b"{}", 5.0, ok=True), run_seconds=10)


def test_a_bell_needs_no_new_timer_to_wait_longer_and_one_to_wait_less() -> None:
    async def story() -> None:
        bell = Bell()

        async def wait(seconds: float) -> asyncio.TimerHandle:
            waiting = asyncio.create_task(bell.rung(seconds))
            await asyncio.sleep(0)
            bell.ring()
            await waiting
            bell.hush()
            assert bell._timer is not None
            return bell._timer

        first = await wait(LIMIT)
        assert await wait(LIMIT + 1) is first
        nearer = await wait(LIMIT / 2)
        assert first.cancelled()
        assert nearer.when() < first.when()
        bell.close()
        assert nearer.cancelled()

    asyncio.run(story())


def test_a_bell_rings_once_its_time_has_come_and_not_with_a_timer_that_was_set_for_an_earlier_one() -> None:
    async def story() -> None:
        bell, loop = Bell(), asyncio.get_running_loop()
        soon = asyncio.create_task(bell.rung(0.01))
        await asyncio.sleep(0)
        bell.ring()
        await soon
        bell.hush()
        began = loop.time()
        async with asyncio.timeout(LIMIT):
            await bell.rung(0.05)
        assert loop.time() - began >= 0.05 - TICK_SECONDS

    asyncio.run(story())


def test_a_bell_that_was_rung_is_not_waited_for_until_it_is_hushed() -> None:
    async def story() -> None:
        bell = Bell()
        bell.ring()
        await bell.rung(LIMIT)
        bell.hush()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await bell.rung(LIMIT)
        bell.close()

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


@pytest.mark.parametrize("before", [True, False])
def test_it_has_a_task_once_there_is_something_to_do(before: bool) -> None:
    async def story() -> None:
        store = Slow()
        waker = Waker(cast("QueueStore", store), MemoryClock(), nothing)
        if before:
            waker.changed("key")
        async with waker.running():
            assert (len(asyncio.all_tasks()) > 1) is before
            if not before:
                waker.added("key", waker._clock.now("key") + LIMIT)
            assert len(asyncio.all_tasks()) == 2
            waker.changed("key")
            async with asyncio.timeout(LIMIT):
                await store.asked.acquire()
        assert len(asyncio.all_tasks()) == 1
        waker.changed("key")
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(story())


def test_who_has_left_looks_no_more_while_the_store_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waker, "PAUSE_SECONDS", 0)

    async def story() -> None:
        bell, looked = Bell(), asyncio.Event()

        async def look(_: Record) -> Snapshot:
            looked.set()
            raise StoreUnavailable("it is away")

        async def watch() -> None:
            async for _ in Waker(cast("Any", None), MemoryClock(), cast("Any", None)).looks(RECORD, look, bell):
                pass

        watching = asyncio.create_task(watch())
        await looked.wait()
        bell.end()
        async with asyncio.timeout(LIMIT):
            await watching

    asyncio.run(story())


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
