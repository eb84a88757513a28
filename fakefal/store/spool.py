"""Uploaded files, in a spool folder: for each file its bytes and a note, a JSON that is found by its address."""

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
        """Where it is; a temporary folder is made when this is asked for first."""
        ...

    def has(self, source: Path) -> bool:
        """Whether bytes lie in it."""
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
        path: where it is; None makes one with the first file, which `close` removes.

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
        """Learn what lies there, and remove what was left behind unfinished."""
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
    def has(self, source: Path) -> bool:
        return self._place is not None and source.parent == self._place.path

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
        path: where; there is nothing yet.
        count: is told how many bytes come, before they are written.
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

    The oldest files go when there are too many; parts of unfinished uploads count as files, and so do the bytes of
    what is being written.  Worker threads may use it beside the event loop.

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
        self._dropped: set[Path] = set()
        """Those of the held that are to go afterwards."""
        self._open: dict[str, int] = {}
        """How many bytes the files have that are being written."""

    @property
    def folder(self) -> Path:
        """Where the files are."""
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
                # a new name each time: a reader may still hold the bytes of the file that was here
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
        with suppress(OSError):  # what is left in the buffer may not fit the disk
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
        with self._lock, ExitStack() as held:
            parts = {number: self.get(_part(upload_id, number)) for number in numbers}
            for number, part in parts.items():
                if part is None:
                    raise KeyError(number)
                held.enter_context(self.holding(part))
            found = [part for part in parts.values() if part is not None]
            if sum(part.size for part in found) > max_bytes:
                raise FileTooLarge(max_bytes)
            with self.writing() as whole:
                for part in found:
                    with part.source.open("rb") as content:
                        shutil.copyfileobj(content, whole)
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
    """Say at which address a file lies.  Whoever reads a note meanwhile sees the old one or the new one."""
    note = asdict(file) | {"source": file.source.name}
    written = file.source.with_suffix(".note")
    try:
        written.write_text(json.dumps(note), "utf-8")
        written.replace(folder / note_name(file.url_path))
    except BaseException:
        written.unlink(missing_ok=True)
        raise


def note_name(url_path: str) -> str:
    """The name of the note on the file at an address."""
    return f"{hashlib.sha256(url_path.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}.json"


def note_or_warning(note: Path) -> StoredFile | None:
    """The file that a note speaks of; None, and a warning, where it is damaged.

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
    """What is no note: bytes, and what was not finished.  Files of others that lie here are not among them."""
    return (path for path in folder.iterdir() if LEFTOVER.fullmatch(path.name))


def _modified(path: Path) -> float:
    return path.stat().st_mtime


@contextmanager
def disk_errors() -> Iterator[None]:
    """Name a full disk.

    Raises:
        SpoolFull: it is full, or a quota is.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise SpoolFull(f"the disk of the spool is full: {error.strerror}") from error


def _part(upload_id: str, number: int) -> str:
    """The address of a part, which no CDN path can be."""
    return f"part:{number}:{upload_id}"
