"""fal's Platform API: models, prices, the list of requests, queues, files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from fakefal_contracts import BUILT_IN, examples
from fakefal_contracts.openapi import openapi
from support.endpoints import APP, I2V, O3, STANDARD
from support.media import picture
from support.server import Serve, Server

pytestmark = pytest.mark.quick

V1 = "/platform/v1"
FLUX = "fal-ai/flux/dev"
UNPRICED = "CassetteAI/music-generator"
SECOND_KEY = {"Authorization": "Key another:secret"}
Query = dict[str, Any]


def get(server: Server, path: str, params: Query | None = None, **headers: str) -> httpx.Response:
    return server.http.get(f"{V1}/{path}", params=params or {}, headers=headers)


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["endpoint_id"] for one in answer.json()["models"]]


def error(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    assert list(body) == ["error"]
    assert body["error"]["message"]
    return answer.status_code, body["error"]["type"]


class TestModels:
    def test_all_are_listed_without_a_key(self, server: Server) -> None:
        answer = httpx.get(f"{server.url}{V1}/models", params={"limit": len(BUILT_IN)}, trust_env=False)
        assert ids(answer) == list(BUILT_IN)
        assert answer.json()["models"][0]["metadata"]["is_favorited"] is None
        assert (answer.json()["next_cursor"], answer.json()["has_more"]) == (None, False)

    def test_an_entry_has_what_fals_has(self, server: Server) -> None:
        (entry,) = get(server, "models", {"endpoint_id": STANDARD}).json()["models"]
        metadata = entry["metadata"]
        assert metadata["display_name"] == "Kling O1 First Frame Last Frame to Video [Standard]"
        assert metadata["group"] == {"key": "kling-video/o1", "label": "FLFV [Standard]"}
        assert metadata["date"] == "2025-12-15T09:37:41.280Z"
        assert metadata["model_url"] == f"{server.url}/run/{STANDARD}"
        assert metadata["is_favorited"] is False
        assert httpx.get(metadata["thumbnail_url"], trust_env=False).headers["content-type"] == "image/png"

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"endpoint_id": [O3, I2V]}, [O3, I2V]),
            ({"endpoint_id": f"{O3},{I2V}"}, [O3, I2V]),
            ({"endpoint_id": FLUX}, [FLUX]),
            ({"q": "first FRAME standard o1"}, [STANDARD]),
            ({"q": "flux schnell", "category": "text-to-image"}, ["fal-ai/flux-1/schnell", "fal-ai/flux/schnell"]),
            ({"q": "nothing like it"}, []),
            ({"category": "image-to-video", "q": "kling o3/pro"}, [f"{APP}/o3/pro/image-to-video", O3]),
            ({"category": "no-such-category"}, []),
            ({"category": "text-to-image", "endpoint_id": [I2V, FLUX]}, [FLUX]),
            ({"status": "active", "endpoint_id": [I2V, FLUX]}, [I2V, FLUX]),
            ({"status": "deprecated"}, []),
        ],
        ids=str,
    )
    def test_they_are_found(self, server: Server, query: Query, expected: list[str]) -> None:
        assert ids(get(server, "models", query)) == expected

    def test_pages_lead_from_one_to_the_next(self, server: Server) -> None:
        found: list[str] = []
        query: Query = {"limit": 700}
        while query.get("cursor", "") is not None:
            answer = get(server, "models", query)
            found += ids(answer)
            assert answer.json()["has_more"] is (answer.json()["next_cursor"] is not None)
            query["cursor"] = answer.json()["next_cursor"]
        assert found == list(BUILT_IN)

    def test_documents_come_along(self, server: Server) -> None:
        answer = get(server, "models", {"endpoint_id": [I2V, FLUX], "expand": "openapi-3.0"})
        for shown, endpoint_id in zip(answer.json()["models"], [I2V, FLUX], strict=True):
            edition = BUILT_IN.find(endpoint_id).edition("latest")
            assert shown["openapi"] == openapi(edition, server=f"{server.url}/queue")

    def test_a_model_that_was_not_there_yet_has_no_document(self, serve: Serve) -> None:
        early = serve(contract="2026-01-30")
        (entry,) = get(early, "models", {"endpoint_id": O3, "expand": "openapi-3.0"}).json()["models"]
        assert entry["openapi"]["error"]["code"] == "expansion_failed"

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"limit": 0}, (400, "validation_error")),
            ({"limit": "many"}, (400, "validation_error")),
            ({"cursor": "?"}, (400, "validation_error")),
            ({"cursor": "LTE="}, (400, "validation_error")),
            ({"status": "new"}, (400, "validation_error")),
            ({"expand": "everything"}, (400, "validation_error")),
            ({"endpoint_id": [f"fal-ai/{n}" for n in range(51)]}, (400, "validation_error")),
            ({"endpoint_id": [I2V, "fal-ai/none"]}, (404, "not_found")),
        ],
        ids=str,
    )
    def test_wrong_questions_are_refused(self, server: Server, query: Query, expected: tuple[int, str]) -> None:
        assert error(get(server, "models", query)) == expected


class TestPrices:
    def test_each_second_has_its_price(self, server: Server) -> None:
        answer = get(server, "models/pricing", {"endpoint_id": [STANDARD, O3]}).json()
        assert answer == {
            "prices": [
                {"endpoint_id": STANDARD, "unit_price": 0.084, "unit": "seconds", "currency": "USD"},
                {"endpoint_id": O3, "unit_price": 0.112, "unit": "seconds", "currency": "USD"},
            ],
            "next_cursor": None,
            "has_more": False,
        }

    def test_each_model_has_its_unit(self, server: Server) -> None:
        (price,) = get(server, "models/pricing", {"endpoint_id": FLUX}).json()["prices"]
        assert price == {"endpoint_id": FLUX, "unit_price": 0.025, "unit": "images", "currency": "USD"}

    def test_of_an_unknown_price_it_says_how_to_give_it(self, server: Server) -> None:
        answer = get(server, "models/pricing", {"endpoint_id": UNPRICED})
        assert error(answer) == (404, "not_found")
        assert f'[prices."{UNPRICED}"]' in answer.headers["x-fakefal-hint"]

    def test_prices_are_those_of_the_contracts_day(self, serve: Serve) -> None:
        answer = get(serve(contract="2026-03-01"), "models/pricing", {"endpoint_id": O3}).json()
        assert answer["prices"][0]["unit_price"] == 0.224

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({}, (400, "validation_error")),
            ({"endpoint_id": ",".join(f"x/{n}" for n in range(51))}, (400, "validation_error")),
            ({"endpoint_id": [I2V, "fal-ai/none"]}, (404, "not_found")),
            ({"endpoint_id": UNPRICED}, (404, "not_found")),
        ],
        ids=str,
    )
    def test_wrong_questions_are_refused(self, server: Server, query: Query, expected: tuple[int, str]) -> None:
        assert error(get(server, "models/pricing", query)) == expected

    def test_an_estimate_by_seconds(self, server: Server) -> None:
        asked = {"estimate_type": "unit_price", "endpoints": {I2V: {"unit_quantity": 12.5}, O3: {"unit_quantity": 1}}}
        answer = server.http.post(f"{V1}/models/pricing/estimate", json=asked).json()
        assert answer == {"estimate_type": "unit_price", "total_cost": 1.512, "currency": "USD"}

    def test_an_estimate_by_calls_is_what_calls_of_this_key_cost(self, server: Server) -> None:
        def estimate(**headers: str) -> float:
            asked = {"estimate_type": "historical_api_price", "endpoints": {I2V: {"call_quantity": 10}}}
            answer = server.http.post(f"{V1}/models/pricing/estimate", json=asked, headers=headers)
            return float(answer.json()["total_cost"])

        assert estimate() == 5.6, "five seconds, as in the example"
        server.submit(I2V, examples(I2V)["required"] | {"duration": "10"})
        server.submit(I2V, {"prompt": "refused"})
        assert estimate() == 11.2
        assert estimate(**SECOND_KEY) == 5.6

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({}, (400, "validation_error")),
            ({"estimate_type": "guess", "endpoints": {}}, (400, "validation_error")),
            ({"estimate_type": "unit_price", "endpoints": {}}, (400, "validation_error")),
            ({"estimate_type": "unit_price", "endpoints": {I2V: {"unit_quantity": 0}}}, (400, "validation_error")),
            ({"estimate_type": "unit_price", "endpoints": {I2V: {"call_quantity": 1}}}, (400, "validation_error")),
            (
                {"estimate_type": "historical_api_price", "endpoints": {"a/b": {"call_quantity": 1}}},
                (404, "not_found"),
            ),
            (
                {"estimate_type": "unit_price", "endpoints": {UNPRICED: {"unit_quantity": 1}}},
                (404, "not_found"),
            ),
        ],
        ids=str,
    )
    def test_wrong_estimates_are_refused(self, server: Server, body: Any, expected: tuple[int, str]) -> None:
        assert error(server.http.post(f"{V1}/models/pricing/estimate", json=body)) == expected

    def test_what_is_no_json_is_refused(self, server: Server) -> None:
        answer = server.http.post(
            f"{V1}/models/pricing/estimate", content=b"{", headers={"Content-Type": "application/json"}
        )
        assert error(answer) == (400, "validation_error")


PRIVATE = [
    ("GET", f"models/pricing?endpoint_id={I2V}"),
    ("GET", f"models/requests/by-endpoint?endpoint_id={I2V}"),
    ("GET", "models/requests/search"),
    ("GET", "models/usage"),
    ("GET", f"models/analytics?endpoint_id={I2V}"),
    ("GET", "models/billing-events"),
    ("GET", "account/billing"),
    ("DELETE", "models/requests/x/payloads"),
    ("GET", "serverless/apps/fal-ai/kling-video/queue"),
    ("DELETE", "serverless/apps/fal-ai/kling-video/queue"),
    ("GET", "storage/files/acl?url=https://v3.fal.media/files/x"),
    ("GET", "storage/settings"),
]


@pytest.mark.parametrize(("method", "path"), PRIVATE)
def test_private_calls_need_a_key(server: Server, method: str, path: str) -> None:
    answer = httpx.request(method, f"{server.url}{V1}/{path}", trust_env=False)
    assert error(answer) == (401, "authorization_error")


@pytest.mark.parametrize("path", ["models", f"models/pricing?endpoint_id={I2V}"])
def test_a_wrong_key_is_refused_in_the_platforms_form(serve: Serve, path: str) -> None:
    server = serve(keys={"tester": "other"})
    assert error(server.http.get(f"{V1}/{path}")) == (401, "authorization_error")


class TestRequests:
    def items(self, server: Server, params: Query | None = None, **headers: str) -> list[dict[str, Any]]:
        answer = get(server, "models/requests/by-endpoint", {"endpoint_id": [I2V, O3]} | (params or {}), **headers)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    def test_a_request_is_listed_with_what_became_of_it(self, server: Server) -> None:
        request_id = server.submit(I2V, examples(I2V)["required"])["request_id"]
        (item,) = self.items(server)
        assert list(item) == [
            "request_id",
            "endpoint_id",
            "started_at",
            "sent_at",
            "ended_at",
            "status_code",
            "duration",
        ]
        assert (item["request_id"], item["endpoint_id"], item["status_code"]) == (request_id, I2V, 200)
        assert item["duration"] == 0
        assert item["started_at"].endswith("Z")

    def test_payloads_come_along_when_asked_for(self, server: Server) -> None:
        arguments = examples(I2V)["required"]
        submitted = server.submit(I2V, arguments)
        server.submit(I2V, {"prompt": "x"})
        refused, made = self.items(server, {"expand": "payloads"})
        assert (made["json_input"], made["json_output"]) == (
            arguments,
            server.http.get(submitted["response_url"]).json(),
        )
        assert refused["json_input"] == {"prompt": "x"}
        assert refused["json_output"]["detail"][0]["type"] == "missing"

    def test_a_data_uri_is_shown_as_the_file_it_became(self, server: Server) -> None:
        import base64

        address = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
        server.submit(I2V, {"prompt": "x", "start_image_url": address})
        (item,) = self.items(server, {"expand": "payloads"})
        assert httpx.get(item["json_input"]["start_image_url"], trust_env=False).content == picture()

    def test_other_keys_requests_are_not_listed(self, server: Server) -> None:
        server.submit(I2V, {"prompt": "x"}, **SECOND_KEY)
        assert self.items(server) == []
        assert len(self.items(server, **SECOND_KEY)) == 1

    def test_what_waits_and_what_runs_is_listed_without_an_end(self, serve: Serve) -> None:
        server = serve(profile="realistic", runners=1)
        server.http.post("/_fakefal/clock", json={"speed": 0})
        first = server.submit(I2V, examples(I2V)["required"])["request_id"]
        second = server.submit(I2V, examples(I2V)["required"])["request_id"]
        server.http.post(f"/_fakefal/requests/{first}/advance", json={"to": "start"})
        seen = {item["request_id"]: item for item in self.items(server, {"expand": "payloads"})}
        assert set(seen) == {first, second}
        for item in seen.values():
            assert (item["ended_at"], item["status_code"], item["duration"], item["json_output"]) == (None,) * 4

    @pytest.mark.parametrize(
        ("status", "expected"), [("success", [200]), ("user_error", [422]), ("error", [500]), (None, [200, 422, 500])]
    )
    def test_the_outcome_filters(self, server: Server, status: str | None, expected: list[int]) -> None:
        server.submit(I2V, examples(I2V)["required"])
        server.submit(I2V, {"prompt": "x"})
        server.submit(I2V, examples(I2V)["required"], **{"X-Fakefal-Effect": "internal_server_error"})
        found = self.items(server, {"status": status} if status else {})
        assert sorted(item["status_code"] for item in found) == expected

    def test_time_filters_on_the_callers_own_clock(self, serve: Serve) -> None:
        now = 1_800_000_000.0
        server = serve(parts={"wall": lambda: now})
        old = server.submit(I2V, {"prompt": "old"})["request_id"]
        sent_at = self.items(server)[0]["sent_at"]
        assert sent_at == "2027-01-15T08:00:00.000Z"
        now += 2 * 24 * 3600
        new = server.submit(I2V, {"prompt": "new"})["request_id"]

        def found(**query: str) -> list[str]:
            return [item["request_id"] for item in self.items(server, query)]

        assert found() == [new], "a day back by default"
        assert found(request_id=old) == [old], "further where one is asked for"
        assert found(start=sent_at[:10]) == [new, old]
        assert found(start=sent_at[:10], end=sent_at) == []

    def test_a_moved_clock_does_not_hide_a_request_from_its_caller(self, server: Server) -> None:
        server.http.post("/_fakefal/clock", json={"advance": 5 * 24 * 3600})
        before = datetime.now(UTC) - timedelta(minutes=1)
        request_id = server.submit(I2V, {"prompt": "x"})["request_id"]
        server.http.post("/_fakefal/clock", json={"advance": 5 * 24 * 3600})
        window = {"start": before.isoformat(), "end": (before + timedelta(minutes=2)).isoformat()}
        assert [item["request_id"] for item in self.items(server, window)] == [request_id]

    def test_the_longest_come_first_when_asked_for(self, serve: Serve) -> None:
        server = serve(profile="quick")
        server.submit(I2V, examples(I2V)["required"])
        server.submit(I2V, {"prompt": "x"})
        server.http.post("/_fakefal/clock?key=tester", json={"advance": 60})
        durations = [item["duration"] for item in self.items(server, {"sort_by": "duration"})]
        assert durations == pytest.approx([2, 0.2])

    def test_pages_lead_from_one_to_the_next(self, server: Server) -> None:
        sent = [server.submit(I2V, {"prompt": str(n)})["request_id"] for n in range(5)]
        found: list[str] = []
        query: Query = {"endpoint_id": I2V, "limit": 2}
        while query.get("cursor", "") is not None:
            page = get(server, "models/requests/by-endpoint", query).json()
            found += [item["request_id"] for item in page["items"]]
            query["cursor"] = page["next_cursor"]
        assert found == sent[::-1]

    @pytest.mark.parametrize(
        "query",
        [
            {"endpoint_id": ""},
            {"limit": 101},
            {"start": "yesterday"},
            {"status": "failed"},
            {"sort_by": "price"},
            {"expand": "logs"},
        ],
        ids=str,
    )
    def test_wrong_questions_are_refused(self, server: Server, query: Query) -> None:
        answer = get(server, "models/requests/by-endpoint", {"endpoint_id": I2V} | query)
        assert error(answer) == (400, "validation_error")


@pytest.mark.both_stores
class TestErasing:
    def test_payloads_and_the_files_made_are_gone(self, server: Server) -> None:
        submitted = server.submit(I2V, examples(I2V)["required"])
        link = server.http.get(submitted["response_url"]).json()["video"]["url"]
        for _ in range(2):
            answer = server.http.delete(f"{V1}/models/requests/{submitted['request_id']}/payloads")
            assert answer.json() == {"cdn_delete_results": [{"link": link, "exception": None}]}
        assert httpx.get(link, trust_env=False).status_code == 404
        assert server.http.get(submitted["response_url"]).status_code == 404
        assert server.http.get(submitted["status_url"]).json()["status"] == "COMPLETED"
        query = {"endpoint_id": I2V, "expand": "payloads"}
        (item,) = get(server, "models/requests/by-endpoint", query).json()["items"]
        assert "json_input" not in item
        assert "json_output" not in item

    def test_files_sent_in_stay(self, server: Server) -> None:
        submitted = server.submit(I2V, examples(I2V)["required"])
        server.http.delete(f"{V1}/models/requests/{submitted['request_id']}/payloads")
        assert server.result(I2V, examples(I2V)["required"]).status_code == 200

    def test_a_reset_forgets_it(self, server: Server) -> None:
        submitted = server.submit(I2V, examples(I2V)["required"])
        link = server.http.get(submitted["response_url"]).json()["video"]["url"]
        server.http.delete(f"{V1}/models/requests/{submitted['request_id']}/payloads")
        server.http.post("/_fakefal/reset")
        assert httpx.get(link, trust_env=False).status_code == 200

    def test_only_of_ones_own_requests_that_are_over(self, serve: Serve) -> None:
        server = serve(profile="realistic")
        request_id = server.submit(I2V, examples(I2V)["required"])["request_id"]
        path = f"{V1}/models/requests/{request_id}/payloads"
        assert error(server.http.delete(path)) == (400, "validation_error")
        assert error(server.http.delete(path, headers=SECOND_KEY)) == (404, "not_found")
        assert error(server.http.delete(f"{V1}/models/requests/none/payloads")) == (404, "not_found")


@pytest.mark.both_stores
class TestQueue:
    PATH = f"{V1}/serverless/apps/fal-ai/kling-video/queue"

    def size(self, server: Server, **headers: str) -> int:
        answer = server.http.get(self.PATH, headers=headers)
        assert list(answer.json()) == ["queue_size"]
        return int(answer.json()["queue_size"])

    def test_a_flush_cancels_what_waits_and_leaves_what_runs(self, serve: Serve) -> None:
        server = serve(profile="realistic", runners=1)
        server.http.post("/_fakefal/clock", json={"speed": 0})
        submitted = [server.submit(I2V, examples(I2V)["required"]) for _ in range(3)]
        server.submit(I2V, examples(I2V)["required"], **SECOND_KEY)
        server.http.post(f"/_fakefal/requests/{submitted[0]['request_id']}/advance", json={"to": "start"})
        assert (self.size(server), self.size(server, **SECOND_KEY)) == (2, 1)
        answer = server.http.delete(self.PATH)
        assert (answer.status_code, answer.content) == (204, b"")
        states = [server.http.get(one["status_url"]).json()["status"] for one in submitted]
        assert states == ["IN_PROGRESS", "COMPLETED", "COMPLETED"]
        assert server.http.get(submitted[1]["response_url"]).status_code == 499
        assert (self.size(server), self.size(server, **SECOND_KEY)) == (0, 1)

    def test_a_repeated_flush_does_nothing(self, serve: Serve) -> None:
        server = serve(profile="realistic")
        server.http.post("/_fakefal/clock", json={"speed": 0})

        def flush(**headers: str) -> None:
            assert server.http.delete(self.PATH, headers={"Idempotency-Key": "once"} | headers).status_code == 204

        flush()
        server.submit(I2V, examples(I2V)["required"])
        flush()
        flush(**SECOND_KEY)
        assert self.size(server) == 1
        flush(**{"Idempotency-Key": "another"})
        assert self.size(server) == 0

    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    def test_an_unknown_application_is_not_found(self, server: Server, method: str) -> None:
        answer = server.http.request(method, f"{V1}/serverless/apps/fal-ai/none/queue")
        assert error(answer) == (404, "not_found")


class TestMeta:
    def test_webhooks_come_from_this_machine(self, server: Server) -> None:
        answer = httpx.get(f"{server.url}{V1}/meta", trust_env=False)
        assert answer.json() == {"webhook_ip_ranges": ["127.0.0.1/32", "::1/128"]}


class TestNotEmulated:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "keys"),
            ("POST", "keys"),
            ("GET", "account/focus"),
            ("GET", "organization/usage"),
            ("POST", "serverless/logs/history"),
            ("GET", "workflows"),
            ("GET", ""),
        ],
    )
    def test_the_rest_says_what_there_is(self, server: Server, method: str, path: str) -> None:
        answer = server.http.request(method, f"{V1}/{path}")
        assert error(answer) == (501, "not_implemented")
        for one in ("/models/pricing/estimate", "/serverless/apps/{owner}/{name}/queue", "/meta"):
            assert one in answer.json()["error"]["message"]

    def test_at_fals_own_host_it_is_the_same(self, server: Server) -> None:
        own = {"Host": "api.fal.ai"}
        assert server.http.get("/v1/keys", headers=own).status_code == 501
        assert len(server.http.get("/v1/models", headers=own).json()["models"]) == 50
