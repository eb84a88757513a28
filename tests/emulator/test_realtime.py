"""Tokens for browsers, and the account behind a key."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fakefal.state.tokens import Tokens
from fakefal_contracts import examples
from support.endpoints import APP, I2V, O1
from support.server import Serve, Server

pytestmark = pytest.mark.quick


def ask(server: Server, path: str = "tokens/", **body: Any) -> httpx.Response:
    return server.http.post(f"/rest/{path}", json={"allowed_apps": ["kling-video"], **body})


def run(server: Server, token: str, endpoint_id: str = I2V, **headers: str) -> httpx.Response:
    address = f"{server.url}/run/{endpoint_id}"
    body, query = examples(I2V)["required"], {"fal_jwt_token": token}
    return httpx.post(address, params=query, json=body, headers=headers, trust_env=False)


class TestTokens:
    @pytest.mark.parametrize(
        ("path", "body"),
        [("tokens/", {"token_expiration": 120}), ("tokens/realtime", {"duration": 60}), ("tokens", {})],
    )
    def test_one_is_a_json_string(self, server: Server, path: str, body: dict[str, Any]) -> None:
        answer = ask(server, path, **body)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert isinstance(answer.json(), str)

    def test_it_stands_for_the_key_that_asked_for_it(self, server: Server) -> None:
        request_id = run(server, ask(server).json()).headers["x-fal-request-id"]
        assert server.http.get(f"/_fakefal/requests/{request_id}").json()["key"] == "tester"

    def test_all_calls_of_the_queue_take_it(self, server: Server) -> None:
        page = {"fal_jwt_token": ask(server).json()}
        with httpx.Client(base_url=server.url, params=page, trust_env=False) as http:
            for effect, state in (("stuck", "IN_PROGRESS"), ("webhook_lost", "COMPLETED")):
                submitted = http.post(
                    f"/queue/{I2V}", json=examples(I2V)["required"], headers={"X-Fakefal-Effect": effect}
                )
                paths = [
                    httpx.URL(submitted.json()[name]).path for name in ("status_url", "response_url", "cancel_url")
                ]
                status, result, cancelled = http.get(paths[0]), http.get(paths[1]), http.put(paths[2])
                assert status.json()["status"] == state
                stuck = state == "IN_PROGRESS"
                assert (result.status_code, cancelled.status_code) == ((400, 202) if stuck else (200, 400))
                assert http.get(f"{paths[0]}/stream").text.startswith("data: ")
        seen = server.http.get("/_fakefal/journal", params={"key": "tester"}).json()
        assert sum(APP in call["path"] for call in seen) == 2 * 5

    def test_it_shows_no_request_of_another_key_or_application(self, server: Server) -> None:
        theirs = server.submit(I2V, {"prompt": "x"}, Authorization="Key other:secret")["status_url"]
        mine = server.submit(I2V, {"prompt": "x"})["status_url"]
        for url, apps, status in ((theirs, "kling-video", 404), (mine, "flux", 401), (mine, "kling-video", 200)):
            token = ask(server, allowed_apps=[apps]).json()
            assert httpx.get(url, params={"fal_jwt_token": token}, trust_env=False).status_code == status

    def test_a_key_counts_more_than_a_token(self, server: Server) -> None:
        request_id = run(server, ask(server).json(), Authorization="Key other:x").headers["x-fal-request-id"]
        assert server.http.get(f"/_fakefal/requests/{request_id}").json()["key"] == "other"

    def test_only_a_good_one_for_the_application_is_taken(self, server: Server) -> None:
        upload = server.http.post("/rest/storage/auth/token", json={}).json()["token"]
        elsewhere = ask(server, allowed_apps=["flux"]).json()
        expired = server.emulator.tokens.issue(-1, user="tester", apps=["kling-video"])
        foreign = Tokens().issue(60, user="tester", apps=["kling-video"])
        for token in (upload, elsewhere, expired, foreign, "x", "x.y"):
            answer = run(server, token)
            assert answer.status_code == 401
            assert answer.json()["detail"].startswith('Cannot access application "fal-ai/kling-video".')

    def test_the_whole_name_of_an_application_is_understood(self, server: Server) -> None:
        assert run(server, ask(server, allowed_apps=["fal-ai/kling-video"]).json()).status_code == 200

    def test_it_is_no_permission_to_upload(self, server: Server) -> None:
        headers = {"Authorization": f"Bearer {ask(server).json()}"}
        assert server.http.post("/cdn/files/upload", content=b"x", headers=headers).status_code == 401

    def test_without_a_key_there_is_none(self, server: Server) -> None:
        answer = httpx.post(f"{server.url}/rest/tokens/", json={"allowed_apps": ["x"]}, trust_env=False)
        assert (answer.status_code, answer.json()) == (401, {"detail": "Authorization header is required"})

    @pytest.mark.parametrize(
        "body", [{"allowed_apps": "kling-video"}, {"token_expiration": 0}, {"duration": 1e9}, {"allowed_apps": None}]
    )
    def test_what_makes_no_sense_is_refused(self, server: Server, body: dict[str, Any]) -> None:
        assert ask(server, **body).status_code == 422


@pytest.mark.parametrize("path", [f"run/{I2V}/realtime", "run/fal-ai/kling-video/realtime", f"ws/{I2V}"])
def test_sockets_are_501(server: Server, path: str) -> None:
    wanted = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "eA==",
    }
    answer = server.http.get(f"/{path}", headers=wanted)
    assert answer.status_code == 501
    assert answer.headers["x-fakefal-hint"] == answer.json()["detail"]
    app = path.partition("/")[2].removesuffix("/realtime")
    said = f"fakefal does not emulate the realtime socket of {app}; use the queue or fal.run"
    assert answer.json() == {"detail": said}
    if path.endswith("/realtime"):
        assert server.http.get(f"/{path}").headers["x-fakefal-hint"] == said, "and no other address is named"


@pytest.mark.parametrize("host", ["fal.run", "queue.fal.run", "ws.fal.run", "rest.fal.ai", "api.fal.ai", "fal.ai"])
@pytest.mark.parametrize("path", [f"{I2V}/realtime", I2V, "fal-ai/any/requests/1/status", "tokens"])
def test_a_socket_at_any_host_of_fals_is_501_whatever_the_key(server: Server, host: str, path: str) -> None:
    for key, protocols in (("", "WebSocket"), ("Key nonsense", "h2c, websocket"), ("Key tester:secret", "websocket,x")):
        wanted = {"Connection": "Upgrade", "Upgrade": protocols, "Host": host, "Authorization": key}
        answer = server.http.get(f"/{path}", headers=wanted)
        assert answer.status_code == 501
        assert "does not emulate the realtime socket of" in answer.json()["detail"]


def test_the_account_is_the_key(server: Server) -> None:
    assert server.http.get("/rest/users/current").json() == {
        "full_name": "tester",
        "nickname": "tester",
        "user_id": "tester",
        "is_personal": True,
        "is_locked": False,
        "lock_reason": None,
        "is_paying": True,
    }
    assert httpx.get(f"{server.url}/rest/users/current", trust_env=False).status_code == 401


def test_a_locked_account_says_so(server: Server) -> None:
    server.http.post("/_fakefal/scenarios", json={"effect": "locked_account(reason='budget')", "key": "tester"})
    account = server.http.get("/rest/users/current").json()
    assert (account["is_locked"], account["lock_reason"]) == (True, "budget")
    other = server.http.get("/rest/users/current", headers={"Authorization": "Key other:secret"}).json()
    assert (other["is_locked"], other["lock_reason"]) == (False, None)


def balance(server: Server, host: str = "rest.fal.ai", **headers: str) -> Any:
    answer = server.http.get("/billing/user_balance", headers={"Host": host, **headers})
    assert answer.status_code == 200
    return answer.json()


@pytest.mark.parametrize("host", ["rest.fal.ai", "rest.alpha.fal.ai"])
def test_the_balance_is_a_bare_number(serve: Serve, host: str) -> None:
    server = serve(balance="20.50", keys={"tester": "secret", "other": "secret"})
    assert balance(server, host) == 20.5
    server.submit(O1, {"prompt": "x"})
    assert server.control("ledger")["totals"][0]["usd"] == 0.56
    assert balance(server, host) == 19.94
    assert balance(server, host, Authorization="Key other:secret") == 20.5
    bare = httpx.get(f"{server.url}/rest/billing/user_balance", trust_env=False)
    assert (bare.status_code, bare.json()) == (401, {"detail": "Authorization header is required"})


def test_the_balance_goes_below_zero(serve: Serve) -> None:
    server = serve(balance=0.5)
    server.submit(O1, {"prompt": "x"})
    assert balance(server) == -0.06


def test_a_locked_account_has_nothing_left(server: Server) -> None:
    server.http.post("/_fakefal/scenarios", json={"effect": "locked_account", "key": "tester"})
    assert balance(server) == 0
    assert balance(server, Authorization="Key other:secret") == 100
    assert balance(server, **{"X-Fakefal-Effect": "locked_account", "Authorization": "Key other:secret"}) == 0


def test_another_refusal_of_the_account_holds_for_the_balance(server: Server) -> None:
    server.http.post("/_fakefal/scenarios", json={"effect": "invalid_key", "key": "tester"})
    assert server.http.get("/rest/billing/user_balance").status_code == 401


@pytest.mark.parametrize("path", ["billing/user_details", "storage/upload/other"])
def test_the_rest_of_the_rest_host_is_501(server: Server, path: str) -> None:
    assert server.http.get(f"/rest/{path}").status_code == 501
