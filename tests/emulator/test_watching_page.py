"""What docs/watching.md shows is what runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from fakefal.cli import run, serve
from fakefal.report import run_report
from fakefal.state import events
from fakefal.state.happenings import AnyEvent
from support.endpoints import O1
from support.machine import ROOT
from support.programs import FAKEFAL
from support.server import Server
from support.waiting import LIMIT, run_program

PAGE = (ROOT / "docs" / "watching.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


@pytest.mark.quick
def test_the_table_of_kinds_is_complete() -> None:
    shown = {
        kind: set(re.findall(r"`(\w+)`", more))
        for kind, more in re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", PAGE, re.MULTILINE)
    }
    common = {"kind", "number", "at", "wall", "key"}
    kinds = [one.__dataclass_fields__ for one in get_args(get_args(AnyEvent)[0])]
    assert shown == {**shown, **{one["kind"].default: one.keys() - common for one in kinds}}


@pytest.mark.quick
def test_the_options_and_bounds_are_those_of_the_commands() -> None:
    options = {"--verbose", "--quiet", "--log", "--log-file"}
    for command in (run.command, serve.command):
        assert options <= {option for one in command.params for option in one.opts}
    assert all(f"`{option}" in PAGE for option in options)
    assert f"newest {events.MOST_EVENTS:,} events" in PAGE
    assert f"newest {run_report.MOST_JOBS} jobs, {run_report.MOST_CALLS} other calls" in PAGE
    assert run_report.MOST_POSTER_BYTES == 1_000_000
    assert events.QUIET_SECONDS == 15


@pytest.mark.quick
def test_the_program_that_watches(server: Server, tmp_path: Path) -> None:
    (program,) = blocks(PAGE, "python")
    (tmp_path / "watch.py").write_text(program)
    environ = {**os.environ, "FAKEFAL_URL": server.url}
    server.submit(O1, {"prompt": "x"})
    with subprocess.Popen(
        [sys.executable, tmp_path / "watch.py"], env=environ, stdout=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stdout is not None
        told = [watching.stdout.readline() for _ in range(4)]
        watching.terminate()
        watching.wait(LIMIT)
    assert told == ["reset \n", f"accepted {O1}\n", f"started {O1}\n", f"over {O1}\n"]


def test_the_command_that_reports(tmp_path: Path) -> None:
    (command,) = blocks(PAGE, "bash")
    (app,) = [code for code in blocks(README, "python") if code.startswith("# app.py")]
    (tmp_path / "app.py").write_text(app)
    assert command.startswith("fakefal ")
    assert command.endswith(" -- python app.py\n")
    words = [*FAKEFAL, *command.split()[1:-2], sys.executable, "app.py"]
    done = run_program(words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 request, 1 done" in done.stderr
    assert b"fal-ai/kling-video" in (tmp_path / "report.html").read_bytes()
