"""The sequence of what happens: what is told, to whom, and how one comes back to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import httpx
import pytest

from fakefal.engine.emulator import Emulator
from fakefal.engine.judge import MOST_BROKEN
from fakefal.settings import Settings
from fakefal.state import events as module
from fakefal.state.events import EventLog
from support.endpoints import APP, I2V, O1
from support.receivers import Receiver
from support.server import Serve, Server, served
from support.waiting import until

pytestmark = pytest.mark.quick


class Watcher:
    """Reads one stream of events."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.iter_lines()
        self.place = ""

    def comment(self) -> str:
        return next(line for line in self._lines if line.startswith(":"))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for line in self._lines:
            if line.startswith("id: "):
                self.place = line.removeprefix("id: ")
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))

    def next(self, count: int) -> list[dict[str, Any]]:
        return [*islice(self, count)]

    def until(self, kind: str) -> list[dict[str, Any]]:
        found = []
        for one in self:
            found.append(one)
            if one["kind"] == kind:
                break
        return found


@contextmanager
def watching(server: Server, after: str | None = None, **params: Any) -> Iterator[Watcher]:
    headers = {} if after is None else {"Last-Event-ID": after}
    with server.http.stream("GET", "/_fakefal/events", params=params, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        watcher = Watcher(answer)
        assert next(watcher._lines) == "retry: 1000"
        assert next(watcher._lines).startswith("id: ")
        yield watcher


def kinds(found: list[dict[str, Any]]) -> list[str]:
    return [one["kind"] for one in found]


@pytest.mark.both_stores
class TestWhatIsTold:
    def test_the_life_of_a_job(self, server: Server) -> None:
        with watching(server) as watcher:
            job = server.submit(O1, {"prompt": "a lighthouse"})["request_id"]
            accepted, started, over = watcher.next(3)
        of_job = {"key": "tester", "request_id": job, "endpoint_id": O1}
        moments = ("number", "at", "wall")
        assert {name: value for name, value in accepted.items() if name not in moments} == {
            "kind": "accepted",
            **of_job,
            "prompt": "a lighthouse",
            "webhook": False,
        }
        assert {name: value for name, value in started.items() if name not in moments} == {"kind": "started", **of_job}
        assert {name: value for name, value in over.items() if name not in moments} == {
            "kind": "over",
            **of_job,
            "outcome": "completed",
            "status": 200,
            "error_type": "",
            "error": "",
            "hint": "",
            "broken": [],
            "usd": 0.56,
            "units": 5.0,
            "polls": 0,
            "attempts": 1,
            "seconds": 0.0,
        }
        assert [one["number"] for one in (started, over)] == [accepted["number"] + 1, accepted["number"] + 2]

    def test_a_refusal_names_every_broken_rule(self, server: Server) -> None:
        with watching(server) as watcher:
            server.submit(I2V, {"prompt": "x", "start_image_url": 5, "duration": 5})
            over = watcher.until("over")[-1]
        assert (over["outcome"], over["status"], over["usd"]) == ("refused", 422, 0.0)
        assert [(one["loc"], one["rule"]) for one in over["broken"]] == [
            (["body", "start_image_url"], "o1.image-to-video.start_image_url.type"),
            (["body", "duration"], "o1.image-to-video.duration.one_of"),
        ]
        assert over["broken"][1]["hint"] == 'send it as a string: "5"'

    def test_of_very_many_broken_rules_the_first_are_kept(self, server: Server) -> None:
        with watching(server) as watcher:
            answer = server.result(O1, {"prompt": "x", "image_urls": [5] * 100})
            over = watcher.until("over")[-1]
        assert (len(answer.json()["detail"]), len(over["broken"])) == (100, MOST_BROKEN)

    @pytest.mark.parametrize(
        ("effect", "outcome", "said"),
        [
            ("content_policy_violation", "refused", ""),
            ("runner_disconnected", "failed", "runner_disconnected"),
        ],
    )
    @pytest.mark.parametrize("part", ["queue", "run"])
    def test_an_effect_comes_before_the_end_that_it_makes(
        self, server: Server, effect: str, outcome: str, said: str, part: str
    ) -> None:
        with watching(server) as watcher:
            headers = {"x-fakefal-effect": effect, "x-fal-no-retry": "1"}
            server.http.post(f"/{part}/{O1}", json={"prompt": "x"}, headers=headers)
            server.http.post("/_fakefal/reset")
            told = watcher.until("reset")
            found = {one["kind"]: one for one in told}
        assert kinds(told) == ["effect", "accepted", "started", "over", "reset"]
        assert (found["effect"]["effect"], found["effect"]["status"]) == (effect, None)
        assert found["effect"]["request_id"] == found["over"]["request_id"]
        assert (found["over"]["outcome"], found["over"]["error_type"]) == (outcome, said)

    def test_an_effect_of_a_call_that_finds_the_queue_full_is_not_told(self, serve: Serve) -> None:
        server = serve(profile="realistic", runners=1)
        with watching(server) as watcher:
            ids = {server.submit(O1, {"prompt": str(number)})["request_id"] for number in range(2)}
            headers = {"x-fakefal-effect": "stuck"}
            full = server.http.post(f"/queue/{O1}?fal_max_queue_length=1", json={"prompt": "x"}, headers=headers)
            told = watcher.until("call_refused")
        assert full.status_code == 429
        assert (told[-1]["status"], kinds(told).count("effect")) == (429, 0)
        assert {one["request_id"] for one in told if "request_id" in one} == ids
        assert server.journal()[0]["effect"] == ""

    def test_who_cancelled_and_who_waited_in_vain(self, serve: Serve) -> None:
        server = serve(profile="realistic", runners=1)
        with watching(server) as watcher:
            server.submit(O1, {"prompt": "runs"})
            server.advance(60)
            server.submit(O1, {"prompt": "late"}, **{"x-fal-request-timeout": "5"})
            cancelled = server.submit(O1, {"prompt": "cancelled"})
            server.http.put(cancelled["cancel_url"]).raise_for_status()
            server.advance(6)
            over = [one for one in watcher.next(8) if one["kind"] == "over"]
        assert sorted(one["outcome"] for one in over) == ["cancelled", "timed_out"]

    def test_jobs_are_told_in_the_order_in_which_they_ran(self, serve: Serve) -> None:
        server = serve(profile="quick", runners=1)
        with watching(server) as watcher:
            jobs = [server.submit(O1, {"prompt": str(number)})["request_id"] for number in range(3)]
            server.advance(60)
            moves = [one for one in watcher.next(10) if one["kind"] in ("started", "over")]
        assert [(one["request_id"], one["kind"]) for one in moves] == [
            (job, kind) for job in jobs for kind in ("started", "over")
        ]
        assert [one["at"] for one in moves] == sorted(one["at"] for one in moves)

    def test_how_often_a_job_was_polled(self, serve: Serve) -> None:
        server = serve(profile="stepped")
        with watching(server) as watcher:
            job = server.submit(O1, {"prompt": "x"})
            for _ in range(3):
                server.http.get(job["status_url"])
            assert watcher.until("over")[-1]["polls"] == 3

    def test_tries_of_webhooks(self, server: Server, receiver: Receiver) -> None:
        receiver.answers = [500]
        with watching(server) as watcher:
            server.submit(f"{O1}?fal_webhook={receiver.url}/hook?secret=1", {"prompt": "x"})
            first = watcher.until("webhook")[-1]
            server.advance(5)
            second = watcher.until("webhook")[-1]
        assert first["url"] == f"{receiver.url}/hook?***"
        assert [(one["attempt"], one["status"], one["acknowledged"]) for one in (first, second)] == [
            (1, 500, False),
            (2, 200, True),
        ]

    def test_calls_that_lead_nowhere(self, server: Server) -> None:
        with watching(server) as watcher:
            server.http.post("/queue/fal-ai/klink-video/x", json={})
            server.http.get("/rest/nothing/here")
            server.http.post(f"/queue/{O1}", json={}, headers={"Authorization": ""})
            server.http.post(f"/queue/{O1}", content=b"{")
            server.http.get(f"/queue/{APP}/requests/none/status")
            server.http.post("/_fakefal/clock", json={"speed": 2.0})
            found = watcher.next(5)
        assert [(one["kind"], one.get("call"), one.get("status")) for one in found] == [
            ("unknown_model", "POST queue.fal.run/fal-ai/klink-video/x", 404),
            ("not_emulated", "GET rest.fal.ai/nothing/here", 501),
            ("call_refused", f"POST queue.fal.run/{O1}", 401),
            ("call_refused", f"POST queue.fal.run/{O1}", 422),
            ("clock", None, None),
        ]
        assert found[0]["endpoint_id"] == "fal-ai/klink-video/x"
        assert found[0]["hint"]
        assert (found[4]["key"], found[4]["speed"]) == (None, 2.0)

    def test_only_what_concerns_a_key(self, server: Server) -> None:
        with watching(server, key="other") as watcher:
            server.submit(O1, {"prompt": "x"})
            server.submit(O1, {"prompt": "y"}, Authorization="Key other:secret")
            server.http.post("/_fakefal/reset").raise_for_status()
            found = watcher.until("reset")
        assert [(one["kind"], one["key"]) for one in found] == [
            *((kind, "other") for kind in ("accepted", "started", "over")),
            ("reset", None),
        ]


class TestComingBack:
    def test_one_goes_on_where_one_was(self, server: Server) -> None:
        with watching(server) as watcher:
            server.submit(O1, {"prompt": "first"})
            (accepted,) = watcher.next(1)
        server.submit(O1, {"prompt": "second"})
        with watching(server, watcher.place) as again:
            found = again.next(5)
        assert kinds(found) == ["started", "over", "accepted", "started", "over"]
        assert [one["number"] for one in found] == [accepted["number"] + more for more in range(1, 6)]

    def test_a_stream_that_saw_nothing_yet_has_a_place_to_come_back_to(self, server: Server) -> None:
        with server.http.stream("GET", "/_fakefal/events") as answer:
            place = next(line for line in answer.iter_lines() if line.startswith("id: ")).removeprefix("id: ")
        server.submit(O1, {"prompt": "x"})
        with watching(server, place) as watcher:
            assert kinds(watcher.next(1)) == ["accepted"]

    @pytest.mark.parametrize("place", ["another-1", "nonsense", "x-", "²"])
    def test_a_place_of_another_server_is_told_so(self, server: Server, place: str) -> None:
        server.submit(O1, {"prompt": "x"})
        with server.http.stream("GET", "/_fakefal/events", headers={b"Last-Event-ID": place.encode()}) as answer:
            lost, *rest = Watcher(answer).next(5)
        assert lost["kind"] == "lost"
        assert kinds(rest) == ["reset", "accepted", "started", "over"]

    def test_a_number_that_no_event_can_have_is_told_so(self, server: Server) -> None:
        place = server.emulator.events.place() + "9" * 5000
        with server.http.stream("GET", "/_fakefal/events", headers={"Last-Event-ID": place}) as answer:
            assert Watcher(answer).next(1)[0]["kind"] == "lost"

    def test_what_no_longer_is_kept_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "MOST_EVENTS", 4)
        with served(Emulator(Settings(profile="instant"))) as server:
            with watching(server) as watcher:
                server.submit(O1, {"prompt": "x"})
                watcher.next(1)
            server.submit(O1, {"prompt": "y"})
            with watching(server, watcher.place) as again:
                found = again.next(5)
        assert kinds(found) == ["lost", "over", "accepted", "started", "over"]

    def test_the_newest_come_first_where_somebody_asks(self, server: Server) -> None:
        server.submit(O1, {"prompt": "x"})
        with watching(server, recent=2) as watcher:
            assert kinds(watcher.next(2)) == ["started", "over"]
        for wrong in ({"recent": "-1"}, {"recent": "many"}, {"recent": "10001"}, {"follow": "no"}):
            assert server.http.get("/_fakefal/events", params=wrong).status_code == 422

    def test_what_has_happened_without_waiting_for_more(self, server: Server) -> None:
        server.submit(O1, {"prompt": "x"})
        answer = server.http.get("/_fakefal/events", params={"recent": 2, "follow": 0})
        assert [json.loads(line[6:])["kind"] for line in answer.text.splitlines() if line[:6] == "data: "] == [
            "started",
            "over",
        ]

    def test_a_reset_forgets_the_events_of_its_key(self, server: Server) -> None:
        server.submit(O1, {"prompt": "mine"})
        server.submit(O1, {"prompt": "theirs"}, Authorization="Key other:secret")
        server.http.post("/_fakefal/reset", params={"key": "tester"}).raise_for_status()
        kept = server.emulator.events.newest()
        assert [(one.kind, one.key) for one in kept] == [  # type: ignore[attr-defined]
            ("reset", None),
            *((kind, "other") for kind in ("accepted", "started", "over")),
            ("reset", "tester"),
        ]


