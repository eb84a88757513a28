"""Bytes or a file to measure."""

from __future__ import annotations

import io
from pathlib import Path


def opened(source: bytes | Path) -> io.BytesIO | io.BufferedReader:
    """The content as an open file."""
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def size_of(source: bytes | Path) -> int:
    """The size in bytes."""
    return len(source) if isinstance(source, bytes) else source.stat().st_size
