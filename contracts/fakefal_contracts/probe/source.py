"""Bytes or a file: what is measured."""

from __future__ import annotations

import io
from pathlib import Path


def opened(source: bytes | Path) -> io.BytesIO | io.BufferedReader:
    """The content as an open file."""
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def size_of(source: bytes | Path) -> int:
    """How many bytes it has."""
    return len(source) if isinstance(source, bytes) else source.stat().st_size
