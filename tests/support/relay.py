"""A TCP relay in front of a server that cuts the connection where no effect does: within the head of either side.

An effect is chosen after the whole head was read, and an answer that it cuts off begins with its whole head.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

HEAD_END = b"\r\n\r\n"


@dataclass
class Cut:
    """Where a connection dies; `times` says for how many connections.

    `upstream` bytes of the request pass (None: all), `downstream` bytes of the answer (None: all).
    """

    upstream: int | None = None
    downstream: int | None = None
    times: int = 1_000_000
    seen: int = field(default=0)


class Relay:
    """Passes whole requests on, one a connection; `cut` may be changed while it runs."""

    def __init__(self, url: str) -> None:
        there = urlsplit(url)
        self._there = (there.hostname or "", there.port or 80)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.cut: Cut | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        cut = self.cut
        if cut is not None:
            cut.seen += 1
            cut = cut if cut.seen <= cut.times else None
        with caller, suppress(OSError):
            if cut is not None and cut.upstream == 0:
                return
            asked = _whole(caller)
            passed = asked[: cut.upstream if cut else None]
            with socket.create_connection(self._there) as server:
                server.sendall(_closing(passed) if len(passed) == len(asked) else passed)
                if len(passed) < len(asked):
                    return
                answer = b""
                while piece := server.recv(65536):
                    answer += piece
                caller.sendall(answer[: cut.downstream if cut else None])


def _whole(caller: socket.socket) -> bytes:
    """One request with its body."""
    got = b""
    while HEAD_END not in got:
        piece = caller.recv(65536)
        if not piece:
            return got
        got += piece
    head, _, body = got.partition(HEAD_END)
    said = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    while said and len(body) < int(said[1]):
        piece = caller.recv(65536)
        if not piece:
            break
        body += piece
    return head + HEAD_END + body


def _closing(asked: bytes) -> bytes:
    """The request, so that the server ends its answer by closing."""
    return re.sub(rb"(?i)\r\nconnection: [^\r]*", b"", asked, count=1).replace(b"\r\n", b"\r\nConnection: close\r\n", 1)


@contextmanager
def relay_to(url: str) -> Iterator[Relay]:
    relay = Relay(url)
    try:
        yield relay
    finally:
        relay.close()
