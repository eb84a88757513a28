"""What `docs/client.md` shows is what runs."""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fakefal.server.serving import hosting, serving_from
from support.machine import ROOT
from support.server import Server
from support.waiting import run_program

PAGE = (ROOT / "docs" / "client.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
PROGRAMS = [block for block in BLOCKS if "FastAPI" not in block]
(DEPENDENCY,) = (block for block in BLOCKS if "FastAPI" in block)


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_the_programs_of_the_page(program: str, tmp_path: Path, offline: list[str]) -> None:
    command = [*offline, sys.executable, "-m", "fakefal", "run", "--profile", "instant", "--", sys.executable, "-c"]
    done = run_program([*command, program], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"/files/b/[0-9a-f]{8}/[\w-]{21}_output\.mp4", done.stdout), done.stdout
    assert "$0.56 not spent" in done.stderr


def test_the_dependency_of_the_page(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAKEFAL_URL", server.url)
    names: dict[str, Any] = {}
    exec(compile(DEPENDENCY, "docs/client.md", "exec"), names)
    with serving_from(partial(hosting, names["app"])) as where:
        address = f"{where.url}/fal"
        endpoint = "fal-ai/kling-video/o1/reference-to-video"
        answer = server.http.post(f"/queue/{endpoint}", params={"fal_webhook": address}, json={"prompt": "x"})
        server.http.post("/_fakefal/clock", json={})
        (delivery,) = server.http.get("/_fakefal/webhooks").json()
        assert [attempt["status"] for attempt in delivery["attempts"]] == [200]
        assert f"{answer.json()['request_id']} True" in capsys.readouterr().out
        assert server.http.post(address, content=b"{}").status_code == 401
