"""Flows: what the client does, written once and without I/O.

A flow is a generator.  It yields steps, is sent what they bring, and returns its result; a driver
(`fakefal_client.driver`, `fakefal_client.async_driver`) carries the steps out.  A step that fails on the
network is thrown back into the flow as `WireFailure`.
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

    `timeout_seconds` bounds each read and write, None waits for ever; `until` is the moment of the
    injected monotonic clock at which the whole call is given up.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)
    timeout_seconds: float | None = 60.0
    until: float | None = None


@dataclass(frozen=True)
class Reply:
    """The answer to a call.  Header names are in lower case; a stream's body is empty here."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    def json(self) -> Any:
        """The decoded body, or its text where it is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return self.body.decode("utf-8", "replace")


@dataclass(frozen=True)
class OpenStream:
    """A request whose body is read piece by piece; brings a `Reply`.  The next one, or the flow's end, closes it."""

    call: HttpCall


@dataclass(frozen=True)
class ReadPiece:
    """Brings the next bytes of the open stream; empty at its end."""


@dataclass(frozen=True)
class Pause:
    """Nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Work:
    """Something slow on this machine, such as reading a file; brings what it returns."""

    do: Callable[[], Any]


@dataclass(frozen=True)
class Exclusive:
    """Waits until no other flow of the driver is alone; the flow's end lets the next one go on."""


@dataclass(frozen=True)
class Emit:
    """Something for the caller while the flow goes on."""

    value: Any


Step = HttpCall | OpenStream | ReadPiece | Pause | Work | Exclusive | Emit
Flow = Generator[Step, Any, T]


class WireFailure(Exception):
    """A call failed on the network; `sent` tells whether the other side may have seen it."""

    def __init__(self, reason: str, *, sent: bool, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.sent = sent
        self.timed_out = timed_out


class Walk:
    """A flow and the step that it waits for; what both drivers share.

    Attributes:
        step: what is to be done next, or None at the end.
        value: what the flow returned.
    """

    def __init__(self, flow: Flow[Any]) -> None:
        self._flow = flow
        self.step: Step | None = None
        self.value: Any = None
        self.send(None)

    def send(self, brought: Any) -> None:
        """Go on with what the step brought."""
        self._go(lambda: self._flow.send(brought))

    def throw(self, error: BaseException) -> None:
        """Go on with why the step failed."""
        self._go(lambda: self._flow.throw(error))

    def close(self) -> None:
        """Give the flow up; it settles what it has begun."""
        self._flow.close()

    def _go(self, on: Callable[[], Step]) -> None:
        try:
            self.step = on()
        except StopIteration as stop:
            self.step, self.value = None, stop.value
