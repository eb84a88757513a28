"""Where a spool lies: who uses the folder, and the removal of temporary ones, those of killed processes included."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
import weakref
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO

from fakefal.settings import SettingsError

LOCK = ".fakefal-lock"
"""The file in a spool that its user holds a lock on; the system lets go of it however the process ends."""

TEMPORARY = "fakefal-files-"
ABANDONED_SECONDS = 3600.0
"""How old a temporary folder without such a file must be, before it counts as left behind."""


class UsedFolder:
    """A folder in use.

    Args:
        path: where it is; None makes a temporary one that is removed with this object, at the latest.
        shared: whether other processes may use it in the same way.

    Raises:
        SettingsError: others use it in a way that excludes this one.
    """

    def __init__(self, path: Path | None = None, *, shared: bool = False) -> None:
        self.path = path or Path(tempfile.mkdtemp(prefix=TEMPORARY))
        self.path.mkdir(parents=True, exist_ok=True)
        lock = (self.path / LOCK).open("ab")
        if not _locked(lock, fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
            lock.close()
            raise SettingsError(
                f"spool cannot be {path}: another fakefal uses it; give each a folder of its own", "spool"
            )
        self._end = weakref.finalize(self, _let_go, lock, self.path if path is None else None)

    def close(self) -> None:
        """Let go of it."""
        self._end()


def _let_go(lock: IO[bytes], temporary: Path | None) -> None:
    if temporary is not None:
        shutil.rmtree(temporary, ignore_errors=True)
    lock.close()


def _locked(lock: IO[bytes], kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@cache
def sweep_abandoned() -> None:
    """Remove, once in a process, the temporary folders whose process was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{TEMPORARY}*"):
        with suppress(OSError):
            if _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    try:
        with (folder / LOCK).open("rb") as lock:
            return _locked(lock, fcntl.LOCK_EX)
    except FileNotFoundError:
        return time.time() - folder.stat().st_mtime > ABANDONED_SECONDS
