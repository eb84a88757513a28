"""A Redis of the tests' own: on a free port, in a folder of its own, gone at the end."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path

import redis

from support.machine import required_in_ci
from support.waiting import LIMIT, until

DATABASES = 1000
"""More than one test can need: each server has a database of its own."""


class RedisServer:
    """One redis-server process; `durable` writes every change to disk before it is answered."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._options = ["--appendonly", "yes", "--appendfsync", "always"] if durable else ["--appendonly", "no"]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and return once it answers."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", ""]
        options += ["--databases", str(DATABASES)]
        self.process = subprocess.Popen(["redis-server", *options, *self._options], stdout=subprocess.DEVNULL)
        until(self._answers)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "redis-server ended"
        with self.client() as client, suppress(redis.RedisError):
            return bool(client.ping())
        return False

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it, by default as a power cut would."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(LIMIT)
            self.process = None

    def client(self) -> redis.Redis:
        """A plain connection, for the test's own questions."""
        return redis.Redis.from_url(self.url)


@contextmanager
def redis_server(folder: Path, *, durable: bool = False) -> Iterator[RedisServer]:
    """A running server; skips loudly where this machine has none."""
    if shutil.which("redis-server") is None:
        required_in_ci("there is no redis-server (apt-get install redis-server)")
    server = RedisServer(folder, durable=durable)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def empty_databases(url: str) -> Iterator[str]:
    """The addresses of one empty database after the other."""
    for number in cycle(range(1, DATABASES)):
        one = f"{url.removesuffix('/0')}/{number}"
        with redis.Redis.from_url(one) as client:
            client.flushdb()
        yield one
