"""A web site on loopback under a foreign name, and fetchers that find it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fakefal.files.fetch import Fetcher
from support.media import picture
from support.waiting import LIMIT


class Site(ThreadingHTTPServer):
    """A web site on loopback: paths to status, headers, body; `asked` keeps the Host headers."""

    pages: dict[str, tuple[int, dict[str, str], bytes]]

    def __init__(self) -> None:
        site = self
        self.asked: list[str] = []
        self.hold = threading.Event()
        self.hold.set()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.headers["Host"])
                site.hold.wait(LIMIT)
                status, headers, body = site.pages.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(ConnectionError):  # a reader that had enough
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.pages = {"/good.png": (200, {}, picture()), "/small.png": (200, {}, picture(100, 100))}

    def url(self, path: str) -> str:
        return f"http://pictures.example:{self.server_port}{path}"


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.hold.set()
        server.shutdown()
        thread.join()


async def to_loopback(host: str, port: int) -> str:  # noqa: ARG001
    return "127.0.0.1"


PERMISSIVE = Fetcher(resolve=to_loopback, allow=lambda _: True)
