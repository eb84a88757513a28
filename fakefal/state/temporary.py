"""Temporary folders.  Each is locked while it is used, so that those which a killed process left can be told."""

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
"""How the names of all of them begin."""

LOCK = ".fakefal-lock"
"""The file in a folder that its user holds a lock on; the system lets go of it however the process ends."""

ABANDONED_SECONDS = 3600.0
"""How old one without such a file must be, before it counts as left behind."""


class TemporaryFolder:
    """A folder that is removed with this object, at the latest.  The first one of a process sweeps.

    Args:
        kind: what it is for, which its name tells.
    """

    def __init__(self, kind: str) -> None:
        sweep_abandoned()
        self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-"))
        lock = (self.path / LOCK).open("ab")
        try_lock(lock, fcntl.LOCK_EX)
        self.close = weakref.finalize(self, _remove, lock, self.path, os.getpid())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


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
            if _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    try:
        with (folder / LOCK).open("rb") as lock:
            return try_lock(lock, fcntl.LOCK_EX)
    except FileNotFoundError:
        return time.time() - folder.stat().st_mtime > ABANDONED_SECONDS


def _remove(lock: IO[bytes], folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked worker leaves its parent's
        shutil.rmtree(folder, ignore_errors=True)
    lock.close()
