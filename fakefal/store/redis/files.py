"""Uploaded files in a folder that other replicas write to as well."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path

from typing_extensions import override

from fakefal.state.files import StoredFile
from fakefal.state.temporary import sweep_abandoned
from fakefal.store.place import UsedFolder
from fakefal.store.spool import Folder, SpoolListing, leftovers, note_name, note_or_warning, write_note

LOOK_SECONDS = 1.0
"""The maximum age of the list of the folder to which the limits apply."""

GRACE_SECONDS = 60.0
"""How long the bytes of a deleted file stay, since another replica may be sending them."""

ABANDONED_SECONDS = 24 * 3600.0
"""The age at which an unfinished file counts as left behind by a dead replica."""


class SharedFolder(Folder):
    """A folder that other replicas write to as well, so the folder itself is the source of truth.

    An address is looked up in the folder each time. The limits apply to all replicas together; each works with a list
    of the folder that is at most a second old.

    Args:
        path: its path; None creates one that `close` removes.
    """

    def __init__(self, path: Path | None = None) -> None:
        sweep_abandoned()
        self._place = UsedFolder(path, shared=True)
        self._path = self._place.path
        self._lock = threading.RLock()
        self._listing = SpoolListing()
        self._looked_at = 0.0
        self._notes: dict[str, tuple[int, str]] = {}
        self._damaged: dict[str, int] = {}
        self._gone: list[tuple[float, Path]] = []
        self._look_around()
        self._clean_up()

    @property
    @override
    def path(self) -> Path:
        return self._path

    @override
    def get(self, url_path: str) -> StoredFile | None:
        with self._lock:
            self._catch_up(note_name(url_path))
            return self._listing.files.get(url_path)

    @override
    def all(self) -> list[StoredFile]:
        with self._lock:
            self._look_around()
            return list(self._listing.files.values())

    @override
    def bounded(self) -> SpoolListing:
        with self._lock:
            if time.monotonic() - self._looked_at > LOOK_SECONDS:
                self._look_around()
            return self._listing

    @override
    def add(self, file: StoredFile) -> None:
        with self._lock:
            write_note(self._path, file)
            name = note_name(file.url_path)
            self._notes[name] = (self._path / name).stat().st_mtime_ns, file.url_path
            self._listing.put(file)
            self._sweep()

    @override
    def remove(self, url_path: str) -> StoredFile | None:
        name = note_name(url_path)
        with self._lock:
            self._catch_up(name)
            old = self._listing.take(url_path)
            if old is not None:
                (self._path / name).unlink(missing_ok=True)
                self._notes.pop(name, None)
            return old

    @override
    def drop(self, source: Path) -> None:
        # another replica may be sending them
        with self._lock:
            self._gone.append((time.monotonic(), source))

    @override
    def close(self) -> None:
        self._sweep()
        self._place.close()

    def _clean_up(self) -> None:
        """Remove unfinished files of dead replicas."""
        known = {file.source for file in self._listing.files.values()}
        for path in leftovers(self._path):
            with suppress(FileNotFoundError):
                if path not in known and time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                    path.unlink()

    def _look_around(self) -> None:
        """Read all changes by other replicas."""
        for name in {path.name for path in self._path.glob("*.json")} | set(self._notes):
            self._catch_up(name)
        files = self._listing.files
        oldest_first = [files.pop(url_path) for _, url_path in sorted(self._notes.values())]
        files.update((file.url_path, file) for file in oldest_first)
        self._looked_at = time.monotonic()

    def _catch_up(self, name: str) -> None:
        """Read the change of one note."""
        try:
            changed = (self._path / name).stat().st_mtime_ns
            if changed in (self._notes.get(name, (0, ""))[0], self._damaged.get(name)):
                return
            file = note_or_warning(self._path / name)
            if file is None:
                self._damaged[name] = changed  # each change is reported once
        except FileNotFoundError:
            changed, file = 0, None
        _, url_path = self._notes.pop(name, (0, ""))
        self._listing.take(url_path)  # another replica deleted or replaced it
        if file is not None:
            self._notes[name] = changed, file.url_path
            self._listing.put(file)

    def _sweep(self) -> None:
        """Remove the bytes of deleted files that no replica can be sending any more."""
        with self._lock:
            while self._gone and time.monotonic() - self._gone[0][0] >= GRACE_SECONDS:
                self._gone.pop(0)[1].unlink(missing_ok=True)
