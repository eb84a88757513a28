"""Type checkers know what a call returns, and refuse what cannot work."""

from __future__ import annotations

import re
import subprocess
import sys

from support.machine import ROOT

FOLDER = ROOT / "tests" / "typing"


def test_types() -> None:
    command = [sys.executable, "-m", "mypy", "--config-file", "tests/typing/mypy.ini", "tests/typing"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    found = set(re.findall(r"/(\w+)\.py:(\d+): error: .*\[([\w-]+)\]$", printed, re.MULTILINE))
    lines = (FOLDER / "mistakes.py").read_text("utf-8").splitlines()
    wanted = {
        ("mistakes", str(n), m[1]) for n, line in enumerate(lines, 1) if (m := re.search(r"# error: ([\w-]+)$", line))
    }
    assert found == wanted, printed
