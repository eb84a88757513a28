"""Requests in the memory of this process."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import islice

from typing_extensions import override

from fakefal.core.errors import Busy, RefusedMove, StoreFull, UnknownRequest
from fakefal.core.lifecycle import State
from fakefal.core.line import Line
from fakefal.core.plan import Plan, Quirk
from fakefal.core.webhook import Delivery, DeliveryAttempt, Fate
from fakefal.state.account import JobAccount
from fakefal.state.events import EventLog
from fakefal.state.patience import in_turns
from fakefal.state.queue import CLAIM, Added, How, QueueStore
from fakefal.state.requests import Record, Snapshot, stored_bytes
from fakefal.store.deliveries import Deliveries


class MemoryQueueStore(QueueStore):
    """Requests in plain dictionaries. One event loop uses it, so every method is atomic, except a look at very many.

    Args:
        runners: how many requests of a key run at once.
        max_requests: how many requests are kept, finished or not.
        max_bytes: how many bytes of arguments and answers are kept.
        account: counts every request.
        events: is told of every change of a request.
    """

    def __init__(
        self,
        *,
        runners: int,
        max_requests: int,
        max_bytes: int,
        account: JobAccount | None = None,
        events: EventLog | None = None,
    ) -> None:
        self._runners = runners
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._records: dict[str, Record] = {}
        self._lines: dict[str, Line] = {}
        self._finished: OrderedDict[str, None] = OrderedDict()  # first item found at once, whatever was removed
        self._sizes: dict[str, int] = {}
        self._erased: set[str] = set()
        self._deliveries = Deliveries()
        self._bytes = 0
        self._account = account or JobAccount()
        self._events = events or EventLog()

    @override
    async def add(self, record: Record, plan: Plan | None, now: float, *, at_once: bool = False) -> Added:
        size = stored_bytes(record, plan)
        self._advance(record.key, now)
        if at_once and record.key in self._lines and self._lines[record.key].busy >= self._runners:
            raise Busy(self._runners)
        line = self._lines.get(record.key)
        if line is None:
            line = Line(self._runners)
        line.check_room(record.most_waiting)
        self._make_room(size)
        self._records[record.id] = record
        self._resize(record.id, size)
        self._lines[record.key] = line
        line.submit(record.id, plan, now, low=record.low, start_seconds=record.start_seconds, about=record)
        done = line.advance(now)
        look = self._look(record, line, now)
        self._account.accept(look)
        self._events.accepted(record)
        self._tell(done.moved, line, now, new=look)
        return Added(look, self._next(record.key, done.next_due))

    @override
    async def look(self, request_id: str, now: float, *, read: bool = False, key: str | None = None) -> Snapshot:
        record, line = self._find(request_id, now, key)
        if read and line.read(request_id, now):
            self._advance(record.key, now)
        return self._look(record, line, now)

    @override
    async def settle(self, request_id: str, plan: Plan, now: float) -> bool:
        record, line = self._find(request_id, now)
        priced = line.view(request_id, now).plan is not None
        first = line.settle(request_id, plan)
        if first:
            self._resize(request_id, stored_bytes(record, plan))
        if first and not priced:
            self._account.judge(self._look(record, line, now))
        self._advance(record.key, now)
        return first

    @override
    async def cancel(self, request_id: str, now: float) -> State:
        record, line = self._find(request_id, now)
        was = line.cancel(request_id, now)
        self._advance(record.key, now)
        return was

    @override
    async def advance(self, request_id: str, how: float | How, now: float) -> Snapshot:
        record, line = self._find(request_id, now)
        if how == "start":
            line.start(request_id, now)
        elif how == "end":
            line.finish(request_id, now)
        else:
            line.hasten(request_id, how, now)
        self._advance(record.key, now)
        return self._look(record, line, now)

    @override
    async def erase(self, request_id: str, now: float) -> Snapshot:
        record, line = self._find(request_id, now)
        state = line.view(request_id, now).state
        if state is not State.COMPLETED:
            raise RefusedMove(state.value, "be erased")
        self._erased.add(request_id)
        return self._look(record, line, now)

    @override
    async def carry_out(self, key: str, now: float) -> float | None:
        return self._next(key, self._advance(key, now))

    @override
    async def claim_webhooks(self, key: str, now: float) -> list[Delivery]:
        self._advance(key, now)
        return [one for one in self._deliveries.claim(key, now, CLAIM) if one.request_id in self._records]

    @override
    async def trying(self, key: str) -> bool:
        return self._deliveries.trying(key)

    @override
    async def webhook_tried(self, request_id: str, attempt: DeliveryAttempt) -> Delivery | None:
        return self._told(self._deliveries.tried(request_id, attempt))

    @override
    async def webhook_replayed(self, request_id: str, attempt: DeliveryAttempt) -> Delivery | None:
        return self._told(self._deliveries.replayed(request_id, attempt))

    @override
    async def webhook(self, request_id: str) -> Delivery | None:
        return self._deliveries.get(request_id)

    @override
    async def webhooks(self, key: str | None) -> list[Delivery]:
        return self._deliveries.all(key)

    @override
    async def keys(self) -> Iterable[str]:
        return tuple(self._lines)

    @override
    async def all(self, key: str | None, now: Callable[[str], float], most: int | None = None) -> list[Snapshot]:
        moments: dict[str, float] = {}
        wanted = (record for record in reversed(self._records.values()) if key is None or record.key == key)
        looks: list[Snapshot] = []
        async for records in in_turns([*islice(wanted, most)][::-1]):
            for record in records:
                if record.id not in self._records:
                    continue
                if record.key not in moments:
                    moments[record.key] = now(record.key)
                    self._advance(record.key, moments[record.key])
                looks.append(self._look(record, self._lines[record.key], moments[record.key]))
        return looks

    @override
    async def states(self, now: Callable[[str], float]) -> dict[str, Counter[State]]:
        found: dict[str, Counter[State]] = {}
        async for keys in in_turns([*self._lines]):
            for key in keys:
                self._advance(key, now(key))
                if key in self._lines:
                    found[key] = self._lines[key].states()
        return found

    @override
    async def credit(self, key: str, now: float) -> Decimal:
        self._advance(key, now)
        return self._account.credit(key)

    @override
    async def top_up(self, key: str | None, usd: Decimal) -> None:
        self._account.pay(key, usd)

    @override
    async def reset(self, key: str | None) -> int:
        gone = [record.id for record in self._records.values() if key is None or record.key == key]
        for one in [key] if key is not None else tuple(self._lines):
            self._lines.pop(one, None)
        for request_id in gone:
            self._forget(request_id)
        self._account.reset(key)
        async for ids in in_turns(gone):
            for request_id in ids:
                self._deliveries.forget(request_id)
        return len(gone)

    def _told(self, delivery: Delivery | None) -> Delivery | None:
        """Note that a request has no pending notifications, if that is so and it was not reset in the meantime."""
        if delivery is not None and delivery.fate is not Fate.PENDING and delivery.request_id in self._records:
            self._finished[delivery.request_id] = None
        return delivery

    @override
    async def ready(self) -> bool:
        return True

    def _find(self, request_id: str, now: float, key: str | None = None) -> tuple[Record, Line]:
        line: Line | None
        if key is None:
            if (record := self._records.get(request_id)) is None:
                raise UnknownRequest(request_id)
            line = self._lines[record.key]
        elif (line := self._lines.get(key)) is None:
            raise UnknownRequest(request_id)
        else:
            record = line.about(request_id)
        self._advance(record.key, now)
        return record, line

    def _look(self, record: Record, line: Line, now: float) -> Snapshot:
        view, position = line.look(record.id, now)
        return Snapshot(record, view, position, view.plan, record.id in self._erased)

    def _advance(self, key: str, now: float) -> float | None:
        line = self._lines.get(key)
        if line is None:
            return None
        done = line.advance(now)
        if done.moved:
            self._tell(done.moved, line, now)
        return done.next_due

    def _tell(self, moved: Sequence[tuple[str, State]], line: Line, now: float, new: Snapshot | None = None) -> None:
        """Report requests that started or ended; `new` is a request that was already counted in its present state."""
        for request_id, state in moved:
            record = self._records[request_id]
            if state is not State.COMPLETED:
                started_at = line.started_at(request_id)
                assert started_at is not None
                self._events.started(record, started_at)
            elif new is not None and new.record is record:
                self._ended(new)
            else:
                look = self._look(record, line, now)
                self._account.end(look)
                self._ended(look)

    def _next(self, key: str, due: float | None) -> float | None:
        """When the next event of a key is due, in its line or for a webhook."""
        webhook = self._deliveries.next_due(key)
        if due is None or webhook is None:
            return webhook if due is None else due
        return min(due, webhook)

    def _ended(self, look: Snapshot) -> None:
        """A request is over; it can be evicted once it has no pending notifications."""
        record = look.record
        self._events.over(look)
        if record.webhook is None:
            self._finished[record.id] = None
            return
        ended_at, plan = look.view.ended_at, look.plan
        assert ended_at is not None
        delivery = Delivery(record.id, record.webhook, ended_at, due_at=ended_at)
        if plan is not None and Quirk.WEBHOOK_LOST in plan.quirks:
            lost = DeliveryAttempt(ended_at, None, "lost by effect")
            delivery = replace(delivery, fate=Fate.FAILED, attempts=(lost,))
            self._finished[record.id] = None
        self._deliveries.add(record.key, delivery)

    def _make_room(self, size: int) -> None:
        """Evict finished requests, oldest first, until one more request of this size fits."""
        count, total = len(self._records), self._bytes + size
        if count < self._max_requests and total <= self._max_bytes:
            return
        dropped: list[str] = []
        finished = iter(self._finished)
        while count >= self._max_requests or total > self._max_bytes:
            oldest = next(finished, None)
            if oldest is None:
                unfinished = f"{count} requests with {total - size} bytes are unfinished"
                raise StoreFull(f"{unfinished}, {self._max_requests} requests or {self._max_bytes} bytes fit")
            dropped.append(oldest)
            count, total = count - 1, total - self._sizes[oldest]
        for request_id in dropped:
            self._drop(request_id)

    def _drop(self, request_id: str) -> None:
        key = self._records[request_id].key
        self._deliveries.forget(request_id)
        self._lines[key].forget(request_id)
        if not len(self._lines[key]):
            del self._lines[key]
        self._forget(request_id)

    def _forget(self, request_id: str) -> None:
        """Delete a request that is in no line any more."""
        del self._records[request_id]
        self._finished.pop(request_id, None)
        self._erased.discard(request_id)
        self._bytes -= self._sizes.pop(request_id)

    def _resize(self, request_id: str, size: int) -> None:
        self._bytes += size - self._sizes.get(request_id, 0)
        self._sizes[request_id] = size
