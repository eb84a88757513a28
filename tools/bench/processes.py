"""A server as a process: how soon it is ready, and its memory at rest."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from tools.bench.commands import IMPORTS, beside_imports
from tools.bench.servers import awaited, bare, emulator, process, serve_command
from tools.bench.table import Goal, Measured, Row, Size, alternating

MEBIBYTE = 1024 * 1024
PATIENCE_SECONDS = 30


def start(size: Size) -> Measured:
    """Seconds from the start of a process until it listens, has said so, and its control API reports it ready."""
    return beside_imports(size, _until_ready)


def _until_ready() -> float:
    with tempfile.TemporaryDirectory(prefix="fakefal-bench-") as folder:
        file = Path(folder) / "ready.json"
        began = time.perf_counter()
        with process(serve_command(ready_file=file), stdout=subprocess.DEVNULL) as child:
            awaited(file, child)
            address = json.loads(file.read_text("utf-8"))["url"]
            with urlopen(f"{address}/_fakefal/ready", timeout=PATIENCE_SECONDS):  # noqa: S310 - our own
                return time.perf_counter() - began


def rest(size: Size) -> Measured:
    """Bytes of a server that has answered one call."""
    mine, other, quotients = alternating(size.rounds, _emulator_at_rest, _fastapi_at_rest)
    ours, theirs = (f"{side / MEBIBYTE:.1f} MiB" for side in (mine, other))
    return Measured(statistics.median(quotients), ours, theirs, quotients)


def _emulator_at_rest() -> float:
    with emulator() as ours:
        ours.call("GET", "/")
        return ours.memory()


def _fastapi_at_rest() -> float:
    with bare("fastapi") as theirs:
        theirs.call("GET", "/")
        return theirs.memory()


ROWS = (
    Row("start", "ready after start", IMPORTS, Goal(0.9), start),
    Row("rest", "memory at rest", "bare FastAPI app, same server", Goal(1.4), rest),
)
