"""The queue's arithmetic: laws that hold for any history, and the histories that people know."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from fakefal.core.errors import NeedsJudgement, QueueFull, RefusedMove, UnknownRequest
from fakefal.core.lifecycle import NEXT, Move, State, after
from fakefal.core.line import Line
from fakefal.core.plan import Cut, Ending, Plan, Polls

pytestmark = pytest.mark.quick

DONE = Ending(200, b"{}", 5.0, ok=True)
RANK = {State.IN_QUEUE: 0, State.IN_PROGRESS: 1, State.COMPLETED: 2}


def plan(run: float = 10.0, wait: float = 0.0, **more: object) -> Plan:
    return Plan(DONE, wait_seconds=wait, run_seconds=run, **more)  # type: ignore[arg-type]


def state(line: Line, request_id: str, now: float) -> State:
    line.advance(now)
    return line.view(request_id, now).state


class TestOneLine:
    def test_a_request_runs_for_its_seconds_and_no_longer(self) -> None:
        line = Line(runners=1)
        line.submit("a", plan(run=10, wait=2), now=100)
        assert state(line, "a", 101.9) is State.IN_QUEUE
        assert state(line, "a", 102) is State.IN_PROGRESS
        assert state(line, "a", 111.9) is State.IN_PROGRESS
        assert state(line, "a", 112) is State.COMPLETED
        assert line.view("a", 500).run_seconds == 10

    def test_a_late_look_sees_the_same_history_as_a_punctual_one(self) -> None:
        punctual, late = Line(runners=1), Line(runners=1)
        for line in (punctual, late):
            for index, name in enumerate("abc"):
                line.submit(name, plan(run=10), now=index)
        for now in range(40):
            punctual.advance(now)
        late.advance(40)
        for name in "abc":
            assert punctual.view(name, 40) == late.view(name, 40)
        assert [late.view(name, 40).ended_at for name in "abc"] == [10, 20, 30]

    @pytest.mark.parametrize(
        ("start_seconds", "ended_at", "cut"),
        [(None, 110, None), (20, 110, None), (19.9, 20, Cut.TIMED_OUT), (3, 4, Cut.TIMED_OUT)],
    )
    def test_a_start_timeout_is_checked_as_each_attempt_begins(
        self, start_seconds: float | None, ended_at: float, cut: Cut | None
    ) -> None:
        line = Line(runners=1)
        line.submit("a", plan(run=110, retries=(4, 20)), now=0, start_seconds=start_seconds)
        line.submit("b", plan(run=1), now=0)
        line.advance(500)
        seen = line.view("a", 500)
        assert (seen.ended_at, seen.cut) == (ended_at, cut)
        assert line.view("b", 500).started_at == ended_at, "its runner is free at that moment"

    def test_an_attempt_that_was_brought_nearer_begins_in_time(self) -> None:
        line = Line(runners=1)
        line.submit("a", plan(run=110, retries=(4,)), now=0, start_seconds=3)
        line.hasten("a", 2, now=1)
        line.advance(500)
        assert line.view("a", 500).ended_at == 108

    def test_an_open_plan_runs_until_the_whole_one_is_written_and_stops_nobody(self) -> None:
        line = Line(runners=2)
        line.submit("a", plan(run=10).opened(), now=0)
        line.submit("b", plan(run=1), now=0)
        line.submit("c", plan(run=1), now=0)
        assert line.advance(50).ended == ("b", "c")
        assert line.view("a", 50).state is State.IN_PROGRESS
        assert line.view("a", 50).next_at is None
        with pytest.raises(NeedsJudgement):
            line.finish("a", 50)
        assert line.settle("a", plan(run=52))
        assert not line.settle("a", plan(run=99)), "the whole plan is the last"
        assert state(line, "a", 51.9) is State.IN_PROGRESS
        assert state(line, "a", 52) is State.COMPLETED
        assert line.view("a", 60).run_seconds == 52

    def test_no_read_ends_a_stepped_request_whose_plan_is_open(self) -> None:
        line = Line(runners=1)
        line.submit("a", plan(polls=Polls(1, 1)).opened(), now=0)
        for _ in range(5):
            line.read("a", 1)
        assert state(line, "a", 1) is State.IN_PROGRESS
        line.settle("a", plan(polls=Polls(1, 1)))
        line.read("a", 2)
        assert state(line, "a", 2) is State.COMPLETED

    def test_a_stepped_request_waits_like_any_other(self) -> None:
        line = Line(runners=1)
        line.submit("a", plan(polls=Polls(1, 1)), now=0)
        with pytest.raises(QueueFull):
            line.check_room(0)
        for _ in range(2):
            line.read("a", 1)
        line.check_room(0)

    def test_a_normal_request_overtakes_a_low_one(self) -> None:
        line = Line(runners=1)
        line.submit("runs", plan(), now=0)
        line.submit("low", plan(), now=1, low=True)
        line.submit("normal", plan(), now=2)
        line.advance(3)
        assert (line.position("normal"), line.position("low")) == (0, 1)
        assert state(line, "normal", 10) is State.IN_PROGRESS

    def test_a_cancelled_request_frees_its_place_at_once(self) -> None:
        line = Line(runners=1)
        for name in "abc":
            line.submit(name, plan(), now=0)
        line.advance(0)
        assert line.position("c") == 1
        assert line.cancel("b", 1) is State.IN_QUEUE
        assert line.position("c") == 0
        assert line.cancel("a", 2) is State.IN_PROGRESS
        assert state(line, "c", 2) is State.IN_PROGRESS

    def test_the_line_stops_at_a_missing_judgement_and_goes_on_from_there(self) -> None:
        line = Line(runners=1)
        line.submit("fetching", None, now=5)
        line.submit("behind", plan(), now=6)
        assert line.advance(50).needs == "fetching"
        assert line.view("behind", 50).state is State.IN_QUEUE
        assert line.settle("fetching", plan(run=10))
        assert not line.settle("fetching", plan(run=99)), "the first writer wins"
        line.advance(50)
        assert line.view("fetching", 50).started_at == 5
        assert line.view("behind", 50).started_at == 15

    def test_runs_end_although_the_line_waits_for_a_judgement(self) -> None:
        line = Line(runners=2)
        line.submit("runs", plan(run=10), now=0)
        line.submit("fetching", None, now=1)
        assert line.advance(50).needs == "fetching"
        assert line.view("runs", 50).ended_at == 10

    def test_a_late_judgement_with_a_wait_does_not_rewrite_the_past(self) -> None:
        line = Line(runners=1)
        line.submit("a", plan(run=20), now=0)
        line.submit("b", None, now=1)
        line.submit("c", plan(run=1), now=2)
        line.advance(30)
        line.settle("b", plan(run=2, wait=0.5))
        line.advance(30)
        assert [line.view(name, 30).started_at for name in "bc"] == [20, 22]

    def test_a_poll_driven_request_moves_on_status_reads_only(self) -> None:
        line = Line(runners=1)
        line.submit("stepped", plan(polls=Polls(queued=1, running=2)), now=0)
        line.advance(1e9)
        seen = []
        for _ in range(5):
            line.read("stepped", 1e9)
            seen.append(line.view("stepped", 1e9).state.value)
        assert seen == ["IN_QUEUE", "IN_PROGRESS", "IN_PROGRESS", "COMPLETED", "COMPLETED"]

    def test_log_lines_appear_at_their_second(self) -> None:
        line = Line(runners=1)
        line.submit("a", plan(run=10, logs=((0, "start"), (5, "half"))), now=0)
        line.advance(4)
        assert [text for _, text in line.view("a", 4).logs] == ["start"]
        assert line.view("a", 4).next_at == 5
        line.advance(60)
        assert line.view("a", 60).logs == ((0, "start"), (5, "half"))


class TestAdvancingOneRequest:
    def test_seconds_bring_its_end_nearer(self) -> None:
        line = Line(runners=1)
        line.submit("a", plan(run=600), now=0)
        line.advance(0)
        line.hasten("a", 590, now=0)
        assert state(line, "a", 9) is State.IN_PROGRESS
        assert state(line, "a", 10) is State.COMPLETED

    def test_lines_that_were_shown_keep_their_moment(self) -> None:
        line = Line(runners=1)
        line.submit("a", plan(run=10, logs=((1, "one"), (5, "five"), (9, "nine"))), now=0)
        line.advance(2)
        line.hasten("a", 4, now=2)
        line.advance(6)
        assert line.view("a", 6).logs == ((1, "one"), (2, "five"), (5, "nine"))
        assert (line.view("a", 6).ended_at, line.view("a", 6).run_seconds) == (6, 10)

    def test_seconds_left_over_from_the_wait_shorten_the_run(self) -> None:
        line = Line(runners=1)
        line.submit("a", plan(run=10, wait=5), now=0)
        line.hasten("a", 8, now=0)
        assert state(line, "a", 0) is State.IN_PROGRESS
        assert state(line, "a", 6.9) is State.IN_PROGRESS
        assert state(line, "a", 7) is State.COMPLETED

    def test_start_takes_an_extra_runner(self) -> None:
        line = Line(runners=1)
        for name in "ab":
            line.submit(name, plan(), now=0)
        line.advance(0)
        line.start("b", now=1)
        assert state(line, "b", 1) is State.IN_PROGRESS
        assert line.busy == 1

    def test_end_gives_it_a_whole_run_now(self) -> None:
        line = Line(runners=1)
        line.submit("a", plan(run=600, logs=((300, "half"),)), now=0)
        line.finish("a", now=1)
        seen = line.view("a", 1)
        assert (seen.state, seen.run_seconds, seen.logs) == (State.COMPLETED, 600, ((1, "half"),))
        assert (seen.started_at, seen.ended_at) == (1, 1), "nothing lies before the submit"

    def test_without_a_judgement_it_cannot_start(self) -> None:
        line = Line(runners=1)
        line.submit("a", None, now=0)
        for move in (line.start, line.finish):
            with pytest.raises(NeedsJudgement):
                move("a", 1)


class TestRefusals:
    def test_a_pair_missing_from_the_table_is_the_error(self) -> None:
        for before in State:
            for move in Move:
                if (before, move) not in NEXT:
                    with pytest.raises(RefusedMove, match=before.value):
                        after(before, move)

    def test_an_unknown_request_is_named(self) -> None:
        with pytest.raises(UnknownRequest, match="ghost"):
            Line(runners=1).view("ghost", 0)


class Histories(RuleBasedStateMachine):
    """Any history of submits, cancels, advances, judgements and polls keeps the lifecycle's law."""

    requests: Bundle[str] = Bundle("requests")
    open_judgements: Bundle[str] = Bundle("open_judgements")

    @initialize(runners=st.integers(1, 3))
    def begin(self, runners: int) -> None:
        self.line = Line(runners)
        self.now = 0.0
        self.count = 0
        self.rank: dict[str, int] = {}
        self.places: dict[str, int] = {}
        self.low: set[str] = set()
        self.normal_came = False

    def _submit(self, judgement: Plan | None, low: bool, start_seconds: float | None = None) -> str:
        name = f"r{self.count}"
        self.count += 1
        self.line.submit(name, judgement, self.now, low=low, start_seconds=start_seconds)
        self.rank[name] = 0
        if low:
            self.low.add(name)
        else:
            self.normal_came = True
        return name

    @rule(
        target=requests,
        run=st.floats(0, 20),
        wait=st.floats(0, 5),
        low=st.booleans(),
        stepped=st.booleans(),
        start_seconds=st.none() | st.floats(0.2, 20),
    )
    def submit(self, run: float, wait: float, low: bool, stepped: bool, start_seconds: float | None) -> str:
        return self._submit(plan(run, wait, polls=Polls(1, 1) if stepped else None), low, start_seconds)

    @rule(target=open_judgements, low=st.booleans())
    def submit_unjudged(self, low: bool) -> str:
        return self._submit(None, low)

    @rule(target=requests, name=consumes(open_judgements), run=st.floats(0, 20), wait=st.floats(0, 5))
    def judgement(self, name: str, run: float, wait: float) -> str:
        self.line.settle(name, plan(run, wait))
        return name

    @rule(seconds=st.floats(0, 30))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(name=requests, move=st.sampled_from(["cancel", "start", "finish", "hasten"]), seconds=st.floats(0, 30))
    def move(self, name: str, move: str, seconds: float) -> None:
        self.line.advance(self.now)
        before = self._picture()
        try:
            if move == "hasten":
                self.line.hasten(name, seconds, self.now)
            else:
                getattr(self.line, move)(name, self.now)
        except RefusedMove:
            assert self._picture() == before, "a refused move changes nothing"

    @rule(name=requests)
    def status_read(self, name: str) -> None:
        self.line.advance(self.now)
        self.line.read(name, self.now)

    def _picture(self) -> dict[str, object]:
        return {name: (self.line.view(name, self.now), self.line.position(name)) for name in self.rank}

    @invariant()
    def states_only_move_forward(self) -> None:
        if not hasattr(self, "line"):
            return
        needs = self.line.advance(self.now).needs
        queued = 0
        for name, rank in self.rank.items():
            seen = self.line.view(name, self.now)
            assert RANK[seen.state] >= rank
            self.rank[name] = RANK[seen.state]
            if seen.state is State.IN_QUEUE:
                place = self.line.position(name)
                overtaken = name in self.low and self.normal_came
                assert overtaken or place <= self.places.get(name, place), "positions only shrink"
                self.places[name] = place
                entry = self.line._entries[name]
                waits = not entry.extra and entry.ready_at <= self.now
                queued += waits
            if seen.ended_at is not None and seen.started_at is not None:
                assert seen.started_at <= seen.ended_at <= self.now
        self.normal_came = False
        assert 0 <= self.line.busy <= self.line.runners
        self._runs_never_exceed_the_runners()
        if needs is None:
            assert not queued or self.line.busy == self.line.runners, "nobody waits while a runner is free"

    @invariant()
    def the_indexes_say_what_the_module_says_of_them(self) -> None:
        if not hasattr(self, "line"):
            return
        line, entries = self.line, self.line._entries.values()
        waiting = [entry for entry in entries if entry.state is State.IN_QUEUE]
        running = [entry for entry in entries if entry.state is State.IN_PROGRESS]
        for low, queued in line._queued.items():
            assert [*queued] == sorted(one.order for one in waiting if not one.extra and one.low is low)
        assert line._aside == {entry.id for entry in waiting if entry.extra}
        assert [*line._ready] == sorted(entry.place for entry in waiting if entry.ready)
        noted = {note[2] for note in line._unready if line._is_current(note, State.IN_QUEUE)}
        assert noted == {entry.id for entry in waiting if not entry.extra and not entry.ready}
        noted = {note[2] for note in line._running if line._is_current(note, State.IN_PROGRESS)}
        assert noted == {entry.id for entry in running if not entry.poll_driven}
        assert line._busy == sum(not entry.extra for entry in running) + len(line._releases) <= line.runners

    def _runs_never_exceed_the_runners(self) -> None:
        """Looked at afterwards, no moment of the history had more runs than runners."""
        runs = [
            (entry.marks.started_at, entry.marks.ended_at)
            for entry in self.line._entries.values()
            if entry.marks.started_at is not None and not entry.extra
        ]
        for begun, _ in runs:
            at_once = sum(one <= begun and (end is None or end > begun) for one, end in runs)
            assert at_once <= self.line.runners


TestHistories = Histories.TestCase
