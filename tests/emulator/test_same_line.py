"""The script on Redis and the line in memory are held together: same moves, same looks, at the same moments."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fakefal.core.errors import QueueError
from fakefal.core.plan import Ending, Plan, Polls, Quirk
from fakefal.state.attempts import attempted
from fakefal.state.queue import QueueStore
from fakefal.state.requests import Record
from fakefal.store.memory import MemoryQueueStore
from fakefal.store.redis.queue import RedisQueueStore
from fakefal.store.redis.scripts import Bounds, Steps
from fakefal_contracts.hosts import BaseUrl
from support.draws import draws

KEYS = ("a", "b{}")
SECONDS = st.sampled_from([0.0, 0.1, 0.25, 1.0, 3.0, 7.7, 30.0]) | st.floats(0, 30)
POLLS = st.builds(Polls, st.integers(0, 2), st.integers(0, 2))
PLANS = st.builds(
    Plan,
    st.builds(Ending, st.sampled_from([200, 422]), st.binary(max_size=30), st.just(5.0), usd=st.just(Decimal("0.56"))),
    wait_seconds=SECONDS,
    run_seconds=SECONDS,
    logs=st.lists(st.tuples(SECONDS, st.sampled_from("xyz")), max_size=2).map(tuple),
    polls=st.none() | POLLS,
    retries=st.lists(SECONDS, max_size=2).map(lambda found: tuple(sorted(found))),
    quirks=st.sampled_from([frozenset(), frozenset(), frozenset({Quirk.WEBHOOK_LOST})]),
)


ASKED = st.fixed_dictionaries(
    {
        "plan": PLANS | PLANS | st.none(),
        "low": st.booleans(),
        "webhook": st.booleans(),
        "start_seconds": st.none() | st.none() | SECONDS,
        "most_waiting": st.sampled_from([None, None, None, None, 0, 3]),
        "at_once": st.sampled_from([False, False, False, False, True]),
    }
)


async def outcome(call: Callable[[], Awaitable[Any]]) -> Any:
    """What a step returns, or how it refuses."""
    try:
        return await call()
    except QueueError as error:
        return type(error), str(error)


async def keys_of(store: QueueStore) -> set[str]:
    return set(await store.keys())


class BothStores(RuleBasedStateMachine):
    """Every step is taken on both stores; whatever either says, the other must say, too."""

    url: str
    events: int
    requests: Bundle[str] = Bundle("requests")

    @initialize(
        runners=st.integers(1, 3), most=st.sampled_from([3, 8, 40]), size=st.sampled_from([60, 900, 9000, 9000])
    )
    def begin(self, runners: int, most: int, size: int) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushall()
        limits = {"runners": runners, "max_requests": most, "max_bytes": size}
        self.loop = asyncio.new_event_loop()
        self.now = 1000.0
        self.count = 0
        self.unjudged: list[str] = []
        self.opened: dict[str, Plan] = {}
        self.steps = Steps(self.url, Bounds(**limits), real_time=lambda: self.now, events=self.events)
        self.stores: tuple[QueueStore, QueueStore] = (
            MemoryQueueStore(**limits),
            RedisQueueStore(self.steps),
        )

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self.now += 1000
            self.everything_looks_the_same()
            for key in KEYS:
                self.both(lambda store, key=key: store.webhooks(key))
                self.credit(key)
            self.both(keys_of)
        finally:
            self.loop.run_until_complete(self.steps.close())
            self.loop.close()

    def both(self, call: Callable[[QueueStore], Awaitable[Any]]) -> Any:
        """Take a step on both; the clock of Redis is the moment that the other is told."""
        memory, shared = (self.loop.run_until_complete(outcome(lambda one=one: call(one))) for one in self.stores)
        assert shared == memory
        return memory

    @rule(key=st.sampled_from(KEYS))
    def credit(self, key: str) -> None:
        self.both(lambda store: store.credit(key, self.now))

    @rule(key=st.sampled_from([*KEYS, None]), usd=st.sampled_from([Decimal("0.000000001"), Decimal(5)]))
    def top_up(self, key: str | None, usd: Decimal) -> None:
        self.both(lambda store: store.top_up(key, usd))

    @rule(target=requests, key=st.sampled_from(KEYS), some=st.lists(ASKED, min_size=1, max_size=5))
    def add(self, key: str, some: list[dict[str, Any]]) -> Any:
        return multiple(*(self.add_one(key, **one) for one in some))

    @rule(target=requests, key=st.sampled_from(KEYS), one=ASKED, seconds=SECONDS)
    def add_later(self, key: str, one: dict[str, Any], seconds: float) -> str:
        self.now += seconds
        return self.add_one(key, **one)

    @rule(target=requests, key=st.sampled_from(KEYS), one=ASKED, how=st.sampled_from(["start", "end"]) | SECONDS)
    def add_and_advance(self, key: str, one: dict[str, Any], how: Any) -> str:
        name = self.add_one(key, **one)
        self.advance(name, how)
        return name

    @rule(target=requests, key=st.sampled_from(KEYS), polls=POLLS, one=ASKED, times=st.integers(1, 5))
    def add_and_read(self, key: str, polls: Polls, one: dict[str, Any], times: int) -> str:
        name = self.add_one(
            key, **(one | {"plan": Plan(Ending(200, b"{}", 5.0, ok=True), run_seconds=1.0, polls=polls)})
        )
        self.read(name, times)
        return name

    @precondition(lambda self: self.unjudged)
    @rule(plan=PLANS, opened=st.booleans())
    def settle_the_oldest(self, plan: Plan, opened: bool) -> None:
        self.settle(self.unjudged.pop(0), plan, opened)

    @precondition(lambda self: self.opened)
    @rule(plan=PLANS)
    def close_the_oldest(self, plan: Plan) -> None:
        self.settle(next(iter(self.opened)), plan, opened=False)

    def add_one(self, key: str, plan: Plan | None, at_once: bool, webhook: bool, **more: Any) -> str:
        self.count += 1
        name = f"{'fedcba9876543210'[self.count % 16]}-{self.count:x}"
        url = "http://hook" if webhook else None
        record = Record(name, key, "fal-ai/kling-video", "o1", b'{"a":1}', self.now, BaseUrl(), webhook=url, **more)
        self.both(lambda store: store.add(record, plan, self.now, at_once=at_once))
        if plan is None:
            self.unjudged.append(name)
        return name

    @rule(name=requests, plan=PLANS, opened=st.booleans())
    def settle(self, name: str, plan: Plan, opened: bool) -> None:
        if name in self.opened:  # what takes the place of an open plan waits and moves on as that did
            plan = replace(self.opened.pop(name), run_seconds=plan.run_seconds, ending=plan.ending)
        elif opened:
            plan = plan.opened()
        if self.both(lambda store: store.settle(name, plan, self.now)) is True and plan.open:
            self.opened[name] = plan

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(name=requests)
    def cancel(self, name: str) -> None:
        self.both(lambda store: store.cancel(name, self.now))

    @rule(name=requests, how=st.sampled_from(["start", "end"]) | SECONDS)
    def advance(self, name: str, how: Any) -> None:
        self.both(lambda store: store.advance(name, how, self.now))

    @rule(name=requests)
    def erase(self, name: str) -> None:
        self.both(lambda store: store.erase(name, self.now))

    @rule(name=requests, key=st.none() | st.sampled_from(KEYS))
    def look(self, name: str, key: str | None) -> None:
        self.both(lambda store: store.look(name, self.now, key=key))

    @rule(name=requests, times=st.integers(1, 5))
    def read(self, name: str, times: int) -> None:
        for _ in range(times):
            self.both(lambda store: store.look(name, self.now, read=True))

    @rule(key=st.sampled_from(KEYS), status=st.sampled_from([200, 302, 500, None]))
    def webhooks_are_tried(self, key: str, status: int | None) -> None:
        for delivery in self.both(lambda store: store.claim_webhooks(key, self.now)):
            self.both(lambda store: store.trying(key))
            attempt = attempted(delivery.due_at, status, None if status else "no answer")
            self.both(lambda store, one=delivery, tried=attempt: store.webhook_tried(one.request_id, tried))

    @rule(name=requests, status=st.sampled_from([200, 500]))
    def a_webhook_is_replayed(self, name: str, status: int) -> None:
        self.both(lambda store: store.webhook_replayed(name, attempted(self.now, status)))

    @precondition(lambda self: self.count > 8)
    @rule(key=st.none() | st.sampled_from(KEYS))
    def reset(self, key: str | None) -> None:
        self.both(lambda store: store.reset(key))

    @rule(key=st.sampled_from(KEYS))
    def carry_out(self, key: str) -> None:
        self.both(lambda store: store.carry_out(key, self.now))

    @invariant()
    def everything_looks_the_same(self) -> None:
        """Asked key by key: which of two lines is brought up to date first is nobody's promise."""
        for key in KEYS if hasattr(self, "stores") else ():
            self.both(lambda store, key=key: store.all(key, lambda _: self.now))


@pytest.mark.parametrize("events", [256, 1])
def test_both_stores_tell_the_same_history(redis_url: str, events: int) -> None:
    machine = type("Machine", (BothStores,), {"url": redis_url, "events": events})
    several = settings(max_examples=draws(100), stateful_step_count=25, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=several)
