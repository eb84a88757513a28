"""Temporary folders.  Each is locked while it is used, so that folders of killed processes can be recognized."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
import weakref
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Self

PREFIX = "fakefal-tmp-"
"""The prefix of their names."""

LOCK = ".fakefal-lock"
"""The lock file in a folder; the system releases the lock when the process ends."""

ABANDONED_SECONDS = 3600.0
"""How old one without such a file must be, before it counts as left behind."""


class TemporaryFolder:
    """A folder that is removed with this object at the latest.  The first one of a process removes abandoned folders.

    Args:
        kind: what it is for, which its name tells.
    """

    def __init__(self, kind: str) -> None:
        sweep_abandoned()
        while (made := _make(kind)) is None:
            pass
        self.path, lock = made
        self.close = weakref.finalize(self, _remove, lock, self.path, os.getpid())

    def is_empty(self) -> bool:
        """Whether nothing was put into it, and nobody removed it."""
        try:
            return os.listdir(self.path) == [LOCK]  # noqa: PTH208 - this takes half as long
        except FileNotFoundError:
            return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _make(kind: str) -> tuple[Path, IO[bytes]] | None:
    """A folder with its lock; None if another process removed it before it was locked."""
    path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-"))
    lock = (path / LOCK).open("ab")
    if try_lock(lock, fcntl.LOCK_EX) and (path / LOCK).exists():
        return path, lock
    lock.close()
    return None


def try_lock(lock: IO[bytes], kind: int) -> bool:
    """Lock a file, unless others hold a lock on it that excludes this."""
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@cache
def sweep_abandoned() -> None:
    """Remove, once in a process, the temporary folders whose process was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            _sweep(folder)


def _sweep(folder: Path) -> None:
    """Remove an unused folder under its lock, so that a process which is creating it notices."""
    try:
        with (folder / LOCK).open("rb") as lock:
            if try_lock(lock, fcntl.LOCK_EX):
                shutil.rmtree(folder, ignore_errors=True)
    except FileNotFoundError:
        if time.time() - folder.stat().st_mtime > ABANDONED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _remove(lock: IO[bytes], folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked worker leaves its parent's
        shutil.rmtree(folder, ignore_errors=True)
    lock.close()
