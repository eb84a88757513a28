"""What a developer can see from outside: the journal, the uploads, the metrics, and hints for near misses."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics import parser as openmetrics

from fakefal.state.journal import LONGEST_TEXT
from support.endpoints import APP, I2V, O1, O3
from support.receivers import Receiver
from support.server import KEY, SECRET, Serve, Server
from support.uploads import Parts, initiate, upload

pytestmark = pytest.mark.quick


@pytest.mark.both_stores
class TestJournal:
    def test_a_call_is_written_down(self, server: Server) -> None:
        before = time.time()
        submitted = server.submit(O1, {"prompt": "x"})
        (call,) = server.journal()
        assert before <= call.pop("wall") <= time.time()
        assert call.pop("milliseconds") > 0
        assert call.pop("at") == pytest.approx(before, abs=60)
        assert call == {
            "key": "tester",
            "method": "POST",
            "host": server.url.removeprefix("http://"),
            "part": "queue",
            "path": f"/queue/{O1}",
            "endpoint": O1,
            "status": 200,
            "error_type": "",
            "request_id": submitted["request_id"],
            "hint": "",
            "effect": "",
            "agent": f"python-httpx/{httpx.__version__}",
        }

    def test_the_newest_come_first_and_the_oldest_go(self, serve: Serve) -> None:
        server = serve(max_journal=3)
        for number in range(5):
            server.http.get(f"/cdn/files/{number}")
        assert [call["path"] for call in server.journal()] == [f"/cdn/files/{number}" for number in (4, 3, 2)]
        assert [call["path"] for call in server.journal(limit=1)] == ["/cdn/files/4"]

    def test_calls_of_the_control_api_are_not_in_it(self, server: Server) -> None:
        server.http.get("/_fakefal/health")
        server.http.get("/openapi.json")
        assert server.journal() == []

    def test_a_control_path_at_a_host_of_fals_is_an_ordinary_call(self, server: Server) -> None:
        server.http.get("/_fakefal/health", headers={"Host": "queue.fal.run"})
        (call,) = server.journal()
        assert (call["host"], call["part"], call["path"]) == ("queue.fal.run", "queue", "/queue/_fakefal/health")
        assert call["status"] == 405

    def test_what_never_reaches_the_application_is_in_it(self, server: Server) -> None:
        server.http.get("/x", headers={"Host": "wma.fal.run"})
        (call,) = server.journal()
        assert (call["host"], call["part"], call["status"]) == ("wma.fal.run", "", 501)
        assert "does not emulate wma.fal.run" in call["hint"]

    @pytest.mark.parametrize(
        ("method", "path", "headers", "status", "error_type"),
        [
            ("POST", f"/queue/{O1}", {"X-Fakefal-Effect": "locked_account"}, 403, ""),
            (
                "POST",
                f"/queue/{O1}",
                {"X-Fakefal-Effect": "concurrent_requests_limit"},
                429,
                "concurrent_requests_limit",
            ),
            ("POST", f"/run/{O1}", {"X-Fakefal-Effect": "runner_disconnected"}, 503, "runner_disconnected"),
            ("POST", f"/run/{O1}", {"X-Fakefal-Effect": "content_policy_violation"}, 422, "content_policy_violation"),
            ("POST", f"/run/{O1}", {}, 422, "missing"),
            ("GET", f"/queue/{APP}/requests/0", {}, 404, "NOT_FOUND"),
        ],
    )
    def test_errors_have_the_type_that_their_caller_reads(
        self, server: Server, method: str, path: str, headers: dict[str, str], status: int, error_type: str
    ) -> None:
        assert server.http.request(method, path, headers=headers, **({"json": {}} if method == "POST" else {}))
        (call,) = server.journal()
        assert (call["status"], call["error_type"]) == (status, error_type)
        assert call["effect"] == headers.get("X-Fakefal-Effect", "")

    def test_a_dropped_connection_has_no_status(self, server: Server) -> None:
        with pytest.raises(httpx.RemoteProtocolError):
            server.http.post(f"/queue/{O1}", json={}, headers={"X-Fakefal-Effect": "drop_before_accept"})
        (call,) = server.journal()
        assert (call["status"], call["effect"]) == (None, "drop_before_accept")

    def test_the_proxy_is_written_down_as_what_it_called(self, server: Server) -> None:
        headers = {"x-fal-target-url": f"https://queue.fal.run/{O1}"}
        httpx.post(f"{server.url}/proxy", json={"prompt": "x"}, headers=headers, trust_env=False)
        (call,) = server.journal()
        assert (call["key"], call["part"], call["endpoint"], call["status"]) == ("fakefal-proxy", "queue", O1, 200)

    def test_each_key_has_its_own_and_reset_empties_it(self, server: Server) -> None:
        server.submit(O1, {"prompt": "x"})
        server.submit(O1, {"prompt": "x"}, Authorization="Key other:secret")
        assert [call["key"] for call in server.journal()] == ["other", "tester"]
        assert [call["key"] for call in server.journal(key="other")] == ["other"]
        server.http.post("/_fakefal/reset", params={"key": "other"})
        assert [call["key"] for call in server.journal()] == ["tester"]
        server.http.post("/_fakefal/reset")
        assert server.journal() == []

    def test_uploads_belong_to_the_key_that_asked_for_them(self, server: Server) -> None:
        upload(server)
        started = initiate(server, file_name="a.png", content_type="image/png").json()
        httpx.put(started["upload_url"], content=b"x", trust_env=False)
        assert {call["key"] for call in server.journal()} == {"tester"}

    def test_long_paths_are_cut_off(self, server: Server) -> None:
        server.http.get("/cdn/files/" + "x" * 20_000)
        assert len(server.journal()[0]["path"]) == LONGEST_TEXT


@pytest.mark.both_stores
class TestFiles:
    def test_uploads_are_shown_newest_first(self, server: Server) -> None:
        before = time.time()
        url = upload(server, b"hello", **{"Content-Type": "text/plain", "X-Fal-File-Name": "a.txt"})
        started = initiate(server, file_name="b.png", content_type="image/png").json()
        httpx.put(started["upload_url"], content=b"x" * 10, trust_env=False)
        server.submit(O1, {"prompt": "x", "image_urls": ["data:image/png;base64," + "A" * 1000]})
        data, second, first = server.http.get("/_fakefal/files").json()
        assert before - 1 <= first.pop("wall") <= time.time() + 1
        path = httpx.URL(url).path.removeprefix("/cdn")
        assert first == {"path": path, "content_type": "text/plain", "bytes": 5, "key": "tester"}
        assert (second["path"].endswith("_b.png"), second["bytes"], second["key"]) == (True, 10, "tester")
        assert (data["path"].startswith("/files/data/"), data["key"]) == (True, "tester")
        assert len(server.http.get("/_fakefal/files", params={"limit": 1}).json()) == 1
        assert server.http.get("/_fakefal/files", params={"key": "stranger"}).json() == []

    def test_parts_are_no_files_until_they_are_joined(self, server: Server) -> None:
        parts = Parts(server)
        parts.put(1, b"one")
        assert server.control("files") == []
        parts.complete(1)
        (file,) = server.http.get("/_fakefal/files").json()
        assert (file["bytes"], file["key"]) == (3, "tester")


@pytest.mark.versions
class TestMetrics:
    @pytest.fixture
    def server(self, serve: Serve) -> Server:
        """A fresh server: counters count since the start."""
        return serve()

    def test_what_happened_and_what_there_is(self, serve: Serve, receiver: Receiver) -> None:
        server = serve()
        server.submit(O1, {"prompt": "x", "duration": "5"})
        server.submit(O1, {"prompt": "x", "duration": "99"})
        server.submit(f"{APP}/made-up", {})
        server.http.post(f"/queue/{O1}", params={"fal_webhook": receiver.url}, json={"prompt": "x"})
        server.http.post("/_fakefal/clock", json={"advance": 1})
        server.submit(O1, {"prompt": "x"}, **{"X-Fakefal-Effect": "stuck"})
        upload(server, b"hello")
        found = server.metrics()
        assert found["fakefal_accepted_total", O1] == 4
        assert found["fakefal_accepted_total", "other"] == 1
        assert found["fakefal_ended_total", O1, "200"] == 2
        assert found["fakefal_ended_total", O1, "422"] == 1
        assert found["fakefal_ended_total", "other", "404"] == 1
        assert found["fakefal_not_spent_dollars_total", O1] == pytest.approx(2 * 0.56)
        assert found["fakefal_requests", "IN_PROGRESS"] == 1
        assert found["fakefal_requests", "COMPLETED"] == 4
        assert found["fakefal_keys", "COMPLETED"] == 1
        assert found["fakefal_webhooks", "delivered"] == 1
        assert found["fakefal_webhook_tries_total", "acknowledged"] == 1
        assert (found["fakefal_files",], found["fakefal_file_bytes",]) == (1, 5)
        assert found["fakefal_calls_total", "queue", "200"] == 5
        assert found["fakefal_journal_calls",] == 7

    def test_counters_do_not_fall_when_requests_are_dropped_or_reset(self, serve: Serve) -> None:
        server = serve(max_requests=2)
        for _ in range(5):
            server.submit(O1, {"prompt": "x"})
        before = server.metrics()
        assert (before["fakefal_requests", "COMPLETED"], before["fakefal_ended_total", O1, "200"]) == (2, 5)
        server.http.post("/_fakefal/reset")
        after = server.metrics()
        assert after["fakefal_requests", "COMPLETED"] == 0
        assert all(after[name] >= value for name, value in before.items() if name[0].endswith("_total"))

    def test_a_request_that_ends_late_or_is_cancelled_is_counted_once(self, serve: Serve) -> None:
        server = serve(profile="realistic")
        first, second = (server.submit(O1, {"prompt": "x"}) for _ in range(2))
        server.http.put(second["cancel_url"])
        server.http.post("/_fakefal/clock", json={"advance": 10_000})
        for _ in range(2):
            assert server.http.get(first["response_url"]).status_code == 200
            found = server.metrics()
            assert (found["fakefal_ended_total", O1, "200"], found["fakefal_ended_total", O1, "499"]) == (1, 1)

    def test_no_call_makes_up_a_label(self, server: Server) -> None:
        for number in range(3):
            server.http.get(f"/made{number}/up{number}")
            server.http.get("/", headers={"Host": f"made{number}.fal.run"})
        labels = {name[1] for name in server.metrics() if name[0] == "fakefal_calls_total"}
        assert labels == {"run", ""}

    def test_openmetrics_for_who_asks_for_it(self, server: Server) -> None:
        server.submit(O1, {"prompt": "x"})
        page = server.http.get("/_fakefal/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        assert page.headers["content-type"].startswith("application/openmetrics-text")
        names = {family.name for family in openmetrics.text_string_to_metric_families(page.text)}
        assert "fakefal_accepted" in names


class TestNearMisses:
    """The answer is fal's; the hint header and the journal say what was probably meant."""

    @pytest.mark.parametrize(
        ("method", "path", "status", "meant"),
        [
            ("GET", f"/queue/{APP}/requests/ID/result", 405, f"GET /queue/{APP}/requests/ID"),
            ("GET", f"/queue/{APP}/requests/ID/response", 405, f"GET /queue/{APP}/requests/ID"),
            ("GET", f"/queue/{APP}/requests/ID/statu", 405, f"GET /queue/{APP}/requests/ID/status"),
            ("GET", f"/queue/{I2V}/requests/ID/status", 405, f"GET /queue/{APP}/requests/ID/status"),
            ("GET", f"/queue/{I2V}/requests/ID", 405, f"GET /queue/{APP}/requests/ID"),
            ("PUT", f"/queue/{I2V}/requests/ID/cancel", 405, f"PUT /queue/{APP}/requests/ID/cancel"),
            ("DELETE", f"/queue/{APP}/requests/ID/cancel", 405, f"PUT /queue/{APP}/requests/ID/cancel"),
            ("GET", f"/queue/{APP}/requests/ID/cancel", 405, f"PUT /queue/{APP}/requests/ID/cancel"),
            ("POST", f"/queue/{APP}/requests/ID/cancel", 200, f"PUT /queue/{APP}/requests/ID/cancel"),
            ("POST", f"/queue/{APP}/requests/ID/status", 200, f"GET /queue/{APP}/requests/ID/status"),
            ("GET", f"/{APP}/requests/ID/status", 405, f"GET /queue/{APP}/requests/ID/status"),
            ("GET", f"/run/{APP}/requests/ID/status", 405, f"GET /queue/{APP}/requests/ID/status"),
            ("GET", f"/queue/queue/{APP}/requests/ID/status", 405, f"GET /queue/{APP}/requests/ID/status"),
            ("GET", f"/rest/{APP}/requests/ID/status", 501, f"GET /queue/{APP}/requests/ID/status"),
            ("GET", f"/queue/{I2V}", 405, f"POST /queue/{I2V}"),
            ("POST", f"/queue/queue/{I2V}", 404, f"POST /queue/{I2V}"),
            ("POST", f"/qeue/{I2V}", 404, f"POST /queue/{I2V}"),
            ("POST", f"/ruun/{I2V}", 404, f"POST /run/{I2V}"),
            ("GET", f"/qeue/{APP}/requests/ID/status", 405, f"GET /queue/{APP}/requests/ID/status"),
            ("POST", "/rset/storage/auth/token", 404, "POST /rest/storage/auth/token"),
            ("GET", "/rest/storage/auth/token", 405, "POST /rest/storage/auth/token"),
            ("POST", "/rest/storage/upload/initate", 501, "POST /rest/storage/upload/initiate"),
            ("POST", "/cdn/files/uplod", 405, "POST /cdn/files/upload"),
        ],
    )
    def test_an_address_that_almost_exists(
        self, server: Server, method: str, path: str, status: int, meant: str
    ) -> None:
        content = {"json": {"prompt": "x"}} if method == "POST" else {}
        answer = server.http.request(method, path.replace("ID", "019e161b-386c"), **content)
        verb, place = meant.replace("ID", "019e161b-386c").split()
        assert answer.status_code == status
        assert answer.headers["x-fakefal-hint"] == f"did you mean {verb} {server.url}{place} ?"
        assert server.journal()[0]["hint"] == answer.headers["x-fakefal-hint"]

    def test_a_misspelt_proxy(self, server: Server) -> None:
        target = {"x-fal-target-url": f"https://queue.fal.run/{O1}"}
        answer = server.http.post("/prox", json={"prompt": "x"}, headers=target)
        assert answer.headers["x-fakefal-hint"] == f"did you mean POST {server.url}/proxy ?"

    @pytest.mark.parametrize(
        ("part", "model"),
        [
            ("/queue", "fal-ai/kling-vido/o1/image-to-video"),
            ("/queue", "kling-video/o1/image-to-video"),
            ("/queue", "o1/image-to-video"),
            ("/queue", "o1/imag-to-video"),
            ("/run", "o1/image-to-video"),
            ("/run", I2V[:-1]),
            ("", I2V[:-1]),
        ],
    )
    def test_of_a_model_that_nobody_knows_it_says_how_to_add_it_and_which_is_near(
        self, server: Server, part: str, model: str
    ) -> None:
        answer = server.http.post(f"{part}/{model}", json={"prompt": "x"})
        assert answer.status_code == 404
        said = f"fakefal knows no model {model}: did you mean {I2V}? If not, add it: fakefal models add {model}"
        assert answer.headers["x-fakefal-hint"] == server.journal()[0]["hint"] == said

    @pytest.mark.parametrize(
        ("model", "status"), [("kling/v4/text-to-video", 404), ("fal-ai/kling-video/v4/image-to-video", 200)]
    )
    def test_of_kling_4_it_says_that_no_document_is_published(self, server: Server, model: str, status: int) -> None:
        answer = server.http.post(f"/queue/{model}", json={"prompt": "x"})
        assert answer.status_code == status
        said = f"fakefal knows no model {model}: no document of Kling 4.0 has been published yet. "
        assert answer.headers["x-fakefal-hint"] == server.journal()[0]["hint"]
        assert answer.headers["x-fakefal-hint"].startswith(said)

    def test_the_hint_is_in_the_callers_own_words(self, server: Server) -> None:
        answer = server.http.get(f"/{I2V}/requests/1/status", headers={"Host": "queue.fal.run"})
        assert answer.headers["x-fakefal-hint"] == f"did you mean GET https://queue.fal.run/{APP}/requests/1/status ?"

    @pytest.mark.parametrize("path", ["/queue/nobody/knows", "/rest/elsewhere", "/cdn/files/b/x.png"])
    def test_what_is_near_nothing_keeps_the_hint_it_had(self, server: Server, path: str) -> None:
        hint = server.http.request("POST" if "queue" in path else "GET", path).headers["x-fakefal-hint"]
        assert "did you mean" not in hint

    def test_without_a_prefix_nothing_queues(self, server: Server) -> None:
        answer = server.http.post(f"/{O1}", json={"prompt": "x"})
        assert answer.status_code == 200
        assert answer.headers["x-fakefal-hint"].endswith(f"for the queue: POST {server.url}/queue/{O1}")
        assert "x-fakefal-hint" not in server.http.post(f"/run/{O1}", json={"prompt": "x"}).headers

    def test_a_misspelt_endpoint_is_accepted_and_hinted_at(self, server: Server) -> None:
        answer = server.http.post(f"/queue/{I2V[:-1]}", json={})
        assert answer.status_code == 200
        assert f"did you mean {I2V}?" in answer.headers["x-fakefal-hint"] == server.journal()[0]["hint"]

    @pytest.mark.parametrize(
        ("endpoint_id", "body", "status", "hint"),
        [
            (O1, {"promt": "x"}, 422, 'did you mean it where you wrote "promt"?'),
            (I2V, {"prompt": "x", "image_url": "https://a.example/b.png"}, 422, 'where you wrote "image_url"?'),
            (I2V, {"prompt": "x", "imageUrl": "https://a.example/b.png"}, 422, 'where you wrote "imageUrl"?'),
            (I2V, {"prompt": "x", "startImageUrl": "https://a.example/b.png"}, 422, 'where you wrote "startImageUrl"?'),
            (O1, {"prompt": "x", "aspectRatio": "1:1"}, 200, 'did you mean "aspect_ratio"?'),
            (O1, {"prompt": "x", "aspect-ratio": "1:1"}, 200, 'did you mean "aspect_ratio"?'),
            (O1, {"input": {"prompt": "x"}}, 422, 'the arguments are wrapped in "input"'),
            (O1, {"arguments": {"prompt": "x"}}, 422, 'the arguments are wrapped in "arguments"'),
            (O1, {"prompt": "x", "input": {"duration": "10"}}, 200, 'the arguments are wrapped in "input"'),
            (O3, {"promt": "x"}, 422, 'did you mean "prompt" where you wrote "promt"?'),
            (O3, {"input": {"prompt": "x"}}, 422, 'the arguments are wrapped in "input"'),
        ],
    )
    def test_wrong_names_in_a_body(self, server: Server, endpoint_id: str, body: Any, status: int, hint: str) -> None:
        answer = server.http.post(f"/queue/{endpoint_id}", json=body)
        assert answer.status_code == 200
        result = server.http.get(answer.json()["response_url"])
        assert result.status_code == status
        assert hint in result.headers["x-fakefal-hint"] == answer.headers["x-fakefal-hint"]
        assert {call["hint"] for call in server.journal()} == {result.headers["x-fakefal-hint"]}

    @pytest.mark.parametrize(("method", "end"), [("GET", ""), ("GET", "/status"), ("PUT", "/cancel")])
    def test_a_request_of_another_key(self, server: Server, method: str, end: str) -> None:
        url = server.submit(O1, {"prompt": "x"})["response_url"] + end
        answer = server.http.request(method, url, headers={"Authorization": "Key stranger:secret"})
        assert (answer.status_code, answer.json()) == (404, {"status": "NOT_FOUND"})
        assert "another key submitted this request" in answer.headers["x-fakefal-hint"]
        assert server.journal(key="stranger")[0]["hint"] == answer.headers["x-fakefal-hint"]

    def test_a_request_that_is_not_stored(self, server: Server) -> None:
        answer = server.http.get(f"/queue/{APP}/requests/019e161b-386c/status")
        assert "no such request is stored" in answer.headers["x-fakefal-hint"]

    def test_an_expired_result(self, server: Server) -> None:
        submitted = server.submit(O1, {"prompt": "x"}, **{"X-Fakefal-Effect": "result_expired"})
        assert "its result has expired" in server.http.get(submitted["response_url"]).headers["x-fakefal-hint"]


