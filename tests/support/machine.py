"""Where this checkout lies, and what is done where its machine lacks something."""

from __future__ import annotations

import os
import sys
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
