"""One loopback server, plain and TLS, for all libraries except httpx.  The newest emulator of this process answers.

It starts with the first redirected connection, and then stays: a new one for each test would take 30 ms.
"""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import Protocol

from starlette.types import Receive, Scope, Send

from fakefal.server.authority import Authority
from fakefal.server.redirection import Destination
from fakefal.server.serving import bind, hosting
from fakefal.testing.blocked import explained
from fakefal.testing.loop import ELSEWHERE, loop_thread
from fakefal.testing.strictness import outlive
from fakefal.testing.surroundings import HOST
from fakefal.wire.faults import abort


class Answering(Protocol):
    """Answers calls."""

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call, on the loop of the emulators."""
        ...


class Listener:
    """The server of this process."""

    def __init__(self) -> None:
        self._answering: list[Answering] = []
        self._destination: Destination | None = None
        self._starting = threading.Lock()
        self._process = os.getpid()

    def add(self, answering: Answering) -> None:
        """Let this emulator answer from now on."""
        self._answering.append(answering)

    def remove(self, answering: Answering) -> None:
        """Let the previous emulator answer again; without one, connections are dropped."""
        self._answering.remove(answering)

    def destination(self) -> Destination:
        """Its address.  The first call starts it.  Can be called from any thread.

        Raises:
            RuntimeError: this is a forked process, and its parent has not started the listener.
        """
        with self._starting:
            if self._destination is None:
                if os.getpid() != self._process:
                    raise RuntimeError(ELSEWHERE)
                with explained():
                    self._destination = loop_thread().run(self._start())
            return self._destination

    async def _start(self) -> Destination:
        authority = Authority()
        plain, tls = bind("127.0.0.1", 0), bind("127.0.0.1", 0)
        where = await loop_thread().stack.enter_async_context(
            hosting(outlive(self._answer), plain, tls, authority.server_context(), hosts=frozenset({HOST}))
        )
        assert where.tls_port is not None
        return Destination(where.tls_port, where.port, authority.certificate.decode())

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._answering:  # it began as the last fake ended
            abort(scope)
        else:
            await self._answering[-1].answer(scope, receive, send)


@cache
def listener() -> Listener:
    """The listener of this process and of processes that are forked from it."""
    return Listener()
