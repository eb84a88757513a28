"""The page on retry safety says what was measured: every call of its tables is made again."""

from __future__ import annotations

import re
import sys

import pytest

from support.machine import ROOT
from support.waiting import run_program

SCRIPT = ROOT / "docs" / "make_retry_safety.py"
PAGE = (ROOT / "docs" / "retry-safety.md").read_text("utf-8")


@pytest.mark.usefixtures("node")
def test_the_tables_are_true(offline: list[str]) -> None:
    done = run_program([*offline, sys.executable, str(SCRIPT), "--check"])
    assert done.returncode == 0, done.stderr


def test_the_page_shows_what_it_warns_of() -> None:
    """The sentences above the tables stand or fall with these cells."""
    submit, _, run = (part.splitlines() for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:])
    for unheard in ("drop_before_accept(bytes=0)", "drop_before_accept(bytes=1000000)", "drop_before_accept"):
        assert cells(submit, unheard, "first") == ["1", "1", "1"]
        assert cells(submit, unheard, "every") == ["0", "0", "0"]
    assert cells(submit, "accept_then_drop", "every") == ["**10**", "**10**", "**4**"]
    assert cells(submit, "slow_response", "first") == ["**2**", "**2**", "**1**"]
    for clear in ("ingress_502", "gateway_503", "queue_full"):
        assert cells(submit, clear, "every") == ["0", "0", "0"]
    assert cells(run, "runner_disconnected", "every") == ["1 (0 paid)", "1 (0 paid)", "4 (0 paid)"]


def cells(table: list[str], effect: str, when: str) -> list[str]:
    """How many jobs a row shows, by client."""
    (row,) = (line for line in table if line.startswith(f"| `{effect}` | {when} try |"))
    return [cell.partition(",")[0].strip() for cell in row.split("|")[3:-3]]


def test_our_own_client_makes_at_most_one_paid_job_of_a_call() -> None:
    rows = [line.split("|")[-3:-1] for line in PAGE.splitlines() if re.match(r"^\| `[^`]+` \|", line)]
    assert len(rows) > 30
    for cell in (cell for row in rows for cell in row):
        found = re.match(r" \**(\d)\**(?: \(0 paid\))?, (\w+)", cell)
        assert found, cell
        assert int(found[1]) <= 1
        assert found[1] == "0" or found[2] in ("result", "MaybeAccepted", "PlatformFailed")
