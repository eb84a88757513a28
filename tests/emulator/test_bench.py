"""The benchmark runs and has every row; what it finds is no test's business."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from support.machine import ROOT, required_in_ci
from support.waiting import run_program
from tools.bench.__main__ import command
from tools.bench.load import WrongMeasurement
from tools.bench.report import page
from tools.bench.rows import ROWS
from tools.bench.table import Goal, Measured, Row, RowOutcome, Size, alternating

UNDER_LOAD = {
    "submit": "at least 0.25",
    "status": "at least 0.45",
    "result": "at least 0.45",
    "submit_plain": "",
    "status_plain": "",
    "job_aimock": "at least 1.2",
    "job_aimock_new": "",
    "submit_aimock_new": "",
    "submit_aimock": "at least 1",
    "status_aimock": "",
    "result_aimock": "",
    "submit_wiremock": "",
    "redis_two": "",
}
SPECIFIED = UNDER_LOAD | {
    "start": "at most 0.9",
    "rest": "at most 1.4",
    "run": "at most 1.2",
    "run_client": "at most 1.5",
    "plugin": "at most 15 ms more",
    "import": "at most 2.5",
    "check": "at most 4",
    "fixture": "at most 1.4",
    "virtual": "at most 1 s",
    "model_first": "at most 10 ms more",
    "catalogue": "at most 4 MiB",
    "catalogue_start": "at most 3 %",
    "wheel": "at most 6 MB",
    "memory": "at most 2 KiB",
    "status_many": "at most 1.1",
    "streams_memory": "at most 1.5",
    "streams_latency": "at most 2.5",
    "redis_submit": "at most 2 trips",
    "redis_status": "at most 1 trips",
    "redis_submit_work": "at most 180 µs",
    "redis_status_work": "at most 50 µs",
}
OPTIONAL = UNDER_LOAD.keys() - {"submit_plain", "status_plain"} | {name for name in SPECIFIED if "redis" in name}
"""Rows that need what `make bench` installs."""


def test_every_row_is_there_with_its_goal() -> None:
    assert {row.name: str(row.goal) for row in ROWS} == SPECIFIED


DISTURBED = re.compile(r"had anything to do|calls timed out")
"""How a row says that other programs kept the machine from it."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """What a run at tiny size says of each row; rows that were disturbed by a busy machine are measured again."""
    file = tmp_path_factory.mktemp("bench") / "results.json"
    told: dict[str, dict[str, object]] = {}
    again: list[str] = []
    for _ in range(20):
        only = [word for name in again for word in ("--only", name)]
        done = run_program([sys.executable, "-m", "tools.bench", "--tiny", "--json", str(file), *only], cwd=ROOT)
        told |= {row["name"]: row for row in json.loads(file.read_text())["rows"]}
        again = [name for name, row in told.items() if DISTURBED.search(str(row["failed"]))]
        if not again:
            break
    assert done.returncode == 0, done.stdout + done.stderr
    return told


def test_a_tiny_run_measures_every_row(told: dict[str, dict[str, object]]) -> None:
    if shutil.which("wrk") is None:
        required_in_ci("wrk is not installed: apt-get install wrk")
    assert told.keys() == SPECIFIED.keys()
    for name, row in told.items():
        assert row["value"] is not None or (name in OPTIONAL and row["missing"]), row


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    started = [sys.executable, "-m", "tools.bench", "--tiny", "--only", "submit_plain"]
    environ = {"PATH": str(tmp_path), "PYTHONPATH": ":".join(filter(None, sys.path))}
    done = run_program(started, env=environ, check=True)
    assert "not measured" in done.stdout
    assert "apt-get install wrk" in done.stdout


def test_a_row_that_cannot_be_measured_fails_the_run_and_no_other_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def bent(_: Size) -> Measured:
        raise WrongMeasurement("40 connections were opened, 2 were asked for")

    good = Row("good", "submit", "bare app", Goal(), lambda _: Measured(0.4, "40/s", "100/s"))
    monkeypatch.setattr("tools.bench.rows.ROWS", (Row("bent", "submit", "bare app", Goal(), bent), good))
    result = CliRunner().invoke(command, ["--tiny"])
    assert result.exit_code == 1
    assert "FAILED  WrongMeasurement: 40 connections were opened, 2 were asked for" in result.output
    assert "40/s : 100/s" in result.output
    assert "0 goals met, 0 missed, 1 rows failed" in result.output


def test_both_sides_are_measured_in_turn_and_compared_within_each_round() -> None:
    order: list[str] = []

    def side(name: str, values: list[float]) -> float:
        order.append(name)
        return values.pop(0)

    ours, theirs = [1.0, 8.0, 9.0], [2.0, 4.0, 3.0]
    found = alternating(3, lambda: side("ours", ours), lambda: side("theirs", theirs))
    assert found == (8.0, 3.0, (0.5, 2.0, 3.0))
    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]


def test_the_page_says_plainly_what_misses_its_goal() -> None:
    row = Row("submit", "submit", "bare app", Goal(0.5, "at least"), lambda _: Measured(0.4, "40/s", "100/s"))
    outcomes = [
        RowOutcome(row, Measured(0.4, "40/s", "100/s", (0.3, 0.4, 0.5))).as_dict(),
        RowOutcome(row, missing="wrk is not installed").as_dict(),
        RowOutcome(row, failed="3 answers were wrong").as_dict(),
    ]
    machine = {"processor": "P", "cores": 2, "system": "S", "pinned": True, "load": [0], "load_after": [1]}
    text = page({"rows": outcomes, "machine": {**machine, "versions": {"fakefal": "1"}}, "date": "2026-11-20"})
    assert "| submit | bare app | at least 0.5 | 0.40 | **no** | 40/s | 100/s |" in text
    assert "- `submit`: 0.40, the goal is at least 0.5" in text
    assert "- `submit`: wrk is not installed" in text
    assert "- `submit`: 3 answers were wrong" in text
