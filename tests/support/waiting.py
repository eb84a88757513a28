"""Waiting for what a server, or another process, is about to do.

Everything that waits goes on once its condition holds; what never comes is given up after `LIMIT`, which is far
more than anything takes.  A machine that is busier still sets TEST_PATIENCE: 3 is three times the limit.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

PATIENCE = float(os.environ.get("TEST_PATIENCE", "1"))
LIMIT = 300 * PATIENCE
"""After so many seconds what a test waits for does not come."""
HASTE = 0.4 * PATIENCE
"""How long a client waits that is meant to lose its patience: long enough to have sent its call."""


def be_patient() -> None:
    """Give calls by httpx that name no limit ours: its five seconds are few on a busy machine."""
    for part in ("connect", "read", "write", "pool"):
        setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, part, LIMIT)


def until(holds: Callable[[], object]) -> None:
    """Wait until something comes true."""
    deadline = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)


def run_program(command: Sequence[str | Path], *, check: bool = False, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; what it prints is kept as text."""
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=check, **more)
