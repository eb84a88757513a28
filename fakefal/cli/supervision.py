"""Runs a child process: passes signals on, and ends the child with this process."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fakefal.server.orphans import dying_with_us

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")
NOT_FOUND, NOT_EXECUTABLE, BY_SIGNAL = 127, 126, 128

FROM_KEYBOARD = {signal.SIGINT, signal.SIGQUIT}
"""Signals that a terminal also sends to the child."""

LEFT_ALONE = {
    *(signal.SIGKILL, signal.SIGSTOP),  # cannot be caught
    *(signal.SIGCHLD, signal.SIGPIPE, signal.SIGWINCH, signal.SIGURG),  # concern this process, or do not end a process
    *(signal.SIGCONT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU),  # stop both, and continue both
    *(signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE),  # a crash
    *(signal.SIGTRAP, signal.SIGABRT, signal.SIGSYS),
}


def passed_on() -> list[int]:
    """The signals to pass on: those that end this process but not the child, except ignored ones (nohup)."""
    defaults = (signal.SIG_DFL, signal.default_int_handler, _end)
    return [number for number in signal.valid_signals() - LEFT_ALONE if signal.getsignal(number) in defaults]


def end_quietly(numbers: Iterable[int]) -> None:
    """End with the shell's exit code when one of these signals comes, after everything was cleaned up."""
    for number in numbers:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, _: object) -> None:
    sys.exit(BY_SIGNAL + number)


def until_signal(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, or end with the shell's exit code when a signal comes, after everything was cleaned up."""
    import asyncio

    came: list[int] = []

    async def cancellable() -> T:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None

        def on_signal(number: int) -> None:
            came.append(number)
            task.cancel()

        for number in passed_on():
            loop.add_signal_handler(number, on_signal, number)
        return await work

    try:
        return asyncio.run(cancellable())
    except asyncio.CancelledError:
        sys.exit(BY_SIGNAL + came[0])


async def run_child(program: tuple[str, ...], environ: dict[str, str]) -> int:
    """Run a child; returns its exit code, in the shell's form if a signal ended it.

    Call this on the main thread: the kernel treats the end of the thread as the end of the parent.
    """
    import asyncio

    signals = _Signals()
    name = f"fakefal {click.get_current_context().info_name}"
    try:
        child = await asyncio.create_subprocess_exec(*program, env=environ, preexec_fn=dying_with_us())
    except FileNotFoundError:
        click.echo(f"{name}: {not_found(program)}", err=True)
        return NOT_FOUND
    except OSError as error:
        click.echo(f"{name}: {program[0]}: cannot be executed: {error.strerror}", err=True)
        return NOT_EXECUTABLE
    signals.pass_to(child)
    code = await child.wait()
    return code if code >= 0 else BY_SIGNAL - code


def not_found(program: Sequence[str]) -> str:
    """The message for a command that does not exist; a command in quotes with its arguments counts as one name."""
    in_quotes = len(program) == 1 and " " in program[0].strip()
    return f"{program[0]}: command not found" + (f"; leave out the quotes: -- {program[0]}" if in_quotes else "")


class _Signals:
    """Passes signals to the child, including those that came while it was started.

    In a terminal the child gets signals of the keyboard itself, and the parent only waits.
    """

    def __init__(self) -> None:
        import asyncio

        self._child: asyncio.subprocess.Process | None = None
        self._early: list[int] = []
        loop = asyncio.get_running_loop()
        for number in passed_on():
            loop.add_signal_handler(number, self._on_signal, number)

    def pass_to(self, child: asyncio.subprocess.Process) -> None:
        self._child = child
        for number in self._early:
            child.send_signal(number)

    def _on_signal(self, number: int) -> None:
        if self._child is None:
            self._early.append(number)
        elif number not in FROM_KEYBOARD or not _in_foreground():
            with suppress(ProcessLookupError):
                self._child.send_signal(number)


def _in_foreground() -> bool:
    """Whether this process belongs to the group that a terminal's keyboard interrupts."""
    try:
        with Path("/dev/tty").open("rb") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False