@pytest.mark.both_stores
class TestSecretsInTheJournal:
    def test_keys_and_tokens_are_not_in_it(self, server: Server) -> None:
        headers = {"Authorization": f"Key tester:{SECRET}"}
        token = server.http.post("/rest/storage/auth/token", json={}, headers=headers).json()["token"]
        as_bearer = {"Authorization": f"Bearer {token}"}
        started = server.http.post("/cdn/files/upload/multipart", headers=as_bearer).json()
        server.http.put(f"{started['access_url']}/multipart/{started['uploadId']}/1", content=b"x", headers=as_bearer)
        one = initiate(server, file_name="a", content_type="a/b").json()["upload_url"]
        httpx.put(one, content=b"x", trust_env=False)
        server.http.get(f"/run/{O1}/stream", params={"fal_jwt_token": SECRET})
        server.http.post(f"/queue/{O1}", json={"prompt": "x", "duration": SECRET}, headers=headers)
        server.http.get(f"/queue/{SECRET}/x", headers=headers)
        for scheme in (SECRET, f"Key {SECRET}", f"Bearer {SECRET}", f"Key :{SECRET}"):
            server.http.get(f"/cdn/files/{SECRET}", headers=KEY | {"Authorization": scheme})
        signed = f"ftp://bucket.example/a.png?sig={SECRET[::-1]}&expires=1"
        server.submit(I2V, {"prompt": "x", "start_image_url": signed})
        signature = httpx.URL(one).params["upload_token"].rpartition(".")[2]
        shown = server.http.get("/_fakefal/journal", params={"limit": 1000}).text
        assert len(server.journal()) == 13
        assert "bucket.example" in shown
        for secret in (SECRET, SECRET[::-1], token, started["uploadId"], signature):
            assert secret not in shown
