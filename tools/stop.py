"""How long servers take to stop: ``python -m tools.stop`` prints the median of several stops in milliseconds.

A stop starts when the block is left, or with SIGTERM, and ends when that returns, or when the process has ended. So the
row of a process includes the end of the interpreter, which the row of an idle interpreter shows separately.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from starlette.types import Receive, Scope, Send

from fakefal.server.authority import Authority
from fakefal.server.serving import bind, hosting, serving, serving_from

IDLE = 8
LATE_SECONDS = 0.3
ENDLESS_SECONDS = 600.0
ASK = b"GET /_fakefal/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
UNTIL_SIGTERM = "import signal; signal.signal(signal.SIGTERM, lambda *_: exit()); print(flush=True); signal.pause()"

Stopped = Callable[[], float]
"""Starts a server, stops it once, and returns how many seconds the stop took."""


def _asked(port: int, context: ssl.SSLContext | None = None) -> socket.socket:
    """A connection on which a request was sent, and the start of its response was read."""
    caller = socket.create_connection(("127.0.0.1", port))
    if context is not None:
        caller = context.wrap_socket(caller, server_hostname="localhost")
    caller.sendall(ASK)
    caller.recv(1)
    return caller


def thread(idle: int) -> float:
    """A stop of the emulator in a thread, as in the fixture `fakefal_server`."""
    with ExitStack() as callers, ExitStack() as server:
        where = server.enter_context(serving())
        for _ in range(idle):
            callers.enter_context(_asked(where.port))
        return _timed(server.close)


def pair(idle: int) -> float:
    """A stop of a plain and a TLS port; the TLS callers do not answer the end of TLS."""
    authority = Authority()
    trusted = ssl.create_default_context(cadata=authority.certificate.decode())
    with ExitStack() as callers, ExitStack() as server:
        tls = bind("127.0.0.1", 0)
        serve = partial(hosting, _late, tls=tls, context=authority.server_context())
        where = server.enter_context(serving_from(serve))
        assert where.tls_port is not None
        callers.enter_context(_asked(where.port))
        for _ in range(idle):
            callers.enter_context(_asked(where.tls_port, trusted))
        return _timed(server.close)


def open_answer(seconds: float) -> float:
    """A stop while the second half of a response follows only after this number of seconds."""
    began = threading.Event()
    with ExitStack() as callers, ExitStack() as server:
        where = server.enter_context(serving_from(partial(hosting, partial(_late, began=began, seconds=seconds))))
        callers.enter_context(_asked(where.port))
        began.wait()
        return _timed(server.close)


async def _late(
    scope: Scope, receive: Receive, send: Send, *, began: threading.Event | None = None, seconds: float = 0.0
) -> None:
    """Send one half, and after a while the other."""
    if scope["type"] == "lifespan":
        for done in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{done}.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"1", "more_body": True})
    if began is not None:
        began.set()
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(seconds)
        await send({"type": "http.response.body", "body": b"2"})


def process(idle: int, *command: str) -> float:
    """A stop of the command by SIGTERM, until its process has ended."""
    with ExitStack() as callers, _started(*command) as (server, port):
        for _ in range(idle):
            callers.enter_context(_asked(port))
        return _ended(server)


@contextmanager
def _started(*command: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ready.json"
        whole = [sys.executable, "-m", "fakefal", *command, "--port", "0", "--ready-file", str(file)]
        with subprocess.Popen(whole, stdout=subprocess.DEVNULL, cwd=folder) as server:  # noqa: S603 - our own command
            while not file.exists():
                assert server.poll() is None, f"{whole} ended with {server.returncode}"
                time.sleep(0.01)
            yield server, int(json.loads(file.read_text("utf-8"))["url"].rpartition(":")[2])


def interpreter() -> float:
    """A stop of a Python that only waits for SIGTERM."""
    with subprocess.Popen([sys.executable, "-c", UNTIL_SIGTERM], stdout=subprocess.PIPE) as waiting:  # noqa: S603
        assert waiting.stdout is not None
        waiting.stdout.readline()
        return _ended(waiting)


def _ended(child: subprocess.Popen[bytes]) -> float:
    def end() -> None:
        child.send_signal(signal.SIGTERM)
        child.wait()

    return _timed(end)


def _timed(stop: Callable[[], object]) -> float:
    began = time.perf_counter()
    stop()
    return time.perf_counter() - began


ROWS: Mapping[str, Stopped] = {
    "thread, no connection": partial(thread, 0),
    f"thread, {IDLE} idle connections": partial(thread, IDLE),
    "thread with TLS, no TLS connection": partial(pair, 0),
    "thread with TLS, a TLS caller that keeps silent": partial(pair, 1),
    f"thread, an answer open for {LATE_SECONDS:g} s": partial(open_answer, LATE_SECONDS),
    "thread, an answer open for ever": partial(open_answer, ENDLESS_SECONDS),
    "an interpreter that only waits": interpreter,
    "fakefal serve, no connection": partial(process, 0, "serve"),
    f"fakefal serve, {IDLE} idle connections": partial(process, IDLE, "serve"),
    "fakefal serve --tls-port, no connection": partial(process, 0, "serve", "--tls-port", "0"),
    "fakefal proxy, no connection": partial(process, 0, "proxy", "--max-usd", "1"),
}


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stops", type=int, default=9, help="how many stops a row is the median of")
    stops = parser.parse_args().stops
    for name, stopped in ROWS.items():
        took = sorted(1000 * stopped() for _ in range(stops))
        print(f"{name:<50} {statistics.median(took):7.1f} ms  ({took[0]:.1f} to {took[-1]:.1f})", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
