"""The benchmark runs and has every row; what it finds is no test's business."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from support.machine import ROOT, required_in_ci
from support.waiting import run_program
from tools.bench.report import page
from tools.bench.rows import ROWS
from tools.bench.table import Goal, Measured, Row, RowOutcome, alternating

SPECIFIED = {
    "submit": "at least 0.5",
    "submit_fast": "at least 0.5",
    "status": "at least 0.6",
    "status_fast": "at least 0.6",
    "submit_aimock": "at least 1.5",
    "submit_wiremock": "at least 1.5",
    "start": "at most 1.3",
    "rest": "at most 1.4",
    "memory": "at most 2 KiB",
    "status_many": "at most 1.1",
    "check": "at most 4",
    "fixture": "at most 2",
    "virtual": "at most 1 s",
    "streams_memory": "at most 1.5",
    "streams_latency": "at most 1.5",
    "import": "at most 2.5",
    "redis_two": "",
    "redis_submit": "at most 2 trips",
    "redis_status": "at most 1 trips",
}
NEED_WRK = {name for name in SPECIFIED if name.startswith(("submit", "status"))} - {"status_many"}
OPTIONAL = {
    "submit_fast",
    "status_fast",
    "submit_aimock",
    "submit_wiremock",
    "redis_two",
    "redis_submit",
    "redis_status",
}
"""Rows that need what `make bench` installs."""


def test_every_row_is_there_with_its_goal() -> None:
    assert {row.name: str(row.goal) for row in ROWS} == SPECIFIED


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """What a run at tiny size says of each row."""
    file = tmp_path_factory.mktemp("bench") / "results.json"
    command = [sys.executable, "-m", "tools.bench", "--tiny", "--json", str(file)]
    done = run_program(command, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return {row["name"]: row for row in json.loads(file.read_text())["rows"]}


def test_a_tiny_run_measures_every_row(told: dict[str, dict[str, object]]) -> None:
    if shutil.which("wrk") is None:
        required_in_ci("wrk is not installed: apt-get install wrk")
    assert told.keys() == SPECIFIED.keys()
    for name, row in told.items():
        assert row["value"] is not None or (name in OPTIONAL and row["missing"]), row


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    command = [sys.executable, "-m", "tools.bench", "--tiny", "--only", "submit"]
    environ = {"PATH": str(tmp_path), "PYTHONPATH": ":".join(filter(None, sys.path))}
    done = run_program(command, env=environ, check=True)
    assert "not measured" in done.stdout
    assert "apt-get install wrk" in done.stdout


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
    ]
    machine = {"processor": "P", "cores": 2, "system": "S", "pinned": True, "load": [0], "load_after": [1]}
    text = page({"rows": outcomes, "machine": {**machine, "versions": {"fakefal": "1"}}, "date": "2026-11-20"})
    assert "| submit | bare app | at least 0.5 | 0.40 | **no** | 40/s | 100/s |" in text
    assert "- `submit`: 0.40, the goal is at least 0.5" in text
    assert "- `submit`: wrk is not installed" in text
