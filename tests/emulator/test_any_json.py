"""Any JSON in: never a 500, never a lost request, and `check` agrees with the emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cases import good_body
from conftest import KEY
from fakefal import jsonio
from fakefal.serving import serving
from fakefal.settings import Settings
from fakefal_contracts import ENDPOINTS, check

FIELDS = sorted({name for endpoint in ENDPOINTS.values() for name in endpoint.input.model_fields})
ADDRESSES = ["https://elsewhere.example/a.png", "data:,x", "data:image/png;base64,AAAA", "", "x"]
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["5", "10", "16:9", "@Image1 @Element9", *ADDRESSES])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*FIELDS, "frontal_image_url", "reference_image_urls", "video_url"]), inner)
    ),
    max_leaves=12,
)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, Any]:
    """An endpoint and a body for it: anything, or a good body with some fields replaced or removed."""
    endpoint = draw(st.sampled_from(list(ENDPOINTS.values())))
    if draw(st.booleans()):
        return endpoint.id, draw(values)
    body = good_body(endpoint.edition("documented"))
    for name in draw(st.lists(st.sampled_from(FIELDS), max_size=3)):
        body[name] = draw(values)
    for name in draw(st.lists(st.sampled_from(FIELDS), max_size=2)):
        body.pop(name, None)
    # the emulator has its own files, which `check` cannot see: name none of them
    return endpoint.id, json.loads(json.dumps(body).replace("https://v3b.fal.media", "https://elsewhere.example"))


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with (
        serving(Settings(profile="instant", max_requests=1000)) as where,
        httpx.Client(base_url=where.url, headers=KEY, trust_env=False) as client,
    ):
        yield client


@given(bodies())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
        assert float(result.headers["x-fal-billable-units"]) == report.cost.seconds
    else:
        assert result.status_code == 422
        assert result.content == jsonio.dump({"detail": [error.wire() for error in report.errors]})


@given(st.binary(max_size=300))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_kept_and_answered(http: httpx.Client, raw: bytes) -> None:
    for part in ("queue", "run"):
        answer = http.post(f"/{part}/{next(iter(ENDPOINTS))}", content=raw)
        assert answer.status_code in (200, 422)
        if answer.status_code == 422 and part == "queue":
            assert answer.json()["detail"][0]["type"] == "json_invalid"


PATHS = st.text(st.characters(codec="ascii", exclude_categories=["Cc"], exclude_characters="# "), max_size=40)


@given(PATHS, st.sampled_from(["GET", "POST", "PUT", "DELETE"]))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_path_is_answered_without_a_500(http: httpx.Client, path: str, method: str) -> None:
    for part in ("queue", "run", "rest", "cdn/files", "_fakefal", "proxy", ""):
        url = http.base_url.copy_with(raw_path=f"/{part}/{path}".encode())
        assert http.request(method, url).status_code != 500
