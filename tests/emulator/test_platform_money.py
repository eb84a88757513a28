"""The Platform API's calls about money, in fal's own forms."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fakefal.platform_api.charges import LAG_SECONDS
from fakefal_contracts import BUILT_IN
from fakefal_contracts.example import example_input
from support.endpoints import O3
from support.platform_forms import FLUX, O1, V1, Query, get, refused, run
from support.server import Serve, Server

pytestmark = [pytest.mark.quick, pytest.mark.both_stores]

UNPRICED = "CassetteAI/music-generator"
POLICY = {"X-Fakefal-Effect": "content_policy_violation(billed=true)"}


class TestAccount:
    def test_credits_are_what_is_left_and_never_below_zero(self, serve: Serve) -> None:
        server = serve(balance="1.00")
        assert get(server, "account/billing") == {"username": "tester"}
        left = [get(server, "account/billing", expand="credits")["credits"]]
        for _ in range(2):
            run(server)
            left.append(get(server, "account/billing", expand="credits")["credits"])
        assert left == [{"current_balance": usd, "currency": "USD"} for usd in (1.0, 0.44, 0.0)]
        assert "credits" in refused(server, "account/billing", expand="debts")

    def test_an_account_that_never_runs_out_has_a_hundred(self, server: Server) -> None:
        run(server)
        assert get(server, "account/billing", expand="credits")["credits"]["current_balance"] == 100


class TestUsage:
    @pytest.mark.parametrize(
        "query",
        [
            {"start": "9999-12-30", "end": "9999-12-31T23:59:00"},
            {"start": "0001-01-01", "end": "0001-01-02", "timezone": "Europe/Berlin"},
        ],
    )
    def test_days_at_the_edges_of_the_calendar_are_refused(self, server: Server, query: dict[str, str]) -> None:
        assert "start, end" in refused(server, "models/usage", **query)

    def test_charges_add_up_by_endpoint_and_price(self, server: Server) -> None:
        run(server)
        run(server, **POLICY)
        run(server, prompt="fakefal:content_policy_violation")
        server.submit(O3, {"prompt": "x", "generate_audio": True})
        run(server, FLUX)
        run(server, Authorization="Key other:secret")
        found = get(server, "models/usage", expand="summary")
        shown = {one["endpoint_id"]: one for one in found["summary"]}
        assert set(shown) == {O1, O3, FLUX}
        assert shown[O1] == {
            "endpoint_id": O1,
            "unit": "second",
            "quantity": 10.0,
            "unit_price": 0.112,
            "percent_discount": None,
            "cost_subtotal": 1.12,
            "cost_discount": 0.0,
            "cost_total": 1.12,
            "cost": 1.12,
            "currency": "USD",
        }
        assert (shown[O3]["unit_price"], shown[O3]["cost"]) == (0.14, 0.7)
        assert (shown[FLUX]["unit"], shown[FLUX]["quantity"]) == ("image", 1.0)
        assert "time_series" not in found
        assert sum(one["cost"] for one in found["summary"]) == pytest.approx(
            server.control("ledger", key="tester")["usd"]
        )

    def test_buckets_are_those_of_the_callers_days(self, serve: Serve) -> None:
        now = 1_800_000_000.0  # 2027-01-15 08:00 UTC, a Friday
        server = serve(parts={"wall": lambda: now})
        for _ in range(3):
            run(server)
            now += 10 * 3600
        span = {"start": "2027-01-01", "end": "2027-02-01"}

        def buckets(**query: str) -> dict[str, float]:
            found = get(server, "models/usage", **span | query)["time_series"]
            return {one["bucket"]: one["results"][0]["cost"] for one in found}

        assert buckets() == {"2027-01-15T00:00:00+00:00": 1.12, "2027-01-16T00:00:00+00:00": 0.56}
        assert buckets(timezone="Asia/Tokyo") == {"2027-01-15T00:00:00+09:00": 0.56, "2027-01-16T00:00:00+09:00": 1.12}
        assert buckets(timeframe="week") == {"2027-01-11T00:00:00+00:00": 1.68}
        assert buckets(timeframe="month") == {"2027-01-01T00:00:00+00:00": 1.68}
        assert list(buckets(timeframe="hour")) == [f"2027-01-{day}:00:00+00:00" for day in ("15T08", "15T18", "16T04")]
        assert (
            len(get(server, "models/usage", start="2027-01-15T08:00:00Z", end="2027-01-15T09:30:00Z")["time_series"])
            == 1
        )

    def test_a_stretch_is_widened_to_whole_buckets_unless_told_not_to(self, serve: Serve) -> None:
        now = 1_800_000_000.0
        server = serve(parts={"wall": lambda: now})
        run(server)
        span = {"start": "2027-01-15T09:00:00Z", "end": "2027-01-15T10:00:00Z", "timeframe": "day"}
        assert len(get(server, "models/usage", **span)["time_series"]) == 1
        assert get(server, "models/usage", **span, bound_to_timeframe="false")["time_series"] == []
        edge = {"start": "2027-01-14", "end": "2027-01-15"}
        assert get(server, "models/usage", **edge)["time_series"] == [], "the end is exclusive"

    def test_pages_lead_from_bucket_to_bucket(self, serve: Serve) -> None:
        now = 1_800_000_000.0
        server = serve(parts={"wall": lambda: now})
        for _ in range(3):
            run(server)
            now += 3600
        seen, cursor = [], None
        while True:
            found = get(server, "models/usage", limit=2, **({"cursor": cursor} if cursor else {}))
            seen += [one["bucket"] for one in found["time_series"]]
            assert found["has_more"] is (found["next_cursor"] is not None)
            if (cursor := found["next_cursor"]) is None:
                break
        assert len(seen) == len(set(seen)) == 3

    def test_it_says_by_which_key_and_filters_by_it(self, server: Server) -> None:
        run(server)
        expand = "summary,auth_method,auth_method_structured"
        (line,) = get(server, "models/usage", expand=expand, api_key_id="x,tester")["summary"]
        assert line["auth_method"] == "tester"
        assert line["auth_method_structured"] == {"detail": "tester", "api_key_id": "tester"}
        for query in ({"api_key_id": "other"}, {"login_username": "alice"}, {"endpoint_id": O3}):
            assert get(server, "models/usage", expand="summary", **query)["summary"] == []

    def test_what_has_no_price_is_left_out_and_named(self, server: Server) -> None:
        server.submit(UNPRICED, example_input(BUILT_IN.find(UNPRICED)))
        answer = server.http.get(f"{V1}/models/usage", params={"expand": "summary"})
        assert answer.json()["summary"] == []
        assert UNPRICED in answer.headers["x-fakefal-hint"]

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ({"expand": "auth_method"}, "give time_series or summary"),
            ({"start": "2027-01-02", "end": "2027-01-01"}, "after start"),
            ({"timezone": "Mars/Base"}, "Mars/Base is not known"),
            ({"timezone": "../etc"}, "not known"),
            ({"timeframe": "year"}, "timeframe"),
            ({"start": "soon"}, "start"),
            ({"endpoint_id": ",".join(f"a/{n}" for n in range(51))}, "at most 50"),
        ],
        ids=str,
    )
    def test_wrong_questions_are_refused(self, server: Server, query: Query, said: str) -> None:
        assert said in refused(server, "models/usage", **query)


class TestEvents:
    def test_a_charge_shows_a_while_after_the_end(self, server: Server) -> None:
        run(server, **{"X-Fal-Tags": "team=design"})
        refusal = run(server, **POLICY, **{"X-Fal-Tags": "team=video,env=prod"})
        run(server, prompt="fakefal:content_policy_violation(billed=false)")
        assert get(server, "models/billing-events")["billing_events"] == []
        server.advance(LAG_SECONDS["billed"])
        newest, _ = get(server, "models/billing-events")["billing_events"]
        assert newest.pop("timestamp").endswith("Z")
        assert newest == {
            "request_id": refusal,
            "endpoint_id": O1,
            "quantity": 5.0,
            "output_units": 5.0,
            "unit": "second",
            "unit_price": 0.112,
            "percent_discount": None,
            "cost_subtotal": 0.56,
            "cost_discount": 0.0,
            "cost_total": 0.56,
            "cost_estimate_nano_usd": 560_000_000,
        }
        tagged = {"source": "tagged-billed"}
        assert get(server, "models/billing-events", **tagged)["billing_events"] == [], "with tags it takes longer"
        server.advance(LAG_SECONDS["tagged-billed"])
        events = get(server, "models/billing-events", **tagged)["billing_events"]
        assert [one["tags"] for one in events] == [{"team": "video", "env": "prod"}, {"team": "design"}]

        def found(*tags: str) -> int:
            return len(get(server, "models/billing-events", **tagged, tag=list(tags))["billing_events"])

        assert [found("team=video"), found("team=video", "team=design"), found("team=design", "env=prod")] == [1, 2, 0]
        assert found("env=(untagged)") == 1

    def test_filters_and_pages(self, server: Server) -> None:
        ids = [run(server) for _ in range(3)] + [run(server, FLUX)]
        server.advance(LAG_SECONDS["billed"])

        def found(**query: Any) -> list[str]:
            return [one["request_id"] for one in get(server, "models/billing-events", **query)["billing_events"]]

        assert found() == ids[::-1]
        assert found(request_id=ids[:2]) == ids[1::-1]
        assert found(endpoint_id=FLUX) == ids[3:]
        assert found(api_key_id="other") == found(login_username="x") == []
        first = get(server, "models/billing-events", limit=3)
        assert (len(first["billing_events"]), first["has_more"]) == (3, True)
        assert found(limit=3, cursor=first["next_cursor"]) == ids[:1]
        assert (
            get(server, "models/billing-events", expand="auth_method")["billing_events"][0]["auth_method"] == "tester"
        )

    def test_what_has_no_price_costs_nothing_and_says_so(self, server: Server) -> None:
        server.submit(UNPRICED, example_input(BUILT_IN.find(UNPRICED)))
        server.advance(LAG_SECONDS["billed"])
        answer = server.http.get(f"{V1}/models/billing-events")
        (event,) = answer.json()["billing_events"]
        assert (event["unit_price"], event["cost_total"]) == (None, 0.0)
        assert UNPRICED in answer.headers["x-fakefal-hint"]

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ({"tag": "team=design"}, "source=tagged-billed"),
            ({"tag": "design", "source": "tagged-billed"}, "write key=value"),
            ({"start": "2020-01-01"}, "at most 90 days"),
            ({"start": "2027-01-02", "end": "2027-01-01"}, "after start"),
            ({"limit": 10_001}, "limit"),
            ({"request_id": ",".join(map(str, range(51)))}, "request_id: give at most 50"),
        ],
        ids=str,
    )
    def test_wrong_questions_are_refused(self, server: Server, query: Query, said: str) -> None:
        assert said in refused(server, "models/billing-events", **query)


def test_they_answer_at_fals_own_host(server: Server) -> None:
    answer = server.http.get("/v1/account/billing", headers={"Host": "api.fal.ai"})
    assert (answer.status_code, answer.json()) == (200, {"username": "tester"})
    assert httpx.get(f"{server.url}{V1}/account/billing", trust_env=False).status_code == 401
