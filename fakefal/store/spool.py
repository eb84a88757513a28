"""Uploaded files in a spool folder: for each file its bytes, and a JSON note that is found by the file's address."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import logging
import re
import secrets
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from pydantic import TypeAdapter
from typing_extensions import override

from fakefal.state.files import FileStore, FileTooLarge, SpoolFull, StoredFile
from fakefal.state.temporary import sweep_abandoned
from fakefal.store.place import UsedFolder

logger = logging.getLogger(__name__)
MOST_OPEN = 256
"""How many files may be written at once; each takes a file descriptor."""

NOTE = re.compile(r"[0-9a-f]{40}\.json")
LEFTOVER = re.compile(r"(?:[0-9a-f]{16}|tmp\w{8})\.(?:part|bin|note)")
_NOTE_TYPE = TypeAdapter(StoredFile)


@dataclass
class SpoolListing:
    """Files by address, oldest first, and their total size in bytes."""

    files: dict[str, StoredFile] = field(default_factory=dict)
    size: int = 0

    def put(self, file: StoredFile) -> None:
        """Add a file as the newest."""
        self.take(file.url_path)
        self.files[file.url_path] = file
        self.size += file.size

    def take(self, url_path: str) -> StoredFile | None:
        """Remove a file from the list."""
        old = self.files.pop(url_path, None)
        if old is not None:
            self.size -= old.size
        return old


class Folder(Protocol):
    """A folder of files and notes, and a list of its contents."""

    @property
    def path(self) -> Path:
        """Its path; a temporary folder is created at the first use."""
        ...

    def get(self, url_path: str) -> StoredFile | None:
        """The file at an address."""
        ...

    def all(self) -> list[StoredFile]:
        """Every file, oldest first."""
        ...

    def bounded(self) -> SpoolListing:
        """The list to which the limits of the store apply."""
        ...

    def add(self, file: StoredFile) -> None:
        """Write the note of a file, as the newest."""
        ...

    def remove(self, url_path: str) -> StoredFile | None:
        """Remove the note of a file; its bytes stay."""
        ...

    def drop(self, source: Path) -> None:
        """Delete bytes that no note refers to."""
        ...

    def close(self) -> None:
        """Release the folder."""
        ...


class OwnFolder(Folder):
    """A folder that only this process writes to, so its list of contents stays correct.

    Args:
        path: its path; None creates a folder with the first file, which `close` removes.

    Raises:
        SettingsError: another process uses it.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._given = path
        self._place: UsedFolder | None = None
        self._listing = SpoolListing()
        if path is None:
            sweep_abandoned()
        else:
            self._place = UsedFolder(path)
            self._read(path)

    def _read(self, path: Path) -> None:
        """List the contents, and remove unfinished files."""
        notes = sorted((one for one in path.glob("*.json") if NOTE.fullmatch(one.name)), key=_modified)
        read = [note_or_warning(note) for note in notes]
        for file in read:
            if file is not None:
                self._listing.put(file)
        known = {file.source for file in self._listing.files.values()}
        for left_over in leftovers(path):
            # bytes may belong to a note that could not be read
            if left_over not in known and (left_over.suffix != ".bin" or None not in read):
                left_over.unlink()

    @property
    @override
    def path(self) -> Path:
        if self._place is None:
            self._place = UsedFolder(self._given)
        return self._place.path

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
        write_note(self.path, file)
        self._listing.put(file)

    @override
    def remove(self, url_path: str) -> StoredFile | None:
        old = self._listing.take(url_path)
        if old is not None:
            (self.path / note_name(url_path)).unlink(missing_ok=True)
        return old

    @override
    def drop(self, source: Path) -> None:
        source.unlink(missing_ok=True)

    @override
    def close(self) -> None:
        if self._place is not None:
            self._place.close()


class _Unfinished(io.BufferedWriter):
    """A file that is being written.

    Args:
        path: its path, which must not exist yet.
        count: is called with the number of bytes before they are written.
    """

    def __init__(self, path: Path, count: Callable[[int], None]) -> None:
        super().__init__(io.FileIO(str(path), "xb"))
        self._count = count

    @override
    def write(self, content: Any, /) -> int:
        self._count(len(content))
        with disk_errors():
            return super().write(content)


