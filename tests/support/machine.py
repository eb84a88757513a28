"""Where this checkout lies, and what is done where its machine lacks something."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"


def required_in_ci(missing: str) -> None:
    """Skip loudly where this machine lacks something; fail where CI must have it."""
    message = f"NOT TESTED HERE: {missing}"
    if os.environ.get("CI"):
        pytest.fail(f"{message}, but CI must test it")
    not_tested_here(missing)


def not_tested_here(why: str) -> NoReturn:
    """Skip loudly."""
    message = f"NOT TESTED HERE: {why}"
    sys.stderr.write(f"\n*** {message} ***\n")
    pytest.skip(message)


@contextmanager
def small_file_system() -> Iterator[Path]:
    """A folder with a file system of its own, of 2 MiB."""
    path = Path(tempfile.mkdtemp())
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", path], capture_output=True, check=False)
    if done.returncode:
        path.rmdir()
        not_tested_here("a small file system can be mounted by root only")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)
        path.rmdir()


def fill(folder: Path) -> None:
    """Leave no room on a small file system."""
    with (folder / "other").open("wb", buffering=0) as other, suppress(OSError):
        while True:
            other.write(b"x" * 4096)
