"""Which files of this machine an agent may upload: those below one folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

KERNEL = ("dev", "proc", "sys")
"""Folders at the root whose files are the kernel's: some hold the environment, and with it keys."""


class FileRefused(Exception):
    """A file may not be read; the message says why and what to change."""


class LocalFiles:
    """Opens files below a folder.

    Args:
        root: the folder; None opens no file at all.
    """

    def __init__(self, root: Path | None) -> None:
        self._root = None if root is None else root.resolve()

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open a file by its path, which may be relative to the folder, while the block lasts.

        Symbolic links and ``..`` are followed first: what counts is where the file lies.

        Raises:
            FileRefused: no folder was given, or the file lies outside of it, or it is no regular file.
        """
        if self._root is None:
            raise FileRefused("no local file may be read: start fakefal mcp with --root FOLDER to allow one folder")
        path = self._resolved(self._root, name)
        try:
            if not path.is_file():
                raise FileRefused(f"there is no file {name!r} below {self._root}")
            opened = open(path, "rb", opener=_without_following)  # noqa: SIM115 - entered below
        except OSError as error:
            raise FileRefused(f"{name!r} cannot be read: {error.strerror}") from error
        with opened as file:
            found = os.fstat(file.fileno())
            replaced = self._resolved(self._root, name) != path or not os.path.samestat(path.stat(), found)
            if replaced or not stat.S_ISREG(found.st_mode):
                raise FileRefused(f"{name!r} was replaced while it was opened: try again")
            yield file

    def _resolved(self, root: Path, name: str) -> Path:
        try:
            path = (root / name).resolve()
        except (OSError, RuntimeError, ValueError) as error:  # a circle of links, a null byte
            raise FileRefused(f"{name!r} is not a path that can be followed") from error
        if not path.is_relative_to(root) or (path.parts[1:2] and path.parts[1] in KERNEL):
            raise FileRefused(f"{name!r} lies outside of {root}: copy the file there, or start with another --root")
        return path


def _without_following(path: str, flags: int) -> int:
    """Open what lies there: no link that was put there since, and no pipe that would wait for a writer."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)
