"""Uploaded files in a folder that other replicas write to, too."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from typing_extensions import override

from fakefal.state.files import StoredFile
from fakefal.store.spool import SpoolFiles, note_name, read_note

LOOK_SECONDS = 1.0
"""How old the picture of the folder may be that the bounds are held by."""

GRACE_SECONDS = 60.0
"""How long the bytes of a dropped file stay, since another replica may be sending them."""

ABANDONED_SECONDS = 24 * 3600.0
"""How old something unfinished must be, before it counts as left behind by a dead replica."""


class SharedSpoolFiles(SpoolFiles):
    """A `FileStore` in a folder that replicas share; the folder, not this process, knows what there is.

    An address is looked up in the folder each time.  The bounds hold for all replicas together, as each saw
    the folder at most a second ago.
    """

    def __init__(self, folder: Path | None = None, *, max_files: int, max_bytes: int) -> None:
        self._looked_at = 0.0
        self._notes: dict[str, tuple[int, str]] = {}
        self._gone: list[tuple[float, Path]] = []
        super().__init__(folder, max_files=max_files, max_bytes=max_bytes)

    @override
    def get(self, url_path: str) -> StoredFile | None:
        with self._lock:
            self._catch_up(note_name(url_path))
            return super().get(url_path)

    @override
    def all(self) -> list[StoredFile]:
        with self._lock:
            self._look_around()
            return super().all()

    @override
    def reset(self) -> int:
        with self._lock:
            self._look_around()
            return super().reset()

    @override
    def close(self) -> None:
        self._sweep(GRACE_SECONDS)
        super().close()

    def _clean_up(self) -> None:
        """Remove what dead replicas left behind unfinished."""
        known = {file.source for file in self._files.values()}
        for path in (path for form in ("part", "bin", "note") for path in self.folder.glob(f"*.{form}")):
            with suppress(FileNotFoundError):
                if path not in known and time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                    path.unlink()

    def _load(self) -> None:
        self._look_around()
        self._clean_up()

    def _look_around(self) -> None:
        """See every change that others made."""
        found = {path.name for path in self.folder.glob("*.json")}
        for name in found | set(self._notes):
            self._catch_up(name)
        self._files = {path: self._files[path] for _, path in sorted(self._notes.values())}
        self._looked_at = time.monotonic()

    def _catch_up(self, name: str) -> None:
        """See what became of one note."""
        try:
            changed = (self.folder / name).stat().st_mtime_ns
            if name in self._notes and self._notes[name][0] == changed:
                return
            file = read_note(self.folder / name)
        except FileNotFoundError:
            changed, file = 0, None
        self._overlook(name)
        if file is not None:
            self._notes[name] = changed, file.url_path
            self._remember(file)

    def _overlook(self, name: str) -> None:
        """Forget a file that another replica dropped or replaced."""
        _, url_path = self._notes.pop(name, (0, ""))
        if old := self._files.pop(url_path, None):
            self._bytes -= old.size

    def _make_room(self, size: int) -> None:
        if time.monotonic() - self._looked_at > LOOK_SECONDS:
            self._look_around()
        super()._make_room(size)
        self._sweep(GRACE_SECONDS)

    def _forget(self, url_path: str) -> None:
        with self._lock:
            self._catch_up(note_name(url_path))
            super()._forget(url_path)
            self._notes.pop(note_name(url_path), None)

    def _write_note(self, file: StoredFile) -> None:
        super()._write_note(file)
        name = note_name(file.url_path)
        self._notes[name] = (self.folder / name).stat().st_mtime_ns, file.url_path

    def _drop_bytes(self, file: StoredFile) -> None:
        """Drop bytes once nobody can be reading them any more."""
        self._gone.append((time.monotonic(), file.source))

    def _sweep(self, seconds: float) -> None:
        with self._lock:
            while self._gone and time.monotonic() - self._gone[0][0] >= seconds:
                self._gone.pop(0)[1].unlink(missing_ok=True)
