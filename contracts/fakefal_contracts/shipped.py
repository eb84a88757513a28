"""The models that come with this package: one JSON line each, sorted by id, found by bisection in the file.

Nothing is read before the first question, and no answer reads more than its own line: at most twelve
places of the file are looked at for one id.
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import as_file, files

from fakefal_contracts.record import Record

_OPENING = b'{"id":"'
_IDS = re.compile(rb'^\{"id":"([^"]+)"', re.MULTILINE)


@cache
def _lines() -> mmap.mmap:
    with as_file(files(__package__).joinpath("models.jsonl")) as path, path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def shipped_ids() -> Iterator[str]:
    """Every id, in its order; this reads the whole file."""
    return (found[1].decode() for found in _IDS.finditer(_lines()))


def shipped_records() -> Iterator[Record]:
    """Every model, in the order of ids."""
    return (Record.from_json(json.loads(line)) for line in _lines()[:].splitlines())


def shipped_record(endpoint_id: str) -> Record | None:
    """The model with this id."""
    start = _first_from(endpoint_id.encode())
    if _id_at(start) != endpoint_id.encode():
        return None
    return Record.from_json(json.loads(_lines()[start : _end(start)]))


def is_shipped(endpoint_id: str) -> bool:
    """Whether there is a model with this id."""
    return _id_at(_first_from(endpoint_id.encode())) == endpoint_id.encode()


def is_shipped_app(app: str) -> bool:
    """Whether there is a model whose id is this, or begins with this and a slash: ``fal-ai/flux``."""
    below = f"{app}/".encode()
    return is_shipped(app) or _id_at(_first_from(below)).startswith(below)


def _first_from(wanted: bytes) -> int:
    """Where the first line begins whose id is not before the wanted one; the end of the file where none is."""
    lines = _lines()
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high) // 2
        start = lines.rfind(b"\n", low, middle) + 1 or low
        if _id_at(start) < wanted:
            low = _end(start) + 1
        else:
            high = start
    return min(low, len(lines))


def _id_at(start: int) -> bytes:
    lines = _lines()
    begin = start + len(_OPENING)
    return lines[begin : lines.find(b'"', begin)] if start < len(lines) else b""


def _end(start: int) -> int:
    found = _lines().find(b"\n", start)
    return len(_lines()) if found < 0 else found
