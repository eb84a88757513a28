"""Money as fal tells it: three states of a refusal, the balance that locks, tags."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from fakefal.state.happenings import CallRefused
from fakefal.state.tags import MOST_BYTES, BadTagFilter, TagFilter, read_tags
from fakefal_contracts.failures import LOCK_REASONS
from support.server import Serve, Server
from support.waiting import until

pytestmark = [pytest.mark.quick, pytest.mark.both_stores]

O1 = "fal-ai/kling-video/o1/reference-to-video"
POLICY = "fakefal:content_policy_violation"
LOCKED = {"detail": f"User is locked. Reason: {LOCK_REASONS['exhausted_balance']}"}
TOP_UP = "the balance is used up: POST /_fakefal/balance adds to it"
OTHER = {"Authorization": "Key other:secret"}


def ask(server: Server, prompt: str = "x", **headers: str) -> httpx.Response:
    return server.http.post(f"/queue/{O1}", json={"prompt": prompt}, headers=headers)


class TestRefusals:
    @pytest.mark.parametrize(
        ("effect", "charge", "usd", "maybe_usd", "units"),
        [
            ("", "charged", 0.56, 0.0, "5.0"),
            ("content_policy_violation", "may_be_charged", 0.0, 0.56, None),
            ("content_policy_violation(billed=true)", "charged", 0.56, 0.0, "5.0"),
            ("content_policy_violation(billed=false)", "not_charged", 0.0, 0.0, "0"),
            ("face_detection_error", "not_charged", 0.0, 0.0, "0"),
            ("face_detection_error(billed=true)", "charged", 0.56, 0.0, "5.0"),
            ("respond(result={}, status=422)", "not_charged", 0.0, 0.0, "0"),
            ("respond(result={}, status=422, billed=true)", "charged", 0.56, 0.0, "5.0"),
            ("internal_server_error", "not_charged", 0.0, 0.0, "0"),
        ],
    )
    def test_three_states(
        self, server: Server, effect: str, charge: str, usd: float, maybe_usd: float, units: str | None
    ) -> None:
        accepted = ask(server, **({"X-Fakefal-Effect": effect} if effect else {})).json()
        (job,) = server.control("ledger")["jobs"]
        assert (job["charge"], job["usd"], job["maybe_usd"]) == (charge, usd, maybe_usd)
        assert server.http.get(accepted["response_url"]).headers.get("x-fal-billable-units") == units
        (shown,) = server.control("requests")
        assert shown["charge"] == charge

    def test_a_body_that_breaks_the_schema_is_not_charged(self, server: Server) -> None:
        server.submit(O1, {"prompt": "x", "duration": 5})
        (job,) = server.control("ledger")["jobs"]
        assert (job["charge"], job["usd"], job["maybe_usd"]) == ("not_charged", 0.0, 0.0)

    def test_sums_tell_them_apart(self, server: Server) -> None:
        for effect in ("", "(billed=true)", "(billed=false)"):
            ask(server, **{"X-Fakefal-Effect": f"content_policy_violation{effect}"})
        found = server.control("ledger")
        (sums,) = found["totals"]
        assert (found["usd"], found["maybe_usd"]) == (0.56, 0.56)
        assert (sums["refused"], sums["billed_refusals"], sums["maybe_billed"]) == (3, 1, 1)

    @pytest.mark.parametrize("profile", ["realistic"])
    def test_a_refusal_that_is_cancelled_may_cost_nothing(self, serve: Serve, profile: str) -> None:
        server = serve(profile=profile)
        accepted = ask(server, POLICY).json()
        assert server.control("ledger")["maybe_usd"] == 0.56, "it is known how it will end"
        server.http.put(accepted["cancel_url"])
        found = server.control("ledger")
        assert (found["maybe_usd"], found["totals"][0]["maybe_billed"]) == (0.0, 0)
        assert found["jobs"][0]["charge"] == "not_charged"


class TestBalance:
    def test_from_zero_on_the_gate_refuses_and_statuses_are_answered(self, serve: Serve) -> None:
        server = serve(balance="1.12")
        jobs = [ask(server).json(), ask(server).json()]
        for path in (f"/queue/{O1}", f"/run/{O1}"):
            answer = server.http.post(path, json={"prompt": "x"})
            assert (answer.status_code, answer.json()) == (403, LOCKED)
            assert answer.headers["x-fal-request-id"], "by which clients tell fal from an ingress"
        grant = server.http.post("/rest/storage/auth/token?storage_type=fal-cdn-v3", json={})
        assert (grant.status_code, grant.json()) == (403, LOCKED)
        for job in jobs:
            assert server.http.get(job["status_url"]).json()["status"] == "COMPLETED"
            assert server.http.get(job["response_url"]).status_code == 200
        assert [one["effect"] for one in server.journal() if one["status"] == 403] == ["exhausted_balance"] * 3

        def told() -> list[tuple[int | None, str]]:
            refused = (one for one in server.emulator.events.newest() if isinstance(one, CallRefused))
            return [(one.status, one.hint) for one in refused]

        until(lambda: told() == [(403, TOP_UP)] * 3)  # nobody injected an effect
        assert len(server.control("requests")) == 2
        account = server.http.get("/rest/users/current").json()
        assert (account["is_locked"], account["lock_reason"]) == (True, "exhausted_balance")
        assert ask(server, **OTHER).status_code == 200, "each key has its own balance"

    def test_the_balances_of_all_who_called_are_listed(self, serve: Serve) -> None:
        server = serve(balance="1.00")
        server.http.get("/rest/billing/user_balance")  # no job
        ask(server, **OTHER)
        found = {one["key"]: one["usd"] for one in server.http.get("/_fakefal/balance").json()}
        assert found == {"tester": 1.0, "other": 0.44}

    def test_a_job_is_charged_at_its_end_so_that_the_balance_may_fall_below_zero(self, serve: Serve) -> None:
        server = serve(balance="1.00", profile="realistic", seed="1")
        jobs = [ask(server).json() for _ in range(3)]
        assert server.http.get("/rest/billing/user_balance").json() == 1.0
        for job in jobs[:2]:
            server.http.post(f"/_fakefal/requests/{job['request_id']}/advance", json={"to": "end"})
        assert server.http.get("/rest/billing/user_balance").json() == -0.12
        assert ask(server).status_code == 403
        server.http.put(jobs[2]["cancel_url"])
        assert server.control("balance") == [{"key": "tester", "usd": -0.12, "locked": True}]

    def test_what_falls_due_counts_though_nobody_looked(self, serve: Serve) -> None:
        server = serve(balance="0.56", profile="quick")
        ask(server)
        server.advance(60)
        assert ask(server).status_code == 403

    def test_a_top_up_unlocks(self, serve: Serve) -> None:
        server = serve(balance="0.56")
        ask(server)
        assert ask(server).status_code == 403
        answer = server.http.post("/_fakefal/balance?key=tester", json={"add": 0.01})
        assert answer.json() == [{"key": "tester", "usd": 0.01, "locked": False}]
        assert ask(server).status_code == 200
        ask(server, **OTHER)
        server.http.post("/_fakefal/balance", json={"add": 1})
        assert [one["usd"] for one in server.control("balance")] == [1.0, 0.45]
        server.http.post("/_fakefal/reset?key=tester")
        assert server.control("balance", key="tester") == [{"key": "tester", "usd": 1.56, "locked": False}]
        server.http.post("/_fakefal/reset")
        assert server.control("balance", key="tester") == [{"key": "tester", "usd": 0.56, "locked": False}]

    def test_refusals_are_charged_where_they_are_billed(self, serve: Serve) -> None:
        server = serve(balance="1.00")
        ask(server, POLICY)
        assert server.control("balance", key="tester")[0]["usd"] == 1.0
        ask(server, POLICY + "(billed=true)")
        assert server.control("balance", key="tester")[0]["usd"] == 0.44

    def test_dropped_jobs_stay_charged(self, serve: Serve) -> None:
        server = serve(balance="10.00", max_requests=2)
        for _ in range(5):
            ask(server)
        assert server.control("balance", key="tester")[0]["usd"] == 7.2

    def test_without_a_balance_nothing_runs_out(self, server: Server) -> None:
        ask(server)
        assert server.control("balance") == [{"key": "tester", "usd": None, "locked": False}]
        assert server.http.get("/rest/billing/user_balance").json() == 100
        answer = server.http.post("/_fakefal/balance", json={"add": 1})
        assert answer.status_code == 409
        assert "start with --balance 10.00" in answer.json()["detail"]

    @pytest.mark.parametrize("body", [{}, {"add": 0}, {"add": -1}, {"add": "1.00"}, {"add": 1e9}, {"usd": 1}])
    def test_a_wrong_top_up_is_refused(self, serve: Serve, body: dict[str, Any]) -> None:
        assert serve(balance="1.00").http.post("/_fakefal/balance", json=body).status_code == 422

    @pytest.mark.parametrize(
        ("effect", "status"), [("invalid_key", 401), ("ingress_502", 502), ("queue_full", 403), ("stuck", 403)]
    )
    def test_what_fails_before_the_gate_fails_first(self, serve: Serve, effect: str, status: int) -> None:
        answer = ask(serve(balance="0"), **{"X-Fakefal-Effect": effect})
        assert answer.status_code == status


class TestTags:
    def test_they_are_kept_and_listed_and_filter(self, server: Server) -> None:
        ask(server, **{"X-Fal-Tags": "team=design,env=prod,fal.x=1"})
        ask(server, **{"X-Fal-Tags": "team=video,env=prod"})
        ask(server, POLICY)
        shown = [one["tags"] for one in server.control("ledger")["jobs"]]
        assert shown == [{}, {"team": "video", "env": "prod"}, {"team": "design", "env": "prod"}]
        assert [one["tags"] for one in server.control("requests", tag="team=video")] == [shown[1]]
        found = server.control("ledger", tag=["env=prod", "team=design"])
        assert ([one["tags"] for one in found["jobs"]], found["usd"]) == ([shown[2]], 0.56)
        assert server.control("ledger", tag=["team=design", "team=video"])["usd"] == 1.12
        assert server.control("ledger", tag="team=(untagged)")["maybe_usd"] == 0.56
        assert server.control("requests", tag="team=none") == []

    @pytest.mark.parametrize("path", ["ledger", "requests"])
    def test_a_wrong_filter_says_what_to_write(self, server: Server, path: str) -> None:
        answer = server.http.get(f"/_fakefal/{path}?tag=design")
        assert answer.status_code == 422
        assert "write key=value" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", {}),
        ("team=design", {"team": "design"}),
        (" Team = my design , env=a=b ", {"team": "my design", "env": "a=b"}),
        ("a=1,a=2", {"a": "2"}),
        ("empty=", {"empty": ""}),
        ("team", {"team": ""}),
        ("te am=1,ok=1,=2,fal.x=1,é=1,v=é", {"ok": "1"}),
        (f"{'k' * 64}=1,{'l' * 65}=1", {"k" * 64: "1"}),
        (f"a={'v' * 256},b={'v' * 257}", {"a": "v" * 256}),
        (",".join(f"k{n}=1" for n in range(12)), {f"k{n}": "1" for n in range(10)}),
        (",".join(f"k{n}={'v' * 200}" for n in range(6)), {f"k{n}": "v" * 200 for n in range(MOST_BYTES // 202)}),
    ],
)
def test_pairs_that_the_gateway_rejects_are_dropped(header: str, expected: dict[str, str]) -> None:
    assert dict(read_tags(header)) == expected


def test_a_filter_has_at_most_ten_texts() -> None:
    with pytest.raises(BadTagFilter, match="at most 10"):
        TagFilter.read([f"k{n}=1" for n in range(11)])


def test_money_of_nobody_is_exact(serve: Serve) -> None:
    server = serve(balance="0.30")
    server.http.post("/_fakefal/balance", json={"add": 0.000000001})
    assert server.control("balance", key="tester")[0]["usd"] == float(Decimal("0.300000001"))
