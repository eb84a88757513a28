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
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from fakefal.settings import PREFIX
from tools.bench.machine import pinned

PATIENCE_SECONDS = 60.0
HTTP_1_1, NO_SUCCESS = 11, 300
KEY = {"Authorization": "Key bench:secret"}
PLAIN = ("-m", "tools.bench.plain")
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


@dataclass(frozen=True)
class Running:
    """A server that answers: its base URL and its process."""

    url: str
    pid: int

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> ServedAnswer:
        """Call it once, as clients with keep-alive do.

        Raises:
            RuntimeError: the answer is not a success.
        """
        json_type = {} if body is None else {"Content-Type": "application/json"}
        with closing(HTTPConnection(self.url.removeprefix("http://"), timeout=PATIENCE_SECONDS)) as connection:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {**json_type, **(headers or {})})
            said = connection.getresponse()
            answer = ServedAnswer(said.status, said.getheaders(), said.read())
        if said.version != HTTP_1_1 or not said.status < NO_SUCCESS:
            raise RuntimeError(f"{method} {path}: HTTP version {said.version}, {answer.status} {answer.body!r}")
        return answer

    def memory(self) -> float:
        """Its present memory in bytes (resident set)."""
        return resident(self.pid)


@dataclass(frozen=True)
class ServedAnswer:
    """The answer of a server."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def recorded(self, without: Container[str]) -> dict[str, Any]:
        """The answer as `tools.bench.bare` reads it."""
        kept = [[name.lower(), value] for name, value in self.headers if name.lower() not in without]
        return {"status": self.status, "headers": kept, "body": self.body.decode()}


def resident(pid: int) -> float:
    """The resident set of a process in bytes."""
    match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("utf-8"))
    assert match is not None
    return int(match[1]) * 1024.0


def environment() -> dict[str, str]:
    """The environment without settings of the emulator; modules stay compiled, as in an installation."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX) and name != NO_BYTECODE}


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
        if child.stdout is not None:
            child.stdout.close()


def serve_command(*options: str, ready_file: Path, fast: bool = True) -> list[str]:
    """The command that serves the emulator, with the extra ``[fast]`` or without it."""
    started = [sys.executable, *(() if fast else PLAIN), *(("-m", "fakefal") if fast else ("fakefal",))]
    return [*started, "serve", "--port", "0", "--ready-file", str(ready_file), *options]


@contextmanager
def emulator(*options: str, fast: bool = True, pin: bool = True) -> Iterator[Running]:
    """The emulator as users start it, silent as its rivals are."""
    with tempfile.TemporaryDirectory(prefix="fakefal-bench-") as folder:
        file = Path(folder) / "ready.json"
        command = serve_command("--quiet", *options, ready_file=file, fast=fast)
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
def bare(kind: str, content: bytes = b"") -> Iterator[Running]:
    """A reference of `tools.bench.bare`, served as the emulator is."""
    with serving("tools.bench.bare", kind, content=content) as running:
        yield running


@contextmanager
def serving(module: str, kind: str, *, content: bytes, fast: bool = True) -> Iterator[Running]:
    """A module that serves on a free port and prints its address; it gets a kind, and a file with the content."""
    started = ("-m", module) if fast else (*PLAIN, module)
    with tempfile.NamedTemporaryFile(prefix="fakefal-bench-") as file:
        file.write(content)
        file.flush()
        with process([sys.executable, *started, kind, file.name], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            yield Running(child.stdout.readline().strip(), child.pid)


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(running: Running, method: str, path: str, body: Any, headers: Mapping[str, str]) -> None:
    """Wait until a server that does not report its start answers a call with success."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            running.call(method, path, body, headers)
        except (OSError, HTTPException):
            if time.monotonic() > give_up:
                raise
            time.sleep(0.1)
        else:
            return
