"""Facts of files that were measured before: programs send the same picture many times."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
MOST = 1024
"""How many files are remembered; the oldest are forgotten first."""

_facts: dict[Path, tuple[tuple[int, int], dict[str, Any]]] = {}
"""By path: when the file was changed, and what it is as a picture or as a clip."""


def is_measured(path: Path) -> bool:
    """Whether this file was measured before, so that it is probably not read again."""
    return path in _facts


def measured(path: Path, state: os.stat_result, noun: str, probe: Callable[[bytes | Path], T]) -> T:
    """What `probe` finds in a file; it is read once, as long as it does not change.

    `state` is what the file system says of it; `noun` is what it is taken for: a picture may be sent as a clip.
    """
    version = state.st_mtime_ns, state.st_size
    known = _facts.get(path)
    if known is not None and known[0] == version and noun in known[1]:
        remembered: T = known[1][noun]
        return remembered
    found = probe(path)
    if known is None or known[0] != version:
        known = _facts[path] = version, {}
        if len(_facts) > MOST:
            _facts.pop(next(iter(_facts)), None)
    known[1][noun] = found
    return found
