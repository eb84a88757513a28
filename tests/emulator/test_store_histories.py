"""Laws of a store of requests for any history: nothing is lost, and looking late changes nothing.

Every step is done to two stores.  At one of them somebody looks at every moment; at the other nobody does
between the steps.  Both must tell the same story.
"""

from __future__ import annotations

from collections.abc import Coroutine
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fakefal.core.errors import NeedsJudgement, QueueFull, RefusedMove, StoreFull
from fakefal.core.lifecycle import State
from fakefal.core.plan import Ending, Plan, Polls, Quirk
from fakefal.core.webhook import Delivery, Fate
from fakefal.state.attempts import attempted
from fakefal.state.ledger import entries
from fakefal.state.requests import Record, Snapshot
from fakefal.store.memory import MemoryQueueStore
from fakefal_contracts.hosts import BaseUrl
from support.draws import draws

pytestmark = pytest.mark.quick

T = TypeVar("T")
ROOMY, SMALL = 1000, 5
HOOK = "http://127.0.0.1/"

plans = st.builds(
    Plan,
    ending=st.sampled_from([Ending(200, b"{}", 5.0, ok=True, usd=Decimal("0.56")), Ending(422, b"{}", 0.0, ok=False)]),
    wait_seconds=st.sampled_from([0.0, 2.0]),
    run_seconds=st.sampled_from([0.0, 0.5, 7.0, 30.0, 1e15]),
    polls=st.sampled_from([None, None, None, Polls(1, 1)]),
    quirks=st.sampled_from([frozenset[Quirk](), frozenset[Quirk](), frozenset({Quirk.WEBHOOK_LOST})]),
)
answers = st.sampled_from([200, 500, 302, None])


def now_done(step: Coroutine[Any, Any, T]) -> T:
    """The outcome of a step that awaits nothing."""
    try:
        step.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError("a step in memory is one step")


def shown(look: Snapshot) -> tuple[object, ...]:
    """What can be seen of where a request stands: its plan may come after its end."""
    view = look.view
    return view.state, view.started_at, view.ended_at, view.cut, view.logs, view.next_at, view.run_seconds


