"""The boxes of an MP4 or QuickTime file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import IO

from fakefal_contracts.errors import CutOff, Unreadable

BOX_NAME = re.compile(rb"[0-9A-Za-z ]{4}")
MOST_BOXES = 100_000
"""The limit for a whole file; eight minutes with a fragment for each frame have fewer boxes."""

LARGEST_TABLE = 4 * 1024 * 1024
"""The limit for one read: four hours of frames."""


@dataclass
class OpenFile:
    """A file whose boxes are listed; one limit applies to all of its boxes."""

    file: IO[bytes]
    size: int
    boxes_left: int = MOST_BOXES

    def whole(self) -> Box:
        """The file, as the box that contains all others."""
        return Box(self, b"", 0, self.size)


@dataclass(frozen=True)
class Box:
    """A box of an open file: its name, and the start and end of its content."""

    source: OpenFile
    kind: bytes
    start: int
    end: int

    @cached_property
    def inside(self) -> tuple[Box, ...]:
        """The boxes that it contains; the rest is skipped where no box begins.

        Raises:
            Unreadable: a box extends past the end of its parent, or the file has too many.
        """
        return tuple(self.after(0))

    def after(self, skipped: int) -> Iterator[Box]:
        """The boxes after this number of bytes of its content.

        Raises:
            Unreadable: as for `inside`.
        """
        at = self.start + skipped
        while self.end - at >= 8:  # noqa: PLR2004 - a size and a name
            if not self.source.boxes_left:
                raise Unreadable("it has more boxes than a clip needs")
            self.source.boxes_left -= 1
            self.source.file.seek(at)
            header = self.source.file.read(16)
            size, kind, content = int.from_bytes(header[:4], "big"), header[4:8], at + 8
            if size == 1:  # the size has 64 bits, and follows the name
                size, content = int.from_bytes(header[8:], "big"), at + 16
            if not BOX_NAME.fullmatch(kind):
                return
            after = at + size if size else self.end
            if not content <= after <= self.end:
                raise CutOff("it is cut off")
            yield Box(self.source, kind, content, after)
            at = after

    def all(self, *path: bytes) -> Iterator[Box]:
        """Every box at this path of names."""
        name, *rest = path
        for box in self.inside:
            if box.kind == name:
                yield from box.all(*rest) if rest else (box,)

    def first(self, *path: bytes) -> Box | None:
        """The first of them, if there is one."""
        return next(self.all(*path), None)

    def only(self, *path: bytes) -> Box | None:
        """The only box at this path, if there is one.

        Raises:
            Unreadable: there are several, and readers may choose either.
        """
        found = self.all(*path)
        first = next(found, None)
        if next(found, None):
            raise Unreadable(f"it has more than one {path[-1].decode()} box")
        return first

    def content(self) -> bytes:
        """Its content.

        Raises:
            Unreadable: it is too long for a table.
        """
        if self.end - self.start > LARGEST_TABLE:
            raise Unreadable("its tables are longer than a clip needs")
        self.source.file.seek(self.start)
        return self.source.file.read(self.end - self.start)
