"""What docs/money.md shows is what runs."""

from __future__ import annotations

import re
import shlex
import sys

import pytest

from support.machine import ROOT
from support.waiting import run_program

PAGE = (ROOT / "docs" / "money.md").read_text("utf-8")


def test_its_test_passes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    ((name, code),) = re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (pytester.path / name).write_text(code)
    result = pytester.runpytest_subprocess("-p", "fakefal.pytest_plugin", "-W", "error")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["fakefal: 3 requests, 0 refused, $1.68 not spent"])


def test_its_command_runs() -> None:
    (command,) = re.findall(r"^```bash\nfakefal (.*)\n```", PAGE, re.MULTILINE)
    assert run_program([sys.executable, "-m", "fakefal", *shlex.split(command)]).returncode == 0
