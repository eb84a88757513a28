"""Runs flows with httpx, blocking.  Only this module and `fakefal_client.async_driver` import httpx."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import ExitStack
from functools import partial
from typing import Any, TypeVar, cast

import httpx

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
CONNECT_SECONDS = 10.0
SLACK_SECONDS = 0.05
"""A deadline is enforced this much later than httpx's own timeout, so that the error of httpx comes first."""

NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
"""Errors that httpx raises before it sends the first byte of a request."""

HEADER_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(rb"([!-~]+([ \t]+[!-~]+)*)?")
"""The characters that HTTP allows (RFC 9110), in ASCII."""


class Driver:
    """Safe across threads, as `httpx.Client` is.

    Args:
        http: the HTTP client; None creates one, which `close` closes.
        clock: the source of time.
        sleep: the function that pauses.
        trust_env: whether to use proxies of the environment; not for an emulator.  Its certificates
            (``SSL_CERT_FILE``, ``SSL_CERT_DIR``) are always used.
    """

    def __init__(
        self,
        http: httpx.Client | None = None,
        *,
        clock: TimeSource,
        sleep: Callable[[float], object] = time.sleep,
        trust_env: bool = True,
    ) -> None:
        self._owned = http is None
        self._http = http or httpx.Client(trust_env=trust_env, verify=httpx.create_ssl_context())
        self._clock, self._sleep = clock, sleep
        self._turn = threading.Lock()

    def close(self) -> None:
        """Close the HTTP client if this driver created it."""
        if self._owned:
            self._http.close()

    def run(self, flow: Flow[T], tell: Callable[[Any], object] | None = None) -> T:
        """Run a flow to its end.  The callback, if there is one, gets what it emits."""
        playing = self.play(flow)
        try:
            while True:
                emitted = next(playing)
                if tell is not None:
                    tell(emitted)
        except StopIteration as stop:
            return cast("T", stop.value)
        finally:
            playing.close()

    def play(self, flow: Flow[T]) -> Generator[Any, None, T]:
        """Run a flow, and yield what it emits."""
        walk = Walk(flow)
        with ExitStack() as held:
            held.callback(walk.close)
            pieces: Iterator[bytes] = iter(())
            while (step := walk.step) is not None:
                if isinstance(step, Emit):
                    yield step.value
                    walk.send(None)
                    continue
                try:
                    if isinstance(step, OpenStream):
                        response = self._within(step.call, partial(self._open, step.call))
                        held.callback(response.close)
                        pieces = self._pieces(response, step.call)
                        brought: Any = reply_of(response)
                    elif isinstance(step, ReadPiece):
                        brought = next(pieces, b"")
                    elif isinstance(step, Exclusive):
                        brought = held.enter_context(self._turn)
                    else:
                        brought = self._do(step)
                except UsageError as error:
                    walk.throw(error)
                except (httpx.TransportError, httpx.DecodingError, WireFailure) as error:
                    walk.throw(failure_of(error))
                else:
                    walk.send(brought)
        return cast("T", walk.value)

    def _do(self, step: Step) -> Any:
        match step:
            case HttpCall():
                return self._within(step, partial(self._call, step))
            case Pause(seconds):
                self._sleep(seconds)
            case Work(do):
                return do()
        return None

    def _call(self, call: HttpCall) -> Reply:
        response = self._open(call)
        try:
            return reply_of(response, b"".join(self._pieces(response, call)))
        finally:
            response.close()

    def _open(self, call: HttpCall) -> httpx.Response:
        request = writable(self._http, call, self._clock)
        return self._http.send(request, stream=True, follow_redirects=False)

    def _within(self, call: HttpCall, work: Callable[[], T]) -> T:
        """Do the work, and stop at the call's deadline if it has one, even if an answer arrives slowly."""
        if call.until is None:
            return work()
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(work())
            except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
                done.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        left = max(0.0, call.until - self._clock.monotonic())
        try:
            return done.result(left + SLACK_SECONDS)
        except FutureTimeout:
            done.add_done_callback(_close_late)
            raise WireFailure("the deadline passed while it waited", sent=True, timed_out=True) from None

    def _pieces(self, response: httpx.Response, call: HttpCall) -> Iterator[bytes]:
        """The parts of the body, until the deadline of the call."""
        for piece in response.iter_bytes():
            check_time(call, self._clock)
            if piece:
                yield piece


def _close_late(done: Future[Any]) -> None:
    """Give the connection back of a response for which nobody waits any more."""
    if done.exception() is None and isinstance(response := done.result(), httpx.Response):
        response.close()


def request_of(call: HttpCall, clock: TimeSource) -> dict[str, Any]:
    """The arguments for httpx; no timeout is longer than the time that is left."""
    seconds = call.timeout_seconds
    if call.until is not None:
        left = max(0.001, call.until - clock.monotonic())
        seconds = left if seconds is None else min(seconds, left)
    connect = CONNECT_SECONDS if seconds is None else min(seconds, CONNECT_SECONDS)
    timeout = httpx.Timeout(seconds, connect=connect)
    return {
        "method": call.method,
        "url": call.url,
        "headers": dict(call.headers),
        "content": call.content,
        "timeout": timeout,
    }


def writable(http: httpx.Client | httpx.AsyncClient, call: HttpCall, clock: TimeSource) -> httpx.Request:
    """The httpx request of a call.

    Raises:
        UsageError: httpx cannot build it, or the HTTP client is closed.
    """
    if http.is_closed:
        raise UsageError("the client is closed")
    try:
        request = http.build_request(**request_of(call, clock))
    except (ValueError, TypeError, httpx.InvalidURL) as error:
        raise UsageError(f"the call cannot be sent: {type(error).__name__} in its URL or headers") from None
    for name, value in request.headers.raw:
        if not (HEADER_NAME.fullmatch(name) and HEADER_VALUE.fullmatch(value)):
            raise UsageError(f"HTTP does not allow the header {name[:50].decode('latin-1')!r} (its value is not shown)")
    return request


def reply_of(response: httpx.Response, body: bytes = b"") -> Reply:
    """An httpx response, as a `Reply`."""
    return Reply(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)


def check_time(call: HttpCall, clock: TimeSource) -> None:
    """Check the deadline of a call.

    Raises:
        WireFailure: it has passed.
    """
    if call.until is not None and clock.monotonic() >= call.until:
        raise WireFailure("the deadline passed while the answer was read", sent=True, timed_out=True)


def failure_of(error: Exception) -> WireFailure:
    """An error of httpx, as a `WireFailure`."""
    if isinstance(error, WireFailure):
        return error
    if isinstance(error, httpx.LocalProtocolError):  # of answers, too; its text may hold headers, and so the key
        return WireFailure("HTTP does not allow what was sent or answered", sent=True)
    sent = not isinstance(error, NOT_SENT)
    return WireFailure(
        _message(error) or type(error).__name__, sent=sent, timed_out=isinstance(error, httpx.TimeoutException)
    )


def _message(error: BaseException | None) -> str:
    """The message of an error, or of its cause: under trio, errors of httpx have no message."""
    while error is not None and not str(error):
        error = error.__cause__ or error.__context__
    return str(error or "")
