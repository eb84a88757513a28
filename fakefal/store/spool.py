"""Uploaded files, in a spool folder: for each file its bytes and a note, a JSON that is found by its address."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from typing_extensions import override

from fakefal.state.files import FileStore, FileTooLarge, StoredFile


@dataclass
class SpoolListing:
    """Files by address, oldest first, and how many bytes they have together."""

    files: dict[str, StoredFile] = field(default_factory=dict)
    size: int = 0

    def put(self, file: StoredFile) -> None:
        """List a file as the newest."""
        self.take(file.url_path)
        self.files[file.url_path] = file
        self.size += file.size

    def take(self, url_path: str) -> StoredFile | None:
        """Strike a file off."""
        old = self.files.pop(url_path, None)
        if old is not None:
            self.size -= old.size
        return old


class Folder(Protocol):
    """A folder of files and notes, and what is known to lie there."""

    @property
    def path(self) -> Path:
        """Where it is."""
        ...

    def get(self, url_path: str) -> StoredFile | None:
        """The file at an address."""
        ...

    def all(self) -> list[StoredFile]:
        """Every file, oldest first."""
        ...

    def bounded(self) -> SpoolListing:
        """What the bounds of the store are held by."""
        ...

    def add(self, file: StoredFile) -> None:
        """Write the note of a file, as the newest."""
        ...

    def remove(self, url_path: str) -> StoredFile | None:
        """Remove the note of a file, whose bytes stay."""
        ...

    def drop(self, source: Path) -> None:
        """Drop bytes that no note speaks of."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class OwnFolder(Folder):
    """A folder that only this process writes to, so that it knows what lies there.

    Args:
        path: where it is; None makes one that `close` removes.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._temporary = path is None
        self._path = make_folder(path)
        self._listing = SpoolListing()
        for left_over in self._path.glob("*.part"):
            left_over.unlink()
        for note in sorted(self._path.glob("*.json"), key=lambda one: one.stat().st_mtime):
            self._listing.put(read_note(note))

    @property
    @override
    def path(self) -> Path:
        return self._path

    @override
    def get(self, url_path: str) -> StoredFile | None:
        return self._listing.files.get(url_path)

    @override
    def all(self) -> list[StoredFile]:
        return list(self._listing.files.values())

    @override
    def bounded(self) -> SpoolListing:
        return self._listing

    @override
    def add(self, file: StoredFile) -> None:
        write_note(self._path, file)
        self._listing.put(file)

    @override
    def remove(self, url_path: str) -> StoredFile | None:
        old = self._listing.take(url_path)
        if old is not None:
            (self._path / note_name(url_path)).unlink(missing_ok=True)
        return old

    @override
    def drop(self, source: Path) -> None:
        source.unlink(missing_ok=True)

    @override
    def close(self) -> None:
        if self._temporary:
            shutil.rmtree(self._path, ignore_errors=True)


class SpoolFiles(FileStore):
    """Files in a folder.

    The oldest files go when there are too many; parts of unfinished uploads count as files.  Worker
    threads may use it beside the event loop.

    Args:
        folder: where files are kept.
        max_files: how many files are kept.
        max_bytes: how many bytes all files have together.
    """

    def __init__(self, folder: Folder, *, max_files: int, max_bytes: int) -> None:
        self._files = folder
        self._max_files, self._max_bytes = max_files, max_bytes
        self._lock = threading.RLock()
        self._held: Counter[Path] = Counter()

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self._files.path

    @override
    def open_part(self) -> BinaryIO:
        return tempfile.NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False)  # type: ignore[return-value]

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
            self._files.add(kept)
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
                    if self.folder in file.source.parents and self._files.get(file.url_path) != file:
                        self._files.drop(file.source)

    @override
    def all(self) -> list[StoredFile]:
        return self._files.all()

    @override
    def reset(self) -> int:
        with self._lock:
            gone = self._files.all()
            for file in gone:
                self._forget(file.url_path)
            return len(gone)

    @override
    def close(self) -> None:
        self._files.close()

    def _make_room(self, size: int) -> None:
        kept = self._files.bounded()
        while kept.files and (len(kept.files) >= self._max_files or kept.size + size > self._max_bytes):
            self._forget(next(iter(kept.files)))

    def _forget(self, url_path: str) -> None:
        with self._lock:
            old = self._files.remove(url_path)
            if old is not None and old.source not in self._held:
                self._files.drop(old.source)


def make_folder(path: Path | None) -> Path:
    """The folder at a path, or a temporary one."""
    folder = path or Path(tempfile.mkdtemp(prefix="fakefal-files-"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_note(folder: Path, file: StoredFile) -> None:
    """Say at which address a file lies.  Whoever reads a note meanwhile sees the old one or the new one."""
    note = asdict(file) | {"source": file.source.name}
    written = file.source.with_suffix(".note")
    written.write_text(json.dumps(note), "utf-8")
    written.replace(folder / note_name(file.url_path))


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
