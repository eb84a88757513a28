"""The Platform API's analytics of past requests, and the search in them, in fal's own forms."""

from __future__ import annotations

from typing import Any

import pytest

from fakefal.platform_api.analytics import METRICS
from support.endpoints import I2V, O3
from support.platform_forms import COUNTS, FLUX, O1, V1, Query, get, refused, run
from support.server import Serve, Server

pytestmark = [pytest.mark.quick, pytest.mark.both_stores]


class TestAnalytics:
    def test_counts_and_lengths(self, serve: Serve) -> None:
        server = serve(profile="quick", runners=1)
        server.http.post("/_fakefal/clock", json={"speed": 0})
        run(server)
        run(server, prompt="fakefal:face_detection_error")
        run(server, prompt="fakefal:internal_server_error")
        for effect in ("runner_disconnected", "startup_timeout", "internal_error", "request_timeout"):
            run(server, prompt=f"fakefal:{effect}")
        server.advance(600)
        run(server)
        names = [*METRICS]
        (line,) = get(server, "models/analytics", endpoint_id=O1, expand=["summary", *names])["summary"]
        counted = {name: line[name] for name in COUNTS}
        assert counted == {
            "request_count": 8,
            "success_count": 1,
            "user_error_count": 1,
            "error_count": 5,
            "startup_error_count": 1,
            "connection_error_count": 1,
            "timeout_error_count": 1,
            "runtime_error_count": 1,
            "cold_boot_count": 0,
        }
        assert line["p99_duration"] == line["total_billable_duration"] == 2.0
        assert line["p25_duration"] == pytest.approx(0.2)
        assert line["p50_prepare_duration"] - 2.4 == 0.5 or line["p50_prepare_duration"] > 2.4
        assert not [name for name in line if name.endswith("cold_boot_duration")], "nothing of the kind happens here"

    def test_only_what_is_asked_for_is_told(self, server: Server) -> None:
        run(server)
        run(server, O3)
        found = get(server, "models/analytics", endpoint_id=[O1, I2V])
        assert [one["results"] for one in found["time_series"]] == [[{"endpoint_id": O1, "request_count": 1}]]

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ({}, "give 1 to 50"),
            ({"endpoint_id": O1, "expand": "summary"}, "a metric such as request_count"),
            ({"endpoint_id": O1, "expand": "p50_duration"}, "give time_series or summary"),
            ({"endpoint_id": O1, "expand": "p51_duration"}, "p51_duration is not known"),
        ],
        ids=str,
    )
    def test_wrong_questions_are_refused(self, server: Server, query: Query, said: str) -> None:
        assert said in refused(server, "models/analytics", **query)


class TestSearch:
    def test_without_a_question_the_newest_come_first(self, server: Server) -> None:
        ids = [run(server), run(server, FLUX)]
        found = get(server, "models/requests/search")["results"]
        assert [one["request_id"] for one in found] == ids[::-1]
        assert list(found[0]) == [
            *("request_id", "endpoint_id", "started_at", "sent_at", "ended_at", "status_code", "duration")
        ]
        assert get(server, "models/requests/search", only_api_requests="true")["results"] == found
        other = {"Authorization": "Key other:secret"}
        assert get(server, "models/requests/search", other)["results"] == []
        assert get(server, "models/requests/search", exclude_api_requests="true")["results"] == []
        for query in ({"endpoint": FLUX}, {"endpoint_id": FLUX}, {"endpoint_id": FLUX, "endpoint": O1}):
            assert [one["request_id"] for one in get(server, "models/requests/search", **query)["results"]] == ids[1:]

    def test_words_find_what_holds_them_the_nearest_first(self, server: Server) -> None:
        near = run(server, prompt="A red fox in snow")
        far = run(server, prompt="a red car")
        run(server, prompt="nothing like it")

        def found(**query: Any) -> list[tuple[str, float]]:
            results = get(server, "models/requests/search", **query)["results"]
            return [(one["request_id"], one["similarity"]) for one in results]

        assert found(query="red fox") == [(near, 1.0), (far, 0.5)]
        assert found(query="red fox", min_similarity=0.6) == [(near, 1.0)]
        assert found(query="http https 1 127 mp4") == [], "what describes its files says nothing of a request"
        assert found(query="!") == []
        assert found(query="red", limit=1)[0][0] == far, "of equals the newest"

    def test_addresses_find_what_named_or_made_the_file(self, server: Server) -> None:
        made = server.submit(O1, {"prompt": "x"})
        url = server.http.get(made["response_url"]).json()["video"]["url"]
        run(server)
        (found,) = get(server, "models/requests/search", video_url=url)["results"]
        assert (found["request_id"], found["similarity"]) == (made["request_id"], 1.0)
        server.http.delete(f"{V1}/models/requests/{made['request_id']}/payloads")
        assert get(server, "models/requests/search", video_url=url)["results"] == []

    @pytest.mark.parametrize(
        "query",
        [
            {"query": "x", "image_url": "y"},
            {"exclude_api_requests": "true", "only_api_requests": "true"},
            {"min_similarity": 2},
            {"limit": 0},
        ],
        ids=str,
    )
    def test_wrong_questions_are_refused(self, server: Server, query: Query) -> None:
        assert refused(server, "models/requests/search", **query)
