"""The journal and the metrics of all replicas of a Redis.

A replica writes its events there a moment later, so that no call waits for the write.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields
from decimal import Decimal
from itertools import count
from operator import attrgetter

from typing_extensions import override

from fakefal.core.errors import StoreUnavailable
from fakefal.core.webhook import DeliveryAttempt
from fakefal.state.account import JobAccount
from fakefal.state.bounded import Bounded
from fakefal.state.journal import Journal, JournalEntry
from fakefal.state.ledger import NANOS
from fakefal.state.tally import Counts, Stored, Tally
from fakefal.store.redis.scripts import ANSWER_SECONDS, Steps, tag, tag_or_all

WRITE_SECONDS = 0.25
"""How often a replica writes: the longest time for which the others do not know of an answered call."""

PAGE = 100
"""How many calls one step writes."""

ACKNOWLEDGED, FAILED = "acknowledged", "failed"

_VALUES = attrgetter(*(one.name for one in fields(JournalEntry) if one.name != "name"))
"""All facts about a call, in the order in which a call is built from them."""


@dataclass(slots=True)
class _Open:
    """A call that is not over or not written: when it came, and what was last written to Redis."""

    call: JournalEntry
    came: float
    told: str = ""


class RedisJournal(Journal):
    """Calls in Redis. While Redis is away, the newest calls wait here.

    Args:
        steps: the connection.
        real_time: gives Redis's own time, possibly a little late.
        most: how many calls are kept.
        monotonic: measures how long ago a call came.
    """

    def __init__(
        self,
        steps: Steps,
        real_time: Callable[[], float],
        most: int,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steps = steps
        self._real_time = real_time
        self._monotonic = monotonic
        self._ahead = 0.0
        self._most = most
        self._numbers = count()
        self._open: Bounded[str, _Open] = Bounded(most)
        self._writing = asyncio.Lock()

    @override
    def add(self, call: JournalEntry) -> None:
        call.name = f"{self._steps.replica}{next(self._numbers):012x}"
        self._open[call.name] = _Open(call, self._monotonic())

    @override
    async def newest(self, key: str | None, limit: int) -> list[JournalEntry]:
        await self.write()
        _, *found = await self._steps("calls", tag_or_all(key), str(limit), again=True)
        return [JournalEntry(*json.loads(one.partition(b" ")[2])) for one in found]

    @override
    async def size(self) -> int:
        await self.write()
        _, number = await self._steps("count_calls", again=True)
        return int(number)

    @override
    async def reset(self, key: str | None) -> None:
        # calls that other replicas have not written yet are deleted too
        await self.write()
        await self._steps("forget_journal", tag_or_all(key))

    async def write(self) -> None:
        """Write everything since the last time.

        Raises:
            StoreUnavailable: nothing is lost, unless more calls come than are kept.
        """
        async with self._writing:
            ahead = self._real_time() - self._monotonic()
            # it lags by the time of a reply, and must not shrink by that: calls keep their order
            self._ahead = ahead if ahead < self._ahead - ANSWER_SECONDS else max(ahead, self._ahead)
            news = [(one, text) for one in self._open.values() if (text := json.dumps(_VALUES(one.call))) != one.told]
            for start in range(0, len(news), PAGE):
                await self._write(news[start : start + PAGE])

    async def _write(self, page: list[tuple[_Open, str]]) -> None:
        """Write some calls; their later changes are written the next time."""
        try:
            await self._send(page)
        except StoreUnavailable as error:
            if error.silent:
                raise
            await self._send(page)
        for one, text in page:
            one.told = text
            if one.call.milliseconds is not None and text == json.dumps(_VALUES(one.call)):
                self._open.pop(one.call.name, None)

    async def _send(self, page: list[tuple[_Open, str]]) -> None:
        """Describe calls, and how long ago they came: a second description replaces more."""
        now = self._monotonic()
        texts = (
            value
            for one, text in page
            for value in (
                one.call.name,
                "" if one.told else "1",
                repr(one.came + self._ahead),
                repr(now - one.came),
                tag(one.call.key),
                text,
            )
        )
        await self._steps("write_calls", str(self._most), *texts)


class RedisTally(Tally):
    """Counts that Redis keeps. Steps count requests; calls and tries are added later.

    Args:
        steps: the connection.
    """

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._number = 0
        self._unwritten: Counter[str] = Counter()
        self._batch: Counter[str] = Counter()
        self._writing = asyncio.Lock()

    @override
    def tried(self, attempt: DeliveryAttempt) -> None:
        self._unwritten[f"tries {ACKNOWLEDGED if attempt.acknowledged else FAILED}"] += 1

    @override
    def called(self, part: str, status: int) -> None:
        self._unwritten[f"calls {part} {status}"] += 1

    @override
    async def account(self, stored: Stored) -> JobAccount:
        return await asyncio.to_thread(JobAccount.of, await stored())

    @override
    async def counts(self) -> Counts:
        await self.write()
        _, *kept = await self._steps("counts", again=True)
        counts = Counts()
        for name, number in zip(kept[::2], kept[1::2], strict=True):
            match name.decode().split(" "):
                case ["accepted", endpoint]:
                    counts.accepted[endpoint] = int(number)
                case ["ended", endpoint, status]:
                    counts.ended[endpoint, int(status)] = int(number)
                case ["nanos", endpoint]:
                    counts.usd[endpoint] = Decimal(int(number)) / NANOS
                case ["tries", outcome]:
                    counts.tries[outcome == ACKNOWLEDGED] = int(number)
                case ["calls", part, status]:
                    counts.calls[part, int(status)] = int(number)
        return counts

    async def write(self) -> None:
        """Add the counts since the last time.

        Raises:
            StoreUnavailable: they are added the next time, once.
        """
        async with self._writing:
            while self._batch or self._unwritten:
                if not self._batch:
                    self._batch, self._unwritten = self._unwritten, Counter()
                    self._number += 1
                pairs = (str(one) for pair in self._batch.items() for one in pair)
                await self._steps("count", str(self._number), *pairs, again=True)
                self._batch = Counter()
