"""The OpenAPI document of fal.run: where a stream of events comes, and what is in it."""

from __future__ import annotations

import pytest

from fakefal_contracts import BUILT_IN
from support.server import Server

EVENTS = "text/event-stream"


@pytest.mark.quick
def test_each_address_says_whether_it_answers_events(server: Server) -> None:
    paths = server.http.get("/openapi.json").raise_for_status().json()["paths"]

    def kinds(path: str) -> list[str]:
        return sorted(paths[path]["post"]["responses"]["200"]["content"])

    assert kinds("/run/{owner}/{app}/{path}") == ["application/json", EVENTS]
    assert kinds("/run/{owner}/{app}") == ["application/json"]
    ending = {path for path in paths if path.startswith("/run/") and path.endswith("/stream")}
    assert all(kinds(path) == [EVENTS] for path in ending)
    plain = {f"/run/{model}" for model in BUILT_IN} & paths.keys() - ending
    assert plain
    assert all(kinds(path) == ["application/json"] for path in plain)