class Histories(RuleBasedStateMachine):
    """One key, two stores."""

    @initialize(small=st.booleans())
    def begin(self, small: bool) -> None:
        self.most = SMALL if small else ROOMY
        make = [MemoryQueueStore(runners=2, max_requests=self.most, max_bytes=10**6) for _ in range(2)]
        self.punctual, self.late = make
        self.now = 0.0
        self.count = 0
        self.accepted: list[str] = []
        self.over: dict[str, Snapshot] = {}
        self.claimed: dict[str, Delivery] = {}
        self.tried: dict[str, int] = {}

    def both(self, method: str, *arguments: Any, **more: Any) -> Any:
        """One step in both stores; its outcome, or the error that refused it, is the same."""
        outcomes = [self._outcome(store, method, *arguments, **more) for store in (self.punctual, self.late)]
        assert outcomes[0] == outcomes[1]
        return outcomes[0]

    @staticmethod
    def _outcome(store: MemoryQueueStore, method: str, *arguments: Any, **more: Any) -> Any:
        try:
            return now_done(getattr(store, method)(*arguments, **more))
        except (RefusedMove, NeedsJudgement, StoreFull, QueueFull) as error:
            return type(error)

    def pick(self, number: int) -> str:
        return self.accepted[number % len(self.accepted)]

    # -- steps ------------------------------------------------------------------------------------

    @rule(
        plan=st.one_of(plans, plans, plans, st.none()),
        low=st.booleans(),
        webhook=st.sampled_from([None, HOOK, HOOK]),
        start_seconds=st.sampled_from([None, None, 1.0, 9.0]),
        most_waiting=st.sampled_from([None] * 9 + [2]),
    )
    def add(
        self,
        plan: Plan | None,
        low: bool,
        webhook: str | None,
        start_seconds: float | None,
        most_waiting: int | None,
    ) -> None:
        request_id = f"r{self.count}"
        self.count += 1
        record = Record(
            request_id,
            "key",
            "fal-ai/kling-video",
            "o1",
            b"{}",
            self.now,
            BaseUrl(),
            low,
            webhook,
            start_seconds,
            most_waiting,
        )
        before = self._all()
        droppable = {look.record.id for look in before if self._may_be_dropped(look)}
        outcome = self.both("add", record, plan, self.now)
        if outcome is QueueFull:
            assert sum(look.view.state is State.IN_QUEUE for look in before) > (most_waiting or 0)
        elif outcome is StoreFull:
            assert len(before) == self.most
            assert not droppable
        else:
            self._forget(before, droppable, {look.record.id for look in self._all()})
            self.accepted.append(request_id)
        if isinstance(outcome, type):
            assert self._all() == before, "a refused step changes nothing"

    def _may_be_dropped(self, look: Snapshot) -> bool:
        delivery = now_done(self.late.webhook(look.record.id))
        settled = (
            delivery is None if look.record.webhook is None else delivery is not None and delivery.fate != "pending"
        )
        return look.view.state is State.COMPLETED and settled

    def _forget(self, before: list[Snapshot], droppable: set[str], kept: set[str]) -> None:
        """What made room was over and announced, and no more than had to."""
        gone = {look.record.id for look in before} - kept
        assert len(gone) == max(0, len(before) + 1 - self.most)
        assert gone <= droppable
        for request_id in gone:
            self.accepted.remove(request_id)
            self.claimed.pop(request_id, None)

    @rule(seconds=st.lists(st.sampled_from([0.25, 1, 5, 200, 5000]), max_size=3))
    def time_passes(self, seconds: list[float]) -> None:
        for one in seconds:
            self.now += one
            now_done(self.punctual.carry_out("key", self.now))

    @precondition(lambda self: self.accepted)
    @rule(number=st.integers(0, 99), plan=plans)
    def settle(self, number: int, plan: Plan) -> None:
        request_id = self.pick(number)
        judged = now_done(self.late.look(request_id, self.now)).plan is not None
        assert self.both("settle", request_id, plan, self.now) is not judged

    @precondition(lambda self: self.accepted)
    @rule(number=st.integers(0, 99))
    def cancel(self, number: int) -> None:
        before = self.both("look", self.pick(number), self.now).view.state
        outcome = self.both("cancel", self.pick(number), self.now)
        assert outcome == (RefusedMove if before is State.COMPLETED else before)

    @precondition(lambda self: self.accepted)
    @rule(number=st.integers(0, 99), how=st.sampled_from([3.0, 1e6, "start", "end"]))
    def advance(self, number: int, how: Any) -> None:
        self.both("advance", self.pick(number), how, self.now)

    @precondition(lambda self: self.accepted)
    @rule(number=st.integers(0, 99))
    def read(self, number: int) -> None:
        self.both("look", self.pick(number), self.now, read=True)

    @precondition(lambda self: self.accepted)
    @rule(statuses=st.lists(answers, max_size=3))
    def claim(self, statuses: list[int | None]) -> None:
        for delivery in self.both("claim_webhooks", "key", self.now):
            assert delivery.request_id not in self.claimed, "one at a time tries it"
            assert delivery.due_at <= self.now
            self.claimed[delivery.request_id] = delivery
        for status, request_id in zip(statuses, list(self.claimed), strict=False):
            self._try(request_id, status)

    @precondition(lambda self: self.claimed)
    @rule(number=st.integers(0, 99), status=answers)
    def be_tried_late(self, number: int, status: int | None) -> None:
        self._try(list(self.claimed)[number % len(self.claimed)], status)

    def _try(self, request_id: str, status: int | None) -> None:
        error = None if status else "no answer"
        self.both("webhook_tried", request_id, attempted(self.claimed.pop(request_id).due_at, status, error))
        self.tried[request_id] = self.tried.get(request_id, 0) + 1

    @precondition(lambda self: self.accepted)
    @rule(number=st.integers(0, 99), status=answers)
    def be_replayed(self, number: int, status: int | None) -> None:
        on_the_way = list(self.claimed) or self.accepted
        request_id = on_the_way[number % len(on_the_way)]
        if self.both("webhook", request_id) is not None:
            self.both("webhook_replayed", request_id, attempted(self.now, status, None if status else "no answer"))
            self.tried[request_id] = self.tried.get(request_id, 0) + 1

    @precondition(lambda self: len(self.accepted) >= SMALL)
    @rule()
    def reset(self) -> None:
        assert self.both("reset", "key") == len(self.accepted)
        self.accepted, self.claimed = [], {}

    # -- laws -------------------------------------------------------------------------------------

    def _all(self) -> list[Snapshot]:
        looks: list[Snapshot] = self.both("all", "key", lambda _: self.now)
        return looks

    @invariant()
    def nothing_is_lost_and_nothing_ends_twice(self) -> None:
        if not hasattr(self, "now"):
            return
        looks = self._all()
        assert [look.record.id for look in looks] == self.accepted
        assert [entry.request_id for entry in entries(looks)] == self.accepted, "the ledger is what was accepted"
        for look in looks:
            if (before := self.over.get(look.record.id)) is not None:
                assert shown(look) == shown(before), "what is over stays as it is"
            elif look.view.state is State.COMPLETED:
                self.over[look.record.id] = look

    @invariant()
    def each_end_is_announced_once(self) -> None:
        if not hasattr(self, "now"):
            return
        announced = {
            look.record.id for look in self._all() if look.record.webhook and look.view.state is State.COMPLETED
        }
        deliveries: list[Delivery] = self.both("webhooks", "key")
        assert sorted(one.request_id for one in deliveries) == sorted(announced)
        for one in deliveries:
            lost = bool(one.attempts) and one.attempts[0].error == "lost by effect"
            assert len(one.attempts) == self.tried.get(one.request_id, 0) + lost
            if any(attempt.acknowledged for attempt in one.attempts):
                assert one.fate is Fate.DELIVERED
            if one.fate is Fate.DELIVERED:
                assert any(attempt.acknowledged for attempt in one.attempts)


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=draws(80), stateful_step_count=50, derandomize=True, database=None)
