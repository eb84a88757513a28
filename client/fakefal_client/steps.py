"""Flows: the logic of the client, written once and without I/O.

A flow is a generator.  It yields steps, receives their results, and returns its own.  A driver
(`fakefal_client.driver`, `fakefal_client.async_driver`) executes the steps.  If a step fails on the network, the driver
throws `WireFailure` into the flow.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class HttpCall:
    """One HTTP request.

    `timeout_seconds` limits each read and write; None waits for ever.  `until` is the deadline of the whole call, on
    the injected monotonic clock.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)
    timeout_seconds: float | None = 60.0
    until: float | None = None


@dataclass(frozen=True)
class Reply:
    """The answer to a call.  Header names are in lower case; the body of a stream is empty."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    def json(self) -> Any:
        """The decoded JSON body, or its text if it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return self.body.decode("utf-8", "replace")


@dataclass(frozen=True)
class OpenStream:
    """Opens a stream and returns its `Reply`.  The next stream, or the end of the flow, closes it."""

    call: HttpCall


@dataclass(frozen=True)
class ReadPiece:
    """Returns the next bytes of the open stream; empty at its end."""


@dataclass(frozen=True)
class Pause:
    """Waits this many seconds."""

    seconds: float


@dataclass(frozen=True)
class Work:
    """Runs something slow in a worker thread, such as reading a file, and returns its result."""

    do: Callable[[], Any]


@dataclass(frozen=True)
class Exclusive:
    """Takes a lock of the driver until the end of the flow."""


@dataclass(frozen=True)
class Emit:
    """Gives a value to the caller while the flow continues."""

    value: Any


Step = HttpCall | OpenStream | ReadPiece | Pause | Work | Exclusive | Emit
Flow = Generator[Step, Any, T]


class WireFailure(Exception):
    """A call failed on the network; `sent` says whether the other side may have received it."""

    def __init__(self, reason: str, *, sent: bool, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.sent = sent
        self.timed_out = timed_out


class Walk:
    """A flow and its current step; both drivers use it.

    Attributes:
        step: the next step, or None at the end.
        value: the result of the flow.
    """

    def __init__(self, flow: Flow[Any]) -> None:
        self._flow = flow
        self.step: Step | None = None
        self.value: Any = None
        self.send(None)

    def send(self, brought: Any) -> None:
        """Continue with the result of the step."""
        self._go(lambda: self._flow.send(brought))

    def throw(self, error: BaseException) -> None:
        """Continue with the failure of the step."""
        self._go(lambda: self._flow.throw(error))

    def close(self) -> None:
        """Close the flow; it cleans up."""
        self._flow.close()

    def _go(self, on: Callable[[], Step]) -> None:
        try:
            self.step = on()
        except StopIteration as stop:
            self.step, self.value = None, stop.value
