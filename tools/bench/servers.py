"""Servers under test: child processes on one core, with an address and a memory."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakefal.settings import PREFIX
from tools.bench.machine import pinned

PATIENCE_SECONDS = 60.0
KEY = {"Authorization": "Key bench:secret"}
PLAIN = ("-m", "tools.bench.plain")


@dataclass(frozen=True)
class Running:
    """A server that answers: its base URL and its process."""

    url: str
    pid: int

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> ServedAnswer:
        """Call it once."""
        data = None if body is None else json.dumps(body).encode()
        json_type = {} if body is None else {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}{path}", data, {**json_type, **(headers or {})}, method=method)  # noqa: S310 - our own server
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as said:  # noqa: S310
            return ServedAnswer(said.status, list(said.headers.items()), said.read())

    def processor(self) -> float:
        """The processor seconds that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """What it occupies now, in bytes (resident set)."""
        return resident(self.pid)


@dataclass(frozen=True)
class ServedAnswer:
    """What a server said."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def recorded(self) -> dict[str, Any]:
        """The answer as `tools.bench.bare` reads it; the server adds the date."""
        kept = [(name, value) for name, value in self.headers if name.lower() != "date"]
        return {"status": self.status, "headers": kept, "body": self.body.decode()}


def resident(pid: int) -> float:
    """The resident set of a process in bytes."""
    match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("utf-8"))
    assert match is not None
    return int(match[1]) * 1024.0


def environment() -> dict[str, str]:
    """The environment without settings of the emulator."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


@contextmanager
def process(command: Sequence[str], *, pin: bool = True, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A child process on the servers' core, or on any, ended with the block."""
    child = subprocess.Popen(  # noqa: S603 - the commands are ours
        [*(pinned(0) if pin else ()), *command], env=environment(), stdin=subprocess.DEVNULL, text=True, **options
    )
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def serve_command(*options: str, ready_file: Path, fast: bool = True) -> list[str]:
    """The command that serves the emulator, with the extra ``[fast]`` or without it."""
    started = [sys.executable, *(() if fast else PLAIN), *(("-m", "fakefal") if fast else ("fakefal",))]
    return [*started, "serve", "--port", "0", "--ready-file", str(ready_file), *options]


@contextmanager
def emulator(*options: str, fast: bool = True, pin: bool = True) -> Iterator[Running]:
    """The emulator as users start it."""
    with tempfile.TemporaryDirectory(prefix="fakefal-bench-") as folder:
        file = Path(folder) / "ready.json"
        command = serve_command(*options, ready_file=file, fast=fast)
        with process(command, pin=pin, stdout=subprocess.DEVNULL) as child:
            yield Running(json.loads(awaited(file, child))["url"], child.pid)


def awaited(file: Path, child: subprocess.Popen[str]) -> str:
    """The content of a file once a child has written it.

    Raises:
        RuntimeError: the child ended, or took too long.
    """
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not file.exists():
        if child.poll() is not None or time.monotonic() > give_up:
            raise RuntimeError(f"the server did not start: {child.args!r}")
        time.sleep(0.001)
    return file.read_text("utf-8")


@contextmanager
def bare(kind: str, content: bytes = b"", *, fast: bool = True) -> Iterator[Running]:
    """A reference of `tools.bench.bare`, served as the emulator is."""
    module = (() if fast else PLAIN) + (("-m", "tools.bench.bare") if fast else ("tools.bench.bare",))
    with tempfile.NamedTemporaryFile(prefix="fakefal-bench-") as file:
        file.write(content)
        file.flush()
        with process([sys.executable, *module, kind, file.name], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            yield Running(child.stdout.readline().strip(), child.pid)


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(running: Running, method: str, path: str, body: Any, headers: Mapping[str, str]) -> None:
    """Wait until a server that says nothing of itself answers a call well."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            running.call(method, path, body, headers)
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > give_up:
                raise
            time.sleep(0.1)
        else:
            return
