"""Server-sent events, as fal's status stream sends them: ``data:`` lines and comments."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any


class Events:
    """Parses a stream piece by piece; an event is the JSON value of its ``data`` lines."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> Iterator[Any]:
        """The events that this piece completes; events that are not JSON are skipped."""
        *lines, self._rest = (self._rest + self._decoder.decode(piece)).replace("\r\n", "\n").split("\n")
        for line in lines:
            if line.startswith("data:"):
                self._data.append(line[5:].removeprefix(" "))
            elif not line and self._data:
                text, self._data = "\n".join(self._data), []
                try:
                    yield json.loads(text)
                except (ValueError, RecursionError):
                    continue
