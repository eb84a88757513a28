"""Processes as a whole: how soon they are ready, what they occupy at rest, what an import costs."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from tools.bench.machine import pinned
from tools.bench.servers import awaited, bare, emulator, environment, process, serve_command
from tools.bench.table import Goal, Measured, Row, Size, alternating

MEBIBYTE = 1024 * 1024
PATIENCE_SECONDS = 30
RUNS_A_ROUND = 3

IMPORT_OURS = (
    "from fakefal_client import kling; "
    "kling.KlingO1ImageToVideo(prompt='a lighthouse', start_image_url='https://v3b.fal.media/files/b/a/b.png')"
)
IMPORT_THEIRS = "import httpx"


def start(size: Size) -> Measured:
    """Seconds from the start of a process until it listens, has said so, and its control API says that it is ready."""
    mine, other, quotients = alternating(size.rounds * RUNS_A_ROUND, _until_ready, _until_imported)
    return Measured(statistics.median(quotients), f"{mine * 1000:.0f} ms", f"{other * 1000:.0f} ms", quotients)


def _until_ready() -> float:
    with tempfile.TemporaryDirectory(prefix="fakefal-bench-") as folder:
        file = Path(folder) / "ready.json"
        began = time.perf_counter()
        with process(serve_command(ready_file=file), stdout=subprocess.DEVNULL) as child:
            awaited(file, child)
            address = json.loads(file.read_text("utf-8"))["url"]
            with urlopen(f"{address}/_fakefal/ready", timeout=PATIENCE_SECONDS):  # noqa: S310 - our own
                return time.perf_counter() - began


def _until_imported() -> float:
    began = time.perf_counter()
    with process([sys.executable, "-c", "import fastapi, uvicorn"]) as child:
        child.wait()
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


def client_import(size: Size) -> Measured:
    """Seconds inside a process that is up: the import of the client and one typed request, beside httpx."""
    mine, other, quotients = alternating(
        size.rounds * RUNS_A_ROUND, lambda: _imported(IMPORT_OURS), lambda: _imported(IMPORT_THEIRS)
    )
    return Measured(statistics.median(quotients), f"{mine * 1000:.0f} ms", f"{other * 1000:.0f} ms", quotients)


def _imported(code: str) -> float:
    timed = f"import time; began = time.perf_counter(); {code}; print(time.perf_counter() - began)"
    command = [*pinned(0), sys.executable, "-c", timed]
    return float(subprocess.run(command, env=environment(), capture_output=True, text=True, check=True).stdout)  # noqa: S603


ROWS = (
    Row("start", "ready after start", '`python -c "import fastapi, uvicorn"`', Goal(1.3), start),
    Row("rest", "memory at rest", "bare FastAPI app, same server", Goal(1.4), rest),
    Row("import", "import of `fakefal_client`, one typed request", "import of httpx", Goal(2.5), client_import),
)
