"""Folders with a space in their name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.programs import run_under


def test_node_finds_the_preload(node: str, offline: list[str], tmp_path: Path) -> None:
    folder = tmp_path / 'a "spaced" folder'
    folder.mkdir()
    script = (
        "fetch('https://queue.fal.run/fal-ai/kling-video/requests/x/status').then((r) => r.text()).then(console.log)"
    )
    command = [*offline, *run_under(node, "-e", script)]
    environ = {**os.environ, "TMPDIR": str(folder)}
    done = subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == '{"status":"NOT_FOUND"}\n', done.stderr


def test_python_finds_its_certificates(offline: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "a spaced folder"
    folder.mkdir()
    script = "import httpx; print(httpx.get('https://queue.fal.run/fal-ai/kling-video/requests/x/status').text)"
    command = [*offline, *run_under(sys.executable, "-c", script)]
    environ = {**os.environ, "TMPDIR": str(folder)}
    done = subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == '{"status":"NOT_FOUND"}\n', done.stderr
