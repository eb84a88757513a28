"""Programs that tests run: the emulator's command, and fal's own clients in Python and JavaScript."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakefal_contracts import IN_DEPTH, examples
from support.machine import ROOT, required_in_ci
from support.media import measure, picture
from support.waiting import run_program, until

FAKEFAL = [sys.executable, "-m", "fakefal"]
PROGRAMS = ROOT / "tests" / "together" / "programs"
JS = ROOT / "tests" / "js"


def finish(command: list[str], **more: Any) -> dict[str, Any]:
    """Run a program to its end; returns the JSON of its last line."""
    done = run_program(command, **more)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def ready(process: subprocess.Popen[Any], file: Path) -> dict[str, str]:
    """What a server writes down once it listens."""
    until(lambda: file.exists() or process.poll() is not None)
    assert process.poll() is None, "it ended"
    found: dict[str, str] = json.loads(file.read_text())
    return found


def run_under(*program: str, profile: str = "stepped") -> list[str]:
    return [*FAKEFAL, "run", "--profile", profile, "--", *program]


def check_videos(folder: Path, *kinds: str) -> None:
    """Open what came back with an independent reader."""
    for endpoint_id, endpoint in IN_DEPTH.items():
        arguments = examples(endpoint_id)["full"]
        for kind in kinds:
            found = measure(folder / f"{endpoint.path.replace('/', '-')}-{kind}.mp4")
            assert found == {
                "size": (1280, 720) if endpoint.tier == "standard" else (1920, 1080),
                "codec": "h264",
                "rate": 24.0,
                "frames": 24 * int(arguments["duration"]) + 1,
                "audio": None,
            }


@pytest.fixture(scope="session")
def node() -> str:
    found = shutil.which("node")
    if found is None or not (JS / "node_modules" / "@fal-ai").is_dir():
        required_in_ci("Node or its packages are missing (make js)")
    return str(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "picture.png").write_bytes(picture())
    full = {endpoint_id: examples(endpoint_id)["full"] for endpoint_id in IN_DEPTH}
    (tmp_path / "examples.json").write_text(json.dumps(full))
    return tmp_path
