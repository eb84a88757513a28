"""The sums of money in one process, which know more than the store keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fakefal.core.errors import QueueError
from fakefal.core.plan import NOTHING, Ending, Plan
from fakefal.engine.overview import summary_of, went_wrong
from fakefal.state.account import MOST_PLACES, JobAccount
from fakefal.state.endings import ending_of
from fakefal.state.happenings import CallEvent
from fakefal.state.ledger import Sums
from fakefal.state.queue import QueueStore
from fakefal.state.requests import Record
from fakefal.store.memory import MemoryQueueStore
from fakefal_contracts.hosts import BaseUrl
from support.server import Server
from support.waiting import until

pytestmark = [
    pytest.mark.memory_only("replicas sum up the jobs that Redis still has (docs/replicas.md)"),
    pytest.mark.quick,
]

O1 = "fal-ai/kling-video/o1/reference-to-video"
KEYS = st.sampled_from("ab")
JUDGED = st.builds(
    Plan,
    ending=st.sampled_from(
        [
            Ending(200, b"{}", 5.0, ok=True, usd=Decimal("0.56")),
            Ending(422, b"{}", 0.0, ok=False),
            Ending(422, b"{}", 0.0, ok=False, maybe_usd=Decimal("0.56")),
            Ending(422, b"{}", 5.0, ok=False, usd=Decimal("0.56")),
        ]
    ),
    wait_seconds=st.sampled_from([0.0, 2.0]),
    run_seconds=st.sampled_from([0.0, 7.0, 1e15]),
)


def summary(server: Server) -> str:
    return asyncio.run(summary_of(server.emulator))


def test_an_unfinished_job_is_in_the_closing_line_until_it_is_cancelled(serve: Callable[..., Server]) -> None:
    server = serve(profile="realistic")
    submitted = server.submit(O1, {"prompt": "x"})
    server.submit(O1, {"prompt": "fakefal:stuck"})
    assert summary(server) == "2 requests, 0 done, 0 refused, $1.12 not spent"
    server.http.put(submitted["cancel_url"])
    assert summary(server) == "2 requests, 0 done, 0 refused, 1 cancelled, $0.56 not spent"


@pytest.mark.both_stores
def test_what_is_refused_twice_was_not_probably_sent_twice(serve: Callable[..., Server]) -> None:
    server = serve()
    for body in ({"prompt": "x", "duration": 5}, {"prompt": "x"}) * 2:
        server.submit(O1, body)
    sums = "4 requests, 2 done, 2 refused, 1 repeated, $1.12 not spent"
    assert summary(server) == sums
    (total,) = server.http.get("/_fakefal/ledger").json()["totals"]
    assert total["duplicates"] == 1


def test_calls_to_what_is_not_emulated_are_in_the_closing_line(serve: Callable[..., Server]) -> None:
    server = serve()
    server.submit(O1, {"prompt": "x"})
    sums = "1 request, 1 done, 0 refused, $0.56 not spent"
    server.http.get("/queue/fal-ai/kling-video/requests/nothing")
    assert summary(server) == sums, "a request that does not exist is none of that"
    for _ in range(2):
        server.http.post("/queue/me/none", json={"prompt": "x"})
    missed = "2 calls to what fakefal does not have: POST queue.fal.run/me/none (2 times)"
    assert summary(server) == f"{sums}; {missed}; fakefal models add me/none"
    server.http.post("/me/other", json={}, headers={"Host": "queue.fal.run"})
    server.http.get("/login", headers={"Host": "auth.fal.ai"})
    server.http.get("/v1/account/focus", headers={"Host": "api.fal.ai"})
    assert summary(server) == (
        f"{sums}; 5 calls to what fakefal does not have: POST queue.fal.run/me/none (2 times), "
        "GET api.fal.ai/v1/account/focus, GET auth.fal.ai/login, and 1 others; fakefal models add me/other me/none"
    )


def test_calls_refused_at_the_door_are_in_the_closing_line(serve: Callable[..., Server]) -> None:
    server = serve()
    none = "0 requests, 0 done, 0 refused, $0.00 not spent"
    server.http.post(f"/queue/{O1}", json={"prompt": "x"}, headers={"X-Fakefal-Effect": "locked_account"})
    assert summary(server) == f"{none}; 1 call refused without a job (403)"
    for part in ("queue", "run"):
        server.http.post(f"/{part}/{O1}", json={"prompt": "x"}, headers={"Authorization": ""})
    server.http.post(f"/queue/{O1}", content=b"{")
    server.http.post("/queue/me/none", json={"prompt": "x"})
    assert summary(server) == (
        f"{none}; 4 calls refused without a job (401: 2, 422: 1, 403: 1); "
        "1 call to what fakefal does not have: POST queue.fal.run/me/none; fakefal models add me/none"
    )


@pytest.mark.both_stores
@pytest.mark.parametrize("part", ["queue", "run"])
@pytest.mark.parametrize("body", [b"NaN", b"{bad", b"prompt=x", b"1e999"])
def test_a_body_that_is_not_json_is_refused_alike_by_queue_and_run(
    serve: Callable[..., Server], part: str, body: bytes
) -> None:
    server = serve()
    assert server.http.post(f"/{part}/{O1}", content=body).status_code == 422
    assert summary(server) == "0 requests, 0 done, 0 refused, $0.00 not spent; 1 call refused without a job (422)"
    assert asyncio.run(went_wrong(server.emulator))
    events = server.emulator.events
    until(events.newest)
    assert [(one.kind, one.status) for one in events.newest() if isinstance(one, CallEvent)] == [("call_refused", 422)]


@pytest.mark.both_stores
@pytest.mark.parametrize(
    ("body", "effect"),
    [
        ({"prompt": "x", "duration": 5}, ""),
        ({"prompt": "x"}, "generation_timeout"),
        ({"prompt": "x"}, "respond(result={}, status=404)"),
        ({"prompt": "x"}, "respond(result={}, status=413)"),
        ({"prompt": "x"}, "respond(result={}, status=501)"),
    ],
)
def test_a_job_of_run_that_fails_is_no_call_without_a_job(
    serve: Callable[..., Server], body: dict[str, Any], effect: str
) -> None:
    server = serve()
    headers = {"X-Fakefal-Effect": effect} if effect else {}
    assert server.http.post(f"/run/{O1}", json=body, headers=headers).is_error
    said = summary(server)
    assert said.startswith("1 request, 0 done")
    assert "call" not in said


def test_sums_count_what_was_dropped(serve: Callable[..., Server]) -> None:
    server = serve(max_requests=2)
    for duration in ("5", "5", 5, "10"):
        server.submit(O1, {"prompt": "x", "duration": duration})
    found = server.http.get("/_fakefal/ledger").json()
    assert len(found["jobs"]) == 2
    counted = {"jobs": 4, "refused": 1, "duplicates": 1, "units": 20.0, "usd": 2.24, "unpriced": 0}
    refusals = {"billed_refusals": 0, "maybe_billed": 0, "maybe_usd": 0.0}
    assert found["totals"] == [{"key": "tester", "endpoint_id": O1, **counted, **refusals}]
    assert found["usd"] == 2.24


def test_a_reset_empties_the_ledger_but_not_the_sums_of_the_run(serve: Callable[..., Server]) -> None:
    server = serve()
    server.submit(O1, {"prompt": "x"})
    server.submit(O1, {"prompt": "x"}, Authorization="Key other:secret")
    server.http.post("/_fakefal/reset?key=other")
    assert [one["key"] for one in server.http.get("/_fakefal/ledger").json()["totals"]] == ["tester"]
    server.http.post("/_fakefal/reset")
    assert server.http.get("/_fakefal/ledger").json() == {"usd": 0.0, "maybe_usd": 0.0, "totals": [], "jobs": []}
    assert summary(server) == "2 requests, 2 done, 0 refused, $1.12 not spent"


def test_ledger_metrics_and_closing_line_say_the_same_of_jobs_that_were_dropped(serve: Callable[..., Server]) -> None:
    server = serve(max_requests=2)
    for duration in ("5", 5, "10", "10"):
        server.submit(O1, {"prompt": "x", "duration": duration})
    usd = server.http.get("/_fakefal/ledger").json()["usd"]
    metrics = server.http.get("/_fakefal/metrics").text
    assert f'fakefal_not_spent_dollars_total{{endpoint="{O1}"}} {usd}\n' in metrics
    assert f'fakefal_accepted_total{{endpoint="{O1}"}} 4.0\n' in metrics
    assert summary(server) == f"4 requests, 3 done, 1 refused, 1 repeated, ${usd:.2f} not spent"


class Accounts(RuleBasedStateMachine):
    """The same history in a store that drops requests and in one that keeps them all: the sums are the same."""

    @initialize()
    def begin(self) -> None:
        self.account = JobAccount()
        limits = {"runners": 2, "max_bytes": 10**6}
        self.small = MemoryQueueStore(max_requests=3, account=self.account, **limits)
        self.roomy = MemoryQueueStore(max_requests=1000, **limits)
        self.now, self.count, self.before = 0.0, 0, Sums()

    def both(self, step: Callable[[QueueStore], Coroutine[Any, Any, Any]]) -> None:
        """A step in both stores, unless one refuses it."""
        with suppress(QueueError):
            asyncio.run(step(self.small))
            asyncio.run(step(self.roomy))

    def stored(self, key: str | None = None) -> JobAccount:
        return JobAccount.of(asyncio.run(self.roomy.all(key, lambda _: self.now)))

    @rule(
        key=KEYS,
        plan=st.none() | JUDGED,
        body=st.sampled_from([b"1", b"2"]),
        start_seconds=st.sampled_from([None, 0.0, 3.0]),
    )
    def submit(self, key: str, plan: Plan | None, body: bytes, start_seconds: float | None) -> None:
        self.count += 1
        name = f"r{self.count}"
        record = Record(name, key, "fal-ai/kling-video", "o1", body, self.now, BaseUrl(), start_seconds=start_seconds)
        self.both(lambda store: store.add(record, plan, self.now))

    @rule(back=st.integers(0, 3), plan=JUDGED)
    def settle(self, back: int, plan: Plan) -> None:
        self.both(lambda store: store.settle(f"r{self.count - back}", plan, self.now))

    @rule(back=st.integers(0, 3))
    def cancel(self, back: int) -> None:
        self.both(lambda store: store.cancel(f"r{self.count - back}", self.now))

    @rule(seconds=st.sampled_from([1.0, 10.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(key=KEYS | st.none())
    def reset(self, key: str | None) -> None:
        self.before += self.stored(key).run
        self.both(lambda store: store.all(None, lambda _: self.now))
        self.both(lambda store: store.reset(key))

    @invariant()
    def sums_are_the_same(self) -> None:
        if not hasattr(self, "small"):
            return
        asyncio.run(self.small.all(None, lambda _: self.now))
        looks = asyncio.run(self.roomy.all(None, lambda _: self.now))
        stored = JobAccount.of(looks)
        assert self.account.totals(None) == stored.totals(None)
        assert self.account.run == self.before + stored.run
        for key in "ab":
            over = [ending for look in looks if look.record.key == key and (ending := ending_of(look))]
            assert self.account.credit(key) == -sum((ending.usd or NOTHING for ending in over), NOTHING)


TestAccounts = Accounts.TestCase


def test_a_top_up_for_all_outlasts_very_many_keys() -> None:
    account = JobAccount()
    account.pay(None, Decimal(5))
    for number in range(MOST_PLACES + 1):
        account.pay(f"key{number}", Decimal(1))
    assert account.credit("another") == 5
    assert account.credit(f"key{MOST_PLACES}") == 6
    account.reset(None)
    assert account.credit("another") == 0
