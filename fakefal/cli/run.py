"""``fakefal run -- CMD``."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fakefal.cli.options import emulator_options, replay_from, replay_options, settings_from
from fakefal.settings import Settings

if TYPE_CHECKING:
    from fakefal.recording.replay import Replay
    from fakefal.server.child import ChildAddresses

NOT_FOUND, NOT_EXECUTABLE, BY_SIGNAL = 127, 126, 128


@click.command(context_settings={"allow_interspersed_args": False})
@replay_options
@emulator_options
@click.argument("program", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD...")
def command(program: tuple[str, ...], replay: Path | None, max_age: float | None, **given: Any) -> None:
    """Run a command whose calls to fal reach the emulator instead, or recordings.

    Works for any program that honours the proxy variables, and for Node.  The command's exit code is
    passed on.
    """
    if replay is None and max_age is not None:
        raise click.UsageError("--max-age needs --replay")
    run = _replay(replay_from(replay, max_age, given), program) if replay else _run(settings_from(**given), program)
    try:
        sys.exit(asyncio.run(run))
    except OSError as error:
        sys.exit(f"fakefal run: {error}")


async def _run(settings: Settings, program: tuple[str, ...]) -> int:
    from fakefal.engine.emulator import Emulator
    from fakefal.server.app import build_app
    from fakefal.server.child_server import serving_child

    emulator = Emulator(settings)
    async with serving_child(build_app(emulator), closing=emulator.close) as addresses:
        code = await run_child(program, _environment(addresses))
        click.echo(f"fakefal: {await emulator.summary()}", err=True)
        return code


async def _replay(replay: Replay, program: tuple[str, ...]) -> int:
    from fakefal.server.child_server import serving_child

    async with serving_child(replay.app()) as addresses:
        return await run_child(program, _environment(addresses))


def _environment(addresses: ChildAddresses) -> dict[str, str]:
    """The child's environment; says by name which keys it lacks."""
    from fakefal.server.child import child_environment
    from fakefal.server.credentials import FAKE_KEY, faked_credentials

    faked = faked_credentials(os.environ, FAKE_KEY)
    if replaced := sorted(name for name, value in faked.items() if value != os.environ[name]):
        click.echo(f"fakefal run: replaced {', '.join(replaced)}: the program gets a key that fal refuses", err=True)
    return child_environment(os.environ, addresses)


async def run_child(program: tuple[str, ...], environ: dict[str, str]) -> int:
    """The child's exit code, in the shell's form where a signal ended it."""
    signals = _Signals()
    try:
        child = await asyncio.create_subprocess_exec(*program, env=environ)
    except FileNotFoundError:
        click.echo(f"fakefal run: {program[0]}: command not found", err=True)
        return NOT_FOUND
    except OSError as error:
        click.echo(f"fakefal run: {program[0]}: cannot be executed: {error.strerror}", err=True)
        return NOT_EXECUTABLE
    signals.pass_to(child)
    code = await child.wait()
    return code if code >= 0 else BY_SIGNAL - code


class _Signals:
    """Passes signals to the child, those included that came before there was one.

    In a terminal the child gets the keyboard's interrupt by itself, and the parent only waits.
    """

    def __init__(self) -> None:
        self._child: asyncio.subprocess.Process | None = None
        self._early: list[signal.Signals] = []
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)

    def pass_to(self, child: asyncio.subprocess.Process) -> None:
        self._child = child
        for number in self._early:
            child.send_signal(number)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._child is None:
            self._early.append(number)
        elif number is not signal.SIGINT or not _in_foreground():
            with suppress(ProcessLookupError):
                self._child.send_signal(number)


def _in_foreground() -> bool:
    """Whether this process belongs to the group that a terminal's keyboard interrupts."""
    try:
        with Path("/dev/tty").open("rb") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False
