"""Any JSON in: never a 500, never a lost request, and `check` agrees with the emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakefal.engine.emulator import Emulator
from fakefal.settings import Settings
from fakefal.state import jsonio
from fakefal_contracts import FOUNDING, check
from fakefal_contracts.strategies import anything
from support.server import served

pytestmark = pytest.mark.versions

#: An endpoint and a body for it: anything, or a good body with some fields replaced or removed.
bodies = st.sampled_from(sorted(FOUNDING)).flatmap(lambda one: st.tuples(st.just(one), anything(one)))


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with served(Emulator(Settings(profile="instant", max_requests=1000))) as server:
        yield server.http


@given(bodies)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_body_is_kept_and_answered(http: httpx.Client, case: tuple[str, Any]) -> None:
    endpoint_id, body = case
    raw = json.dumps(body).encode()
    submitted = http.post(f"/queue/{endpoint_id}", content=raw)
    assert submitted.status_code == 200
    status = http.get(submitted.json()["status_url"], params={"logs": "1"})
    assert (status.status_code, status.json()["status"]) == (200, "COMPLETED")
    assert http.get(f"/_fakefal/requests/{submitted.json()['request_id']}").status_code == 200
    result = http.get(submitted.json()["response_url"])
    report = check(endpoint_id, json.loads(raw))
    if report.ok:
        assert result.status_code == 200
        assert report.cost is not None
        assert float(result.headers["x-fal-billable-units"]) == report.cost.units
    else:
        assert result.status_code == 422
        assert result.content == jsonio.dump({"detail": [error.wire() for error in report.errors]})


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_kept_and_answered(http: httpx.Client, raw: bytes) -> None:
    for part in ("queue", "run"):
        answer = http.post(f"/{part}/{next(iter(FOUNDING))}", content=raw)
        assert answer.status_code in (200, 422)
        if answer.status_code == 422 and part == "queue":
            assert answer.json()["detail"][0]["type"] == "json_invalid"


PATHS = st.text(st.characters(codec="ascii", exclude_categories=["Cc"], exclude_characters="# "), max_size=40)


@given(PATHS, st.sampled_from(["GET", "POST", "PUT", "DELETE"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_path_is_answered_without_a_500(http: httpx.Client, path: str, method: str) -> None:
    for part in ("queue", "run", "rest", "cdn/files", "_fakefal", "proxy", ""):
        url = http.base_url.copy_with(raw_path=f"/{part}/{path}".encode())
        assert http.request(method, url).status_code != 500
