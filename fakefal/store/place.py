"""The folder of a spool, and who uses it."""

from __future__ import annotations

import fcntl
import weakref
from collections.abc import Callable
from pathlib import Path

from fakefal.settings import SettingsError
from fakefal.state.temporary import LOCK, TemporaryFolder, try_lock


class UsedFolder:
    """A folder in use.

    Args:
        path: its path; None makes a temporary folder.
        shared: whether other processes may use it in the same way.

    Raises:
        SettingsError: other processes use it in a way that excludes this one.
    """

    def __init__(self, path: Path | None = None, *, shared: bool = False) -> None:
        self._end: Callable[[], object]
        if path is None:
            self._temporary = TemporaryFolder("files")
            self.path, self._end = self._temporary.path, self._temporary.close
            return
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / LOCK).open("ab")
        if not try_lock(lock, fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
            lock.close()
            raise SettingsError(
                f"spool cannot be {path}: another fakefal uses it; give each a folder of its own", "spool"
            )
        self._end = weakref.finalize(self, lock.close)

    def close(self) -> None:
        """Release the folder."""
        self._end()
