"""The sums of money in one process, which know more than the store keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from support.server import Server

pytestmark = pytest.mark.memory_only("replicas sum up the jobs that Redis still has (docs/replicas.md)")

O1 = "fal-ai/kling-video/o1/reference-to-video"


def summary(server: Server) -> str:
    return asyncio.run(server.emulator.summary())


def test_an_unfinished_job_is_in_the_closing_line_until_it_is_cancelled(serve: Callable[..., Server]) -> None:
    server = serve(profile="realistic")
    submitted = server.submit(O1, {"prompt": "x"})
    server.submit(O1, {"prompt": "fakefal:stuck"})
    assert summary(server) == "2 requests, 0 refused, $1.12 not spent"
    server.http.put(submitted["cancel_url"])
    assert summary(server) == "2 requests, 1 refused, $0.56 not spent"


def test_sums_count_what_was_dropped(serve: Callable[..., Server]) -> None:
    server = serve(max_requests=2)
    for duration in ("5", "5", "7", "10"):
        server.submit(O1, {"prompt": "x", "duration": duration})
    found = server.http.get("/_fakefal/ledger").json()
    assert (len(found["jobs"]), found["usd"]) == (2, 2.24)
    (total,) = found["totals"]
    assert (total["jobs"], total["refused"], total["duplicates"], total["units"]) == (4, 1, 1, 20.0)


def test_a_reset_empties_the_ledger_but_not_the_sums_of_the_run(serve: Callable[..., Server]) -> None:
    server = serve()
    server.submit(O1, {"prompt": "x"})
    server.submit(O1, {"prompt": "x"}, Authorization="Key other:secret")
    server.http.post("/_fakefal/reset?key=other")
    assert [one["key"] for one in server.http.get("/_fakefal/ledger").json()["totals"]] == ["tester"]
    server.http.post("/_fakefal/reset")
    assert server.http.get("/_fakefal/ledger").json() == {"usd": 0.0, "totals": [], "jobs": []}
    assert summary(server) == "2 requests, 0 refused, $1.12 not spent"
