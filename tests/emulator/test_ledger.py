"""The ledger: every accepted job once, with its price, and the ones that repeat another."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakefal.core.lifecycle import State
from fakefal.core.plan import Ending, Marks, Plan, View
from fakefal.state.account import JobAccount
from fakefal.state.ledger import DUPLICATE_SECONDS, entries
from fakefal.state.requests import Record, Snapshot
from fakefal_contracts.hosts import BaseUrl
from support.server import Server

pytestmark = pytest.mark.quick

O1 = "fal-ai/kling-video/o1/reference-to-video"
O3 = "fal-ai/kling-video/o3/pro/reference-to-video"


@pytest.mark.both_stores
def test_jobs_prices_sums_and_duplicates(serve: Callable[..., Server]) -> None:
    server = serve()
    first = server.submit(O1, {"prompt": "x"})
    again = server.submit(O1, {"prompt": "x"})
    server.submit(O1, {"prompt": "x", "duration": 5})
    server.submit(O3, {"prompt": "x", "generate_audio": True}, Authorization="Key other:secret")
    found = server.http.get("/_fakefal/ledger").json()
    assert [(one["status"], one["units"], one["usd"]) for one in found["jobs"]] == [
        (200, 5.0, 0.7),
        (422, 0.0, 0.0),
        (200, 5.0, 0.56),
        (200, 5.0, 0.56),
    ]
    assert [one["duplicate_of"] for one in found["jobs"]] == [None, None, first["request_id"], None]
    assert found["jobs"][2]["request_id"] == again["request_id"]
    assert found["usd"] == 1.82
    assert found["totals"][0] == {
        "key": "tester",
        "endpoint_id": O1,
        "jobs": 3,
        "refused": 1,
        "duplicates": 1,
        "units": 10.0,
        "usd": 1.12,
        "unpriced": 0,
        "billed_refusals": 0,
        "maybe_billed": 0,
        "maybe_usd": 0.0,
    }
    assert [one["key"] for one in server.http.get("/_fakefal/ledger?key=other").json()["jobs"]] == ["other"]


@pytest.mark.both_stores
def test_a_job_costs_from_acceptance_on_unless_it_fails(serve: Callable[..., Server]) -> None:
    server = serve(profile="realistic")
    submitted = server.submit(O1, {"prompt": "x"})
    server.submit(O1, {"prompt": "x", "duration": 5})
    server.submit(O1, {"prompt": "fakefal:stuck"})
    found = server.http.get("/_fakefal/ledger").json()
    shown = [(one["pending"], one["status"], one["units"], one["usd"]) for one in found["jobs"]]
    assert shown == [(True, None, 5.0, 0.56), (True, None, 0.0, 0.0), (True, None, 5.0, 0.56)]
    assert (found["usd"], found["totals"][0]["units"]) == (1.12, 10.0)
    server.http.put(submitted["cancel_url"])
    found = server.http.get("/_fakefal/ledger").json()
    job = found["jobs"][2]
    assert (job["pending"], job["status"], job["usd"], found["usd"]) == (False, 499, 0.0, 0.56)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.floats(0, 100))))
def test_every_job_is_counted_once(jobs: list[tuple[str, str, float]]) -> None:
    plan = Plan(Ending(200, b"{}", 5.0, ok=True, usd=Decimal("0.56")))
    done = View(State.COMPLETED, None, Marks(0, 0), 0)
    looks, moment = [], 0.0
    for number, (key, body, wait) in enumerate(jobs):
        moment += wait
        record = Record(f"r{number}", key, "fal-ai/kling-video", "o1", body.encode(), moment, BaseUrl())
        looks.append(Snapshot(record, done, 0, plan))
    lines = list(entries(looks))
    assert [line.request_id for line in lines] == [look.record.id for look in looks]
    account = JobAccount.of(looks)
    assert account.run.jobs == sum(total.jobs for total in account.totals(None)) == len(jobs)
    assert (
        account.run.usd == sum((total.usd for total in account.totals(None)), Decimal(0)) == Decimal("0.56") * len(jobs)
    )
    assert account.run.duplicates == sum(line.duplicate_of is not None for line in lines)
    for line in lines:
        if line.duplicate_of is not None:
            twin = next(one for one in lines if one.request_id == line.duplicate_of)
            assert twin.key == line.key
            assert line.submitted_at - twin.submitted_at <= DUPLICATE_SECONDS
