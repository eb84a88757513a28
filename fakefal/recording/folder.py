"""A folder of recordings: one file of lines for each run, and the downloaded files by digest."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from fakefal.recording.exchange import BadExchange, Exchange
from fakefal.recording.scrub import Scrubber
from fakefal.state.bounded import MOST_KEYS, Bounded

logger = logging.getLogger(__name__)

FILES = "files"
SUFFIX = ".jsonl"
LARGEST_FILE = 256 * 1024 * 1024
"""Larger downloads are passed on but not stored."""

Now = Callable[[], dt.datetime]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def wall_now() -> dt.datetime:
    """The real date and time: recordings age in real time."""
    return dt.datetime.now(dt.UTC)


class ExchangeWriter:
    """Writes each exchange at once and completely, so that a crash loses nothing.

    If the folder cannot be written to, for example because the disk is full, it reports that once and stops.  Complete
    lines stay, and calls still pass.

    Args:
        folder: the folder, created with the first exchange.
        source: the server that answers, ``fal`` or ``upstream``.
        now: the real time.
    """

    def __init__(self, folder: Path, *, source: str = "fal", now: Now = wall_now) -> None:
        self.folder = folder
        self.scrubber = Scrubber()
        self.source = source
        self.now = now
        self.written = 0
        self.ended = ""
        """Why writing has stopped, or empty."""
        self._file: FileIO | None = None
        self._latest: Bounded[bytes, bytes] = Bounded(MOST_KEYS)

    def write(self, exchange: Exchange) -> None:
        """Write an exchange, unless it is equal to the one before.

        Polling repeats equal calls, whose lines would differ only in their time.
        """
        if self.ended:
            return
        line = exchange.line()
        if not exchange.recorded_request.call.is_paid:
            request, sign = _digest(exchange.recorded_request.canonical), _digest(repr(exchange.answered))
            if self._latest.get(request) == sign:
                return
            self._latest.renew(request, sign)
        with self.writing():
            self._append(line + b"\n")
            self.written += 1

    def _append(self, line: bytes) -> None:
        """Append a whole line, or nothing.

        Raises:
            OSError: it cannot be written.
        """
        file = self._file = self._file or self._open()
        before = file.tell()
        try:
            left = memoryview(line)
            while left:
                left = left[file.write(left) :]
        except OSError:
            file.truncate(before)
            if not before:
                Path(file.name).unlink()
            raise

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Change something in the folder; if that fails, report it once and stop writing."""
        try:
            yield
        except OSError as error:
            if not self.ended:
                self.ended = f"{self.folder} cannot be written to: {error.strerror or error}"
                logger.warning("fakefal: the recording ends here, and calls are passed on all the same: %s", self.ended)

    def _open(self) -> FileIO:
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{self.now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}{SUFFIX}"
        return FileIO(self.folder / name, "x")

    def keep_file(self) -> Keeper:
        """Somewhere to write a download while it is passed on."""
        return Keeper(self)

    def close(self) -> None:
        """Nothing more will come."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Keeper:
    """Takes the bytes of one download, and keeps them under their digest once they are whole.

    Args:
        writer: whose folder they are kept in.
    """

    def __init__(self, writer: ExchangeWriter) -> None:
        self._writer = writer
        self._folder = writer.folder / FILES
        self._path = self._folder / f".{secrets.token_hex(8)}.part"
        self._file: BinaryIO | None = None
        self._digest = hashlib.sha256()
        self._size = 0
        if not writer.ended:
            with writer.writing():
                self._folder.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("xb")

    def add(self, chunk: bytes) -> None:
        """Take the next bytes; too many are counted and not written."""
        self._size += len(chunk)
        if self._file is not None and self._size <= LARGEST_FILE and not self._writer.ended:
            self._digest.update(chunk)
            with self._writer.writing():
                self._file.write(chunk)

    def finish(self, *, whole: bool) -> str | None:
        """The digest of the stored file; None if it was cut off, too large, or could not be written."""
        if self._file is None:
            return None
        with self._writer.writing():
            self._file.close()
        if whole and self._size <= LARGEST_FILE and not self._writer.ended:
            name = self._digest.hexdigest()
            os.replace(self._path, self._folder / name)  # noqa: PTH105 - also over the same file of an earlier run
            return name
        self._path.unlink()
        return None


def read_folder(folder: Path) -> Iterator[Exchange]:
    """All exchanges of a folder or a file, in the order of recording.

    Raises:
        BadExchange: a line cannot be read; the message names file and line.
        OSError: the folder cannot be read.
    """
    paths = [folder] if folder.is_file() else sorted(folder.glob(f"*{SUFFIX}"))
    for path in paths:
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            if line.strip():
                try:
                    yield Exchange.read(line)
                except BadExchange as error:
                    raise BadExchange(f"{path}:{number} is not a recorded exchange: {error}") from error
