"""The application that `docs/client.md` shows verifies webhooks."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest

from fakefal.server.serving import hosting, serving_from
from support.machine import ROOT
from support.server import Server

PAGE = (ROOT / "docs" / "client.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
(DEPENDENCY,) = (block for block in BLOCKS if "FastAPI" in block)


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
