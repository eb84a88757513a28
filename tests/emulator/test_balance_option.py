"""A balance on the command line."""

from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner

from fakefal.cli import main
from support.waiting import run_program

O1 = "fal-ai/kling-video/o1/reference-to-video"


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