class TestStreams:
    def test_a_comment_comes_where_nothing_else_does(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "QUIET_SECONDS", 0.01)
        with watching(server) as watcher:
            assert watcher.comment() == ": nothing new"
            assert watcher.comment() == ": nothing new"

    def test_it_ends_when_the_server_stops(self) -> None:
        with served(Emulator(Settings(profile="instant"))) as server:
            stream = server.http.stream("GET", "/_fakefal/events")
            answer = stream.__enter__()
            lines = answer.iter_lines()
            assert next(lines) == "retry: 1000"
            server.emulator.close()
            assert [line for line in lines if line.startswith("data")] == []
            stream.__exit__(None, None, None)

    def test_it_is_guarded_as_the_control_api(self, serve: Serve) -> None:
        server = serve(control_token="secret")
        assert server.http.get("/_fakefal/events").status_code == 401
        assert server.http.get("/_fakefal/events", headers={"Origin": "https://evil.example"}).status_code == 403
        assert server.http.get("/_fakefal/events", headers={"Host": "queue.fal.run"}).status_code != 200

    def test_a_watcher_that_has_gone_leaves_nothing_behind(self, server: Server) -> None:
        with watching(server):
            until(lambda: server.emulator.events.watched)
        server.http.post("/_fakefal/reset").raise_for_status()
        until(lambda: not server.emulator.events.watched)

    def test_a_subscriber_is_told_at_once_and_no_longer_than_it_wants(self) -> None:
        events, found = EventLog(), []
        with events.subscribed(found.append):
            events.reset("a", 0.0)
        events.reset("b", 0.0)
        assert [one.key for one in found] == ["a"]


def test_the_document_shows_every_kind(server: Server) -> None:
    document = server.http.get("/openapi.json").json()
    answer = document["paths"]["/_fakefal/events"]["get"]["responses"]["200"]
    (media,) = answer["content"].values()
    data = media["itemSchema"]["properties"]["data"]["contentSchema"]
    shown = document["components"]["schemas"][data["$ref"].rpartition("/")[2]]
    assert {"accepted", "started", "over", "webhook", "effect", "reset", "clock", "lost"} <= set(
        shown["discriminator"]["mapping"]
    )
