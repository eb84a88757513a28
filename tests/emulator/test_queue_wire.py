"""The queue over a real socket: status codes, key order, headers and bodies."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import httpx
import pytest

from fakefal_contracts import examples
from support.endpoints import APP, O1
from support.server import Serve, Server

pytestmark = [pytest.mark.quick, pytest.mark.versions]

STATUS_KEYS = ["status", "request_id", "response_url", "status_url", "cancel_url", "logs", "metrics"]
UUID7 = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def url(server: Server, request_id: str, rest: str = "") -> str:
    return f"{server.url}/queue/{APP}/requests/{request_id}{rest}"


class TestSubmit:
    def test_the_answer_is_fals(self, server: Server) -> None:
        answer = server.http.post(f"/queue/{O1}", json={"prompt": "x"})
        body = answer.json()
        assert answer.status_code == 200
        assert list(body) == [*STATUS_KEYS, "queue_position"]
        assert re.fullmatch(UUID7, body["request_id"])
        assert body == {
            "status": "IN_QUEUE",
            "request_id": body["request_id"],
            "response_url": url(server, body["request_id"]),
            "status_url": url(server, body["request_id"], "/status"),
            "cancel_url": url(server, body["request_id"], "/cancel"),
            "logs": None,
            "metrics": {},
            "queue_position": 0,
        }
        assert answer.headers["x-fal-request-id"] == body["request_id"]
        assert answer.headers["content-type"] == "application/json"

    @pytest.mark.parametrize("content", [b"", b"null", b"[]", b"3", b'"text"', b"{}", b'{"input": {"prompt": "x"}}'])
    def test_any_json_is_accepted_and_refused_at_the_result(self, server: Server, content: bytes) -> None:
        submitted = server.http.post(f"/queue/{O1}", content=content).json()
        status = server.http.get(submitted["status_url"])
        assert (status.status_code, status.json()["status"]) == (200, "COMPLETED")
        assert "error" not in status.json(), "a refusal by the model does not show in the status"
        result = server.http.get(submitted["response_url"])
        assert result.status_code == 422
        assert result.headers["x-fal-billable-units"] == "0"
        assert result.headers["x-fal-needs-retry"] == result.headers["x-fal-retryable"] == "false"

    @pytest.mark.parametrize(
        "content",
        [
            b"{",
            b"\xff\xfe",
            b'{"a": NaN}',
            b'{"a": 1e999}',
            b"1" * 5000,
            b"[" * 5000,
            b'{"a":' * 101 + b"1" + b"}" * 101,
            b"not json",
        ],
    )
    @pytest.mark.parametrize("part", ["queue", "run"])
    def test_malformed_json_is_refused_at_once(self, server: Server, part: str, content: bytes) -> None:
        answer = server.http.post(f"/{part}/{O1}", content=content)
        assert answer.status_code == 422
        assert [item["type"] for item in answer.json()["detail"]] == ["json_invalid"]
        assert answer.headers["x-fal-billable-units"] == "0"
        assert server.http.get("/_fakefal/requests").json() == []

    @pytest.mark.parametrize(
        "content",
        [
            b'{"prompt": "\\ud800"}',
            b'{"prompt": "x", "duration": "\\ud800"}',
            b'{"prompt": "x", "image_urls": ["data:,\\ud800"]}',
            b'{"prompt": "x", "foo": "data:,\\ud800' + b"x" * 300 + b'"}',
            '{"prompt": "ü 漢 🎬"}'.encode(),
            b'{"seed": 17454220438242315174}',
        ],
    )
    def test_odd_texts_and_numbers_do_not_break_anything(self, server: Server, content: bytes) -> None:
        submitted = server.http.post(f"/queue/{O1}", content=content).json()
        assert server.http.get(submitted["response_url"]).status_code in (200, 422)
        assert server.http.get(f"/_fakefal/requests/{submitted['request_id']}").status_code == 200

    def test_a_body_over_the_limit_is_413(self, serve: Serve) -> None:
        server = serve(max_body_bytes=1000)
        assert server.http.post(f"/queue/{O1}", json={"prompt": "x" * 900}).status_code == 200
        answer = server.http.post(f"/queue/{O1}", json={"prompt": "x" * 5000})
        assert answer.status_code == 413
        assert answer.json() == {"detail": "Request body is too large"}

    def test_an_unknown_path_is_accepted_and_404_at_the_result(self, server: Server) -> None:
        submitted = server.submit(f"{APP}/v2.2/text-to-video", {"prompt": "x"})
        result = server.http.get(submitted["response_url"])
        assert (result.status_code, result.json()) == (404, {"detail": "Path /v2.2/text-to-video not found"})
        assert result.headers["x-fal-billable-units"] == "0"
        assert "did you mean" in result.headers["x-fakefal-hint"]

    def test_a_model_known_by_its_document_only_is_judged_by_it(self, server: Server) -> None:
        refused = server.result(f"{APP}/v3/pro/text-to-video", {"prompt": "x", "duration": 5})
        assert refused.status_code == 422
        assert [(one["loc"], one["type"]) for one in refused.json()["detail"]] == [
            (["body", "duration"], "literal_error")
        ]
        assert server.result(f"{APP}/v3/pro/text-to-video", {"prompt": "x", "duration": "5"}).status_code == 200

    def test_an_unknown_application_is_404_and_says_how_to_add_it(self, server: Server) -> None:
        answer = server.http.post("/queue/fal-ai/flucks/dev", json={})
        assert (answer.status_code, answer.json()) == (404, {"detail": 'Application "flucks" not found'})
        assert answer.headers["x-fakefal-hint"] == (
            "fakefal knows no model fal-ai/flucks/dev: did you mean fal-ai/flux/dev? "
            "If not, add it: fakefal models add fal-ai/flucks/dev"
        )

    def test_a_day_before_an_endpoint_makes_it_unknown(self, serve: Serve) -> None:
        server = serve(contract="2026-01-28")
        assert server.result("fal-ai/kling-video/o3/pro/reference-to-video", {"prompt": "x"}).status_code == 404
        assert server.result(O1, {"prompt": "x", "duration": "7"}).status_code == 200


class TestKeys:
    @pytest.mark.parametrize(
        ("header", "detail"),
        [
            (None, f'Cannot access application "{APP}". Authentication is required to access this application.'),
            ("Key nocolon", "Invalid Key Authorization header format. Expected '<key_id>:<key_secret>'."),
            ("Key :", "Invalid Key Authorization header format. Expected '<key_id>:<key_secret>'."),
            ("Basic YTpi", "Invalid Key Authorization header format. Expected '<key_id>:<key_secret>'."),
            ("Bearer x.y.z", "bearer: unable to decode issuer"),
        ],
    )
    @pytest.mark.parametrize("part", ["queue", "run"])
    def test_401(self, server: Server, part: str, header: str | None, detail: str) -> None:
        headers = {"Authorization": header} if header is not None else {}
        answer = httpx.post(f"{server.url}/{part}/{O1}", json={}, headers=headers, trust_env=False)
        assert (answer.status_code, answer.json()) == (401, {"detail": detail})

    def test_configured_keys_are_the_only_ones(self, serve: Serve) -> None:
        server = serve(keys={"tester": "secret"})
        assert server.http.post(f"/queue/{O1}", json={}).status_code == 200
        for wrong in ("tester:other", "other:secret"):
            answer = server.http.post(f"/queue/{O1}", json={}, headers={"Authorization": f"Key {wrong}"})
            assert (answer.status_code, answer.json()) == (401, {"detail": "invalid key credentials"})

    def test_the_key_is_checked_before_the_method(self, server: Server) -> None:
        assert httpx.get(f"{server.url}/queue/{O1}", trust_env=False).status_code == 401
        assert server.http.get(f"/queue/{O1}").status_code == 405

    def test_requests_belong_to_their_key(self, server: Server) -> None:
        submitted = server.submit(O1, {"prompt": "x"})
        stranger = {"Authorization": "Key stranger:secret"}
        for method, address in (("GET", "response_url"), ("GET", "status_url"), ("PUT", "cancel_url")):
            answer = server.http.request(method, submitted[address], headers=stranger)
            assert (answer.status_code, answer.json()) == (404, {"status": "NOT_FOUND"})

    def test_an_unknown_request_is_not_found_even_without_a_key(self, server: Server) -> None:
        nobody = httpx.Client(trust_env=False)
        known = server.submit(O1, {"prompt": "x"})
        assert nobody.get(url(server, "unknown", "/status")).json() == {"status": "NOT_FOUND"}
        assert nobody.get(known["status_url"]).status_code == 401
        nobody.close()


@pytest.mark.both_stores
class TestStatus:
    def test_202_until_it_is_over_then_200(self, serve: Serve) -> None:
        server = serve(profile="stepped")
        submitted = server.submit(O1, {"prompt": "x"})
        seen = [server.http.get(submitted["status_url"]) for _ in range(4)]
        assert [(one.status_code, one.json()["status"]) for one in seen] == [
            (202, "IN_QUEUE"),
            (202, "IN_PROGRESS"),
            (200, "COMPLETED"),
            (200, "COMPLETED"),
        ]
        queued, running, done, _ = (one.json() for one in seen)
        assert list(queued) == [*STATUS_KEYS, "queue_position"]
        assert list(running) == list(done) == STATUS_KEYS
        assert (running["metrics"], list(done["metrics"])) == ({}, ["inference_time"])
        assert {one.headers["x-fal-request-id"] for one in seen} == {submitted["request_id"]}

    @pytest.mark.parametrize(
        ("logs", "wanted"), [("1", True), ("true", True), ("0", False), ("false", False), ("", False)]
    )
    def test_logs_on_request(self, server: Server, logs: str, wanted: bool) -> None:
        submitted = server.submit(O1, {"prompt": "x"})
        body = server.http.get(submitted["status_url"], params={"logs": logs}).json()
        if not wanted:
            assert body["logs"] is None
            return
        assert body["logs"]
        for entry in body["logs"]:
            assert list(entry) == ["timestamp", "level", "message", "labels"]
            assert datetime.fromisoformat(entry["timestamp"]).tzinfo is not None

    def test_positions_move(self, serve: Serve) -> None:
        server = serve(profile="quick", runners=1)
        jobs = [server.submit(O1, {"prompt": "x"}) for _ in range(3)]
        server.http.post(f"/_fakefal/requests/{jobs[0]['request_id']}/advance", json={"seconds": 1})
        assert [server.http.get(job["status_url"]).json().get("queue_position") for job in jobs] == [None, 0, 1]
        server.http.put(jobs[1]["cancel_url"])
        assert server.http.get(jobs[2]["status_url"]).json()["queue_position"] == 0

    def test_low_priority_waits(self, serve: Serve) -> None:
        server = serve(profile="realistic")
        low = server.submit(O1, {"prompt": "x"}, **{"X-Fal-Queue-Priority": "low"})
        server.submit(O1, {"prompt": "x"}, **{"X-Fal-Queue-Priority": "normal"})
        assert server.http.get(low["status_url"]).json()["queue_position"] == 1

    @pytest.mark.parametrize("rest", ["", "/status", "/status/stream"])
    def test_full_endpoint_paths_are_405(self, server: Server, rest: str) -> None:
        request_id = server.submit(O1, {"prompt": "x"})["request_id"]
        assert server.http.get(f"/queue/{O1}/requests/{request_id}{rest}").status_code == 405

    @pytest.mark.parametrize("rest", ["/", "/status/", "/status/stream/"])
    def test_trailing_slashes_are_answered(self, server: Server, rest: str) -> None:
        submitted = server.http.post(f"/queue/{O1}/", json={"prompt": "x"})
        assert submitted.status_code == 200
        assert server.http.get(url(server, submitted.json()["request_id"], rest)).status_code == 200


@pytest.mark.both_stores
class TestStream:
    def events(self, server: Server, submitted: dict[str, Any], query: str) -> list[dict[str, Any]]:
        with server.http.stream("GET", f"{submitted['status_url']}/stream{query}") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = [line for line in answer.iter_lines() if line]
        assert all(line.startswith("data: ") for line in lines)
        return [json.loads(line[6:]) for line in lines]

    def test_it_tells_every_change_and_ends(self, serve: Serve) -> None:
        server = serve(profile="stepped")
        seen = self.events(server, server.submit(O1, {"prompt": "x"}), "?logs=1")
        assert [event["status"] for event in seen] == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
        lines = [entry["message"] for event in seen for entry in event["logs"]]
        assert lines[0] == "Arguments checked"
        assert len(lines) == len(set(lines)), "each line comes once"

    def test_time_moves_it(self, serve: Serve) -> None:
        server = serve(profile="quick")
        submitted = server.submit(O1, {"prompt": "x"})
        server.http.post(f"/_fakefal/requests/{submitted['request_id']}/advance", json={"seconds": 2.2})
        seen = self.events(server, submitted, "")
        assert seen[-1]["status"] == "COMPLETED"
        assert {event["logs"] for event in seen} == {None}


@pytest.mark.both_stores
class TestResult:
    def test_the_models_json_and_the_billed_seconds(self, server: Server) -> None:
        answer = server.result(O1, examples(O1)["full"])
        assert answer.status_code == 200
        assert answer.headers["x-fal-billable-units"] == "5.0"
        video = answer.json()["video"]
        assert list(answer.json()) == ["video"]
        assert re.fullmatch(rf"{server.url}/cdn/files/b/[0-9a-f]{{8}}/[\w-]{{21}}_output\.mp4", video["url"])
        assert (video["content_type"], video["file_name"]) == ("video/mp4", "output.mp4")
        assert len(server.http.get(video["url"]).content) == video["file_size"]

    @pytest.mark.parametrize(("profile", "hinted"), [("realistic", False), ("stepped", True)])
    def test_not_yet_is_400(self, serve: Serve, profile: str, *, hinted: bool) -> None:
        """By `stepped` it stays so for who never asks for the status, as the AI SDK, and a hint says why."""
        server = serve(profile=profile)
        answer = server.http.get(server.submit(O1, {"prompt": "x"})["response_url"])
        assert (answer.status_code, answer.json()) == (400, {"detail": "Request is still in progress"})
        assert ("when its status is read" in answer.headers.get("x-fakefal-hint", "")) is hinted

    def test_addresses_lead_back_the_way_the_reader_came(self, server: Server) -> None:
        submitted = server.submit(O1, {"prompt": "x"})
        as_fal = server.http.get(f"/{APP}/requests/{submitted['request_id']}", headers={"Host": "queue.fal.run"}).json()
        assert as_fal["video"]["url"].startswith("https://v3b.fal.media/files/b/")
        status = server.http.get(f"/{APP}/requests/{submitted['request_id']}/status", headers={"Host": "queue.fal.run"})
        assert status.json()["response_url"] == f"https://queue.fal.run/{APP}/requests/{submitted['request_id']}"

    def test_public_url_overrides(self, serve: Serve) -> None:
        server = serve(public_url="http://fake.example/")
        assert server.submit(O1, {"prompt": "x"})["status_url"].startswith(f"http://fake.example/queue/{APP}/requests/")


@pytest.mark.both_stores
class TestCancel:
    def test_queued_running_over_unknown(self, serve: Serve) -> None:
        server = serve(profile="realistic")
        queued, running = (server.submit(O1, {"prompt": "x"}) for _ in range(2))
        server.http.post(f"/_fakefal/requests/{running['request_id']}/advance", json={"to": "start"})
        for submitted, expected in ((queued, (200, "OK")), (running, (202, "CANCELLATION_REQUESTED"))):
            answer = server.http.put(submitted["cancel_url"])
            assert (answer.status_code, answer.json()) == (expected[0], {"status": expected[1]})
            again = server.http.put(submitted["cancel_url"])
            assert (again.status_code, again.json()) == (400, {"status": "ALREADY_COMPLETED"})
        unknown = server.http.put(url(server, "unknown", "/cancel"))
        assert (unknown.status_code, unknown.json()) == (404, {"status": "NOT_FOUND"})

    def test_a_cancelled_request_is_over(self, serve: Serve) -> None:
        server = serve(profile="realistic")
        submitted = server.submit(O1, {"prompt": "x"})
        server.http.put(submitted["cancel_url"])
        status = server.http.get(submitted["status_url"])
        assert (status.status_code, status.json()["status"]) == (200, "COMPLETED")
        assert status.json()["error_type"] == "client_cancelled"
        result = server.http.get(submitted["response_url"])
        assert result.status_code == 499
        assert result.json()["error_type"] == result.headers["x-fal-error-type"] == "client_cancelled"
        assert result.headers["x-fal-needs-retry"] == result.headers["x-fal-retryable"] == "false"


@pytest.mark.both_stores
class TestRun:
    def test_the_output_at_once(self, server: Server) -> None:
        answer = server.http.post(f"/run/{O1}", json={"prompt": "x", "duration": "10"})
        assert answer.status_code == 200
        assert answer.headers["x-fal-billable-units"] == "10.0"
        assert re.fullmatch(UUID7, answer.headers["x-fal-request-id"])
        assert answer.json()["video"]["file_size"] > 0

    def test_a_refusal_at_once(self, server: Server) -> None:
        answer = server.http.post(f"/run/{O1}", json={})
        assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "prompt"])
        assert answer.headers["x-fal-billable-units"] == "0"

    def test_poll_driven_profiles_do_not_hold_it_up(self, serve: Serve) -> None:
        assert serve(profile="stepped").http.post(f"/run/{O1}", json={"prompt": "x"}).status_code == 200

    def test_over_the_limit_of_runners_it_is_429(self, serve: Serve) -> None:
        server = serve(profile="realistic", runners=1)
        running = server.submit(O1, {"prompt": "x"})
        server.http.post(f"/_fakefal/requests/{running['request_id']}/advance", json={"seconds": 60})
        answer = server.http.post(f"/run/{O1}", json={"prompt": "x"})
        assert answer.status_code == 429
        assert answer.json() == {
            "detail": "Reached concurrent requests limit of 1",
            "type": "concurrent_requests_limit",
            "data": {"limit": 1},
        }
        assert (answer.headers["x-fal-needs-retry"], answer.headers["x-fal-retryable"]) == ("1", "true")
        assert len(server.http.get("/_fakefal/requests").json()) == 1


@pytest.mark.both_stores
class TestStartTimeout:
    HEADERS = ("X-Fal-Request-Start-Timeout", "X-Fal-Request-Timeout")

    @pytest.mark.parametrize("header", HEADERS)
    def test_a_request_that_did_not_start_in_time_is_over(self, serve: Serve, header: str) -> None:
        server = serve(profile="quick", runners=1)
        server.http.post("/_fakefal/clock", json={"speed": 0})
        server.submit(O1, {"prompt": "x"})  # runs from 0.5 to 2.5 s
        waiting = server.submit(O1, {"prompt": "x"}, **{header: "2.0"})
        patient = server.submit(O1, {"prompt": "x"})
        server.http.post("/_fakefal/clock", json={"advance": 1.9})
        assert server.http.get(waiting["status_url"]).json()["queue_position"] == 0
        server.http.post("/_fakefal/clock", json={"advance": 0.2})
        status = server.http.get(waiting["status_url"])
        assert (status.status_code, status.json()["status"]) == (200, "COMPLETED")
        assert (status.json()["error"], status.json()["error_type"]) == ("Request timed out", "request_timeout")
        result = server.http.get(waiting["response_url"])
        assert (result.status_code, result.json()["error_type"]) == (504, "request_timeout")
        assert result.headers["x-fal-request-timeout-type"] == "user"
        assert result.headers["x-fal-needs-retry"] == "false"
        assert result.headers["x-fal-billable-units"] == "0"
        assert server.http.get(patient["status_url"]).json()["queue_position"] == 0

    def test_one_that_started_in_time_runs_on(self, serve: Serve) -> None:
        server = serve(profile="realistic")
        submitted = server.submit(O1, {"prompt": "x"}, **{"X-Fal-Request-Start-Timeout": "3600"})
        server.http.post("/_fakefal/clock", json={"advance": 7200})
        assert server.http.get(submitted["response_url"]).status_code == 200

    def test_the_newer_name_wins(self, serve: Serve) -> None:
        server = serve(profile="realistic")
        headers = dict(zip(self.HEADERS, ("3600", "0.2"), strict=True))
        submitted = server.submit(O1, {"prompt": "x"}, **headers)
        server.http.post("/_fakefal/clock", json={"advance": 7200})
        assert server.http.get(submitted["response_url"]).status_code == 200


@pytest.mark.both_stores
class TestQueueLength:
    def test_with_more_waiting_it_is_429(self, serve: Serve) -> None:
        server = serve(profile="realistic", runners=1)
        submit = {"params": {"fal_max_queue_length": "1"}, "json": {"prompt": "x"}}
        assert [server.http.post(f"/queue/{O1}", **submit).status_code for _ in range(3)] == [200, 200, 429]
        for wrong in ("-1", "abc"):
            answer = server.http.post(f"/queue/{O1}", params={"fal_max_queue_length": wrong}, json={})
            assert answer.status_code == 422
            assert "x-fal-request-id" in answer.headers
        assert len(server.http.get("/_fakefal/requests").json()) == 2


@pytest.mark.both_stores
class TestBounds:
    def test_only_finished_requests_are_dropped_oldest_first(self, serve: Serve) -> None:
        server = serve(profile="realistic", max_requests=2)
        first, second = (server.submit(O1, {"prompt": "x"}) for _ in range(2))
        full = server.http.post(f"/queue/{O1}", json={"prompt": "x"})
        assert full.status_code == 503
        assert "the store is full: 2 requests with" in full.json()["detail"]
        server.http.put(second["cancel_url"])
        server.submit(O1, {"prompt": "x"})
        assert server.http.get(second["status_url"]).status_code == 404
        assert server.http.get(first["status_url"]).status_code == 202

    def test_a_request_that_does_not_fit_drops_nothing(self, serve: Serve) -> None:
        server = serve(max_request_bytes=5000)
        kept = [server.submit(O1, {"prompt": "x"}) for _ in range(3)]
        assert server.http.post(f"/queue/{O1}", json={"prompt": "x" * 6000}).status_code == 503
        assert {server.http.get(one["status_url"]).status_code for one in kept} == {200}

    def test_parallel_calls_of_the_synchronous_road_share_one_limit(self, serve: Serve) -> None:
        server = serve(profile="quick", runners=1)
        picture_url = "https://v3b.fal.media/files/b/rabbit/NaslJIC7F2WodS6DFZRRJ.png"
        body = {"prompt": "x", "image_urls": [picture_url]}
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: server.http.post(f"/run/{O1}", json=body).status_code, range(6)))
        assert sorted(answers) == [200, 429, 429, 429, 429, 429]


class TestHosts:
    @pytest.mark.parametrize("host", ["queue.fal.run", "queue.falrun.com", "QUEUE.FAL.RUN:443"])
    def test_fals_names_lead_to_their_part(self, server: Server, host: str) -> None:
        assert server.http.post(f"/{O1}", json={}, headers={"Host": host}).json()["status"] == "IN_QUEUE"

    def test_an_unknown_host_of_fals_is_refused(self, server: Server) -> None:
        answer = server.http.get("/login", headers={"Host": "auth.fal.ai"})
        assert answer.status_code == 501
        assert "sent nothing to it" in answer.json()["detail"]

    @pytest.mark.parametrize("host", ["api.fal.ai", "fal.ai", "ws.fal.run", "rest.fal.ai"])
    def test_what_is_not_emulated_says_so(self, server: Server, host: str) -> None:
        assert server.http.get("/v1/something", headers={"Host": host}).status_code == 501

    @pytest.mark.parametrize(
        "origin",
        [
            "http://localhost:3000",
            "https://localhost",
            "http://127.0.0.1:5173",
            "http://[::1]:8080",
            "http://app.localhost:3000",
        ],
    )
    def test_web_pages_of_this_machine_may_call_what_fal_serves(self, server: Server, origin: str) -> None:
        page = {"Origin": origin}
        asked = {**page, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        assert server.http.options(f"/queue/{O1}", headers=asked).status_code == 200
        answer = server.http.post(f"/queue/{O1}", json={}, headers=page)
        assert answer.headers["access-control-allow-origin"] == page["Origin"]
        assert "x-fal-request-id" in answer.headers["access-control-expose-headers"]
