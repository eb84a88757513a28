"""One run of the program: with a fresh emulator, and with one fault or none."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from fakefal.audit.pointed import Pointed
from fakefal.audit.ways import Fault, Point
from fakefal.engine.emulator import Emulator
from fakefal.engine.overview import ENDED_SECONDS, verdict_of
from fakefal.server.app import build_app
from fakefal.server.child import child_environment
from fakefal.server.child_server import serving_child
from fakefal.server.orphans import dying_with_us
from fakefal.settings import Settings
from fakefal.verdict.findings import Verdict

SEED = "audit"
"""The default seed, so that jobs run equally long in each trial."""

LONGEST_SAID = 300
_BY_SIGNAL = 128


class BeforeFailed(Exception):
    """The command of --before failed."""


@dataclass(frozen=True)
class Program:
    """The audited program: its command, settings and time limit, and the command for --before."""

    command: tuple[str, ...]
    settings: Settings
    run_seconds: float
    before: str | None = None


@dataclass(frozen=True)
class Trial:
    """The result of one run.

    `code` is the exit code, None if it did not end in time.  `hits` is how often the fault happened, and `said`
    the last line that the program printed.
    """

    fault: Fault | None
    code: int | None
    seconds: float
    hits: int
    jobs: int
    usd: Decimal
    verdict: Verdict
    said: str
    points: tuple[Point, ...]

    @property
    def was_reached(self) -> bool:
        """Whether the point was called again, so that its fault could happen."""
        return self.fault is None or self.hits > 0

    @property
    def ending(self) -> str:
        """How the run ended, as text."""
        if not self.was_reached:
            return "not reached"
        return "did not end" if self.code is None else f"exit {self.code}"


async def run_trial(program: Program, fault: Fault | None) -> Trial:
    """Run the program once.

    Raises:
        BeforeFailed: its state could not be restored.
        OSError: the program cannot be started.
    """
    if program.before is not None:
        await _restore(program.before, program.run_seconds)
    emulator = Emulator(program.settings)
    pointed = Pointed(fault, program.run_seconds / 2)
    app = build_app(emulator, pointed.layer)
    async with serving_child(app, closing=emulator.close) as addresses:
        started = time.monotonic()
        environ = child_environment(os.environ, addresses)
        code, said = await _run(program.command, program.run_seconds, environ)
        seconds = time.monotonic() - started
        account = await emulator.tally.account(emulator.all)
        verdict = await verdict_of(emulator, patience=ENDED_SECONDS)
    sums = account.run
    return Trial(fault, code, seconds, pointed.hits, sums.jobs, sums.usd, verdict, said, tuple(pointed.points))


async def _run(
    command: Sequence[str], seconds: float, environ: Mapping[str, str], *, leaves_processes: bool = False
) -> tuple[int | None, str]:
    """Run in a new process group, and kill the group at the time limit, or when this is cancelled.

    Returns the exit code, None if it did not end in time, and the last line that was printed.  What a command that
    ended in time left in the background is killed, too, unless it may leave processes.
    """
    with tempfile.TemporaryFile() as output:
        child = await asyncio.create_subprocess_exec(
            *command,
            env=environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=dying_with_us(),
        )
        with suppress(TimeoutError):
            try:
                async with asyncio.timeout(seconds):
                    await child.wait()
            finally:
                ended = child.returncode
                if ended is None or not leaves_processes:
                    with suppress(ProcessLookupError):
                        os.killpg(child.pid, signal.SIGKILL)
                await child.wait()
        output.seek(0)
        code = ended if ended is None or ended >= 0 else _BY_SIGNAL - ended
        return code, _last_line(output.read())


async def _restore(command: str, seconds: float) -> None:
    code, said = await _run(("/bin/sh", "-c", command), seconds, os.environ, leaves_processes=True)
    if code is None:
        raise BeforeFailed(f"--before did not end within {seconds:g} s; --run-seconds gives it more time")
    if code:
        raise BeforeFailed(f"--before ended with {code}{after_colon(said)}")


def after_colon(said: str) -> str:
    """The last line of a program's output after a colon; empty if there is none."""
    return f": {said}" if said else ""


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:LONGEST_SAID] if lines else ""


def audited(command: tuple[str, ...], settings: Settings, run_seconds: float, before: str | None) -> Program:
    """The program with a fixed seed for all runs."""
    seeded = settings if settings.seed else settings.model_copy(update={"seed": SEED})
    return Program(command, seeded, run_seconds, before)
