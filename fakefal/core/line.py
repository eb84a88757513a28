"""One line of requests and its runners: which request starts when, and in which order.

A key has one line, because fal counts concurrency per account. The line has no clock. The caller first calls `advance`,
which carries out everything that is due: in time order, and each thing at its own moment. So the history does not
depend on when, or how often, a caller looks.

**Data structures.** `_entries` holds every request; the others are indexes of it:

- `_queued`: the places of the requests that wait for a runner within the limit, normal and low priority. A position is
  a rank in it.
- `_ready`: the queued requests whose wait is over, by place. The first one starts next.
- `_aside`: the requests that wait for status reads instead of time; they take no runner of the limit.
- four heaps of moments at which something happens without a call: `_unready` (a wait is over), `_running` (a run ends),
  `_releases` (a runner is free again), `_start_by` (a caller's start timeout).

**Stale heap items.** An item in `_unready`, `_running` or `_start_by` is never searched for and removed. When a request
moves on or is advanced, a second item is added. The first item is dropped when it reaches the top of its heap and no
longer agrees with its entry (`_is_current`, `_waits`). So each move takes logarithmic time, however many requests wait.

**Invariants between calls.**

- A request is in `_queued` or `_aside` exactly while it is IN_QUEUE, and in `_ready` only while it is in `_queued`.
- Each waiting request that is not ready has a current item in `_unready`; each run that time ends has one in
  `_running`.
- `_busy` counts the runs within the limit, plus ended runs whose runner is not released yet. It is at most `runners`.
- `_now` never goes back. Nothing that is due lies before it, except while a judgement is missing.
- Nothing falls due before `_idle_until`. Each change of the line resets it, unless the next due moment is known.

**Order at one moment:** ends, releases, waits, starts, start timeouts. So a runner that becomes free at a moment can be
taken at that moment, and a request that can start does not time out.

**A missing judgement stops the line.** If the request that would start next has no plan, neither it nor any request
behind it starts. `advance` names that request, and runs continue to their ends. Once the judgement is written, the next
`advance` continues from the moment at which the line stopped. The history is then the same as if the judgement had
been there.

**An open plan does not stop the line.** Its request starts and holds its runner; the run ends once the whole plan is
written.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sortedcontainers import SortedDict

from fakefal.core.entry import UNTOUCHED, LineEntry, Place
from fakefal.core.errors import NeedsJudgement, QueueFull, UnknownRequest
from fakefal.core.lifecycle import Move, State, after
from fakefal.core.plan import Cut, Marks, Plan, View, view
from fakefal.core.ranks import Ranks
from fakefal.core.sealed import sealed

Due = tuple[float, int, str]
"""A moment, the order of arrival as tie-breaker, and the request."""


BEFORE_ALL, NEVER = float("-inf"), float("inf")
_MOVES = {None: Move.FINISH, Cut.CANCELLED: Move.CANCEL, Cut.TIMED_OUT: Move.EXPIRE}


@sealed
class Advanced:
    """The result of `Line.advance`: which requests started or ended, which needs a judgement, and when to call again.

    `moved` holds ids with the state that each reached, in the order in which that happened.
    """

    moved: Sequence[tuple[str, State]]
    needs: str | None
    next_due: float | None

    @property
    def ended(self) -> tuple[str, ...]:
        """The ids of the requests that ended."""
        return tuple(request_id for request_id, state in self.moved if state is State.COMPLETED)


class Line:
    """The requests of one key and its runners."""

    def __init__(self, runners: int) -> None:
        self.runners = runners
        self._entries: dict[str, LineEntry] = {}
        self._queued = {False: Ranks(), True: Ranks()}  # by whether they are low
        self._ready: SortedDict[Place, LineEntry] = SortedDict()
        self._aside: set[str] = set()
        self._unready: list[Due] = []
        self._running: list[Due] = []
        self._releases: list[float] = []
        self._start_by: list[Due] = []
        self._busy = 0
        self._now = BEFORE_ALL
        self._idle_until = BEFORE_ALL
        self._moved: list[tuple[str, State]] = []
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def busy(self) -> int:
        """How many runners within the limit are taken."""
        return self._busy

    def states(self) -> Counter[State]:
        """How many requests are in each state."""
        return Counter(entry.state for entry in self._entries.values())

    def check_room(self, most_waiting: int | None) -> None:
        """Check that the line accepts one more request.

        Raises:
            QueueFull: more requests wait than that.
        """
        waiting = len(self._queued[False]) + len(self._queued[True]) + len(self._aside)
        if most_waiting is not None and waiting > most_waiting:
            raise QueueFull(most_waiting)

    # -- the caller's moves ---------------------------------------------------------------------

    def submit(
        self,
        request_id: str,
        plan: Plan | None,
        now: float,
        *,
        low: bool = False,
        start_seconds: float | None = None,
        about: Any = None,
    ) -> None:
        """Add a request; `plan` is None while its judgement is missing.

        With `start_seconds` the request times out if it has not started by then. Further attempts of the server count
        as starts too. `about` is what the caller keeps with the request.
        """
        now = self._at(now)
        is_idle = self._now == now < self._idle_until
        wait = plan.wait_seconds if plan else 0.0
        entry = LineEntry(request_id, self._arrivals, low, plan, now + wait, about=about)
        self._arrivals += 1
        self._entries[request_id] = entry
        if start_seconds is not None:
            entry.start_by = now + start_seconds
            heapq.heappush(self._start_by, (entry.start_by, entry.order, entry.id))
        if is_idle and plan is not None and not wait and plan.polls is None and self._busy < self.runners:
            self._start_at_once(entry, now)
            return
        self._idle_until = BEFORE_ALL
        if entry.poll_driven:
            self._set_aside(entry)
        else:
            self._enqueue(entry)

    def settle(self, request_id: str, plan: Plan) -> bool:
        """Set the plan of a request that has none, or an open one. Returns whether it was set.

        A plan that replaces an open one must have the same wait, and move in the same way (by time or status reads).
        """
        entry = self._entry(request_id)
        before = entry.plan
        if before is not None and not before.open:
            return False
        self._touched_at(self._now)
        entry.plan = plan
        if before is not None:
            if entry.state is State.IN_PROGRESS:
                self._shift(entry, 0.0, self._now)
            return True
        if entry.state is not State.IN_QUEUE:
            return True
        if entry.poll_driven:
            self._dequeue(entry)
            self._set_aside(entry)
        elif plan.wait_seconds:
            self._postpone(entry, entry.ready_at + plan.wait_seconds)
        return True

    def cancel(self, request_id: str, now: float) -> State:
        """End a request now. Returns its previous state.

        Raises:
            RefusedMove: the request is already over.
        """
        entry, now = self._entry(request_id), self._touched_at(now)
        was = entry.state
        after(was, Move.CANCEL)
        self._end(entry, now, Cut.CANCELLED)
        return was

    def hasten(self, request_id: str, seconds: float, now: float) -> None:
        """Bring the remaining moments of a request nearer by this number of seconds.

        Raises:
            RefusedMove: the request is already over.
        """
        entry, now = self._entry(request_id), self._touched_at(now)
        after(entry.state, Move.ADVANCE)
        if entry.state is State.IN_PROGRESS:
            self._shift(entry, seconds, now)
            return
        used = min(seconds, max(0.0, entry.ready_at - now))
        entry.credit += seconds - used
        if used:
            entry.ready_at -= used
            heapq.heappush(self._unready, (entry.ready_at, entry.order, entry.id))

    def start(self, request_id: str, now: float) -> None:
        """Start a waiting request now, on an extra runner outside the limit.

        Raises:
            RefusedMove: the request is not waiting.
            NeedsJudgement: the request has no plan yet.
        """
        entry, now = self._entry(request_id), self._touched_at(now)
        after(entry.state, Move.START)
        if entry.plan is None:
            raise NeedsJudgement(request_id)
        self._dequeue(entry)
        entry.extra = True
        self._begin(entry, now)

    def finish(self, request_id: str, now: float) -> None:
        """Make the planned end of a request due now, as if its whole run had passed.

        Raises:
            RefusedMove: the request is already over.
            NeedsJudgement: the request has no plan yet, or an open one.
        """
        entry, now = self._entry(request_id), self._touched_at(now)
        if entry.plan is not None and entry.plan.open and entry.state is not State.COMPLETED:
            raise NeedsJudgement(request_id)
        if entry.state is State.IN_QUEUE:
            self.start(request_id, now)
        after(entry.state, Move.FINISH)
        self._shift(entry, max(0.0, entry.end_of_run()[0] - now), now)
        self._end(entry, now)

    def read(self, request_id: str, now: float) -> bool:
        """Count a status read, which moves a poll-driven request. Returns whether the request is poll-driven."""
        entry = self._entry(request_id)
        if not entry.poll_driven or entry.state is State.COMPLETED:
            return False
        now = self._touched_at(now)
        assert entry.plan is not None
        assert entry.plan.polls is not None
        entry.reads += 1
        if entry.reads > entry.plan.polls.queued and entry.state is State.IN_QUEUE:
            self._dequeue(entry)
            self._begin(entry, now)
        if entry.reads > entry.plan.polls.queued + entry.plan.polls.running and not entry.plan.open:
            self._end(entry, now)
        return True

    def forget(self, request_id: str) -> None:
        """Remove a request that is over."""
        entry = self._entries.pop(request_id)
        assert entry.state is State.COMPLETED

    # -- looking --------------------------------------------------------------------------------

    def view(self, request_id: str, now: float) -> View:
        """The state of a request."""
        entry = self._entry(request_id)
        return view(entry.plan, entry.marks, self._at(now))

    def about(self, request_id: str) -> Any:
        """What the caller kept with a request."""
        return self._entry(request_id).about

    def started_at(self, request_id: str) -> float | None:
        """When a request started; None before its start."""
        return self._entry(request_id).marks.started_at

    def position(self, request_id: str) -> int:
        """How many requests are ahead of it; 0 if it is not waiting, or waits for an extra runner."""
        return self._position(self._entry(request_id))

    def look(self, request_id: str, now: float) -> tuple[View, int]:
        """The state of a request and its position."""
        entry = self._entry(request_id)
        return view(entry.plan, entry.marks, self._at(now)), self._position(entry)

    def advance(self, now: float) -> Advanced:
        """Carry out everything that is due by `now`.

        If the request that would start next has no judgement, no request starts, and the line returns its id. Called
        again once the judgement is written, the line continues from that moment.
        """
        now = self._at(now)
        if now < self._idle_until:
            self._now = now
            return Advanced(self._take_moved(), None, self._idle_until if self._idle_until < NEVER else None)
        needs, due = self._start_ready(), self._next_due()
        while needs is None and due is not None and due <= now:
            self._now = max(self._now, due)
            self._carry_out(due)
            needs = self._start_ready()
            if needs is None:
                self._time_out(due)
            due = self._next_due()
        if needs is None:
            self._now = now
            self._idle_until = NEVER if due is None else due
        else:
            self._end_runs(now)
        return Advanced(self._take_moved(), needs, self._next_end() if needs else due)

    # -- inside ---------------------------------------------------------------------------------

    def _take_moved(self) -> Sequence[tuple[str, State]]:
        moved = self._moved
        if not moved:
            return ()
        self._moved = []
        return moved

    def _position(self, entry: LineEntry) -> int:
        if entry.marks is not UNTOUCHED or entry.extra:
            return 0
        before = self._queued[entry.low].below(entry.order)
        return before + len(self._queued[False]) if entry.low else before

    def _at(self, now: float) -> float:
        """A moment that is never earlier than one that the line has already reached."""
        return max(now, self._now)

    def _touched_at(self, now: float) -> float:
        """The moment of a change, after which something may be due at once."""
        self._idle_until = BEFORE_ALL
        return self._at(now)

    def _entry(self, request_id: str) -> LineEntry:
        try:
            return self._entries[request_id]
        except KeyError:
            raise UnknownRequest(request_id) from None

    def _postpone(self, entry: LineEntry, moment: float) -> None:
        """Mark a request as ready later, unless the line has already passed that moment."""
        entry.ready_at = moment
        if moment > self._now:
            self._unmark(entry)
            heapq.heappush(self._unready, (entry.ready_at, entry.order, entry.id))

    def _enqueue(self, entry: LineEntry) -> None:
        self._queued[entry.low].add(entry.order)
        heapq.heappush(self._unready, (entry.ready_at, entry.order, entry.id))

    def _start_at_once(self, entry: LineEntry, now: float) -> None:
        """Start a request that need not wait. A run of zero seconds ends at once and takes no runner."""
        entry.marks = Marks(started_at=now)
        self._moved.append((entry.id, State.IN_PROGRESS))
        end, _ = entry.end_of_run()
        if end > now:
            self._busy += 1
            self._shift(entry, 0.0, now)
            self._idle_until = min(self._idle_until, end)
        else:
            entry.marks = Marks(now, now)
            self._moved.append((entry.id, State.COMPLETED))

    def _set_aside(self, entry: LineEntry) -> None:
        """Let a request wait for status reads, outside the line."""
        entry.extra = True
        self._aside.add(entry.id)

    def _dequeue(self, entry: LineEntry) -> None:
        self._queued[entry.low].discard(entry.order)
        self._unmark(entry)
        self._aside.discard(entry.id)

    def _unmark(self, entry: LineEntry) -> None:
        """Mark a request as not ready."""
        if entry.ready:
            entry.ready = False
            del self._ready[entry.place]

    def _start_ready(self) -> str | None:
        """Give free runners to ready requests; returns the id of a request whose judgement is missing."""
        while self._ready and self._busy < self.runners:
            entry: LineEntry = self._ready.peekitem(0)[1]
            if entry.plan is None:
                return entry.id
            self._dequeue(entry)
            self._busy += 1
            self._begin(entry, self._now)
        return None

    def _begin(self, entry: LineEntry, now: float) -> None:
        after(entry.state, Move.START)
        assert entry.plan is not None
        entry.marks = Marks(started_at=now)
        self._moved.append((entry.id, State.IN_PROGRESS))
        self._shift(entry, entry.credit, now)

    def _shift(self, entry: LineEntry, seconds: float, now: float) -> None:
        """Shorten a run by this number of seconds, and push its new end on the heap."""
        assert entry.plan is not None
        if seconds:
            entry.marks = replace(entry.marks, shifts=(*entry.marks.shifts, (now, seconds)))
        if entry.plan.polls is None and (moment := entry.end_of_run()[0]) < NEVER:
            heapq.heappush(self._running, (moment, entry.order, entry.id))

    def _end(self, entry: LineEntry, now: float, cut: Cut | None = None) -> None:
        after(entry.state, _MOVES[cut])
        if entry.state is State.IN_QUEUE:
            self._dequeue(entry)
        elif not entry.extra:
            heapq.heappush(self._releases, now)
        entry.marks = Marks(entry.marks.started_at, now, cut, entry.marks.shifts)
        self._moved.append((entry.id, State.COMPLETED))

    def _next_due(self) -> float | None:
        """The next moment at which something happens without a call; drops stale items."""
        while self._unready and not self._is_current(self._unready[0], State.IN_QUEUE):
            heapq.heappop(self._unready)
        self._next_end()
        while self._start_by and not self._waits(self._start_by[0]):
            heapq.heappop(self._start_by)
        moments = [heap[0][0] for heap in (self._unready, self._running, self._start_by) if heap]
        return min(moments + self._releases[:1], default=None)

    def _next_end(self) -> float | None:
        """When the next run ends; runs also end while a missing judgement blocks all starts."""
        while self._running and not self._is_current(self._running[0], State.IN_PROGRESS):
            heapq.heappop(self._running)
        return self._running[0][0] if self._running else None

    def _is_current(self, due: Due, state: State) -> bool:
        """Whether a heap item is still valid: its request was not moved on or advanced since."""
        moment, _, request_id = due
        entry = self._entries.get(request_id)
        if entry is None or entry.state is not state:
            return False
        if state is State.IN_PROGRESS:
            return moment == entry.end_of_run()[0]
        return moment == entry.ready_at and not entry.ready and not entry.extra

    def _end_runs(self, due: float) -> None:
        """End the runs that are over by then; a runner is released when the line reaches that moment."""
        while self._running and self._running[0][0] <= due:
            note = heapq.heappop(self._running)
            if self._is_current(note, State.IN_PROGRESS):
                entry = self._entries[note[2]]
                self._end(entry, note[0], entry.end_of_run()[1])

    def _waits(self, due: Due) -> bool:
        """Whether the request of a heap item is still in the queue."""
        entry = self._entries.get(due[2])
        return entry is not None and entry.state is State.IN_QUEUE

    def _time_out(self, due: float) -> None:
        """End the requests that did not start within their caller's start timeout."""
        while self._start_by and self._start_by[0][0] <= due:
            note = heapq.heappop(self._start_by)
            if self._waits(note):
                self._end(self._entries[note[2]], note[0], Cut.TIMED_OUT)

    def _carry_out(self, due: float) -> None:
        """Do everything that is due at this moment: ends first, so that their runners are free."""
        self._end_runs(due)
        while self._releases and self._releases[0] <= due:
            heapq.heappop(self._releases)
            self._busy -= 1
        while self._unready and self._unready[0][0] <= due:
            note = heapq.heappop(self._unready)
            if self._is_current(note, State.IN_QUEUE):
                entry = self._entries[note[2]]
                entry.ready = True
                self._ready[entry.place] = entry
