"""fal's own clients, unmodified, finish every endpoint where nothing but loopback exists."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fakefal_contracts import FOUNDING
from support.programs import JS, PROGRAMS, check_videos, finish, run_under

pytestmark = pytest.mark.versions

REFUSED_ITEM = {
    "type": "missing",
    "loc": ["body", "start_image_url"],
    "msg": "Field required",
    "input": {"prompt": "x"},
}
STEPS = {"polling": ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"], "streaming": ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]}


@pytest.mark.parametrize("program", ["sync_client.py", "async_client.py"])
def test_python(program: str, offline: list[str], folder: Path) -> None:
    seen = finish([*offline, *run_under(sys.executable, str(PROGRAMS / program), str(folder))])
    for endpoint in FOUNDING.values():
        steps = seen[endpoint.path.replace("/", "-")]
        assert list(dict.fromkeys(steps)) == ["Queued", "InProgress", "Completed"]
    assert seen["refusal"] == [422, [REFUSED_ITEM]]
    check_videos(folder, "subscribe", "run")


def test_javascript(node: str, offline: list[str], folder: Path) -> None:
    program = [node, str(JS / "client.mjs"), str(folder), str(folder / "examples.json")]
    seen = finish([*offline, *run_under(*program)])
    for endpoint in FOUNDING.values():
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
