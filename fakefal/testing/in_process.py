"""One call of an ASGI application from another thread or loop, without a socket.

The application's messages go through a `Mailbox`, so a stream arrives piece by piece.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import MutableMapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from starlette.types import ASGIApp

from fakefal.wire.faults import ABORT, GONE

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class InProcessCall:
    """A call as a server receives it; `target` is the path and query of the request line."""

    method: str
    scheme: str
    host: str
    path: str
    target: bytes
    headers: Headers
    body: bytes

    def scope(self) -> dict[str, Any]:
        """The call as an ASGI scope."""
        raw_path, _, query = self.target.partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": self.scheme,
            "path": self.path,
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in self.headers],
            "server": (self.host, None),
            "client": ("127.0.0.1", 0),
        }


@dataclass(frozen=True)
class Head:
    """The status and headers of an answer."""

    status: int
    headers: Headers


class ConnectionDropped(Exception):
    """The connection was dropped; has the error class and message that httpx would raise."""

    def __init__(self, message: str, kind: str = "RemoteProtocolError") -> None:
        super().__init__(message)
        self.kind = kind


class EmulatorFailed(Exception):
    """The emulator raised an error, which the test reports instead of the program.

    Args:
        error: the error.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(repr(error))
        self.error = error


END = b""
Part = Head | bytes
Item = Part | ConnectionDropped | EmulatorFailed


@dataclass
class Mailbox:
    """A queue between two threads."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _items: deque[Item] = field(default_factory=deque)
    _waiting: Future[Part] | None = None

    def put(self, *items: Item) -> None:
        """Add items at once; a waiting reader gets the first."""
        with self._lock:
            self._items.extend(items)
            if not self._items:
                return
            waiting, self._waiting = self._waiting, None
            if waiting is None or not waiting.set_running_or_notify_cancel():
                return
            item = self._items.popleft()
        if isinstance(item, Exception):
            waiting.set_exception(item)
        else:
            waiting.set_result(item)

    def take(self) -> Part | Future[Part]:
        """Return the next item, or the future that it will come in.

        Raises:
            ConnectionDropped, EmulatorFailed: this is the item.
        """
        with self._lock:
            if not self._items:
                self._waiting = Future()
                return self._waiting
            item = self._items.popleft()
        if isinstance(item, Exception):
            raise item
        return item


class InProcessExchange:
    """A call and its answer.

    Args:
        app: the application that answers.
        loop: the event loop of the application.
        call: the call.
    """

    def __init__(self, app: ASGIApp, loop: asyncio.AbstractEventLoop, call: InProcessCall) -> None:
        self.answer = Mailbox()
        self._app = app
        self._loop = loop
        self._call = call
        self._held: Head | None = None
        self._began = False
        self._over = False
        self._body: list[bytes] = [call.body]
        self._gone = asyncio.Event()

    @property
    def over(self) -> bool:
        """Whether the whole answer was sent, or the connection was dropped."""
        return self._over

    def close(self) -> None:
        """Stop reading the answer.  Can be called from any thread, and more than once."""
        if not self._over:  # else there is nobody to tell, and telling costs a switch of threads
            self._loop.call_soon_threadsafe(self._gone.set)

    def abort(self) -> None:
        """Drop the connection; the application calls this."""
        self._over = True
        self._gone.set()
        if self._began:
            self._put(ConnectionDropped("peer closed connection without sending complete message body"))
        elif self._body:
            self._put(ConnectionDropped("[Errno 104] Connection reset by peer", "ReadError"))
        else:
            self._put(ConnectionDropped("Server disconnected without sending a response."))

    async def run(self) -> None:
        """Run the application for this call, on its loop."""
        try:
            scope = {**self._call.scope(), "extensions": {ABORT: self.abort, GONE: self._gone.is_set}}
            await self._app(scope, self._receive, self.send)
        except Exception as error:  # noqa: BLE001 - raised where the call came from
            self._over = True
            self._gone.set()
            self._put(EmulatorFailed(error))
        finally:
            if not self._over:
                self.abort()

    async def _receive(self) -> dict[str, Any]:
        if self._body:
            return {"type": "http.request", "body": self._body.pop(), "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Receive an ASGI message.  The head of a short answer is passed on together with its body."""
        if message["type"] == "http.response.start":
            date = (b"date", formatdate(usegmt=True).encode())
            self._began = True
            self._held = Head(message["status"], [*message["headers"], date])
            if not any(name == b"content-length" for name, _ in message["headers"]):
                self._put()
        elif message["type"] == "http.response.body" and not self._over:
            body = message.get("body", b"")
            parts = [body] if body else []
            if not message.get("more_body", False):
                self._over = True
                self._gone.set()
                parts.append(END)
            self._put(*parts)

    def _put(self, *items: Item) -> None:
        held, self._held = self._held, None
        self.answer.put(*([held] if held else []), *items)
