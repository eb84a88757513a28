"""The loop of fakes: the caller does what never waits, and the loop's own thread the rest."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from fakefal.testing.loop import LoopThread, loop_thread
from support.waiting import LIMIT

pytestmark = [pytest.mark.quick, pytest.mark.versions]


@pytest.fixture
def lent() -> LoopThread:
    return loop_thread()


async def here() -> str:
    assert asyncio.current_task() is not None
    return threading.current_thread().name


def test_what_never_waits_is_done_by_the_caller(lent: LoopThread) -> None:
    assert lent.run(here()) == threading.current_thread().name


@pytest.mark.parametrize("wait", [0, 0.001])
def test_what_waits_goes_on_in_the_loops_own_thread(lent: LoopThread, wait: float) -> None:
    async def waiting() -> tuple[str, str]:
        before = await here()
        await asyncio.sleep(wait)
        return before, await here()

    assert lent.run(waiting()) == (threading.current_thread().name, "fakefal")


def test_a_caller_wakes_what_waits_in_the_loops_own_thread(lent: LoopThread) -> None:
    event = asyncio.Event()
    came = threading.Event()

    async def waiting() -> None:
        await event.wait()
        came.set()

    async def ringing() -> None:
        event.set()

    lent.begin(waiting())
    lent.run(ringing())
    assert came.wait(LIMIT)


def test_errors_are_the_callers(lent: LoopThread) -> None:
    async def failing(wait: float | None) -> None:
        if wait is not None:
            await asyncio.sleep(wait)
        raise LookupError("none")

    for wait in (None, 0):
        with pytest.raises(LookupError, match="none"):
            lent.run(failing(wait))


def test_a_callers_own_loop_is_his_again(lent: LoopThread) -> None:
    async def caller() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert lent.run(here()) == threading.current_thread().name
        assert asyncio.get_running_loop() is loop
        assert asyncio.current_task() is task
        await asyncio.sleep(0)

    asyncio.run(caller())


def test_generators_that_a_caller_began_do_not_end_with_his_loop(lent: LoopThread) -> None:
    ended: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            ended.append(threading.current_thread().name)

    generator = numbers()

    async def first() -> int:
        return await anext(generator)

    async def caller() -> None:
        assert lent.run(first()) == 1

    asyncio.run(caller())
    assert ended == []

    async def rest() -> list[int]:
        return [number async for number in generator]

    assert lent.run(rest()) == [2]


def test_a_call_that_interrupts_the_loop_is_refused_instead_of_waiting_for_itself(lent: LoopThread) -> None:
    async def calling() -> None:
        lent.run(here())

    async def later() -> None:
        await asyncio.sleep(0)
        lent.run(here())

    for work in (calling, later):
        with pytest.raises(RuntimeError, match="interrupts the emulator"):
            lent.run(work())


def test_threads_take_turns(lent: LoopThread) -> None:
    count = 0

    async def counted() -> None:
        nonlocal count
        before = count
        for _ in range(100):
            pass
        count = before + 1
        await asyncio.sleep(0)

    def often() -> None:
        for _ in range(200):
            lent.run(counted())

    threads = [threading.Thread(target=often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert count == 800
