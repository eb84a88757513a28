"""The events of an emulator, for the log, the page and programs.

Recording an event formats nothing; text is created only for readers.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from itertools import takewhile
from typing import Any

from fakefal.core.plan import Cut, Ending
from fakefal.core.webhook import Delivery, DeliveryAttempt
from fakefal.state.clock import wall_time
from fakefal.state.endings import ending_of
from fakefal.state.happenings import (
    CallRefused,
    ClockMoved,
    EffectFired,
    Event,
    EventsLost,
    JobAccepted,
    JobOver,
    JobStarted,
    ModelUnknown,
    NotEmulated,
    Outcome,
    StateReset,
    WebhookTried,
)
from fakefal.state.journal import USED_UP, JournalEntry, without_secrets
from fakefal.state.requests import Record, Snapshot

MOST_EVENTS = 10_000
"""How many of the newest events are kept for clients that reconnect."""

MOST_POLLED = 10_000
"""For how many of the most recently polled jobs polls are counted."""

LONGEST_NAME = 300
"""Longer endpoint ids are cut off, to limit the memory of events."""

LONGEST_NUMBER = 20
"""No event has a number of more digits, but a caller may send one."""

QUIET_SECONDS = 15.0
"""How long a stream waits before it reports that nothing happened."""

Subscriber = Callable[[Event], None]
"""Called with every event, in order, on the event loop; it must not block."""


class EventLog:
    """Keeps the newest events; calls subscribers at once, and serves streams."""

    def __init__(self) -> None:
        self._kept: deque[Event] = deque(maxlen=MOST_EVENTS)
        self._number = 0
        self._lost = 0
        self._server = secrets.token_hex(4)
        self._polls: OrderedDict[str, int] = OrderedDict()
        self._subscribers: tuple[Subscriber, ...] = ()
        self._bells: set[asyncio.Event] = set()
        self._foretold: dict[str, Callable[[str], object]] = {}
        self._closed = False

    # -- for those who watch --------------------------------------------------------------------

    @contextmanager
    def subscribed(self, subscriber: Subscriber) -> Iterator[None]:
        """Call a subscriber with every event while the block lasts."""
        self._subscribers = (*self._subscribers, subscriber)
        try:
            yield
        finally:
            self._subscribers = tuple(one for one in self._subscribers if one is not subscriber)

    @property
    def watched(self) -> bool:
        """Whether there is a subscriber or a stream."""
        return bool(self._subscribers or self._bells)

    def newest(self, most: int = MOST_EVENTS, key: str | None = None) -> list[Event]:
        """The newest kept events, oldest first; with a key, only its events."""
        found = [one for one in self._kept if _concerns(one, key)]
        return found[max(0, len(found) - most) :]

    def place(self, event: Event | None = None) -> str:
        """The id of an event, or of the newest one, for clients that reconnect."""
        return f"{self._server}-{self._number if event is None else event.number}"

    async def stream(
        self, after: str | None = None, key: str | None = None, *, recent: int = 0, follow: bool = True
    ) -> AsyncGenerator[list[Event], None]:
        """Events from now on, in lists; an empty list if nothing happened for a while.

        The stream ends when the server stops.

        Args:
            after: the id of the last event that was read; later ones come first.
            key: only events of this key.
            recent: start with this many past events, if there is no `after`.
            follow: whether to wait for new events.
        """
        read = self._number
        if after is not None:
            read = self._resumed(after)
        elif recent:
            yield self.newest(recent, key)
        bell = asyncio.Event()
        self._bells.add(bell)
        try:
            while not self._closed:
                bell.clear()
                news, read = self._behind(read)
                if wanted := [one for one in news if _concerns(one, key)]:
                    yield wanted
                elif not follow:
                    return
                elif not await _rings(bell):
                    yield []
        finally:
            self._bells.discard(bell)

    def close(self) -> None:
        """End every stream: the server is about to stop."""
        self._closed = True
        for bell in self._bells:
            bell.set()

    def _resumed(self, after: str) -> int:
        """The number of the last read event; an unknown id means the beginning."""
        server, _, number = after.rpartition("-")
        known = server == self._server and number.isdecimal() and len(number) <= LONGEST_NUMBER
        return int(number) if known and int(number) <= self._number else -1

    def _behind(self, read: int) -> tuple[list[Event], int]:
        """The kept events after a number, and the number of the last of them."""
        news = [*takewhile(lambda one: one.number > read, reversed(self._kept))][::-1]
        if read < self._lost:
            news.insert(0, EventsLost(number=self._lost, at=wall_time(), wall=wall_time(), key=None))
        return news, self._number

    # -- for those who tell -----------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        """Record an event, give it its number, and notify all subscribers."""
        self._number += 1
        event.number, event.wall = self._number, wall_time()
        if len(self._kept) == self._kept.maxlen:
            self._lost = self._kept[0].number
        self._kept.append(event)
        for subscriber in self._subscribers:
            subscriber(event)
        for bell in self._bells:
            bell.set()

    def polled(self, request_id: str) -> None:
        """Record a status call of a job."""
        polls = self._polls  # no `Bounded`, which would take three times as long at every poll
        polls[request_id] = polls.pop(request_id, 0) + 1
        if len(polls) > MOST_POLLED:
            polls.popitem(last=False)

    def foretell(self, request_id: str, telling: Callable[[str], object]) -> None:
        """Have something told before it is told that a job was accepted, if it is."""
        self._foretold[request_id] = telling

    def forget(self, request_id: str) -> bool:
        """The job was not accepted; returns whether nothing was told of it."""
        return self._foretold.pop(request_id, None) is not None

    def accepted(self, record: Record) -> None:
        """Record that a job was accepted."""
        if self._foretold and (telling := self._foretold.pop(record.id, None)) is not None:
            telling(record.id)
        self.tell(
            JobAccepted(
                at=record.submitted_at,
                key=record.key,
                request_id=record.id,
                endpoint_id=record.endpoint_id[:LONGEST_NAME],
                prompt=record.prompt,
                webhook=record.webhook is not None,
            )
        )

    def started(self, record: Record, at: float) -> None:
        """Record that a job was started."""
        self.tell(
            JobStarted(at=at, key=record.key, request_id=record.id, endpoint_id=record.endpoint_id[:LONGEST_NAME])
        )

    def over(self, look: Snapshot) -> None:
        """Record that a job has ended."""
        record, view, ending = look.record, look.view, ending_of(look)
        assert ending is not None
        assert view.ended_at is not None
        self.tell(
            JobOver(
                at=view.ended_at,
                key=record.key,
                request_id=record.id,
                endpoint_id=record.endpoint_id[:LONGEST_NAME],
                outcome=outcome(ending, view.cut),
                status=ending.status,
                error_type=ending.error_type or "",
                error=ending.error or "",
                hint=ending.hint,
                broken=ending.broken,
                usd=ending.usd,
                units=ending.billable_units,
                polls=self._polls.pop(record.id, 0),
                attempts=ending.attempts,
                seconds=view.run_seconds,
            )
        )

    def tried(self, delivery: Delivery, look: Snapshot, attempt: DeliveryAttempt) -> None:
        """Record an attempt of a webhook."""
        self.tell(
            WebhookTried(
                at=attempt.at,
                key=look.record.key,
                request_id=look.record.id,
                endpoint_id=look.record.endpoint_id[:LONGEST_NAME],
                url=without_secrets(delivery.url),
                attempt=len(delivery.attempts) + 1,
                status=attempt.status,
                error=attempt.error,
                acknowledged=attempt.acknowledged,
            )
        )

    def fired(self, call: JournalEntry, request_id: str) -> None:
        """Record that an effect changes a call, before its job or after the call."""
        self.tell(
            EffectFired(
                at=call.at,
                key=call.key,
                call=call.address,
                status=call.status,
                hint=call.hint,
                effect=call.effect,
                request_id=request_id,
            )
        )

    def called(self, call: JournalEntry) -> None:
        """Record the events of a finished call that an effect changed or that got an error."""
        if call.effect and call.effect != USED_UP:
            self.fired(call, call.request_id)
            return
        facts: dict[str, Any] = {
            "at": call.at,
            "key": call.key,
            "call": call.address,
            "status": call.status,
            "hint": call.hint,
        }
        if call.status == HTTPStatus.NOT_IMPLEMENTED:
            self.tell(NotEmulated(**facts))
        elif call.is_missed:
            self.tell(ModelUnknown(**facts, endpoint_id=call.endpoint[:LONGEST_NAME]))
        elif call.is_refused:
            self.tell(CallRefused(**facts, error_type=call.error_type))

    def moved(self, key: str | None, at: float, advance: float, speed: float) -> None:
        """Record that a clock was moved."""
        self.tell(ClockMoved(at=at, key=key, advance=advance, speed=speed))

    def reset(self, key: str | None, at: float) -> None:
        """Delete the events of a key, or all, and record the reset."""
        kept = [one for one in self._kept if key is not None and one.key != key]
        self._kept.clear()
        self._kept.extend(kept)
        self.tell(StateReset(at=at, key=key))


def outcome(ending: Ending, cut: Cut | None) -> Outcome:
    """How a job ended, in one word."""
    if cut is Cut.CANCELLED:
        return "cancelled"
    if cut is Cut.TIMED_OUT:
        return "timed_out"
    if ending.ok:
        return "completed"
    return "failed" if ending.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "refused"


def _concerns(event: Event, key: str | None) -> bool:
    """Whether an event is shown to those who ask for a key."""
    return key is None or event.key is None or event.key == key


async def _rings(bell: asyncio.Event) -> bool:
    """Whether a bell rings soon."""
    with suppress(TimeoutError):
        async with asyncio.timeout(QUIET_SECONDS):
            return await bell.wait()
    return False
