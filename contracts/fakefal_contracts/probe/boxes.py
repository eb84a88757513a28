"""The boxes of an MP4 or QuickTime file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from fakefal_contracts.errors import Unreadable

BOX_NAME = re.compile(rb"[0-9A-Za-z ]{4}")
MOST_BOXES = 100_000
"""In one place: a fragment for each frame of half an hour."""

LARGEST_TABLE = 4 * 1024 * 1024
"""Of what is read at once: four hours of frames."""


@dataclass(frozen=True)
class Box:
    """A box of an open file: its name, and where its content begins and ends."""

    file: IO[bytes]
    kind: bytes
    start: int
    end: int

    def inside(self) -> Iterator[Box]:
        """The boxes that it holds; what begins as no box does is not looked at.

        Raises:
            Unreadable: one goes on behind its end, or there are too many.
        """
        at = self.start
        for _ in range(MOST_BOXES):
            if self.end - at < 8:  # noqa: PLR2004 - a size and a name
                return
            self.file.seek(at)
            head = self.file.read(16)
            size, kind, content = int.from_bytes(head[:4], "big"), head[4:8], at + 8
            if not BOX_NAME.fullmatch(kind):
                return
            if size == 1:
                size, content = int.from_bytes(head[8:], "big"), at + 16
            after = at + size if size else self.end
            if not content <= after <= self.end:
                raise Unreadable("it is cut off")
            yield Box(self.file, kind, content, after)
            at = after
        raise Unreadable("it has more boxes than a clip needs")

    def all(self, *path: bytes) -> Iterator[Box]:
        """Every box that this path of names leads to."""
        name, *rest = path
        for box in self.inside():
            if box.kind == name:
                yield from box.all(*rest) if rest else (box,)

    def first(self, *path: bytes) -> Box | None:
        """The first of them, if there is one."""
        return next(self.all(*path), None)

    def only(self, *path: bytes) -> Box | None:
        """The one that this path leads to, if there is one.

        Raises:
            Unreadable: there are more, and readers may take either.
        """
        found = self.all(*path)
        first = next(found, None)
        if next(found, None):
            raise Unreadable(f"it has more than one {path[-1].decode()} box")
        return first

    def content(self) -> bytes:
        """What is in it.

        Raises:
            Unreadable: it is too long for a table.
        """
        if self.end - self.start > LARGEST_TABLE:
            raise Unreadable("its tables are longer than a clip needs")
        self.file.seek(self.start)
        return self.file.read(self.end - self.start)