class SpoolFiles(FileStore):
    """Files in a folder.

    The oldest files are deleted when a limit is exceeded. Parts of unfinished uploads count as files, and bytes that
    are being written count too. Worker threads may use it while the event loop does.

    Args:
        folder: keeps the files.
        max_files: how many files are kept.
        max_bytes: the size limit for all files together.
    """

    def __init__(self, folder: Folder, *, max_files: int, max_bytes: int) -> None:
        self._files = folder
        self._max_files, self._max_bytes = max_files, max_bytes
        self._lock = threading.RLock()
        self._held: Counter[Path] = Counter()
        self._dropped: set[Path] = set()
        """The held files to delete afterwards."""
        self._open: dict[str, int] = {}
        """The size of the files that are being written."""

    @property
    def folder(self) -> Path:
        """The path of the folder."""
        return self._files.path

    @override
    def open_part(self) -> BinaryIO:
        with self._lock, disk_errors():
            if len(self._open) >= MOST_OPEN:
                raise SpoolFull(f"{MOST_OPEN} uploads are being written: finish some of them first")
            path = self.folder / f"{secrets.token_hex(8)}.part"
            written = _Unfinished(path, partial(self._count, str(path)))
            self._open[str(path)] = 0
            return written

    @contextmanager
    @override
    def writing(self) -> Iterator[BinaryIO]:
        written = self.open_part()
        try:
            yield written
        except BaseException:
            self.discard(written)
            raise

    def _count(self, path: str, more: int) -> None:
        with self._lock:
            if sum(self._open.values()) + more > self._max_bytes:
                if self._open[path] + more > self._max_bytes:
                    raise FileTooLarge(self._max_bytes)
                raise SpoolFull(f"unfinished uploads fill the {self._max_bytes} bytes of max_file_bytes")
            self._open[path] += more
            self._make_room()

    @override
    def keep(self, written: BinaryIO, url_path: str, content_type: str, *, key: str = "") -> StoredFile:
        size = written.tell()
        if size > self._max_bytes:
            self.discard(written)
            raise FileTooLarge(self._max_bytes)
        source = Path(written.name).with_suffix(".bin")
        try:
            with self._lock, disk_errors():
                written.close()
                self._forget(url_path)
                self._make_room(more_files=1)
                # a new name each time: a reader may still use the bytes of the previous file
                Path(written.name).replace(source)
                kept = StoredFile(url_path, content_type, size, source, key)
                self._files.add(kept)
                del self._open[written.name]
                return kept
        except BaseException:
            source.unlink(missing_ok=True)
            self.discard(written)
            raise

    @override
    def discard(self, written: BinaryIO) -> None:
        with suppress(OSError):  # the rest of the buffer may not fit on the disk
            written.close()
        Path(written.name).unlink(missing_ok=True)
        with self._lock:
            self._open.pop(written.name, None)

    @override
    def keep_part(self, written: BinaryIO, upload_id: str, number: int) -> str:
        kept = self.keep(written, _part(upload_id, number), "")
        with self.holding(kept), kept.source.open("rb") as part:
            return hashlib.file_digest(part, "md5").hexdigest()

    @override
    def join(
        self, upload_id: str, numbers: list[int], url_path: str, content_type: str, *, max_bytes: int, key: str = ""
    ) -> StoredFile:
        with ExitStack() as held:
            with self._lock:
                parts = {number: self.get(_part(upload_id, number)) for number in numbers}
                for number, part in parts.items():
                    if part is None:
                        raise KeyError(number)
                    held.enter_context(self.holding(part))
            found = [part for part in parts.values() if part is not None]
            if sum(part.size for part in found) > max_bytes:
                raise FileTooLarge(max_bytes)
            with self.writing() as whole:  # not in the lock, for which the event loop waits
                for part in found:
                    with part.source.open("rb") as content:
                        shutil.copyfileobj(content, whole)
            with self._lock:
                for part in found:
                    self._forget(part.url_path)
                return self.keep(whole, url_path, content_type, key=key)

    @override
    def get(self, url_path: str) -> StoredFile | None:
        found = self._files.get(url_path)
        if found is not None and not found.source.exists():  # somebody removed it from the folder
            self._forget(url_path)
            return None
        return found

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
                    if file.source in self._dropped:
                        self._dropped.remove(file.source)
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

    def _make_room(self, more_files: int = 0) -> None:
        kept, size = self._files.bounded(), sum(self._open.values())
        while kept.files and (len(kept.files) + more_files > self._max_files or kept.size + size > self._max_bytes):
            self._forget(next(iter(kept.files)))

    def _forget(self, url_path: str) -> None:
        with self._lock:
            old = self._files.remove(url_path)
            if old is None:
                return
            if old.source in self._held:
                self._dropped.add(old.source)
            else:
                self._files.drop(old.source)


def write_note(folder: Path, file: StoredFile) -> None:
    """Record the address of a file. A concurrent reader sees either the old note or the new one."""
    note = asdict(file) | {"source": file.source.name}
    written = file.source.with_suffix(".note")
    try:
        written.write_text(json.dumps(note), "utf-8")
        written.replace(folder / note_name(file.url_path))
    except BaseException:
        written.unlink(missing_ok=True)
        raise


def note_name(url_path: str) -> str:
    """The name of the note for the file at an address."""
    return f"{hashlib.sha256(url_path.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}.json"


def note_or_warning(note: Path) -> StoredFile | None:
    """The file that a note describes; None, with a warning, if the note is damaged.

    Raises:
        FileNotFoundError: there is no such note.
    """
    try:
        said = _NOTE_TYPE.validate_json(note.read_bytes())
        return replace(said, source=note.with_name(said.source.name))
    except ValueError as error:
        logger.warning("%s is not a note on an upload, and is ignored: %s", note, str(error).splitlines()[0])
        return None


def leftovers(folder: Path) -> Iterator[Path]:
    """Everything but notes: bytes, and unfinished files. Files of other programs in the folder are not included."""
    return (path for path in folder.iterdir() if LEFTOVER.fullmatch(path.name))


def _modified(path: Path) -> float:
    return path.stat().st_mtime


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn the error of a full disk into `SpoolFull`.

    Raises:
        SpoolFull: the disk or a quota is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise SpoolFull(f"the disk of the spool is full: {error.strerror}") from error


def _part(upload_id: str, number: int) -> str:
    """The address of a part, which cannot be a CDN path."""
    return f"part:{number}:{upload_id}"
