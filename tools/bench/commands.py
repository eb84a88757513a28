"""Commands that end: ``fakefal run``, an import, a start of pytest."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools.bench.machine import pinned
from tools.bench.servers import environment
from tools.bench.table import Goal, Measured, Row, Size, alternating, in_turn

RUNS_A_ROUND = 3
UNDER_RUN = (sys.executable, "-m", "fakefal", "run", "--")

FRAMEWORK = "import fastapi, uvicorn"
IMPORTS = f'`python -c "{FRAMEWORK}"`'
TYPED_REQUEST = (
    "from fakefal_client import kling; "
    "kling.O1ImageToVideo(prompt='a lighthouse', start_image_url='https://v3b.fal.media/files/b/a/b.png')"
)
CLIENTS = 10
CLIENT = f"[httpx.Client().close() for _ in range({CLIENTS})]"
TEST = "def test_nothing() -> None:\n    pass\n"
PLUGIN = ("-p", "fakefal.pytest_plugin")


def finished(*command: str, **extra: str) -> str:
    """What a command prints that ends well."""
    env = {**environment(), **extra}
    done = subprocess.run([*pinned(0), *command], env=env, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def lasted(*command: str) -> float:
    """Seconds from the start of a command to its end."""
    began = time.perf_counter()
    finished(*command)
    return time.perf_counter() - began


def until_imported() -> float:
    """Seconds that a process takes which imports what servers are made with."""
    return lasted(sys.executable, "-c", FRAMEWORK)


def inside(code: str, *, setup: str = "pass", command: tuple[str, ...] = ()) -> float:
    """Seconds that code takes inside a process that is up; `command` starts the process."""
    timed = f"import time; {setup}; began = time.perf_counter(); {code}; print(time.perf_counter() - began)"
    return float(finished(*command, sys.executable, "-c", timed))


def run(size: Size) -> Measured:
    """Seconds of ``fakefal run`` with a program that does nothing."""
    mine, other, quotients = alternating(size.rounds * RUNS_A_ROUND, lambda: lasted(*UNDER_RUN, "true"), until_imported)
    return Measured(statistics.median(quotients), f"{mine * 1000:.0f} ms", f"{other * 1000:.0f} ms", quotients)


def client_under_run(size: Size) -> Measured:
    """Seconds that building a client of httpx takes a program, under ``fakefal run`` and without."""
    mine, other, quotients = alternating(
        size.rounds * RUNS_A_ROUND,
        lambda: inside(CLIENT, setup="import httpx", command=UNDER_RUN),
        lambda: inside(CLIENT, setup="import httpx"),
    )
    ours, theirs = (f"{side / CLIENTS * 1000:.1f} ms" for side in (mine, other))
    return Measured(statistics.median(quotients), ours, theirs, quotients)


def client_import(size: Size) -> Measured:
    """Seconds inside a process that is up: the import of the client and one typed request, beside httpx."""
    mine, other, quotients = alternating(
        size.rounds * RUNS_A_ROUND, lambda: inside(TYPED_REQUEST), lambda: inside("import httpx")
    )
    return Measured(statistics.median(quotients), f"{mine * 1000:.0f} ms", f"{other * 1000:.0f} ms", quotients)


def plugin(size: Size) -> Measured:
    """Milliseconds of processor time by which the plugin makes a run of pytest with one test longer."""
    with tempfile.TemporaryDirectory(prefix="fakefal-bench-") as folder:
        (Path(folder) / "test_nothing.py").write_text(TEST, "utf-8")
        pytest = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder, folder)
        mine, others = in_turn(
            size.rounds * RUNS_A_ROUND, lambda: _processor(*pytest, *PLUGIN), lambda: _processor(*pytest)
        )
    ours, theirs = (f"{statistics.median(side) * 1000:.0f} ms" for side in (mine, others))
    differences = tuple((one - other) * 1000 for one, other in zip(mine, others, strict=True))
    return Measured(statistics.median(differences), ours, theirs, differences)


def _processor(*command: str) -> float:
    """Processor seconds of a command, and of whatever it starts; no plugin of pytest's comes by itself."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    finished(*command, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", PYTHONDONTWRITEBYTECODE="1")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


ROWS = (
    Row("run", "`fakefal run -- true`", IMPORTS, Goal(1.2), run),
    Row("run_client", "`httpx.Client()` under `fakefal run`", "without it", Goal(1.5), client_under_run),
    Row("plugin", "start of pytest with the plugin", "without it", Goal(15, unit=" ms more"), plugin),
    Row("import", "import of `fakefal_client`, one typed request", "import of httpx", Goal(2.5), client_import),
)
