"""fal's own clients, unmodified, finish every endpoint where nothing but loopback exists."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT, required_in_ci
from fakefal_contracts import ENDPOINTS, examples
from media import measure, picture

FAKEFAL = [sys.executable, "-m", "fakefal"]
PROGRAMS = ROOT / "tests" / "together" / "programs"
JS = ROOT / "tests" / "js"
REFUSED_ITEM = {
    "type": "missing",
    "loc": ["body", "start_image_url"],
    "msg": "Field required",
    "input": {"prompt": "x"},
}
STEPS = {"polling": ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"], "streaming": ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]}


def finish(command: list[str], **more: Any) -> dict[str, Any]:
    """Run a program to its end; returns the JSON of its last line."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **more)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def run_under(*program: str, profile: str = "stepped") -> list[str]:
    return [*FAKEFAL, "run", "--profile", profile, "--", *program]


def check_videos(folder: Path, *kinds: str) -> None:
    """Open what came back with an independent reader."""
    for endpoint_id, endpoint in ENDPOINTS.items():
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


@pytest.fixture
def node() -> str:
    found = shutil.which("node")
    if found is None or not (JS / "node_modules" / "@fal-ai").is_dir():
        required_in_ci("Node or its packages are missing (make js)")
    return str(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "picture.png").write_bytes(picture())
    full = {endpoint_id: examples(endpoint_id)["full"] for endpoint_id in ENDPOINTS}
    (tmp_path / "examples.json").write_text(json.dumps(full))
    return tmp_path


@pytest.mark.parametrize("program", ["sync_client.py", "async_client.py"])
def test_python(program: str, offline: list[str], folder: Path) -> None:
    seen = finish([*offline, *run_under(sys.executable, str(PROGRAMS / program), str(folder))])
    for endpoint in ENDPOINTS.values():
        steps = seen[endpoint.path.replace("/", "-")]
        assert list(dict.fromkeys(steps)) == ["Queued", "InProgress", "Completed"]
    assert seen["refusal"] == [422, [REFUSED_ITEM]]
    check_videos(folder, "subscribe", "run")


def test_javascript(node: str, offline: list[str], folder: Path) -> None:
    program = [node, str(JS / "client.mjs"), str(folder), str(folder / "examples.json")]
    seen = finish([*offline, *run_under(*program)])
    for endpoint in ENDPOINTS.values():
        assert seen[endpoint.path.replace("/", "-")] == STEPS
    assert seen["uploaded"].startswith("https://v3b.fal.media/files/b/")
    assert seen["refusal"] == [422, [REFUSED_ITEM]]
    check_videos(folder, "polling", "streaming", "run")


def test_no_road_of_node_leads_past_the_emulator(node: str, offline: list[str]) -> None:
    seen = finish([*offline, *run_under(node, str(JS / "roads.mjs"))])
    worker = seen.pop("worker")
    for roads in (seen, worker):
        assert "sent nothing to it" in roads.pop("unknown")
        for road, answer in roads.items():
            assert '{"status":"NOT_FOUND"}' in answer, (road, answer)


def test_javascript_by_the_proxy_route(node: str, offline: list[str], folder: Path) -> None:
    """Without `fakefal run`: nothing but a proxyUrl leads the client to a server."""
    script = PROGRAMS / "serve_and_run.py"
    program = [node, str(JS / "client.mjs"), str(folder), str(folder / "examples.json"), "URL/proxy"]
    seen = finish([*offline, sys.executable, str(script), *program])
    assert seen["uploaded"].startswith("http://127.0.0.1:")
    check_videos(folder, "polling", "run")


def test_python_by_host_variables_and_tls(offline: list[str]) -> None:
    script, program = PROGRAMS / "serve_and_run.py", PROGRAMS / "host_variables.py"
    seen = finish([*offline, sys.executable, str(script), "--tls", sys.executable, str(program)])
    assert seen["video"]["url"].startswith("https://localhost:")
