"""Runs flows with httpx, under asyncio or trio; the async version of `fakefal_client.driver`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from typing import Any, TypeVar, cast

import anyio
import httpx

from fakefal_client.driver import SLACK_SECONDS, check_time, failure_of, reply_of, writable
from fakefal_client.errors import UsageError
from fakefal_client.retry import TimeSource
from fakefal_client.steps import (
    Emit,
    Exclusive,
    Flow,
    HttpCall,
    OpenStream,
    Pause,
    ReadPiece,
    Reply,
    Step,
    Walk,
    WireFailure,
    Work,
)

T = TypeVar("T")


class AsyncDriver:
    """Safe across the tasks of one event loop, as `httpx.AsyncClient` is.

    Args:
        http: the HTTP client; None creates one, which `close` closes.
        clock: the source of time.
        sleep: the function that pauses.
        trust_env: see `Driver`.
    """

    def __init__(
        self,
        http: httpx.AsyncClient | None = None,
        *,
        clock: TimeSource,
        sleep: Callable[[float], Awaitable[object]] | None = None,
        trust_env: bool = True,
    ) -> None:
        self._owned = http is None
        self._http = http or httpx.AsyncClient(trust_env=trust_env, verify=httpx.create_ssl_context())
        self._clock, self._sleep = clock, sleep or anyio.sleep
        self._turn = anyio.Lock()

    async def close(self) -> None:
        """Close the HTTP client if this driver created it."""
        if self._owned:
            await self._http.aclose()

    async def run(self, flow: Flow[T], tell: Callable[[Any], object] | None = None) -> T:
        """Run a flow to its end.  The callback gets what it emits, and may be a coroutine function."""
        walk = Walk(flow)
        async with aclosing(self._play(walk)) as playing:
            async for emitted in playing:
                handed_on = tell(emitted) if tell is not None else None
                if isinstance(handed_on, Awaitable):
                    await handed_on
        return cast("T", walk.value)

    async def play(self, flow: Flow[Any]) -> AsyncGenerator[Any, None]:
        """Run a flow, and yield what it emits."""
        async with aclosing(self._play(Walk(flow))) as playing:
            async for value in playing:
                yield value

    async def _play(self, walk: Walk) -> AsyncGenerator[Any, None]:
        async with AsyncExitStack() as held:
            held.callback(walk.close)
            pieces: AsyncGenerator[bytes, None] = _nothing()
            while (step := walk.step) is not None:
                if isinstance(step, Emit):
                    yield step.value
                    walk.send(None)
                    continue
                try:
                    if isinstance(step, OpenStream):
                        response = await self._within(step.call, self._open)
                        held.push_async_callback(response.aclose)
                        pieces = self._pieces(response, step.call)
                        held.push_async_callback(pieces.aclose)
                        brought: Any = reply_of(response)
                    elif isinstance(step, ReadPiece):
                        brought = await anext(pieces, b"")
                    elif isinstance(step, Exclusive):
                        brought = await held.enter_async_context(self._turn)
                    else:
                        brought = await self._do(step)
                except UsageError as error:
                    walk.throw(error)
                except (httpx.TransportError, httpx.DecodingError, WireFailure) as error:
                    walk.throw(failure_of(error))
                else:
                    walk.send(brought)

    async def _do(self, step: Step) -> Any:
        match step:
            case HttpCall():
                return await self._within(step, self._call)
            case Pause(seconds):
                await self._sleep(seconds)
            case Work(do):
                return await anyio.to_thread.run_sync(do)
        return None

    async def _open(self, call: HttpCall) -> httpx.Response:
        request = writable(self._http, call, self._clock)
        return await self._http.send(request, stream=True, follow_redirects=False)

    async def _call(self, call: HttpCall) -> Reply:
        response = await self._open(call)
        try:
            return reply_of(response, b"".join([piece async for piece in self._pieces(response, call)]))
        finally:
            await response.aclose()

    async def _within(self, call: HttpCall, work: Callable[[HttpCall], Awaitable[T]]) -> T:
        """Do the work, and stop at the call's deadline, even if an answer arrives slowly."""
        if call.until is None:
            return await work(call)
        try:
            with anyio.fail_after(max(0.0, call.until - self._clock.monotonic()) + SLACK_SECONDS):
                return await work(call)
        except TimeoutError:
            raise WireFailure("the deadline passed while it waited", sent=True, timed_out=True) from None

    async def _pieces(self, response: httpx.Response, call: HttpCall) -> AsyncGenerator[bytes, None]:
        """The parts of the body, until the deadline of the call."""
        whole = cast("AsyncGenerator[bytes, None]", response.aiter_bytes())
        async with aclosing(whole) as pieces:
            async for piece in pieces:
                check_time(call, self._clock)
                if piece:
                    yield piece


async def _nothing() -> AsyncGenerator[bytes, None]:
    return
    yield b""
