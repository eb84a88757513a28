"""What docs/money.md shows is what runs."""

from __future__ import annotations

import re
import shlex
import sys

import pytest
from click.testing import CliRunner

from fakefal.cli import main
from support.machine import ROOT
from support.waiting import run_program

O1 = "fal-ai/kling-video/o1/reference-to-video"
PAGE = (ROOT / "docs" / "money.md").read_text("utf-8")


def test_its_test_passes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    ((name, code),) = re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (pytester.path / name).write_text(code)
    result = pytester.runpytest_subprocess("-p", "fakefal.pytest_plugin", "-W", "error")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["fakefal: 3 requests, 3 done, 0 refused, $1.68 not spent"])


def test_its_command_runs() -> None:
    (command,) = re.findall(r"^```bash\nfakefal (.*)\n```", PAGE, re.MULTILINE)
    assert run_program([sys.executable, "-m", "fakefal", *shlex.split(command)]).returncode == 0


def test_the_command_line_gives_a_balance() -> None:
    program = f"import fal_client; fal_client.submit({O1!r}, arguments={{'prompt': 'x'}})"
    command = [sys.executable, "-m", "fakefal", "run", "--balance", "$0.00", "--", sys.executable, "-c", program]
    done = run_program(command)
    assert done.returncode == 1
    assert "User is locked. Reason: Exhausted balance" in done.stderr


@pytest.mark.parametrize("amount", ["much", "-1"])
def test_a_wrong_balance_is_refused(amount: str) -> None:
    done = CliRunner().invoke(main, ["run", "--balance", amount, "--", "true"])
    assert done.exit_code == 2
    assert "is not an amount of dollars" in done.output
