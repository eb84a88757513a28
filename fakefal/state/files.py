"""The protocol of a store for uploaded files."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from fakefal.core.errors import QueueError

UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


LONGEST_NAME = 100


class FileTooLarge(QueueError):
    """A file is larger than the store allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the file has more than {limit} bytes")
        self.limit = limit


class SpoolFull(QueueError):
    """There is no space for an upload: on the disk, or beside other unfinished uploads."""


@dataclass(frozen=True)
class StoredFile:
    """A file at a CDN path: its media type, size, location and owner."""

    url_path: str
    content_type: str
    size: int
    source: Path
    key: str = ""

    @property
    def whole(self) -> bool:
        """Whether it is a complete file, not a part of a multipart upload."""
        return self.url_path.startswith("/")


class FileStore(Protocol):
    """Files by the path of their CDN address."""

    def open_part(self) -> BinaryIO:
        """A new empty file to write an upload into; hand it to `keep` or `discard`.

        What is written counts towards the bytes of the store from then on.

        Raises:
            SpoolFull: too many files are being written; or, by `write`, there is no room for so many bytes.
        """
        ...

    def writing(self) -> AbstractContextManager[BinaryIO]:
        """As `open_part`; the file is discarded if the block fails."""
        ...

    def keep(self, written: BinaryIO, url_path: str, content_type: str, *, key: str = "") -> StoredFile:
        """Store a written file under its path; `key` is its owner, if known.

        Raises:
            FileTooLarge: it alone is larger than the store.
            SpoolFull: the disk is full.
        """
        ...

    def discard(self, written: BinaryIO) -> None:
        """Remove a written file that is not needed."""
        ...

    def keep_part(self, written: BinaryIO, upload_id: str, number: int) -> str:
        """Store a part of a multipart upload; returns its ETag."""
        ...

    def join(
        self, upload_id: str, numbers: list[int], url_path: str, content_type: str, *, max_bytes: int, key: str = ""
    ) -> StoredFile:
        """Join parts in this order.

        Raises:
            KeyError: a part was never sent, or was dropped; its number is the argument.
            FileTooLarge: together they have more bytes than that.
        """
        ...

    def holding(self, file: StoredFile) -> AbstractContextManager[None]:
        """Keep the bytes of a file while the block lasts, even if the file is dropped."""
        ...

    def get(self, url_path: str) -> StoredFile | None:
        """The file at a path."""
        ...

    def all(self) -> list[StoredFile]:
        """Every file, oldest first."""
        ...

    def reset(self) -> int:
        """Remove every file; returns how many there were."""
        ...

    def close(self) -> None:
        """Close the store; a temporary folder is removed."""
        ...


def safe_name(name: str) -> str:
    """A file name that is safe in a URL."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return UNSAFE.sub("_", last).lstrip(".")[-LONGEST_NAME:] or "file"
