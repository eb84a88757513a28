"""Commands that end: ``fakefal run``, an import, a start of pytest."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tools.bench.machine import pinned
from tools.bench.servers import environment
from tools.bench.table import Goal, Measured, Row, Size, alternating

RUNS_A_ROUND = 3
UNDER_RUN = (sys.executable, "-m", "fakefal", "run", "--")

FRAMEWORK = "import fastapi, uvicorn"
IMPORTS = f'`python -c "{FRAMEWORK}"`'
TYPED_REQUEST = (
    "from fakefal_client import kling; "
    "kling.KlingO1ImageToVideo(prompt='a lighthouse', start_image_url='https://v3b.fal.media/files/b/a/b.png')"
)
CLIENTS = 10
CLIENT = f"[httpx.Client().close() for _ in range({CLIENTS})]"
TEST = "def test_nothing() -> None:\n    pass\n"
PLUGIN = ("-p", "fakefal.pytest_plugin")
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""No pytest plugin is loaded automatically."""


def finished(*command: str, **extra: str) -> str:
    """The output of a command, which must succeed."""
    env = {**environment(), **extra}
    done = subprocess.run([*pinned(0), *command], env=env, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def lasted(*command: str, **extra: str) -> float:
    """Seconds from the start of a command to its end."""
    began = time.perf_counter()
    finished(*command, **extra)
    return time.perf_counter() - began


def inside(code: str, *, setup: str = "pass", command: tuple[str, ...] = ()) -> float:
    """Seconds of processor time that code takes inside a running process; `command` starts the process."""
    timed = f"import time; {setup}; began = time.process_time(); {code}; print(time.process_time() - began)"
    return float(finished(*command, sys.executable, "-c", timed))


class Watched:
    """Starts processes and measures how long that takes; also keeps their processor time.

    The times are those of a wall clock, which other programs on the machine lengthen.
    """

    def __init__(self, work: Callable[[], float]) -> None:
        self._work = work
        self.processor: list[float] = []

    def __call__(self) -> float:
        """The time it took."""
        before = _processor()
        found = self._work()
        self.processor.append(_processor() - before)
        return found


def _processor() -> float:
    """Processor seconds of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def beside_imports(size: Size, work: Callable[[], float]) -> Measured:
    """The time that something takes, beside the import of the server's libraries."""
    ours, theirs = Watched(work), Watched(lambda: lasted(sys.executable, "-c", FRAMEWORK))
    mine, other, quotients = alternating(size.rounds * RUNS_A_ROUND, ours, theirs)
    used = statistics.median(ours.processor), statistics.median(theirs.processor)
    note = f"by processor time {used[0] / used[1]:.2f} ({used[0] * 1000:.0f} ms : {used[1] * 1000:.0f} ms)"
    return Measured(statistics.median(quotients), f"{mine * 1000:.0f} ms", f"{other * 1000:.0f} ms", quotients, note)


def run(size: Size) -> Measured:
    """Seconds of ``fakefal run`` with a program that does nothing."""
    return beside_imports(size, lambda: lasted(*UNDER_RUN, "true"))


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
    """Seconds inside a running process: the import of the client and one typed request, beside httpx."""
    mine, other, quotients = alternating(
        size.rounds * RUNS_A_ROUND, lambda: inside(TYPED_REQUEST), lambda: inside("import httpx")
    )
    return Measured(statistics.median(quotients), f"{mine * 1000:.0f} ms", f"{other * 1000:.0f} ms", quotients)


def plugin(size: Size) -> Measured:
    """Milliseconds of processor time by which the plugin makes a run of pytest with one test longer."""
    with tempfile.TemporaryDirectory(prefix="fakefal-bench-") as folder:
        (Path(folder) / "test_nothing.py").write_text(TEST, "utf-8")
        pytest = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder, folder)
        ours, theirs = Watched(lambda: lasted(*pytest, *PLUGIN, **ALONE)), Watched(lambda: lasted(*pytest, **ALONE))
        alternating(size.rounds * RUNS_A_ROUND, ours, theirs)
    mine, other = (f"{statistics.median(side.processor) * 1000:.0f} ms" for side in (ours, theirs))
    more = tuple((one - two) * 1000 for one, two in zip(ours.processor, theirs.processor, strict=True))
    return Measured(statistics.median(more), mine, other, more)


ROWS = (
    Row("run", "`fakefal run -- true`", IMPORTS, Goal(1.2), run),
    Row("run_client", "`httpx.Client()` under `fakefal run`", "without it", Goal(1.5), client_under_run),
    Row("plugin", "start of pytest with the plugin", "without it", Goal(15, unit=" ms more"), plugin),
    Row("import", "import of `fakefal_client`, one typed request", "import of httpx", Goal(2.5), client_import),
)
