"""Replicas on one Redis: the submits of one process and of two, and how often an operation calls Redis."""

from __future__ import annotations

import json
import re
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from itertools import pairwise
from typing import Literal

from tools.bench.load import Load
from tools.bench.machine import need
from tools.bench.servers import KEY, PATIENCE_SECONDS, Running, emulator, free_port, process
from tools.bench.sides import INSTANT, SUBMIT, Side, arguments
from tools.bench.table import Goal, Measured, Row, Size, alternating

OPERATIONS = 100
Operation = Literal["submit", "status"]
ASKED = re.compile(r"cmdstat_(?:evalsha|eval|fcall):calls=(\d+),usec=(\d+)")


@contextmanager
def _redis() -> Iterator[int]:
    """A Redis that stores nothing on disk; yields its port.

    Raises:
        NotInstalled: Redis is not installed.
    """
    program, port = need("redis-server", "redis-server is not installed: apt-get install redis-server"), free_port()
    with tempfile.TemporaryDirectory(prefix="fakefal-bench-") as folder:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
        with process(command, pin=False, stdout=subprocess.DEVNULL):
            give_up = time.monotonic() + PATIENCE_SECONDS
            while "PONG" not in _said(port, "PING"):
                if time.monotonic() > give_up:
                    raise RuntimeError("redis-server does not answer")
                time.sleep(0.01)
            yield port


def _said(port: int, command: str) -> str:
    """Redis's answer to a command of one line."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as line:
            line.sendall(f"{command}\r\nQUIT\r\n".encode())
            return b"".join(iter(lambda: line.recv(65536), b"")).decode()
    except ConnectionRefusedError:
        return ""


@contextmanager
def _replicas(port: int, workers: int) -> Iterator[Running]:
    store = ("--store", f"redis://127.0.0.1:{port}/0", "--workers", str(workers))
    with emulator(*INSTANT, *store, pin=False) as running:
        yield running


def two(size: Size) -> Measured:
    """Submits per second of two processes, beside one, each pair on one Redis of its own."""
    with _redis() as first, _redis() as second, _replicas(first, 2) as two, _replicas(second, 1) as one:
        ours, theirs = (Load.warm(Side(running), ("submit",), size) for running in (two, one))
        alternating(size.rounds, ours, theirs)
    quotients = tuple(mine.rate / other.rate for mine, other in zip(ours.runs, theirs.runs, strict=True))
    return Measured(statistics.median(quotients), str(ours), str(theirs), quotients, "by the rate")


def trips(_: Size, *, operation: Operation) -> Measured:
    """How often an operation calls Redis."""
    found = [scripts for scripts, _ in _asked(operation)]
    note = f"with what a replica writes now and then, journal and leases: {statistics.mean(found):.2f} on average"
    return Measured(statistics.median(found), f"{OPERATIONS} operations", "", (), note)


def work(_: Size, *, operation: Operation) -> Measured:
    """For how many microseconds Redis works for an operation."""
    return Measured(statistics.median(worked for _, worked in _asked(operation)), f"{OPERATIONS} operations")


@cache
def _asked(operation: Operation) -> list[tuple[int, int]]:
    """Scripts that Redis ran from one operation to the next, and their microseconds; four rows are made of this.

    This includes the calls of the waker after each operation. A few operations also include leases, and the joint
    writes for all operations of a quarter of a second.
    """
    with _redis() as port, _replicas(port, 1) as running:
        url = json.loads(running.call("POST", SUBMIT, arguments(), KEY).body)["status_url"].removeprefix(running.url)
        seen = [_scripts(port)]
        for number in range(OPERATIONS):
            if operation == "submit":
                running.call("POST", SUBMIT, arguments(f"a lighthouse {number}"), KEY)
            else:
                running.call("GET", url, headers=KEY)
            seen.append(_scripts(port))
    return [(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(seen)]


def _scripts(port: int) -> tuple[int, int]:
    """How many scripts Redis has run, and in how many microseconds."""
    found = ASKED.findall(_said(port, "INFO commandstats"))
    return sum(int(calls) for calls, _ in found), sum(int(microseconds) for _, microseconds in found)


TRIPS, MICROSECONDS = " trips", " µs"
ROWS = (
    Row("redis_two", "submit, two processes on one Redis", "one process", Goal(), two),
    Row("redis_submit", "Redis round trips of a submit", "", Goal(2, unit=TRIPS), partial(trips, operation="submit")),
    Row("redis_status", "Redis round trips of a status", "", Goal(1, unit=TRIPS), partial(trips, operation="status")),
    Row(
        "redis_submit_work",
        "Redis's own work, submit",
        "",
        Goal(180, unit=MICROSECONDS),
        partial(work, operation="submit"),
    ),
    Row(
        "redis_status_work",
        "Redis's own work, status",
        "",
        Goal(50, unit=MICROSECONDS),
        partial(work, operation="status"),
    ),
)
