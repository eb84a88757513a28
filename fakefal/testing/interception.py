"""Answers calls of httpx and httpx2 to fal's hosts in this process.

It patches the method of the transports that opens connections.  So it also works for clients that were created
earlier, and together with mocks of other hosts.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from functools import cache, wraps
from types import ModuleType
from typing import Any, Protocol

from fakefal.testing.in_process import (
    END,
    ConnectionDropped,
    EmulatorFailed,
    Head,
    InProcessCall,
    InProcessExchange,
    Part,
)
from fakefal.testing.waiting import arrival

LIBRARIES = ("httpx", "httpx2")


class Answerer(Protocol):
    """Answers intercepted calls."""

    def answers(self, host: str) -> bool:
        """Whether it answers calls to this host."""
        ...

    def begin(self, call: InProcessCall) -> InProcessExchange:
        """Start answering a call."""
        ...


@contextmanager
def intercepting(answerer: Answerer) -> Iterator[None]:
    """Pass calls to the answerer while the block lasts; in nested blocks, the inner one is asked first."""
    with ExitStack() as stack:
        for name in LIBRARIES:
            if name in sys.modules or _is_installed(name):
                library = importlib.import_module(name)
                stack.enter_context(_patched(library.HTTPTransport, "handle_request", _sync(library, answerer)))
                stack.enter_context(
                    _patched(library.AsyncHTTPTransport, "handle_async_request", _async(library, answerer))
                )
        yield


@cache
def _is_installed(library: str) -> bool:
    return importlib.util.find_spec(library) is not None


Method = Callable[[Any, Any], Any]


@contextmanager
def _patched(owner: Any, name: str, make: Callable[[Method, Callable[[], bool]], Method]) -> Iterator[None]:
    """Replace a method while the block lasts.

    Other code that has replaced it meanwhile may still call ours later.  After the block, ours does nothing.
    """
    live = True
    inner: Method = getattr(owner, name)
    outer = make(inner, lambda: live)
    setattr(owner, name, outer)
    try:
        yield
    finally:
        live = False
        if getattr(owner, name) is outer:
            setattr(owner, name, inner)


def _sync(library: ModuleType, answerer: Answerer) -> Callable[[Method, Callable[[], bool]], Method]:
    def make(inner: Method, live: Callable[[], bool]) -> Method:
        @wraps(inner)
        def handle_request(self: Any, request: Any) -> Any:
            if not (live() and answerer.answers(request.url.host)):
                return inner(self, request)
            exchange = answerer.begin(_call(request, request.read()))
            seconds = _read_seconds(request)

            def take() -> Part:
                with _translated(library, request):
                    part = exchange.answer.take()
                    return part.result(seconds) if isinstance(part, Future) else part

            try:
                head = take()
                return _response(library, head, _streams(library)[0](exchange, take))
            except BaseException:
                exchange.close()
                raise

        return handle_request

    return make


def _async(library: ModuleType, answerer: Answerer) -> Callable[[Method, Callable[[], bool]], Method]:
    def make(inner: Method, live: Callable[[], bool]) -> Method:
        @wraps(inner)
        async def handle_async_request(self: Any, request: Any) -> Any:
            if not (live() and answerer.answers(request.url.host)):
                return await inner(self, request)
            exchange = answerer.begin(_call(request, await request.aread()))
            seconds = _read_seconds(request)

            async def take() -> Part:
                with _translated(library, request):
                    part = exchange.answer.take()
                    return await arrival(part, seconds) if isinstance(part, Future) else part

            try:
                head = await take()
                return _response(library, head, _streams(library)[1](exchange, take))
            except BaseException:
                exchange.close()
                raise

        return handle_async_request

    return make


class _Body:
    """The rest of an answer; closing it tells the application that the caller stopped reading."""

    def __init__(self, exchange: InProcessExchange, take: Callable[[], Any]) -> None:
        self._exchange = exchange
        self._take = take

    def __iter__(self) -> Iterator[bytes]:
        while (part := _bytes(self._take())) != END:
            yield part

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (part := _bytes(await self._take())) != END:
            yield part

    def close(self) -> None:
        self._exchange.close()

    async def aclose(self) -> None:
        self._exchange.close()


@cache
def _streams(library: ModuleType) -> tuple[Any, Any]:
    """The body as a subclass of the library's own stream classes."""
    return type("_SyncBody", (_Body, library.SyncByteStream), {}), type(
        "_AsyncBody", (_Body, library.AsyncByteStream), {}
    )


def _bytes(part: Part) -> bytes:
    assert isinstance(part, bytes)
    return part


def _response(library: ModuleType, head: Part, stream: Any) -> Any:
    assert isinstance(head, Head)
    return library.Response(head.status, headers=head.headers, stream=stream, extensions={"http_version": b"HTTP/1.1"})


def _call(request: Any, body: bytes) -> InProcessCall:
    url = request.url
    return InProcessCall(request.method, url.scheme, url.host, url.path, url.raw_path, request.headers.raw, body)


def _read_seconds(request: Any) -> float | None:
    """How long the caller waits for each part of the answer."""
    seconds: float | None = request.extensions.get("timeout", {}).get("read")
    return seconds


@contextmanager
def _translated(library: ModuleType, request: Any) -> Iterator[None]:
    """Raise connection errors as the library does."""
    try:
        yield
    except TimeoutError as error:
        raise library.ReadTimeout("The read operation timed out", request=request) from error
    except EmulatorFailed as failure:
        raise failure.error from None
    except ConnectionDropped as error:
        raise getattr(library, error.kind)(str(error), request=request) from error
