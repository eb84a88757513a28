"""The loop of fakes: the caller does what never waits, and the loop's own thread the rest."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from queue import SimpleQueue
from types import FrameType
from typing import Any, Never

import httpx
import pytest

from fakefal.store.memory import MemoryQueueStore
from fakefal.testing.fake import Fakefal
from fakefal.testing.loop import ELSEWHERE, LoopThread, loop_thread
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
        with pytest.raises(RuntimeError, match="running the emulator"):
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


class TimedOut(BaseException):
    """What a signal handler raises, as that of pytest-timeout does."""


INTERRUPTIONS = (TimedOut, KeyboardInterrupt)


def interrupted(call: Callable[[], object], at: int, error: type[BaseException]) -> bool:
    """Raise an error in the middle of a call, at one of the places where the interpreter runs signal handlers.

    They are the start of a Python function and the return of a C function, which is where profilers are called.
    Destructors and callbacks of weak references are left out: Python itself swallows what they raise.
    Returns whether there are as many places.
    """
    seen = 0

    def profile(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal seen
        if event in {"call", "c_return"} and frame.f_code.co_name not in {"__del__", "_remove"}:
            seen += 1
            if seen == at:
                raise error

    try:
        sys.setprofile(profile)
        call()
    except error:
        assert seen == at
        return True
    finally:
        sys.setprofile(None)
    assert seen < at, "the interruption was swallowed"
    return False


def in_another_thread(call: Callable[[], object]) -> object:
    answers: list[object] = []
    thread = threading.Thread(target=lambda: answers.append(call()), daemon=True)
    thread.start()
    thread.join(LIMIT)
    return answers[0] if answers else "no answer"


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize("error", INTERRUPTIONS)
@pytest.mark.parametrize("waits", [False, True])
def test_an_interruption_at_any_point_reaches_the_caller_and_leaves_the_loop_usable(
    lent: LoopThread, error: type[BaseException], waits: bool
) -> None:
    event = asyncio.Event()

    async def work() -> None:
        event.set()
        if waits:
            await asyncio.sleep(0)

    async def caller() -> int:
        loop, task, hooks = asyncio.get_running_loop(), asyncio.current_task(), sys.get_asyncgen_hooks()
        for at in count(1):
            if not interrupted(lambda: lent.run(work()), at, error):
                return at
            assert asyncio.get_running_loop() is loop
            assert asyncio.current_task() is task
            assert sys.get_asyncgen_hooks() == hooks
            assert lent.run(here()) == threading.current_thread().name
            assert in_another_thread(lambda: lent.run(asyncio.sleep(0, "slept"))) == "slept"
        raise AssertionError

    assert asyncio.run(caller()) > 30


@contextmanager
def handler(number: signal.Signals, error: type[BaseException]) -> Iterator[None]:
    """Raise this error in the main thread when the signal comes."""

    def interrupt(*_: object) -> Never:
        raise error

    before = signal.signal(number, interrupt)
    try:
        yield
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("error", INTERRUPTIONS)
def test_a_signal_while_the_emulator_answers_ends_the_test_and_not_the_emulator(
    monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    add = MemoryQueueStore.add

    async def signalled(self: MemoryQueueStore, *arguments: Any, **options: Any) -> object:
        monkeypatch.setattr(MemoryQueueStore, "add", add)
        signal.raise_signal(signal.SIGINT)
        return await add(self, *arguments, **options)

    def submit() -> int:
        url = "https://queue.fal.run/fal-ai/kling-video/o3/pro/text-to-video"
        return httpx.post(url, json={"prompt": "x"}, headers={"authorization": "Key a:b"}).status_code

    with Fakefal() as fal, handler(signal.SIGINT, error):
        monkeypatch.setattr(MemoryQueueStore, "add", signalled)
        with pytest.raises(error):
            submit()
        assert submit() == 200
        assert in_another_thread(submit) == 200
        assert len(fal.requests) == 2


@pytest.fixture
def _alarm() -> Iterator[None]:
    signal.setitimer(signal.ITIMER_REAL, 3600)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.mark.usefixtures("_alarm")
def test_while_an_alarm_is_set_the_main_thread_does_not_run_the_emulator(lent: LoopThread) -> None:
    came: SimpleQueue[str] = SimpleQueue()

    async def come() -> None:
        came.put(await here())

    lent.begin(come())
    assert came.get(timeout=LIMIT) == lent.run(here()) == "fakefal"
    assert in_another_thread(lambda: lent.run(here()) == threading.current_thread().name) is True
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert lent.run(here()) == threading.current_thread().name


@pytest.mark.usefixtures("_alarm")
def test_while_an_alarm_is_set_a_call_that_would_wait_for_itself_is_refused_too(lent: LoopThread) -> None:
    async def calling() -> None:
        lent.run(here())

    with pytest.raises(RuntimeError, match="running the emulator"):
        lent.run(calling())


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_is_refused_instead_of_reading_its_own_copy() -> None:
    def told(ask: Callable[[], object]) -> str:
        try:
            return repr(ask())
        except RuntimeError as error:
            return str(error)

    with Fakefal() as fal:
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                said = [told(lambda: fal.requests), told(lambda: fal.inject("stuck")), told(fal.serve)]
                os.write(theirs, "\n".join(said).encode())
            finally:
                os._exit(0)
        os.close(theirs)
        with os.fdopen(ours) as pipe:
            assert pipe.read().splitlines() == [ELSEWHERE] * 3
        assert os.waitpid(child, 0) == (child, 0)


def test_what_has_answered_still_cleans_up_when_its_emulator_ends() -> None:
    """An answer that is a file closes it after its last byte, in a thread."""
    cleaned: list[bool] = []

    async def app(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        await asyncio.sleep(0)
        cleaned.append(True)

    with Fakefal() as fake:
        fake._engine.app = app
        assert httpx.get("https://queue.fal.run/fal-ai/app").status_code == 200
    assert cleaned
