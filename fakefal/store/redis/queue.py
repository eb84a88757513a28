"""Requests on a Redis that any number of replicas share."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from decimal import Decimal

from typing_extensions import override

from fakefal.core.errors import (
    Busy,
    NeedsJudgement,
    QueueFull,
    RefusedMove,
    StoreFull,
    StoreUnavailable,
    UnknownRequest,
)
from fakefal.core.lifecycle import State
from fakefal.core.plan import Plan, view
from fakefal.core.webhook import Delivery, DeliveryAttempt, Fate
from fakefal.state.account import known as label
from fakefal.state.bounded import Bounded
from fakefal.state.events import EventLog
from fakefal.state.ledger import NANOS, nanos
from fakefal.state.queue import BEFORE_ALL_TIME, CLAIM, Added, How, QueueStore
from fakefal.state.requests import Record, Snapshot, planned_bytes, stored_bytes
from fakefal.store.redis import codec
from fakefal.store.redis.scripts import Reply, Steps, key_of, tag, tag_or_all

REMEMBERED = 1024
"""How many records and plans a replica keeps decoded; they never change."""

PAGE = 200
"""How many requests one step lists."""


class RedisQueueStore(QueueStore):
    """Requests on Redis. Each method is one step of a script; see `fakefal.store.redis.scripts`.

    A step computes the moment from Redis's time and the shared clocks, since replicas must agree on it; the `now` of
    the caller counts only if it is `BEFORE_ALL_TIME`. Every method raises `StoreUnavailable` if Redis cannot be
    reached.

    Args:
        steps: the connection.
        events: is told of requests accepted here. While somebody watches, it is also told of requests that a step from
            here started or ended, which costs one more look at each.
    """

    def __init__(self, steps: Steps, events: EventLog | None = None) -> None:
        self._steps = steps
        self._events = events or EventLog()
        self._moves: list[bytes] = []
        self._telling: asyncio.Task[None] | None = None
        steps.on_move = self._on_move
        self._remembered: Bounded[str, tuple[Record, Plan]] = Bounded(REMEMBERED)
        self.trying_now: set[str] = set()
        """Webhooks that were claimed here and not recorded yet."""
        self.claiming = 0
        """The number of claims in progress, whose replies may contain more."""
        self.claims_begun = 0
        """The number of claims so far."""

    @override
    async def add(self, record: Record, plan: Plan | None, now: float, *, at_once: bool = False) -> Added:
        facts = {
            "name": label(record.endpoint_id),
            "size": stored_bytes(record, plan),
            "low": record.low,
            "webhook": record.webhook is not None,
            "at_once": at_once,
            "most_waiting": record.most_waiting,
            "start_seconds": record.start_seconds,
            "plan": plan and codec.plan_facts(plan),
        }
        with self._claims() if plan is None else nullcontext():
            reply = await self._steps(
                "add",
                record.id,
                tag(record.key),
                codec.dump_record(record),
                codec.dump_plan(plan) if plan else b"",
                json.dumps({name: value for name, value in facts.items() if value is not None}),
                again=True,
            )
        self._check(reply, record.id, record)
        self._events.accepted(record)
        *seen, due = reply
        if plan is not None:
            self._remember(record, plan)
        look = await self._whole(seen, record, plan)
        if seen[1]:  # more was due than one step carries out
            return Added(look, await self.carry_out(record.key, now))
        return Added(look, float(due) if due else None)

    @override
    async def look(self, request_id: str, now: float, *, read: bool = False, key: str | None = None) -> Snapshot:
        known = self._remembered.get(request_id)
        if known is not None:
            key = known[0].key if key is None else key
        reply = await self._steps(
            "look",
            request_id,
            "" if key is None else tag(key),
            "1" if read else "",
            "1" if known else "",
            "1" if now == BEFORE_ALL_TIME else "",
            again=not read,
        )
        self._check(reply, request_id)
        return await self._whole(reply, *(known or (None, None)))

    @override
    async def settle(self, request_id: str, plan: Plan, now: float) -> bool:
        facts = json.dumps(codec.plan_facts(plan))
        reply = await self._steps("settle", request_id, codec.dump_plan(plan), facts, str(planned_bytes(plan)))
        self._check(reply, request_id)
        return bool(reply[2])

    @override
    async def cancel(self, request_id: str, now: float) -> State:
        reply = await self._steps("cancel", request_id)
        self._check(reply, request_id)
        return State(reply[2].decode())

    @override
    async def advance(self, request_id: str, how: float | How, now: float) -> Snapshot:
        reply = await self._steps("advance", request_id, how if isinstance(how, str) else float(how))
        self._check(reply, request_id)
        return await self._whole(reply)

    @override
    async def erase(self, request_id: str, now: float) -> Snapshot:
        reply = await self._steps("erase", request_id, again=True)
        self._check(reply, request_id)
        return await self._whole(reply)

    @override
    async def carry_out(self, key: str, now: float) -> float | None:
        while True:
            _, more, due = await self._steps("carry_out", tag(key), again=True)
            if not more:
                return float(due) if due else None

    @override
    async def claim_webhooks(self, key: str, now: float) -> list[Delivery]:
        with self._claims():
            _, *found = await self._steps("claim", tag(key), str(CLAIM))
            claimed = [self._delivery(one) for one in found]
            self.trying_now |= {one.request_id for one in claimed}
            return claimed

    @override
    async def trying(self, key: str) -> bool:
        _, count = await self._steps("trying", tag(key), again=True)
        return int(count) > 0

    @override
    async def webhook_tried(self, request_id: str, attempt: DeliveryAttempt) -> Delivery | None:
        after = await self._write_try(request_id, attempt, in_turn=True)
        self.trying_now.discard(request_id)
        return after

    @override
    async def webhook_replayed(self, request_id: str, attempt: DeliveryAttempt) -> Delivery | None:
        return await self._write_try(request_id, attempt, in_turn=False)

    async def _write_try(self, request_id: str, attempt: DeliveryAttempt, *, in_turn: bool) -> Delivery | None:
        """Read, add the try, and write; repeat if somebody wrote in between."""
        while True:
            reply = await self._steps("delivery", request_id, again=True)
            if reply[0] == b"unknown":
                return None
            before, mine = self._delivery(reply), bool(reply[6])
            if in_turn and not mine and attempt in before.attempts:
                return before  # already written: the reply was lost
            if in_turn and mine and before.fate is Fate.PENDING:
                after = before.after(attempt)
            else:
                after = before.replayed(attempt)
            due = after.due_at if in_turn and mine else ""
            attempts = codec.dump_attempts(after.attempts)
            (done,) = await self._steps("tried", request_id, reply[2], after.fate.value, due, attempts)
            if done != b"changed":
                return after

    @override
    async def webhook(self, request_id: str) -> Delivery | None:
        reply = await self._steps("delivery", request_id, again=True)
        return None if reply[0] == b"unknown" else self._delivery(reply)

    @override
    async def webhooks(self, key: str | None) -> list[Delivery]:
        found = [
            (float(one[0]), self._delivery(one))
            for name in await self._tags(key)
            async for page in self._pages("deliveries", name)
            for one in page
        ]
        return [delivery for _, delivery in sorted(found, key=lambda one: one[0])]

    @override
    async def keys(self) -> Iterable[str]:
        return tuple(map(key_of, await self._tags(None)))

    @override
    async def all(self, key: str | None, now: Callable[[str], float], most: int | None = None) -> list[Snapshot]:
        found = [
            (float(one[3]), self._look(one))
            for name in await self._tags(key)
            async for page in self._pages("page", name)
            for one in page
        ]
        return [look for _, look in sorted(found, key=lambda one: one[0])[-most if most else 0 :]]

    @override
    async def states(self, now: Callable[[str], float]) -> dict[str, Counter[State]]:
        # this costs a look at each
        found: dict[str, Counter[State]] = {}
        for look in await self.all(None, now):
            found.setdefault(look.record.key, Counter())[look.view.state] += 1
        return found

    @override
    async def credit(self, key: str, now: float) -> Decimal:
        _, kept = await self._steps("credit", tag(key), again=True)
        return Decimal(int(kept)) / NANOS

    @override
    async def top_up(self, key: str | None, usd: Decimal) -> None:
        await self._steps("pay", tag_or_all(key), str(nanos(usd)))

    @override
    async def reset(self, key: str | None) -> int:
        await self._steps("forget_credit", tag_or_all(key), again=True)
        _, last = await self._steps("arrivals")
        count = 0
        for name in await self._tags(key):
            more = b"1"
            while more:
                _, more, gone = await self._steps("forget", name, last)
                count += int(gone)
        return count

    @override
    async def ready(self) -> bool:
        await self._steps("check")
        return True

    # -- inside ---------------------------------------------------------------------------------

    def _on_move(self, moves: list[bytes]) -> None:
        if not self._events.watched:
            return
        self._moves += moves
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        """Report requests that started or ended, in that order; requests deleted in the meantime are left out."""
        while self._moves:
            request_id, state = self._moves[0].decode(), self._moves[1]
            del self._moves[:2]
            with suppress(UnknownRequest, StoreUnavailable):
                look = await self.look(request_id, BEFORE_ALL_TIME)
                if state == State.COMPLETED.value.encode():
                    self._events.over(look)
                elif look.view.started_at is not None:
                    self._events.started(look.record, look.view.started_at)

    @contextmanager
    def _claims(self) -> Iterator[None]:
        """Note that a reply is on its way that may contain a claim."""
        self.claims_begun += 1
        self.claiming += 1
        try:
            yield
        finally:
            self.claiming -= 1

    async def _tags(self, key: str | None) -> list[str]:
        if key is not None:
            return [tag(key)]
        _, *names = await self._steps("keys", again=True)
        return sorted(name.decode() for name in names)

    async def _pages(self, step: str, name: str) -> AsyncIterator[list[Reply]]:
        """The requests of a line, a page at a time, in order of arrival."""
        after = "-inf"
        while True:
            _, *page = await self._steps(step, name, after, str(PAGE), again=True)
            if page:
                yield page
            if len(page) < PAGE:
                return
            after = (page[-1][3] if step == "page" else page[-1][0]).decode()

    async def _whole(self, reply: Reply, record: Record | None = None, plan: Plan | None = None) -> Snapshot:
        """The snapshot in a step's reply, after everything due was carried out."""
        seen = self._look(reply, record, plan)
        while reply[1]:
            reply = await self._steps("look", seen.record.id, tag(seen.record.key), "", "1", "", again=True)
            self._check(reply, seen.record.id)
            seen = self._look(reply, seen.record, seen.plan)
        return seen

    def _look(self, reply: Reply, record: Record | None = None, plan: Plan | None = None) -> Snapshot:
        _, _, now, _, *marks, position, erased, record_bytes, plan_bytes = reply
        if record is None:
            record, plan = codec.load_record(record_bytes), codec.load_plan(plan_bytes) if plan_bytes else None
            if plan is not None:
                self._remember(record, plan)
        return Snapshot(record, view(plan, codec.load_marks(*marks), float(now)), int(position), plan, bool(erased))

    def _remember(self, record: Record, plan: Plan) -> None:
        if not plan.open:
            self._remembered[record.id] = record, plan

    @staticmethod
    def _delivery(reply: Reply) -> Delivery:
        _, request_id, _, fate, ended_at, due_at, _, attempts, record = reply
        webhook = codec.load_record(record).webhook
        assert webhook is not None
        return Delivery(
            request_id.decode(),
            webhook,
            float(ended_at),
            float(due_at),
            Fate(fate.decode()),
            codec.load_attempts(attempts),
        )

    def _check(self, reply: Reply, request_id: str, record: Record | None = None) -> None:
        """Raise the error of a reply that is a refusal."""
        match reply[0]:
            case b"unknown":
                self._remembered.pop(request_id, None)
                raise UnknownRequest(request_id)
            case b"refused":
                raise RefusedMove(reply[1].decode(), reply[2].decode())
            case b"unjudged":
                raise NeedsJudgement(request_id)
            case b"busy":
                raise Busy(self._steps.bounds.runners)
            case b"queue full":
                assert record is not None
                assert record.most_waiting is not None
                raise QueueFull(record.most_waiting)
            case b"full":
                count, size = int(reply[1]), int(float(reply[2]))
                unfinished = f"{count} requests with {size} bytes are unfinished"
                fits = self._steps.bounds
                raise StoreFull(f"{unfinished}, {fits.max_requests} requests or {fits.max_bytes} bytes fit")
