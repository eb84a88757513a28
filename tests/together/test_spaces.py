"""Folders with a space in their name."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from support.programs import run_under
from support.waiting import run_program

URL = "https://queue.fal.run/fal-ai/kling-video/requests/x/status"
PYTHON = (sys.executable, "-c", f"import httpx; print(httpx.get('{URL}', timeout=None).text)")
NODE = ("node", "-e", f"fetch('{URL}').then((r) => r.text()).then(console.log)")


@pytest.mark.parametrize(
    ("program", "name"),
    [(PYTHON, "a spaced folder"), (NODE, 'a "spaced" folder')],
    ids=["certificates of Python", "preload of Node"],
)
def test_what_lies_there_is_found(
    program: tuple[str, ...], name: str, offline: list[str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if program is NODE:
        request.getfixturevalue("node")
    folder = tmp_path / name
    folder.mkdir()
    environ = {**os.environ, "TMPDIR": str(folder)}
    command = [*offline, *run_under(*program)]
    done = run_program(command, env=environ, cwd=folder)
    assert done.stdout == '{"status":"NOT_FOUND"}\n', done.stderr
