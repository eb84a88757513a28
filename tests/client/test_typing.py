"""Type checkers know what a call returns, and refuse what cannot work."""

from __future__ import annotations

import re
import sys

from support.machine import ROOT
from support.waiting import run_program

FOLDER = ROOT / "tests" / "typing"


def test_types() -> None:
    command = [sys.executable, "-m", "mypy", "--config-file", "tests/typing/mypy.ini", "tests/typing"]
    printed = run_program(command, cwd=ROOT).stdout
    found = set(re.findall(r"/(\w+)\.py:(\d+): error: .*\[([\w-]+)\]$", printed, re.MULTILINE))
    lines = (FOLDER / "mistakes.py").read_text("utf-8").splitlines()
    wanted = {
        ("mistakes", str(n), m[1]) for n, line in enumerate(lines, 1) if (m := re.search(r"# error: ([\w-]+)$", line))
    }
    assert found == wanted, printed
