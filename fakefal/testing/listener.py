"""One loopback server, plain and TLS, for every library but httpx: it answers for the newest fake of this process.

It starts with the first connection that is led here, and stays: one for each test would take 30 ms.
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
    """Who answers calls."""

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call, on the loop of the fakes."""
        ...


class Listener:
    """The server of this process."""

    def __init__(self) -> None:
        self._answering: list[Answering] = []
        self._destination: Destination | None = None
        self._starting = threading.Lock()
        self._process = os.getpid()

    def add(self, answering: Answering) -> None:
        """Let this one answer from now on."""
        self._answering.append(answering)

    def remove(self, answering: Answering) -> None:
        """Let the one before answer again, if there is one; else connections are dropped."""
        self._answering.remove(answering)

    def destination(self) -> Destination:
        """Where it listens; it does from the first time on.  Safe from every thread.

        Raises:
            RuntimeError: this is another process, and its parent has not begun to listen.
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
    """The one of this process, and of those that are forked from it."""
    return Listener()
