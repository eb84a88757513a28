"""Several processes that serve one port: started, watched, replaced when one dies, and ended together."""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import click

ENDING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
WATCHED = ENDING | {signal.SIGCHLD}
GRACE_SECONDS = 10.0
"""How long a worker may take to end before it is killed."""

SHORT_LIFE_SECONDS = 5.0
PAUSE_SECONDS = 1.0
"""A worker that dies within this number of seconds is replaced after a pause."""

Ready = dict[str, str]
Serve = Callable[[int, Callable[[Ready], None]], None]
"""Serves until it is told to end, or until the given descriptor is closed; calls back once it listens."""


class WorkerFailed(RuntimeError):
    """A worker ended before it listened; it has reported why."""


class Workers:
    """A number of forks of this process, which must have bound its sockets and started no threads.

    All workers share one socket. A connection that no worker has accepted waits there, so it survives the death of a
    worker. Each worker watches a pipe that closes when this process dies, so none is left behind.

    Args:
        count: the number of workers.
        serve: runs in each worker.
    """

    def __init__(self, count: int, serve: Serve) -> None:
        self._count = count
        self._serve = serve
        self._born: dict[int, float] = {}
        self._lifeline = os.pipe()

    def run(self, announce: Callable[[Ready], None]) -> None:
        """Serve until a signal ends it; `announce` is called once all workers listen.

        Raises:
            WorkerFailed: a worker could not start.
        """
        with _signals() as signals_within:
            try:
                started = [self._start() for _ in range(self._count)]
                announce([_first_words(words) for words in started][-1])
                self._watch(signals_within)
            finally:
                self._end(signals_within)

    def _watch(self, signals_within: SignalsWithin) -> None:
        """Replace workers that die, until this process is told to end."""
        while not signals_within(None) & ENDING:
            for born in self._reap():
                click.echo("fakefal: a worker died; another replaces it", err=True)
                if time.monotonic() - born < SHORT_LIFE_SECONDS and signals_within(PAUSE_SECONDS) & ENDING:
                    return
                os.close(self._start())

    def _start(self) -> int:
        """Fork a worker; returns the descriptor of its first message."""
        words, speak = os.pipe()
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        child = os.fork()
        if child == 0:
            self._work(words, speak)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
        os.close(speak)
        self._born[child] = time.monotonic()
        return words

    def _work(self, words: int, speak: int) -> NoReturn:
        """The whole life of a worker."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in WATCHED:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
            os.close(self._lifeline[1])
            os.close(words)

            def listening(ready: Ready) -> None:
                with suppress(BrokenPipeError):  # replacements have no waiting reader
                    os.write(speak, json.dumps(ready).encode())
                os.close(speak)

            self._serve(self._lifeline[0], listening)
            code = 0
        except Exception as error:  # noqa: BLE001 - the process ends here
            click.echo(f"fakefal: {error}", err=True)
        finally:
            os._exit(code)

    def _reap(self) -> Iterator[float]:
        """The start times of the workers that are dead now."""
        while self._born:
            child, _ = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                return
            yield self._born.pop(child)

    def _end(self, signals_within: SignalsWithin) -> None:
        """End every worker; returns once they have ended."""
        self._tell(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while list(self._reap()) or (self._born and time.monotonic() < deadline):
            signals_within(0.1)
        self._tell(signal.SIGKILL)
        for descriptor in self._lifeline:
            os.close(descriptor)

    def _tell(self, number: signal.Signals) -> None:
        for child in self._born:
            os.kill(child, number)


SignalsWithin = Callable[[float | None], set[int]]
"""Waits up to this number of seconds, or without limit, for signals, and returns them."""


@contextmanager
def _signals() -> Iterator[SignalsWithin]:
    """Collect signals instead of being interrupted by them."""
    hear, ring = os.pipe()
    os.set_blocking(ring, False)
    before = {number: signal.signal(number, lambda *_: None) for number in WATCHED}
    signal.set_wakeup_fd(ring, warn_on_full_buffer=False)

    def signals_within(seconds: float | None) -> set[int]:
        ready, _, _ = select.select([hear], [], [], seconds)
        return set(os.read(hear, 1024)) if ready else set()

    try:
        yield signals_within
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(hear)
        os.close(ring)


def _first_words(words: int) -> Ready:
    with os.fdopen(words, "rb") as said:
        ready: Ready | None = json.loads(said.read() or b"null")
    if ready is None:
        raise WorkerFailed("a worker could not start")
    return ready
