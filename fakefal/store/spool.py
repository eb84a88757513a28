"""Uploaded files, in a spool folder."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from typing_extensions import override

from fakefal.state.files import FileStore, FileTooLarge, StoredFile


class SpoolFiles(FileStore):
    """Files in a folder: for each file its bytes and a note, a JSON that is found by the file's address.

    The oldest files go when there are too many; parts of unfinished uploads count as files.  Worker
    threads may use it beside the event loop.

    Args:
        folder: where files are kept; None makes a folder that `close` removes.
        max_files: how many files are kept.
        max_bytes: how many bytes all files have together.
    """

    def __init__(self, folder: Path | None = None, *, max_files: int, max_bytes: int) -> None:
        self._temporary = folder is None
        self._folder = folder or Path(tempfile.mkdtemp(prefix="fakefal-files-"))
        self._folder.mkdir(parents=True, exist_ok=True)
        self._max_files, self._max_bytes = max_files, max_bytes
        self._lock = threading.RLock()
        self._files: dict[str, StoredFile] = {}
        self._held: Counter[Path] = Counter()
        self._bytes = 0
        self._load()

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self._folder

    @override
    def open_part(self) -> BinaryIO:
        return tempfile.NamedTemporaryFile(dir=self._folder, suffix=".part", delete=False)  # type: ignore[return-value]

    @override
    def keep(self, written: BinaryIO, url_path: str, content_type: str, *, key: str = "") -> StoredFile:
        size = written.tell()
        if size > self._max_bytes:
            self.discard(written)
            raise FileTooLarge(self._max_bytes)
        written.close()
        with self._lock:
            self._forget(url_path)
            self._make_room(size)
            # a new name each time: a reader may still hold the bytes of the file that was here
            source = Path(written.name).with_suffix(".bin")
            Path(written.name).replace(source)
            kept = StoredFile(url_path, content_type, size, source, key)
            self._write_note(kept)
            self._remember(kept)
            return kept

    @override
    def discard(self, written: BinaryIO) -> None:
        written.close()
        Path(written.name).unlink(missing_ok=True)

    @override
    def keep_part(self, written: BinaryIO, upload_id: str, number: int) -> str:
        kept = self.keep(written, _part(upload_id, number), "")
        with self.holding(kept), kept.source.open("rb") as part:
            return hashlib.file_digest(part, "md5").hexdigest()

    @override
    def join(
        self, upload_id: str, numbers: list[int], url_path: str, content_type: str, *, max_bytes: int, key: str = ""
    ) -> StoredFile:
        with self._lock, ExitStack() as held:
            parts = {number: self.get(_part(upload_id, number)) for number in numbers}
            for number, part in parts.items():
                if part is None:
                    raise KeyError(number)
                held.enter_context(self.holding(part))
            found = [part for part in parts.values() if part is not None]
            if sum(part.size for part in found) > max_bytes:
                raise FileTooLarge(max_bytes)
            whole = self.open_part()
            for part in found:
                with part.source.open("rb") as content:
                    shutil.copyfileobj(content, whole)
                self._forget(part.url_path)
            return self.keep(whole, url_path, content_type, key=key)

    @override
    def get(self, url_path: str) -> StoredFile | None:
        return self._files.get(url_path)

    @contextmanager
    @override
    def holding(self, file: StoredFile) -> Iterator[None]:
        with self._lock:
            self._held[file.source] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[file.source] -= 1
                if not self._held[file.source]:
                    del self._held[file.source]
                    if self._folder in file.source.parents and self._files.get(file.url_path) != file:
                        self._drop_bytes(file)

    @override
    def all(self) -> list[StoredFile]:
        return list(self._files.values())

    @override
    def reset(self) -> int:
        with self._lock:
            gone = list(self._files)
            for url_path in gone:
                self._forget(url_path)
            return len(gone)

    @override
    def close(self) -> None:
        if self._temporary:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _load(self) -> None:
        """Find what an earlier run kept, and remove what it did not finish."""
        for left_over in self._folder.glob("*.part"):
            left_over.unlink()
        for note in sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime):
            self._remember(read_note(note))

    def _write_note(self, file: StoredFile) -> None:
        """Say at which address a file lies.  Whoever reads a note meanwhile sees the old one or the new one."""
        note = asdict(file) | {"source": file.source.name}
        written = file.source.with_suffix(".note")
        written.write_text(json.dumps(note), "utf-8")
        written.replace(self._folder / note_name(file.url_path))

    def _remember(self, file: StoredFile) -> None:
        self._files[file.url_path] = file
        self._bytes += file.size

    def _make_room(self, size: int) -> None:
        while self._files and (len(self._files) >= self._max_files or self._bytes + size > self._max_bytes):
            self._forget(next(iter(self._files)))

    def _forget(self, url_path: str) -> None:
        with self._lock:
            old = self._files.pop(url_path, None)
            if old is None:
                return
            self._bytes -= old.size
            (self._folder / note_name(url_path)).unlink(missing_ok=True)
            if old.source not in self._held:
                self._drop_bytes(old)

    def _drop_bytes(self, file: StoredFile) -> None:
        file.source.unlink(missing_ok=True)


def note_name(url_path: str) -> str:
    """The name of the note on the file at an address."""
    return f"{hashlib.sha256(url_path.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}.json"


def read_note(note: Path) -> StoredFile:
    """The file that a note speaks of.

    Raises:
        FileNotFoundError: there is no such note.
    """
    said = json.loads(note.read_text("utf-8"))
    return StoredFile(**(said | {"source": note.with_name(said["source"])}))


def _part(upload_id: str, number: int) -> str:
    """The address of a part, which no CDN path can be."""
    return f"part:{number}:{upload_id}"
