"""Laws that hold for any use of the protocol, over real HTTP, with receivers of every mood.

Nothing that was accepted is lost, nothing ends twice, every webhook that is not lost by effect arrives with a
valid signature, and the ledger is what was accepted.  Clocks stand; only the rules move them.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fakefal.core.webhook import Delivery
from support.draws import draws
from support.endpoints import O1
from support.receivers import Received, Receiver, public_keys, receiving, verify_by
from support.server import Serve, Server
from support.waiting import LIMIT

EXAMPLES, FEW_EXAMPLES = os.environ.get("STATEFUL_EXAMPLES"), 6
"""How many histories are drawn: the same few each time, or as many as `make stateful` asks for, at random."""

RUNNERS = 2
STATES = ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
MOODS = ["good", "good", "good", "sour", "hanging", "babbling", "crashing"]
CANCELS = [(200, "OK"), (202, "CANCELLATION_REQUESTED"), (400, "ALREADY_COMPLETED")]
LONG = 100_000

keys = st.sampled_from(["one", "two"])
bodies = st.sampled_from([{"prompt": "x"}, {"prompt": "x"}, {"prompt": "y", "duration": "10"}, {"duration": 5}, None])
effects = st.sampled_from(
    [
        None,
        "stuck",
        "retry_then_succeed(attempts=2)",
        "runner_disconnected",
        "content_policy_violation",
        "respond(result={'mine': 1}, seconds=3)",
        "result_expired",
        "cancel_ignored",
        "webhook_lost",
        "webhook_duplicate",
        "slow_response(seconds=0)",
    ]
)
drops = st.sampled_from(["accept_then_drop", "drop_before_accept"]).flatmap(
    lambda name: st.just(name) | st.integers(0, 40).map(lambda size: f"{name}(bytes={size})")
)
REFUSALS = {
    "queue_full": 429,
    "locked_account": 403,
    "invalid_key": 401,
    "malformed_key": 401,
    "request_too_large": 413,
    "ingress_502": 502,
    "ingress_503": 503,
    "ingress_504": 504,
    "gateway_503": 503,
}


class Moody(Receiver):
    """Answers by the path that was called: the mood stands in it."""

    def answer(self, received: Received) -> int | str:
        """Who hangs does so once for each request."""
        hangs = "hang" if sum(one.body == received.body for one in self.received) == 1 else 200
        return {"sour": 500, "hanging": hangs, "babbling": "garbage", "crashing": "crash"}.get(received.path[1:], 200)


@dataclass
class Job:
    """What is known of an accepted request."""

    id: str
    key: str
    low: bool
    mood: str | None
    effect: str | None
    start_seconds: float | None
    rank: int = 0
    ended_at: float | None = None
    result: tuple[int, bytes] | None = None
    extra: bool = False
    replayed: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """The headers of its owner."""
        return {"Authorization": f"Key {self.key}:secret"}

    @property
    def url(self) -> str:
        """The address of its result."""
        return f"/queue/fal-ai/kling-video/requests/{self.id}"


class Protocol(RuleBasedStateMachine):
    """Two keys with two runners each, one of whose clocks may be ahead of the other's."""

    def __init__(self, server: Server, receiver: Receiver) -> None:
        super().__init__()
        self.http, self.receiver, self.public_keys = server.http, receiver, public_keys(server)
        self.jobs: dict[str, Job] = {}
        self.verified = 0
        self.arrived: Counter[str] = Counter()
        self.bodies: dict[str, bytes] = {}

    @initialize()
    def begin(self) -> None:
        self.control("reset")
        self.control("clock", speed=0)
        self.receiver.received.clear()

    def control(self, path: str, key: str | None = None, **body: Any) -> Any:
        answer = self.http.post(f"/_fakefal/{path}", json=body, params={"key": key} if key else {})
        assert answer.is_success, answer.text
        return answer.json()

    def shown(self, path: str) -> Any:
        return self.http.get(f"/_fakefal/{path}", params={"limit": 10_000}).json()

    def post(self, key: str, body: Any, effect: str | None, mood: str | None = None, **headers: str) -> httpx.Response:
        headers["Authorization"] = f"Key {key}:secret"
        if effect:
            headers["X-Fakefal-Effect"] = effect
        params = {"fal_webhook": f"{self.receiver.url}/{mood}"} if mood else {}
        return self.http.post(f"/queue/{O1}", json=body, params=params, headers=headers)

    def job(self, pick: int) -> Job:
        return list(self.jobs.values())[pick % len(self.jobs)]

    # -- what callers do --------------------------------------------------------------------------

    @rule(
        key=keys,
        body=bodies,
        effect=effects,
        mood=st.none() | st.sampled_from(MOODS),
        low=st.booleans(),
        start_seconds=st.none() | st.sampled_from([1.0, 60.0]),
        count=st.integers(1, 4),
    )
    def submit(
        self,
        key: str,
        body: Any,
        effect: str | None,
        mood: str | None,
        low: bool,
        start_seconds: float | None,
        count: int,
    ) -> None:
        headers = {"X-Fal-Queue-Priority": "low" if low else "normal"}
        if start_seconds:
            headers["X-Fal-Request-Start-Timeout"] = str(start_seconds)
        for _ in range(count):
            answer = self.post(key, body, effect, mood, **headers)
            assert answer.status_code == 200, answer.text
            request_id = answer.json()["request_id"]
            assert request_id not in self.jobs
            self.jobs[request_id] = Job(request_id, key, low, mood, effect, start_seconds)

    @rule(key=keys, body=bodies, mood=st.none() | st.sampled_from(MOODS), drop=drops)
    def lose_the_answer(self, key: str, body: Any, mood: str | None, drop: str) -> None:
        with pytest.raises(httpx.TransportError):
            self.post(key, body, drop, mood)
        new = {one["request_id"] for one in self.shown("requests")} - set(self.jobs)
        assert len(new) == drop.startswith("accept_then_drop")
        self.jobs |= {one: Job(one, key, low=False, mood=mood, effect=None, start_seconds=None) for one in new}

    @rule(key=keys, body=bodies, effect=st.sampled_from(sorted(REFUSALS)))
    def be_refused(self, key: str, body: Any, effect: str) -> None:
        assert self.post(key, body, effect).status_code == REFUSALS[effect]

    @precondition(lambda self: self.jobs)
    @rule(pick=st.integers(0, 99))
    def cancel(self, pick: int) -> None:
        job = self.job(pick)
        answer = self.http.put(f"{job.url}/cancel", headers=job.headers)
        ignored = job.effect == "cancel_ignored" and job.rank < 2
        assert (answer.status_code, answer.json()["status"]) == CANCELS[1 if ignored else job.rank]

    @precondition(lambda self: self.jobs)
    @rule(pick=st.integers(0, 99))
    def read(self, pick: int) -> None:
        job = self.job(pick)
        status = self.http.get(f"{job.url}/status", headers=job.headers)
        assert (status.status_code, status.json()["status"]) == (200 if job.rank == 2 else 202, STATES[job.rank])
        if job.rank < 2:
            assert self.http.get(job.url, headers=job.headers).status_code == 400
        stranger = self.http.get(f"{job.url}/status", headers={"Authorization": "Key stranger:secret"})
        assert stranger.status_code == 404

    # -- what time and developers do --------------------------------------------------------------

    @rule(key=st.none() | keys, seconds=st.sampled_from([0.5, 10, 130, 4000]))
    def time_passes(self, key: str | None, seconds: float) -> None:
        self.control("clock", key, advance=seconds)

    @precondition(lambda self: self.jobs)
    @rule(
        pick=st.integers(0, 99), how=st.sampled_from([{"seconds": 5}, {"seconds": 500}, {"to": "start"}, {"to": "end"}])
    )
    def advance(self, pick: int, how: dict[str, Any]) -> None:
        job = self.job(pick)
        answer = self.http.post(f"/_fakefal/requests/{job.id}/advance", json=how)
        possible = job.rank == 0 if how == {"to": "start"} else job.rank < 2
        assert answer.status_code == (200 if possible else 409)
        job.extra |= "to" in how and job.rank == 0

    @precondition(lambda self: any(job.mood and job.rank == 2 for job in self.jobs.values()))
    @rule(pick=st.integers(0, 99))
    def replay(self, pick: int) -> None:
        ready = [job for job in self.jobs.values() if job.mood and job.rank == 2]
        job = ready[pick % len(ready)]
        self.control(f"webhooks/{job.id}/replay")
        job.replayed = True

    @precondition(lambda self: len(self.jobs) > 5)
    @rule(key=keys)
    def reset(self, key: str) -> None:
        gone = [job.id for job in self.jobs.values() if job.key == key]
        assert self.control("reset", key) == {"requests": len(gone)}
        for request_id in gone:
            del self.jobs[request_id]

    # -- what always holds ------------------------------------------------------------------------

    @invariant()
    def nothing_is_lost_and_nothing_ends_twice(self) -> None:
        self.control("clock", advance=0)  # returns once every webhook that is due was tried
        shown = self.shown("requests")[::-1]
        assert [one["request_id"] for one in shown] == list(self.jobs)
        for one in shown:
            self._check_states(self.jobs[one["request_id"]], one)
        for key in ("one", "two"):
            self._check_line([one for one in shown if one["key"] == key])
        self._check_ledger(shown)
        self._check_webhooks()

    def _check_states(self, job: Job, one: dict[str, Any]) -> None:
        rank = STATES.index(one["status"])
        assert rank >= job.rank
        job.rank = rank
        if one["started_at"] is not None:
            assert one["submitted_at"] <= one["started_at"]
            assert job.extra or one["started_at"] - one["submitted_at"] <= (job.start_seconds or math.inf)
        if rank < 2:
            assert one["ended_at"] is None
            return
        assert (one["started_at"] or one["submitted_at"]) <= one["ended_at"]
        if job.ended_at is None:
            job.ended_at, job.result = one["ended_at"], self._result(job)
        assert job.ended_at == one["ended_at"]

    def _result(self, job: Job) -> tuple[int, bytes]:
        answer = self.http.get(job.url, headers=job.headers)
        return answer.status_code, answer.content

    def _check_line(self, shown: list[dict[str, Any]]) -> None:
        """Positions count those before: the normal ones, then the low ones, each in their order."""
        waiting = [one for one in shown if one["status"] == "IN_QUEUE"]
        waiting.sort(key=lambda one: self.jobs[one["request_id"]].low)
        assert [one["queue_position"] for one in waiting] == list(range(len(waiting)))
        running = [one for one in shown if one["status"] == "IN_PROGRESS"]
        assert sum(not self.jobs[one["request_id"]].extra for one in running) <= RUNNERS

    def _check_ledger(self, shown: list[dict[str, Any]]) -> None:
        ledger = self.shown("ledger")
        lines = ledger["jobs"][::-1]
        told = [(one["request_id"], one["key"], one["result_status"]) for one in shown]
        assert [(one["request_id"], one["key"], one["status"]) for one in lines] == told
        assert sum(total["jobs"] for total in ledger["totals"]) == len(lines)
        assert ledger["usd"] == pytest.approx(sum(one["usd"] for one in lines))
        for line, one in zip(lines, shown, strict=True):
            assert (line["usd"] > 0) == (line["units"] > 0)
            assert line["usd"] == 0 or line["status"] in (200, None), "planned or billed, never for a failure"
            assert line["pending"] == (line["status"] is None)
            assert line["pending"] or line["units"] == one["billable_units"]

    def _check_webhooks(self) -> None:
        for received in self.receiver.received[self.verified :]:
            verify_by(self.public_keys, received)
            body = json.loads(received.body)
            assert received.body == self.bodies.setdefault(body["request_id"], received.body), "always the same"
            self.arrived[body["request_id"]] += 1
            self.verified += 1
        fates = {one["request_id"]: one for one in self.shown("webhooks")}
        assert set(fates) == {job.id for job in self.jobs.values() if job.mood and job.rank == 2}
        for job in map(self.jobs.__getitem__, fates):
            self._check_webhook(job, fates[job.id])

    def _check_webhook(self, job: Job, one: dict[str, Any]) -> None:
        if job.effect == "webhook_lost":
            assert self.arrived[job.id] == 0 or job.replayed
            return
        tries = len(one["attempts"])
        assert tries >= 1
        taken = sum(attempt["status"] == 200 for attempt in one["attempts"])
        assert (one["fate"] == "delivered") == (taken > 0)
        if job.mood == "hanging":  # the first try is given up in real time, perhaps before it was read
            assert taken <= self.arrived[job.id] <= tries
            return
        assert tries == self.arrived[job.id]
        body = json.loads(self.bodies[job.id])
        assert job.result is not None
        status, result = job.result
        if job.effect != "result_expired":
            assert (body["status"] == "OK", body["payload"]) == (status < 400, json.loads(result))
        if taken and not job.replayed:
            assert taken == (2 if job.effect == "webhook_duplicate" else 1)

    def teardown(self) -> None:
        """At the end of time everything is over and every result is what it first was."""
        self.control("clock", advance=LONG)
        for job in self.jobs.values():
            if job.effect == "stuck":
                self.http.put(f"{job.url}/cancel", headers=job.headers)
        self.control("clock", advance=LONG)
        self.nothing_is_lost_and_nothing_ends_twice()
        assert all(job.rank == 2 for job in self.jobs.values())
        assert all(self._result(job) == job.result for job in self.jobs.values())
        assert "pending" not in {one["fate"] for one in self.shown("webhooks")}


@pytest.fixture
def moody() -> Any:
    with receiving(Moody()) as receiver:
        yield receiver


@pytest.mark.both_stores
def test_any_use_of_the_protocol(serve: Serve, moody: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    patience = property(lambda delivery: 0.6 if delivery.url.endswith("hanging") else LIMIT)
    monkeypatch.setattr(Delivery, "timeout_seconds", patience)  # real seconds, which no clock moves
    server = serve(profile="realistic", runners=RUNNERS, seed="any")
    run_state_machine_as_test(
        lambda: Protocol(server, moody),
        settings=settings(
            max_examples=draws(int(EXAMPLES or FEW_EXAMPLES)),
            stateful_step_count=25,
            derandomize=not EXAMPLES,
            print_blob=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
