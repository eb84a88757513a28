"""Emulated time: clocks that only go forward, for a key or for all, and what falls due when they move."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakefal.core.pace import Pace
from fakefal.state.clock import MemoryClock
from support.endpoints import O1
from support.server import Serve, Server

OTHER = {"Authorization": "Key other:secret"}


@pytest.fixture
def server(serve: Serve) -> Server:
    """A fresh server: no reset takes time back."""
    return serve()


def move(server: Server, key: str | None = None, **body: Any) -> dict[str, Any]:
    answer = server.http.post("/_fakefal/clock", json=body, params={"key": key} if key else {})
    assert answer.status_code == 200, answer.text
    moved: dict[str, Any] = answer.json()
    return moved


def states(server: Server, *submitted: dict[str, Any]) -> list[str]:
    return [server.http.get(one["status_url"]).json()["status"] for one in submitted]


@pytest.mark.quick
class TestPace:
    moves = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100), st.none() | st.floats(0, 10)), max_size=10)

    @given(moves)
    def test_it_never_goes_back_and_when_is_the_reverse_of_at(
        self, moves: list[tuple[float, float, float | None]]
    ) -> None:
        pace, followed = Pace(), 0.0
        for wait, advance, speed in moves:
            before = pace.at(followed)
            followed += wait
            assert pace.at(followed) >= before
            pace = pace.moved(followed, advance=advance, speed=speed)
            assert pace.at(followed) >= before
            moment = pace.at(followed) + 7
            if pace.speed > 0.001:
                assert pace.at(pace.when(moment)) == pytest.approx(moment)
            elif not pace.speed:
                assert pace.when(moment) == math.inf

    def test_a_keys_clock_follows_the_global_one(self) -> None:
        wall = [1000.0]
        clocks = MemoryClock(lambda: wall[0])
        asyncio.run(clocks.move("a", advance=50))
        asyncio.run(clocks.move(None, advance=100, speed=2))
        assert (clocks.now("a"), clocks.now("b")) == (1150, 1100)
        wall[0] += 10
        assert (clocks.now("a"), clocks.now("b")) == (1170, 1120)
        assert clocks.sleep_seconds("b", 1130) == 5
        asyncio.run(clocks.move("a", speed=0))
        assert clocks.sleep_seconds("a", 1171) == math.inf
        assert clocks.sleep_seconds("a", 1100) == 0
        asyncio.run(clocks.reset("a"))
        assert clocks.now("a") == 1170
        wall[0] -= 500
        assert clocks.now("a") == 1170


@pytest.mark.both_stores
class TestControl:
    def test_advancing_ends_what_falls_due(self, serve: Serve) -> None:
        server = serve(profile="realistic", runners=1)
        move(server, speed=0)
        jobs = [server.submit(O1, {"prompt": "x"}) for _ in range(2)]
        assert states(server, *jobs) == ["IN_QUEUE", "IN_QUEUE"]
        move(server, advance=24 * 3600)
        assert states(server, *jobs) == ["COMPLETED", "COMPLETED"]

    def test_a_key_has_a_clock_of_its_own(self, serve: Serve) -> None:
        server = serve(profile="realistic")
        move(server, speed=0)
        mine = server.submit(O1, {"prompt": "x"})
        theirs = server.submit(O1, {"prompt": "x"}, **OTHER)
        move(server, "other", advance=24 * 3600)
        assert states(server, mine) == ["IN_QUEUE"]
        status = server.http.get(theirs["status_url"], headers=OTHER)
        assert status.json()["status"] == "COMPLETED"

    def test_a_frozen_clock_stands(self, serve: Serve) -> None:
        server = serve(profile="quick")
        stood = move(server, speed=0)["now"]
        submitted = server.submit(O1, {"prompt": "x"})
        assert server.http.get("/_fakefal/clock").json() == {"key": None, "now": stood, "speed": 0.0}
        assert states(server, submitted) == ["IN_QUEUE"]
        move(server, advance=1)
        assert states(server, submitted) == ["IN_PROGRESS"]
        move(server, advance=5)
        assert states(server, submitted) == ["COMPLETED"]

    def test_a_fast_clock_lets_streams_finish_soon(self, serve: Serve) -> None:
        server = serve(profile="realistic")
        move(server, speed=100_000)
        submitted = server.submit(O1, {"prompt": "x"})
        assert "COMPLETED" in server.http.get(f"{submitted['status_url']}/stream").text

    def test_looking_at_all_keys_moves_none(self, serve: Serve) -> None:
        server = serve(profile="quick")
        move(server, "tester", speed=0)
        submitted = server.submit(O1, {"prompt": "x"})
        move(server, "other", advance=1e6)
        move(server, "tester", advance=0)
        server.http.get("/_fakefal/requests")
        server.http.get(f"/_fakefal/requests/{submitted['request_id']}")
        assert states(server, submitted) == ["IN_QUEUE"]
        assert server.http.get("/_fakefal/clock?key=").status_code == 422

    @pytest.mark.parametrize("raw", [b'{"advance": NaN}', b'{"advance": "\\ud800"}', b"{", b"[]"])
    def test_odd_bodies_are_refused(self, server: Server, raw: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        assert server.http.post("/_fakefal/clock", content=raw, headers=headers).status_code == 422

    def test_clocks_stop_before_dates_do(self, server: Server) -> None:
        submitted = server.submit(O1, {"prompt": "x"})
        for _ in range(300):
            move(server, advance=1e9)
        assert server.http.get(submitted["status_url"], params={"logs": 1}).status_code == 200
        late = server.submit(O1, {"prompt": "x"})
        assert server.http.get(late["status_url"], params={"logs": 1}).status_code == 200

    @pytest.mark.parametrize("body", [{"advance": -1}, {"speed": -1}, {"speed": 1e9}, {"sped": 1}])
    def test_wrong_moves_are_refused(self, server: Server, body: Any) -> None:
        assert server.http.post("/_fakefal/clock", json=body).status_code == 422

    def test_reset_lets_clocks_run_again_but_not_back(self, server: Server) -> None:
        ahead = move(server, advance=1000, speed=0)["now"]
        server.http.post("/_fakefal/reset")
        clock = server.http.get("/_fakefal/clock").json()
        assert clock["speed"] == 1
        assert clock["now"] >= ahead

    @pytest.mark.parametrize("query", ["", "?key=tester"])
    def test_reset_lets_a_key_catch_up_or_stay_ahead(self, server: Server, query: str) -> None:
        def shown(key: str) -> float:
            return float(server.http.get("/_fakefal/clock", params={"key": key} if key else {}).json()["now"])

        server.http.post("/_fakefal/clock?key=tester", json={"speed": 0})
        server.http.post("/_fakefal/clock?key=other", json={"advance": 5000})
        move(server, advance=1000)
        server.http.post(f"/_fakefal/reset{query}")
        assert shown("") <= shown("tester") < shown("") + 1000
        assert shown("other") >= shown("") + 4000

    def test_a_thousand_ten_minute_videos_finish_in_virtual_time(self, serve: Serve) -> None:
        server = serve(profile="realistic", runners=10, effects=("respond(seconds=600)",))
        jobs = [server.submit(O1, {"prompt": "x"}) for _ in range(1000)]
        move(server, advance=1000 * 600 / 10 + 600)
        assert {look["status"] for look in server.http.get("/_fakefal/requests?limit=1000").json()} == {"COMPLETED"}
        looks = [server.http.get(job["status_url"]).json() for job in (jobs[0], jobs[-1])]
        assert [look["metrics"] for look in looks] == [{"inference_time": 600.0}] * 2


@pytest.mark.quick
@pytest.mark.both_stores
class TestRetention:
    def test_results_expire_where_asked_for(self, serve: Serve) -> None:
        server = serve(retention=True)
        submitted = server.submit(O1, {"prompt": "x"})
        move(server, advance=3599)
        assert server.http.get(submitted["response_url"]).status_code == 200
        move(server, advance=2)
        assert server.http.get(submitted["response_url"]).status_code == 404

    def test_large_ones_sooner(self, serve: Serve) -> None:
        server = serve(retention=True)
        submitted = server.submit(O1, {"prompt": "x" * 11_000})
        move(server, advance=359)
        assert server.http.get(submitted["response_url"]).status_code == 422
        move(server, advance=2)
        assert server.http.get(submitted["response_url"]).status_code == 404

    def test_by_default_they_stay(self, server: Server) -> None:
        submitted = server.submit(O1, {"prompt": "x"})
        move(server, advance=1e6)
        assert server.http.get(submitted["response_url"]).status_code == 200
