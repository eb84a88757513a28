"""What is no call of the emulator, or a wrong one, is refused in the form of its host."""

from __future__ import annotations

from typing import Any

import pytest

from fakefal_contracts import examples
from support.endpoints import APP, I2V
from support.server import Server
from support.uploads import Parts

pytestmark = pytest.mark.quick

ACL = "/platform/v1/storage/files/acl"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", ACL, "GET, PUT"),
        ("OPTIONS", ACL, "GET, PUT"),
        ("POST", f"/platform/v1/serverless/apps/{APP}/queue", "DELETE, GET"),
        ("GET", "/rest/storage/auth/token", "POST"),
        ("POST", "/site/api/openapi/queue/openapi.json", "GET"),
        ("DELETE", f"/queue/{APP}/requests/1", "GET"),
        ("GET", f"/run/{I2V}", "POST"),
        ("PATCH", "/_fakefal/scenarios", "DELETE, GET, POST"),
        ("DELETE", "/cdn/files/upload", "POST"),
        ("DELETE", "/cdn/files/b/x.png", "GET, HEAD, PUT"),
    ],
)
def test_another_method_is_405_with_those_that_the_address_has(
    server: Server, method: str, path: str, allowed: str
) -> None:
    answer = server.http.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_the_platform_api_says_so_in_its_own_form(server: Server) -> None:
    body = server.http.post("/platform/v1/meta").json()
    assert body == {"error": {"type": "validation_error", "message": "Method Not Allowed"}}


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
@pytest.mark.parametrize("path", ["/platform/v1/elsewhere", "/rest/elsewhere", "/site/elsewhere", "/ws/elsewhere"])
def test_what_only_fal_has_is_501_under_every_method(server: Server, method: str, path: str) -> None:
    assert server.http.request(method, path).status_code == 501


def test_a_query_is_no_part_of_the_address(server: Server) -> None:
    submitted = server.http.post(f"/queue/{APP}", params={"path": "o1/image-to-video"}, json=examples(I2V)["required"])
    assert server.http.get(submitted.json()["response_url"]).json() == {"detail": "Path / not found"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clock", {"speed": False}),
        ("clock", {"advance": "1"}),
        ("scenarios", {"effect": "stuck", "nth": 0}),
        ("scenarios", {"effect": "stuck", "probability": 1.1}),
        ("scenarios", {"effect": ""}),
    ],
)
def test_the_control_api_guesses_nothing(server: Server, path: str, body: dict[str, Any]) -> None:
    answer = server.http.post(f"/_fakefal/{path}", json=body)
    assert (answer.status_code, len(answer.json()["detail"])) == (422, 1)


class TestThePlatformApi:
    @pytest.mark.parametrize("moment", ["0.5", "1760000000", "yesterday"])
    def test_a_moment_is_iso(self, server: Server, moment: str) -> None:
        query = {"endpoint_id": I2V, "start": moment}
        answer = server.http.get("/platform/v1/models/requests/by-endpoint", params=query)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "validation_error")

    @pytest.mark.parametrize("ids", ["", ",", f"{I2V},", f" ,{I2V}"])
    def test_an_id_is_not_empty(self, server: Server, ids: str) -> None:
        assert server.http.get("/platform/v1/models/pricing", params={"endpoint_id": ids}).status_code == 400

    @pytest.mark.parametrize("moment", ["2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00+02:00"])
    def test_a_day_will_do(self, server: Server, moment: str) -> None:
        query = {"endpoint_id": I2V, "start": moment}
        assert server.http.get("/platform/v1/models/requests/by-endpoint", params=query).status_code == 200

    @pytest.mark.parametrize(
        "content",
        [
            b"\x1c\xff",
            b'{"estimate_type": "unit_price", "endpoints": {"%s": {"unit_quantity": 1e999}}}' % I2V.encode(),
            b'{"estimate_type": "unit_price", "endpoints": {"%s": {"unit_quantity": 1e13}}}' % I2V.encode(),
            b'{"estimate_type": "historical_api_price", "endpoints": {"%s": {"call_quantity": %s}}}'
            % (I2V.encode(), b"9" * 400),
        ],
    )
    def test_a_wrong_body_is_refused_in_its_own_form(self, server: Server, content: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        answer = server.http.post("/platform/v1/models/pricing/estimate", content=content, headers=headers)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "validation_error")


@pytest.mark.parametrize(("number", "status"), [(1, 200), (1.0, 200), (True, 422), (1.5, 422), ("1", 422), (None, 422)])
def test_a_part_is_named_by_a_whole_number(server: Server, number: Any, status: int) -> None:
    parts = Parts(server)
    assert parts.put(1, b"x").status_code == 200
    assert parts.complete(number).status_code == status
    if status == 200:
        assert server.http.get(parts.url).content == b"x"
