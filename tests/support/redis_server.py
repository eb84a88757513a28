"""A Redis of the tests' own: on a free port, in a folder of its own, gone at the end."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from support.machine import required_in_ci

DATABASES = 1000
"""More than one test can need: each server of a test has a database of its own."""


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
        deadline = time.monotonic() + 20
        with self.client() as client:
            while True:
                try:
                    client.ping()
                except redis.RedisError:
                    assert self.process.poll() is None, "redis-server ended"
                    assert time.monotonic() < deadline, "redis-server does not answer"
                    time.sleep(0.01)
                else:
                    return

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it, by default as a power cut would."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(10)
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
