"""Requests in the memory of this process."""

from __future__ import annotations

from collections.abc import Iterable

from fakefal.core.errors import StoreFull, UnknownRequest
from fakefal.core.lifecycle import State
from fakefal.core.line import Line
from fakefal.core.plan import Plan
from fakefal.record import Look, Record
from fakefal.store.queue import How


class MemoryQueueStore:
    """A `QueueStore` of plain dictionaries.  One event loop uses it, so each method is atomic.

    Args:
        runners: how many requests of a key run at once.
        max_requests: how many requests are kept, finished or not.
        max_bytes: how many bytes of arguments and answers are kept.
    """

    def __init__(self, *, runners: int, max_requests: int, max_bytes: int) -> None:
        self._runners = runners
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._records: dict[str, Record] = {}
        self._lines: dict[str, Line] = {}
        self._finished: dict[str, None] = {}
        self._sizes: dict[str, int] = {}
        self._bytes = 0

    async def add(self, record: Record, plan: Plan | None, now: float) -> Look:
        """See `QueueStore.add`."""
        size = _size(record, plan)
        self._advance(record.key, now)
        self._make_room(size)
        self._records[record.id] = record
        self._resize(record.id, size)
        line = self._lines.get(record.key)
        if line is None:
            line = self._lines[record.key] = Line(self._runners)
        line.submit(record.id, plan, now, low=record.low)
        self._advance(record.key, now)
        return self._look(record, line, now)

    async def look(self, request_id: str, now: float, *, read: bool = False) -> Look:
        """See `QueueStore.look`."""
        record, line = self._find(request_id, now)
        if read:
            line.read(request_id, now)
            self._advance(record.key, now)
        return self._look(record, line, now)

    async def settle(self, request_id: str, plan: Plan, now: float) -> bool:
        """See `QueueStore.settle`."""
        record, line = self._find(request_id, now)
        first = line.settle(request_id, plan)
        if first:
            self._resize(request_id, _size(record, plan))
        self._advance(record.key, now)
        return first

    async def cancel(self, request_id: str, now: float) -> State:
        """See `QueueStore.cancel`."""
        record, line = self._find(request_id, now)
        was = line.cancel(request_id, now)
        self._advance(record.key, now)
        return was

    async def advance(self, request_id: str, how: float | How, now: float) -> Look:
        """See `QueueStore.advance`."""
        record, line = self._find(request_id, now)
        if how == "start":
            line.start(request_id, now)
        elif how == "end":
            line.finish(request_id, now)
        else:
            line.hasten(request_id, how, now)
        self._advance(record.key, now)
        return self._look(record, line, now)

    async def busy(self, key: str, now: float) -> int:
        """See `QueueStore.busy`."""
        self._advance(key, now)
        return self._lines[key].busy if key in self._lines else 0

    async def carry_out(self, key: str, now: float) -> float | None:
        """See `QueueStore.carry_out`."""
        return self._advance(key, now)

    async def keys(self) -> Iterable[str]:
        """See `QueueStore.keys`."""
        return tuple(self._lines)

    async def all(self, key: str | None, now: float) -> list[Look]:
        """See `QueueStore.all`."""
        for one in self._lines if key is None else [key]:
            self._advance(one, now)
        return [
            self._look(record, self._lines[record.key], now)
            for record in self._records.values()
            if key is None or record.key == key
        ]

    async def reset(self, key: str | None) -> int:
        """See `QueueStore.reset`."""
        gone = [record.id for record in self._records.values() if key is None or record.key == key]
        for request_id in gone:
            self._drop(request_id)
        for one in [key] if key is not None else list(self._lines):
            self._lines.pop(one, None)
        return len(gone)

    def _find(self, request_id: str, now: float) -> tuple[Record, Line]:
        record = self._records.get(request_id)
        if record is None:
            raise UnknownRequest(request_id)
        self._advance(record.key, now)
        return record, self._lines[record.key]

    def _look(self, record: Record, line: Line, now: float) -> Look:
        return Look(record, line.view(record.id, now), line.position(record.id), line.plan(record.id))

    def _advance(self, key: str, now: float) -> float | None:
        line = self._lines.get(key)
        if line is None:
            return None
        done = line.advance(now)
        self._finished.update(dict.fromkeys(done.ended))
        return done.next_due

    def _make_room(self, size: int) -> None:
        """Drop finished requests, oldest first, until one more of this size fits."""
        while len(self._records) >= self._max_requests or self._bytes + size > self._max_bytes:
            oldest = next(iter(self._finished), None)
            if oldest is None:
                many = len(self._records) >= self._max_requests
                raise StoreFull(f"{self._max_requests} requests" if many else f"{self._max_bytes} bytes")
            self._lines[self._records[oldest].key].forget(oldest)
            self._drop(oldest)

    def _drop(self, request_id: str) -> None:
        del self._records[request_id]
        self._finished.pop(request_id, None)
        self._bytes -= self._sizes.pop(request_id)

    def _resize(self, request_id: str, size: int) -> None:
        self._bytes += size - self._sizes.get(request_id, 0)
        self._sizes[request_id] = size


def _size(record: Record, plan: Plan | None) -> int:
    return record.size + (len(plan.ending.body) if plan else 0)
