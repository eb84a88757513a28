"""Replicas on one Redis: what one does the others see, and what one leaves behind the others finish."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from fakefal.core.errors import StoreUnavailable, UnknownRequest
from fakefal.core.plan import Ending, Plan
from fakefal.core.webhook import Fate
from fakefal.engine.emulator import Emulator
from fakefal.engine.overview import summary_of
from fakefal.server.serving import serving
from fakefal.settings import Settings, SettingsError
from fakefal.state.access import PLAIN, UploadLifecycle
from fakefal.state.attempts import attempted
from fakefal.state.journal import JournalEntry
from fakefal.state.requests import Record
from fakefal.store.redis.access import RedisAccess
from fakefal.store.redis.journal import RedisJournal, RedisTally
from fakefal.store.redis.queue import RedisQueueStore
from fakefal.store.redis.replica import Replica
from fakefal.store.redis.scripts import Bounds, Steps
from fakefal.store.redis.state import RedisArrivals, RedisClock, RedisOnce, RedisRules
from fakefal_contracts.hosts import BaseUrl
from support.endpoints import APP, I2V, O1
from support.media import picture
from support.programs import FAKEFAL, ready
from support.receivers import Receiver, public_keys, submit, verify
from support.redis_server import redis_server
from support.server import KEY, Serve, Server, caller, emulator_with
from support.site import PERMISSIVE, Site
from support.uploads import bearer, initiate, upload
from support.waiting import LIMIT, run_program, until

pytestmark = [pytest.mark.memory_only("brings each Redis and folder itself"), pytest.mark.anyio]
Pair = Callable[..., list[Server]]
BOUNDS = Bounds(runners=2, max_requests=100, max_bytes=1_000_000)


@pytest.fixture
def empty_redis(redis_url: str) -> str:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    return redis_url


@pytest.fixture
def pair(serve: Serve, empty_redis: str, tmp_path: Path) -> Pair:
    """Two replicas that share a Redis and a folder."""

    def start(**settings: Any) -> list[Server]:
        return [serve(store=empty_redis, spool=tmp_path / "spool", **settings) for _ in "ab"]

    return start


def lose_answer(monkeypatch: pytest.MonkeyPatch, lossy: str, times: int = 1) -> list[Any]:
    """Lose the first answers to a step; the list holds what was lost."""
    taken, lost = Steps._call, []

    async def losing(self: Steps, step: str, arguments: Any) -> Any:
        reply = await taken(self, step, arguments)
        if step == lossy and len(lost) < times:
            lost.append(reply)
            raise StoreUnavailable("the answer was lost")
        return reply

    monkeypatch.setattr(Steps, "_call", losing)
    return lost


async def _deaf(*_: object) -> None:
    """Hears nothing."""


def status(server: Server, submitted: dict[str, Any], rest: str = "/status") -> httpx.Response:
    return server.http.get(f"/queue/{APP}/requests/{submitted['request_id']}{rest}")


@pytest.mark.versions
class TestOneQueue:
    def test_what_one_accepts_the_other_knows(self, pair: Pair) -> None:
        here, there = pair()
        submitted = here.submit(O1, {"prompt": "x"})
        assert status(there, submitted).json()["status"] == "COMPLETED"
        result = status(there, submitted, "").json()
        assert there.http.get(result["video"]["url"]).status_code == 200
        assert there.http.get("/_fakefal/ledger").json()["usd"] == 0.56
        stranger = {"Authorization": "Key stranger:secret"}
        address = f"/queue/{APP}/requests/{submitted['request_id']}/status"
        assert there.http.get(address, headers=stranger).json() == {"status": "NOT_FOUND"}

    def test_positions_runners_and_the_clock_are_one(self, pair: Pair) -> None:
        here, there = pair(profile="quick", runners=1)
        here.http.post("/_fakefal/clock", json={"speed": 0})
        jobs = [one.submit(O1, {"prompt": "x"}) for one in (here, there, here)]
        there.http.post("/_fakefal/clock", json={"advance": 1})
        assert [status(here, job).json().get("queue_position") for job in jobs] == [None, 0, 1]
        assert here.http.get("/_fakefal/clock").json() == there.http.get("/_fakefal/clock").json()
        there.http.put(f"/queue/{APP}/requests/{jobs[1]['request_id']}/cancel")
        assert status(here, jobs[2]).json()["queue_position"] == 0
        assert there.http.post(f"/run/{O1}", json={"prompt": "x"}).status_code == 429

    @pytest.mark.parametrize("road", ["messages", "beats"])
    def test_a_stream_sees_what_another_replica_does(
        self, pair: Pair, monkeypatch: pytest.MonkeyPatch, road: str
    ) -> None:
        if road == "messages":
            monkeypatch.setattr("fakefal.store.redis.replica.BEAT_SECONDS", 3600.0)
        else:
            monkeypatch.setattr(Replica, "_handle_message", _deaf)
        here, there = pair(profile="realistic")
        submitted = here.submit(O1, {"prompt": "x"})
        with there.http.stream("GET", f"/queue/{APP}/requests/{submitted['request_id']}/status/stream") as stream:
            lines = (json.loads(line[6:]) for line in stream.iter_lines() if line)
            assert next(lines)["status"] == "IN_QUEUE"
            here.http.post(f"/_fakefal/requests/{submitted['request_id']}/advance", json={"to": "start"})
            assert next(lines)["status"] == "IN_PROGRESS"
            here.http.post("/_fakefal/clock", json={"advance": 3600})
            assert [line["status"] for line in lines][-1] == "COMPLETED"

    def test_scenarios_and_their_counts_are_one(self, pair: Pair) -> None:
        here, there = pair(effects=("generation_timeout when nth=2",))
        assert [one.result(O1, {"prompt": "x"}).status_code for one in (here, there, here)] == [200, 504, 200]
        here.http.post("/_fakefal/scenarios", json={"effect": "internal_server_error", "prompt": "dog"})
        assert there.result(O1, {"prompt": "dog"}).status_code == 500
        locked = {"effect": "locked_account", "key": "tester"}
        listed = there.http.post("/_fakefal/scenarios", json=locked).json()
        assert [rule["effect"] for rule in listed] == ["locked_account", "internal_server_error", "generation_timeout"]
        assert initiate(here, file_name="a", content_type="a/b").status_code == 403
        assert here.http.delete("/_fakefal/scenarios").json() == {"removed": 3}
        assert there.http.get("/_fakefal/scenarios").json() == []
        there.http.post("/_fakefal/reset")
        assert [one.result(O1, {"prompt": "dog"}).status_code for one in (here, there)] == [200, 504]

    async def test_clocks_of_keys_are_one(
        self, group: Group, empty_redis: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("fakefal.store.redis.state.MOST_KEYS", 3)

        here, there = group.clocks(), group.clocks()

        async def shown(*keys: str) -> list[float]:
            await there.refresh()
            assert [here.now(key) for key in keys] == [there.now(key) for key in keys]
            return [here.now(key) for key in keys]

        for number, key in enumerate("abcd"):
            await here.move(key, advance=number + 1)
        assert await shown(*"abcd") == [1000, 1002, 1003, 1004], "the oldest follows the global clock again"
        await there.move("b", speed=0)
        await here.refresh()
        group.now += 2
        assert await shown(*"abcd") == [1002, 1002, 1005, 1006]
        group.now += 2
        await here.reset("b")
        await here.reset("never moved")
        with redis.Redis.from_url(empty_redis) as client:
            assert client.hkeys("fakefal:clock") == [b"c", b"d"]
            await there.reset(None)
            await here.refresh()
            assert await shown(*"bcd") == [1004, 1007, 1008]
            client.flushall()
            await group.members[0][0]("beat")
        await here.refresh()
        assert await shown(*"bcd") == [1004, 1004, 1004]

    async def test_an_answer_that_comes_late_changes_no_clock(self, group: Group) -> None:
        clocks = group.clocks()
        late = await group.members[0][0]("clocks", "", "0")
        await clocks.move(None, advance=5)
        await clocks.move("a", advance=5)
        clocks._take(late)
        assert (clocks.now(None), clocks.now("a")) == (1005, 1010)
        await clocks.refresh()
        assert (clocks.now(None), clocks.now("a")) == (1005, 1010)

    async def test_a_replica_hears_only_of_clocks_that_changed(self, group: Group) -> None:
        here, there = group.clocks(), group.clocks()
        for key in "abc":
            await here.move(key, advance=1)
        await there.refresh()
        await here.move("b", advance=1)
        *_, changed = await group.members[0][0]("clocks", *there._known())
        assert changed[::2] == [b"b"]

    def test_seeds_draw_the_same_whoever_is_asked(self, serve: Serve, pair: Pair) -> None:
        runs = []
        for servers in ([serve(profile="realistic", seed="s")] * 2, pair(profile="realistic", seed="s")):
            jobs = [one.submit(O1, {"prompt": "x"}) for one in [*servers, *servers]]
            servers[0].http.post("/_fakefal/clock", json={"advance": 3600})
            runs.append([status(servers[0], job).json()["metrics"]["inference_time"] for job in jobs])
        assert runs[0] == runs[1]

    def test_reset_at_one_forgets_at_all(self, pair: Pair) -> None:
        here, there = pair()
        submitted, url = here.submit(O1, {"prompt": "x"}), upload(here)
        assert there.http.post("/_fakefal/reset").json() == {"requests": 1, "files": 1}
        assert status(here, submitted).status_code == 404
        assert here.http.get(url).status_code == 404


class TestUploads:
    def test_tokens_parts_and_files_count_everywhere(self, pair: Pair) -> None:
        here, there = pair()
        told = initiate(here, file_name="a.png", content_type="image/png").json()
        moved = told["upload_url"].replace(here.url, there.url)
        assert httpx.put(moved, content=picture(), trust_env=False).status_code == 200
        assert here.http.get(told["file_url"]).content == picture()
        assert here.result(I2V, {"prompt": "x", "start_image_url": told["file_url"]}).status_code == 200
        headers = bearer(here)
        begun = there.http.post("/cdn/files/upload/multipart", headers=headers).json()
        base = f"{httpx.URL(begun['access_url']).path}/multipart/{begun['uploadId']}"
        for number, one in enumerate((here, there), 1):
            assert one.http.put(f"{base}/{number}", content=b"x%d" % number, headers=headers).is_success
        parts = {"parts": [{"partNumber": number} for number in (1, 2)]}
        assert here.http.post(f"{base}/complete", json=parts, headers=headers).is_success
        assert there.http.get(begun["access_url"]).content == b"x1x2"

    def test_data_uris_are_kept_once(self, pair: Pair, tmp_path: Path) -> None:
        uri = f"data:text/plain,{'x.' * 2500}"
        for one in pair():
            one.submit(I2V, {"prompt": "x", "start_image_url": uri})
        assert len(list((tmp_path / "spool").glob("*.bin"))) == 1

    def test_the_oldest_go_first_whoever_took_them(self, pair: Pair) -> None:
        here, there = pair(max_files=2)
        first = upload(here)
        there.emulator.files.all()
        upload(there)
        there.emulator.files.all()
        upload(there)
        assert here.http.get(first).status_code == 404
        assert len(here.emulator.files.all()) == 2

    def test_a_second_folder_is_refused(self, serve: Serve, empty_redis: str, tmp_path: Path) -> None:
        serve(store=empty_redis, spool=tmp_path / "one")
        with pytest.raises(SettingsError, match="give all of them one --spool"):
            Emulator(Settings(store=empty_redis, spool=tmp_path / "two"))

    def test_a_clip_that_one_rendered_the_other_has(self, pair: Pair) -> None:
        here, there = pair(render=True)
        made = here.http.post(f"/run/{O1}", json={"prompt": "x", "duration": "3"}).json()["video"]
        path = httpx.URL(made["url"]).path
        assert len(there.http.get(path).content) == made["file_size"]
        assert there.http.get(path).content == here.http.get(path).content


STORAGE, REQUESTS = "/platform/v1/storage", "/platform/v1/models/requests"
STRANGER = {"Authorization": "Key stranger:secret"}


class TestPlatform:
    """What the Platform API sets at one replica holds at the others, and at those that are started again."""

    def test_lists_and_owners_of_files(self, pair: Pair) -> None:
        here, there = pair()
        url = upload(here)
        moved = url.replace(here.url, there.url)
        assert there.http.get(moved).status_code == 200
        acl = {"default": "forbid", "rules": [{"user": "friend", "decision": "allow"}]}
        here.http.put(f"{STORAGE}/files/acl", params={"url": url}, json=acl)
        for server, address in ((here, url), (there, moved), (pair()[0], url)):
            assert (
                server.http.get(f"{STORAGE}/files/acl", params={"url": url.replace(here.url, server.url)}).json() == acl
            )
            path = httpx.URL(address).path
            readers = (STRANGER, {"Authorization": "Key friend:secret"}, KEY)
            assert [server.http.get(path, headers=one).status_code for one in readers] == [403, 200, 200]
        query = {"url": moved}
        other = there.http.put(f"{STORAGE}/files/acl", params=query, json={"default": "hide"}, headers=STRANGER)
        assert other.status_code == 403
        signed = there.http.post(f"{STORAGE}/files/sign", params=query, json={"expiration_seconds": 60}).json()
        address = signed["signed_url"].replace(there.url, here.url)
        assert httpx.get(address, trust_env=False).status_code == 200

    def test_settings_and_the_expiry_that_they_bring(self, pair: Pair) -> None:
        here, there = pair()
        here.http.put(f"{STORAGE}/settings", json={"expiration_duration_seconds": 60})
        changed = there.http.put(f"{STORAGE}/settings", json={"initial_acl": {"default": "forbid"}}).json()
        assert changed == {"expiration_duration_seconds": 60, "initial_acl": {"default": "forbid", "rules": []}}
        assert here.http.get(f"{STORAGE}/settings").json() == changed
        nothing = {"expiration_duration_seconds": None, "initial_acl": None}
        assert there.http.get(f"{STORAGE}/settings", headers=STRANGER).json() == nothing
        url = upload(there)
        path = httpx.URL(url).path
        assert [here.http.get(path, headers=one).status_code for one in (KEY, STRANGER)] == [200, 403]
        arguments = {"prompt": "x", "start_image_url": url.replace(there.url, here.url)}
        there.http.post("/_fakefal/clock?key=stranger", json={"advance": 60})
        assert here.http.get(path).status_code == 200, "another key's clock"
        there.http.post("/_fakefal/clock?key=tester", json={"advance": 60})
        assert here.http.get(path).status_code == 404
        assert here.result(I2V, arguments).json()["detail"][0]["type"] == "file_download_error"
        here.http.post("/_fakefal/reset?key=tester")
        assert there.http.get(f"{STORAGE}/settings").json() == nothing

    def test_erased_payloads_and_the_files_made(self, pair: Pair) -> None:
        here, there = pair()
        submitted = here.submit(O1, {"prompt": "x"})
        link = status(there, submitted, "").json()["video"]["url"]
        address = f"{REQUESTS}/{submitted['request_id']}/payloads"
        assert there.http.delete(address, headers=STRANGER).status_code == 404
        assert here.http.delete(address).status_code == 200
        for server in (there, pair()[0]):
            assert status(server, submitted, "").status_code == 404
            assert status(server, submitted).json()["status"] == "COMPLETED"
            assert server.http.get(httpx.URL(link).path).status_code == 404
            listed = server.http.get(f"{REQUESTS}/by-endpoint", params={"endpoint_id": O1, "expand": "payloads"}).json()
            assert "json_input" not in listed["items"][0]
        there.http.post("/_fakefal/reset")
        assert here.http.get(httpx.URL(link).path).status_code == 200

    def test_a_flush_happens_once_whoever_is_asked(self, pair: Pair) -> None:
        here, there = pair(profile="realistic")
        here.http.post("/_fakefal/clock", json={"speed": 0})
        path = "/platform/v1/serverless/apps/fal-ai/kling-video/queue"

        def flushed(server: Server, **headers: str) -> bool:
            submitted = server.submit(O1, {"prompt": "x"}, **headers)
            answer = server.http.delete(path, headers={"Idempotency-Key": "once", **headers})
            assert answer.status_code == 204
            return bool(server.http.get(submitted["status_url"], headers=headers).json()["status"] == "COMPLETED")

        assert [flushed(here), flushed(there), flushed(there, **STRANGER)] == [True, False, True]
        there.http.post("/_fakefal/clock?key=tester", json={"advance": 599})
        assert not flushed(here)
        there.http.post("/_fakefal/clock?key=tester", json={"advance": 1})
        assert [flushed(here), flushed(there)] == [True, False], "ten minutes of the key's emulated time"
        here.http.post("/_fakefal/reset")
        assert flushed(there)
        assert [flushed(here, **STRANGER), flushed(here)] == [True, False]
        there.http.post("/_fakefal/reset?key=tester")
        assert [flushed(here, **STRANGER), flushed(here)] == [False, True], "of a key, its own are forgotten"


class TestWhatIsSeen:
    """Whichever replica is asked tells of the calls of all: its own at once, those of others a moment later."""

    def test_one_journal(self, pair: Pair) -> None:
        here, there = pair(max_journal=6)
        submitted = here.submit(O1, {"prompt": "x"})
        until(lambda: [one["path"] for one in there.journal()] == [f"/queue/{O1}"])
        status(there, submitted)
        status(there, submitted, "")
        paths = [one["path"] for one in known(there, here)]
        asked = f"/queue/{APP}/requests/{submitted['request_id']}"
        assert [one for one in paths if one != f"/queue/{O1}"] == [asked, f"{asked}/status"]
        assert len(paths) == 3
        assert {one["milliseconds"] is None for one in here.journal()} == {False}
        there.http.get("/cdn/files/x", headers=STRANGER)
        there.http.get("/queue/x/y/requests/z/status", headers=STRANGER)
        assert [one["key"] for one in there.journal(key="stranger")] == ["stranger"] * 2
        for _ in range(3):
            here.http.get("/_fakefal/health", headers={"Host": "queue.fal.run"})
        assert len(known(here, there)) == 6
        here.http.post("/_fakefal/reset?key=tester")
        assert {one["key"] for one in there.journal()} <= {"", "stranger"}
        here.http.post("/_fakefal/reset")
        assert there.journal() == pair()[0].journal() == []

    def test_a_stream_is_in_it_before_it_ends(self, pair: Pair) -> None:
        here, there = pair(profile="realistic")
        submitted = here.submit(O1, {"prompt": "x"})
        with there.http.stream("GET", f"/queue/{APP}/requests/{submitted['request_id']}/status/stream") as stream:
            lines = stream.iter_lines()
            next(lines)
            assert [one["status"] for one in known(there, here) if one["milliseconds"] is None] == [200]
            here.http.post(f"/_fakefal/requests/{submitted['request_id']}/advance", json={"to": "end"})
            assert any("COMPLETED" in line for line in lines)
        assert None not in [one["milliseconds"] for one in known(there, here)]

    def test_one_count_of_everything(self, pair: Pair, receiver: Receiver) -> None:
        here, there = pair(max_requests=2)
        for server in (here, there, here, there, here):
            submit(server, receiver.url)
            here.http.post("/_fakefal/clock", json={"advance": 1})
        receiver.wait(5)
        there.submit(O1, {"prompt": "x", "duration": "99"})

        def counted(server: Server) -> bool:
            found = server.metrics()
            calls = found.get(("fakefal_calls_total", "queue", "200")), found["fakefal_accepted_total", O1]
            ended = found["fakefal_ended_total", O1, "200"], found["fakefal_ended_total", O1, "422"]
            return (calls, ended, found["fakefal_webhook_tries_total", "acknowledged"]) == ((6, 6), (5, 1), 5)

        there.metrics()  # who is asked writes first
        assert counted(here)
        assert counted(there)
        assert here.metrics()["fakefal_not_spent_dollars_total", O1] == pytest.approx(5 * 0.56)
        there.http.post("/_fakefal/reset")
        assert counted(here)
        assert counted(pair(max_requests=2)[0]), "replicas that are started again count on"

    def test_what_happens_while_redis_is_away_is_written_once_it_is_back(self, serve: Serve, tmp_path: Path) -> None:
        with redis_server(tmp_path, durable=True) as running:
            server = serve(store=running.url)
            server.submit(O1, {"prompt": "x"})
            running.stop(signal.SIGKILL)
            assert server.http.post(f"/queue/{O1}", json={"prompt": "x"}).status_code == 503
            for path in ("journal", "metrics"):
                assert server.http.get(f"/_fakefal/{path}").status_code == 503
            running.start()
            until(lambda: server.http.get("/_fakefal/ready").status_code == 200)
            assert [one["status"] for one in server.journal()] == [503, 200]
            found = server.metrics()
            assert [found["fakefal_calls_total", "queue", status] for status in ("200", "503")] == [1, 1]

    async def test_a_reset_forgets_what_another_replica_has_yet_to_write(self, group: Group) -> None:
        for _ in "ab":
            group.join()
        joined = [steps for steps, _, _ in group.members]
        here, there = (RedisJournal(one, lambda: group.now, 10, monotonic=lambda: group.now) for one in joined)
        for key, first in ((None, "a"), ("b", "b")):
            there.add(JournalEntry(0.0, 0.0, first, "GET", "", "queue", "/before"))
            there.add(JournalEntry(0.0, 0.0, "c", "GET", "", "queue", "/kept" if key else "/before"))
            group.now += 1
            await here.reset(key)
            there.add(JournalEntry(0.0, 0.0, first, "GET", "", "queue", "/after"))
            await there.write()
            group.now += 1
        paths = [(one.key, one.path) for one in await here.newest(None, 10)]
        assert paths == [("b", "/after"), ("c", "/kept"), ("a", "/after")]

    async def test_a_reset_forgets_what_another_replica_has_to_write_twice(
        self, group: Group, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        taken, lost = Steps._call, []

        for _ in "ab":
            group.join()
        here, there = (steps for steps, _, _ in group.members)
        journal = RedisJournal(there, lambda: group.now, 10, monotonic=lambda: group.now)
        journal.add(JournalEntry(0.0, 0.0, "a", "GET", "", "queue", "/before"))

        async def losing(self: Steps, step: str, arguments: Any) -> Any:
            if step == "write_calls" and not lost:
                lost.append(step)
                group.now += 1
                await taken(here, "forget_journal", ("*",))
                group.now += 4
                raise StoreUnavailable("the question was lost")
            return await taken(self, step, arguments)

        monkeypatch.setattr(Steps, "_call", losing)
        assert await journal.newest(None, 10) == []
        assert lost

    async def test_calls_stay_in_order_when_another_redis_has_another_time(self, group: Group) -> None:
        for _ in "ab":
            group.join()
        behind = [0.0]
        here, there = (
            RedisJournal(steps, lambda: group.now - behind[0], 10, monotonic=lambda: group.now - 900)
            for steps, _, _ in group.members
        )
        here.add(JournalEntry(0.0, 0.0, "a", "GET", "", "queue", "/1"))
        await here.write()
        behind[0] = 500.0
        for one, path in ((here, "/2"), (there, "/3")):
            group.now += 1
            one.add(JournalEntry(0.0, 0.0, "a", "GET", "", "queue", path))
            await one.write()
        paths = [call.path for call in await there.newest(None, 10)]
        assert [path for path in paths if path != "/1"] == ["/3", "/2"]

    async def test_counts_of_a_replica_that_seemed_dead_count_once(
        self, group: Group, empty_redis: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        group.join()
        other = group.join()
        tally = RedisTally(group.members[0][0])
        lose_answer(monkeypatch, "count", times=2)
        tally.called("queue", 200)
        with pytest.raises(StoreUnavailable):
            await tally.write()
        for _ in range(3):
            group.now += 4
            await group.beat(other)
        with redis.Redis.from_url(empty_redis) as client:
            assert client.zcard("fakefal:replicas") == 1, "the first is taken for dead"
        assert (await tally.counts()).calls == {("queue", 200): 1}

    async def test_counts_whose_answer_was_lost_count_once(self, group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
        group.join()
        tally = RedisTally(group.members[0][0])
        lost = lose_answer(monkeypatch, "count", times=3)
        tally.called("queue", 200)
        with pytest.raises(StoreUnavailable):
            await tally.write()
        tally.called("queue", 200)
        assert (await tally.counts()).calls == {("queue", 200): 2}
        assert len(lost) == 3


def known(*servers: Server) -> list[dict[str, Any]]:
    """The journal as the last of these tells it: who is asked writes down first what it has answered."""
    return [one.journal() for one in servers][-1]


class TestWebhooks:
    def test_they_are_sent_once_and_verify_anywhere(self, pair: Pair, receiver: Receiver) -> None:
        here, there = pair(profile="quick", runners=40)
        here.http.post("/_fakefal/clock", json={"speed": 0})
        for one in [here, there] * 10:
            submit(one, receiver.url)
        here.http.post("/_fakefal/webhooks/rotate")
        there.http.post("/_fakefal/clock", json={"advance": 60})
        assert len(receiver.received) == 20, "the move returns once all were sent, by whomever"
        assert len({one.headers["X-Fal-Webhook-Request-Id"] for one in receiver.received}) == 20
        for received in receiver.received:
            verify(there, received)
            verify(here, received)

    def test_replicas_beyond_loopback_have_keys_of_their_own(self, pair: Pair) -> None:
        (development,) = public_keys(pair()[0])
        here, there = pair(development_key=False)
        assert public_keys(here) == public_keys(there)
        here.http.post("/_fakefal/webhooks/rotate")
        assert public_keys(here) == public_keys(there)
        assert len(public_keys(there)) == 2
        assert development not in public_keys(there)


class Group:
    """Stores of several replicas on one moment of virtual time, each as alive as the test wants."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.now = 1000.0
        self.orphans: list[str] = []
        self.changed: list[str] = []
        self.members: list[tuple[Steps, RedisQueueStore, Replica]] = []

    def join(self) -> RedisQueueStore:
        """One more replica, that was alive just now."""
        steps = Steps(self.url, BOUNDS, real_time=lambda: self.now, lease_seconds=5)
        queue = RedisQueueStore(steps)
        with redis.Redis.from_url(self.url) as client:
            clocks = RedisClock(steps, steps.at_once(client, "clocks", "", "0"))
            steps.at_once(client, "beat")
        self.members.append((steps, queue, Replica(steps, queue, clocks)))
        return queue

    def clocks(self) -> RedisClock:
        """The clocks as one more replica tells them."""
        self.join()
        steps, _, _ = self.members[-1]
        with redis.Redis.from_url(self.url) as client:
            return RedisClock(steps, steps.at_once(client, "clocks", "", "0"))

    async def beat(self, queue: RedisQueueStore) -> None:
        """Let a replica renew its lease."""
        replica = next(one for _, known, one in self.members if known is queue)
        member = type("Member", (), {"watched": lambda _: (), "judging": lambda _: (), "orphaned": self._orphaned})()
        member.changed = self.changed.append
        await replica.beat(member)

    async def _orphaned(self, request_id: str) -> None:
        self.orphans.append(request_id)

    async def close(self) -> None:
        for steps, _, _ in self.members:
            await steps.close()


def record(name: str, **more: Any) -> Record:
    return Record(name, "key", APP, "o1", b"{}", 1000.0, BaseUrl(), **more)


PLAN = Plan(Ending(200, b"{}", 5.0, ok=True))


@pytest.fixture
async def group(empty_redis: str) -> AsyncIterator[Group]:
    found = Group(empty_redis)
    yield found
    await found.close()


class TestLeases:
    async def test_a_webhook_belongs_to_one_until_it_falls_silent(self, group: Group) -> None:
        one, other = group.join(), group.join()
        await one.add(record("r", webhook="http://hook"), PLAN, 0)
        (claimed,) = await one.claim_webhooks("key", 0)
        assert await other.claim_webhooks("key", 0) == []
        assert await other.trying("key")
        group.now += 4
        await group.beat(one)
        group.now += 4
        await group.beat(other)  # was late itself, and only renews
        await group.beat(other)
        assert await other.claim_webhooks("key", 0) == [], "the lease of the first was renewed"
        group.now += 4
        await group.beat(other)
        assert await other.claim_webhooks("key", 0) == [claimed], "now it has run out"
        late = await one.webhook_tried("r", attempted(1000.0, 500))
        assert late is not None
        assert late.due_at == claimed.due_at, "whoever lost the claim leaves the schedule alone"
        done = await other.webhook_tried("r", attempted(1000.0, 200))
        assert done is not None
        assert (done.fate, len(done.attempts)) == (Fate.DELIVERED, 2)
        assert not await other.trying("key")

    async def test_a_judgement_falls_to_whoever_is_left(self, group: Group) -> None:
        one, other = group.join(), group.join()
        await one.add(record("r"), None, 0)
        group.now += 4
        await group.beat(other)
        group.now += 4
        await group.beat(other)
        assert set(group.orphans) == {"r"}
        assert await other.settle("r", PLAN, 0)
        assert not await one.settle("r", PLAN, 0), "the first judgement counts"

    async def test_a_claim_whose_answer_was_lost_is_given_up(self, group: Group) -> None:
        one, other = group.join(), group.join()
        await one.add(record("r", webhook="http://hook"), PLAN, 0)
        await one.claim_webhooks("key", 0)
        one.trying_now.clear()
        await group.beat(one)
        assert len(await other.claim_webhooks("key", 0)) == 1

    async def test_who_leaves_keeps_nothing(self, group: Group) -> None:
        one, other = group.join(), group.join()
        await one.add(record("r", webhook="http://hook"), PLAN, 0)
        await one.add(record("unjudged"), None, 0)
        await one.claim_webhooks("key", 0)
        await group.members[0][0]("leave")
        await group.beat(other)
        assert set(group.orphans) == {"unjudged"}
        assert len(await other.claim_webhooks("key", 0)) == 1

    async def test_a_submit_whose_answer_was_lost_counts_once(
        self, group: Group, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = group.join()
        lost = lose_answer(monkeypatch, "add")
        look = (await store.add(record("r"), PLAN, 0)).look
        assert lost
        assert await store.all(None, lambda _: 0.0) == [look]

    async def test_a_call_whose_answer_was_lost_is_still_the_first(
        self, group: Group, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        group.join()
        once = RedisOnce(group.members[0][0])
        lost = lose_answer(monkeypatch, "once")
        assert [await once.first("key", "call"), await once.first("key", "call")] == [True, False]
        assert lost

    async def test_time_never_goes_back(self, group: Group) -> None:
        store = group.join()
        run = Plan(Ending(200, b"{}", 5.0, ok=True), run_seconds=100, logs=((50.0, "half"),))
        await store.add(record("r"), run, 0)
        group.now += 60
        before = await store.look("r", 0)
        group.now -= 500
        assert await store.look("r", 0) == before

    def test_a_request_without_judge_ends_with_a_clear_failure(
        self, serve: Serve, empty_redis: str, tmp_path: Path, site: Site
    ) -> None:
        settings = {"profile": "instant", "fetch": True, "store": empty_redis, "spool": tmp_path}
        server = serve(**settings)

        async def dead_replica() -> str:
            steps = Steps(empty_redis, BOUNDS, lease_seconds=0)
            await RedisQueueStore(steps).add(record("01a-orphan"), None, 0)
            await steps("beat")  # not before: a replica that claims nothing is forgotten once its lease is over
            await steps.close()
            return "01a-orphan"

        request_id = asyncio.run(dead_replica())
        with server.http.stream(
            "GET", f"/queue/{APP}/requests/{request_id}/status/stream", headers={"Authorization": "Key key:s"}
        ) as stream:
            assert any("runner_disconnected" in line for line in stream.iter_lines())
        picture_url = {"prompt": "x", "start_image_url": site.url("/good.png")}
        fetching = serve(emulator=emulator_with(Settings(**settings), fetcher=PERMISSIVE))
        submitted = fetching.submit(I2V, picture_url)
        server.http.post(f"/_fakefal/requests/{submitted['request_id']}/advance", json={"to": "end"})
        assert status(server, submitted, "").status_code == 200


async def test_after_a_restart_no_connection_of_before_is_used(tmp_path: Path) -> None:
    with redis_server(tmp_path, durable=True) as server:
        steps = Steps(server.url, BOUNDS)
        queue = RedisQueueStore(steps)
        await queue.add(record("r"), PLAN, 0)

        async def reads() -> list[str]:
            """Read by so many connections at once; a read that counts is not sent twice."""
            return [
                look.record.id for look in await asyncio.gather(*(queue.look("r", 0, read=True) for _ in range(20)))
            ]

        def restart() -> None:
            server.stop()
            server.start()

        assert await reads() == ["r"] * 20
        await asyncio.to_thread(restart)
        assert await queue.ready()
        assert await reads() == ["r"] * 20
        await steps.close()


class TestCost:
    @pytest.fixture
    def calls(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The steps that calls take, each of which is a round trip."""
        calls: list[str] = []
        taken = Steps.__call__

        async def counted(self: Steps, step: str, *arguments: Any, **more: Any) -> Any:
            if step not in ("beat", "clocks", "write_calls", "count"):  # the replica's own, now and then
                calls.append(step)
            return await taken(self, step, *arguments, **more)

        monkeypatch.setattr(Steps, "__call__", counted)
        return calls

    def test_round_trips_of_an_operation(self, serve: Serve, empty_redis: str, calls: list[str]) -> None:
        server = serve(store=empty_redis, profile="stepped")
        submitted = server.submit(O1, {"prompt": "x"})
        assert calls == ["arrive", "add"]
        calls.clear()
        assert status(server, submitted).json()["status"] == "IN_QUEUE"
        assert [step for step in calls if step != "carry_out"] == ["look"]  # a read moves it, and the waker looks

    def test_round_trips_with_files(self, serve: Serve, empty_redis: str, calls: list[str]) -> None:
        server = serve(store=empty_redis)
        url = upload(server, picture())
        calls.clear()
        submitted = server.submit(I2V, {"prompt": "x", "start_image_url": url})
        assert calls == ["arrive", "add"]
        calls.clear()
        assert status(server, submitted, "").status_code == 200
        assert calls == ["look"]
        assert server.http.get(url).status_code == 200
        assert calls == ["look", "file"]
        server.http.delete(f"{REQUESTS}/{submitted['request_id']}/payloads")
        calls.clear()
        assert status(server, submitted, "").status_code == 404
        assert calls[0] == "look"
        assert set(calls[1:]) <= {"look"}, "what the hint of a 404 looks for"

    def test_only_who_may_be_dropped_is_asked_about_twice(
        self, serve: Serve, empty_redis: str, calls: list[str]
    ) -> None:
        server = serve(store=empty_redis)
        rule = {"effect": "drop_before_accept", "key": "tester", "nth": 100}
        assert server.http.post("/_fakefal/scenarios", json=rule).is_success
        for headers, steps in ((STRANGER, ["arrive", "add"]), (KEY, ["arrive", "gone", "add"])):
            calls.clear()
            server.submit(O1, {"prompt": "x", "image_urls": [f"{server.url}/cdn/files/none"]}, **headers)
            assert calls == steps

    def test_what_redis_keeps_is_bounded(self, serve: Serve, empty_redis: str) -> None:
        server = serve(store=empty_redis, max_requests=5, max_files=5, max_journal=5)
        lists = ("files", "journal")
        sizes = []
        with redis.Redis.from_url(empty_redis) as client:
            for _ in range(4):
                for number in range(10):
                    server.submit(O1, {"prompt": "x"}, Authorization=f"Key k{number}:secret")
                    upload(server)
                server.http.get("/_fakefal/metrics")  # before which everything is written down
                counts = [count for one in lists for count in self._kept(client, one)]
                sizes.append((client.dbsize(), *counts))
        assert len(server.http.get("/_fakefal/requests").json()) == 5
        assert set(sizes) == {(sizes[0][0], 5, 5, 5, 5)}

    async def test_what_redis_keeps_of_keys_is_bounded(self, empty_redis: str) -> None:
        steps = Steps(empty_redis, replace(BOUNDS, max_keys=3))
        access, arrivals = RedisAccess(steps, 10), RedisArrivals(steps, RedisRules(steps))
        for number in range(10):
            await access.change_settings(str(number), UploadLifecycle(expiration_duration_seconds=5))
            await arrivals.arrive(str(number), ())
            assert (await arrivals.arrive("often", ())).number == number + 1
        known = [number for number in range(10) if await access.settings(str(number)) != PLAIN]
        assert known == [7, 8, 9]
        with redis.Redis.from_url(empty_redis) as client:
            assert [self._kept(client, one) for one in ("settings", "calls")] == [(3, 3), (3, 3)]
            for key in ("9", None):
                await access.reset(key)
                await arrivals.reset(key)
            assert await access.settings("9") == PLAIN
            assert [self._kept(client, one) for one in ("settings", "calls")] == [(0, 0), (0, 0)]
        await steps.close()

    @staticmethod
    def _kept(client: Any, name: str) -> tuple[int, int]:
        """How many things a bounded hash has, and how many its order."""
        return client.hlen(f"fakefal:{name}"), client.zcard(f"fakefal:{name}:order")


class TestRedisGoesAway:
    def test_what_was_accepted_is_there_when_it_comes_back(
        self, serve: Serve, tmp_path: Path, receiver: Receiver
    ) -> None:
        with redis_server(tmp_path, durable=True) as running:
            server = serve(store=running.url, profile="quick")
            server.http.post("/_fakefal/clock", json={"speed": 0})
            jobs = [submit(server, receiver.url) for _ in range(5)]
            url = upload(server)
            closed = {"params": {"url": url}, "json": {"default": "forbid"}}
            assert server.http.put(f"{STORAGE}/files/acl", **closed).status_code == 200
            running.stop(signal.SIGKILL)
            self._answers_503(server, url)
            running.start()
            # each connection of the server's learns by a call of its own that Redis was away
            until(lambda: {status(server, job).status_code for job in jobs} == {202})
            assert {status(server, job).json()["status"] for job in jobs} == {"IN_QUEUE"}
            assert httpx.get(url, trust_env=False).status_code == 403
            server.http.post("/_fakefal/clock", json={"advance": 60})
            assert {status(server, job, "").status_code for job in jobs} == {200}
            assert len(receiver.wait(5)) == 5

    def _answers_503(self, server: Server, upload_path: str) -> None:
        answer = server.http.post(f"/queue/{O1}", json={"prompt": "x"})
        assert answer.status_code == 503
        assert answer.json()["detail"].startswith("fakefal: the store is not available")
        assert answer.headers["x-fal-needs-retry"] == "true"
        assert "x-fal-request-id" in answer.headers
        for path in (f"{STORAGE}/settings", upload_path):
            away = server.http.get(path)
            assert (away.status_code, away.headers["x-fal-needs-retry"]) == (503, "true")
        assert server.http.get("/_fakefal/ready").status_code == 503
        assert server.http.get("/_fakefal/health").status_code == 200

    def test_a_stream_outlives_it(self, serve: Serve, tmp_path: Path) -> None:
        with redis_server(tmp_path, durable=True) as running:
            server = serve(store=running.url, profile="realistic")
            submitted = server.submit(O1, {"prompt": "x"})
            with server.http.stream("GET", f"{submitted['status_url']}/stream") as stream:
                lines = (line for line in stream.iter_lines() if line.startswith("data"))
                next(lines)
                running.stop(signal.SIGKILL)
                running.start()
                server.http.post("/_fakefal/clock", json={"advance": 3600})
                assert any("COMPLETED" in line for line in lines)

    @pytest.mark.parametrize("fault", ["no rights", "another error"])
    def test_a_replica_lives_on_after_any_error(
        self,
        serve: Serve,
        empty_redis: str,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        fault: str,
    ) -> None:
        for name in ("BEAT_SECONDS", "WRITE_SECONDS"):
            monkeypatch.setattr(f"fakefal.store.redis.replica.{name}", 0.01)
        failed: set[str] = set()
        broken: list[str] = []
        taken = Steps._call

        async def told(self: Steps, step: str, arguments: Any) -> Any:
            try:
                return await taken(self, step if not broken else "none of the steps", arguments)
            except Exception:
                failed.add(step)
                raise

        with redis.Redis.from_url(empty_redis) as client:
            client.execute_command("ACL", "SETUSER", "limited", "on", "nopass", "~*", "&*", "+@all")
            server = serve(store=empty_redis.replace("redis://", "redis://limited:x@"))
            monkeypatch.setattr(Steps, "_call", told)
            submitted = server.submit(O1, {"prompt": "x"})
            if fault == "no rights":
                client.execute_command("ACL", "SETUSER", "limited", "-@all")
            else:
                broken.append(fault)
            answer = status(server, submitted)
            until(lambda: failed >= {"beat", "write_calls", "count"})
            client.execute_command("ACL", "SETUSER", "limited", "+@all")
            broken.clear()
            until(lambda: server.http.get("/_fakefal/ready").status_code == 200)
            ((_, lease),) = client.zrange("fakefal:replicas", 0, -1, withscores=True)
            until(lambda: client.zrange("fakefal:replicas", 0, -1, withscores=True)[0][1] > lease)
            written = client.hlen("fakefal:journal")
            status(server, submitted)
            until(lambda: client.hlen("fakefal:journal") > written)
        assert answer.status_code == (503 if fault == "no rights" else 500)
        assert ("A replica continues after an error" in caplog.text) == (fault == "another error")

    def test_a_redis_that_forgot_everything_has_no_rules_either(self, serve: Serve, empty_redis: str) -> None:
        server = serve(store=empty_redis)
        server.http.post("/_fakefal/scenarios", json={"effect": "ingress_502"})
        assert server.http.post(f"/queue/{O1}", json={"prompt": "x"}).status_code == 502
        with redis.Redis.from_url(empty_redis) as client:
            client.flushall()
        assert server.result(O1, {"prompt": "x"}).status_code == 200
        assert server.http.get("/_fakefal/scenarios").json() == []

    @pytest.mark.parametrize("left", [{"spool": "folder"}, {"layout": "0", "spool": "folder"}])
    def test_what_another_version_left_is_refused(self, serve: Serve, empty_redis: str, left: dict[str, str]) -> None:
        with redis.Redis.from_url(empty_redis) as client:
            client.hset("fakefal:store", mapping=left)
            with pytest.raises(SettingsError, match="filled by another version of fakefal"):
                Emulator(Settings(store=empty_redis))
            assert client.keys() == [b"fakefal:store"]
            client.flushall()
            assert serve(store=empty_redis).result(O1, {"prompt": "x"}).status_code == 200

    def test_a_replica_may_join_others_whose_redis_was_emptied(self, pair: Pair, empty_redis: str) -> None:
        here, _ = pair()
        with redis.Redis.from_url(empty_redis) as client:
            client.flushall()
            here.submit(O1, {"prompt": "x"})
            until(lambda: client.hexists("fakefal:store", "layout"))
        assert pair()[0].result(O1, {"prompt": "x"}).status_code == 200

    def test_one_that_does_not_answer_keeps_nobody_from_stopping(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("fakefal.store.redis.scripts.ANSWER_SECONDS", 3600.0)
        with redis_server(tmp_path) as running, ExitStack() as stack:
            where = stack.enter_context(serving(emulator=Emulator(Settings(store=running.url))))
            assert httpx.get(f"{where.url}/_fakefal/ready", trust_env=False).status_code == 200
            assert running.process is not None
            running.process.send_signal(signal.SIGSTOP)
            stopping = threading.Thread(target=stack.pop_all().close)
            stopping.start()
            try:
                until(lambda: not stopping.is_alive())
            finally:
                running.process.send_signal(signal.SIGCONT)
                stopping.join()

    def test_one_that_does_not_answer_is_asked_once(
        self, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("fakefal.store.redis.scripts.ANSWER_SECONDS", 0.2)
        asked: list[str] = []
        taken = Steps._call

        async def told(self: Steps, step: str, arguments: Any) -> Any:
            asked.append(step)
            return await taken(self, step, arguments)

        with redis_server(tmp_path) as running:
            server = serve(store=running.url)
            submitted = server.submit(O1, {"prompt": "x"})
            monkeypatch.setattr(Steps, "_call", told)
            assert running.process is not None
            running.process.send_signal(signal.SIGSTOP)
            answers = [status(server, submitted, ""), server.http.get("/_fakefal/journal")]
            running.process.send_signal(signal.SIGCONT)
            assert [one.status_code for one in answers] == [503, 503]
            assert asked.count("look") == 1
            assert "calls" not in asked
            until(lambda: status(server, submitted, "").status_code == 200)

    def test_another_event_loop_is_refused(self, serve: Serve, empty_redis: str) -> None:
        server = serve(store=empty_redis)
        assert server.http.get("/_fakefal/ready").status_code == 200
        with pytest.raises(RuntimeError, match="event loop that used it first"):
            asyncio.run(summary_of(server.emulator))

    def test_nobody_there_at_the_start_is_a_clear_error(self) -> None:
        with pytest.raises(SettingsError, match="the store cannot be used"):
            Emulator(Settings(store="redis://127.0.0.1:1/0"))

    async def test_a_store_that_cannot_write_is_away(self, group: Group, empty_redis: str) -> None:
        store = group.join()
        with redis.Redis.from_url(empty_redis) as client:
            client.config_set("maxmemory", 1)
            try:
                with pytest.raises(StoreUnavailable, match="maxmemory"):
                    await store.add(record("r"), PLAN, 0)
                with pytest.raises(StoreUnavailable):
                    await store.ready()
            finally:
                client.config_set("maxmemory", 0)
        with pytest.raises(UnknownRequest):
            await store.look("r", 0)


class Process:
    """A replica, or a group of workers, as a user starts it."""

    def __init__(self, folder: Path, name: str, *options: str) -> None:
        file = folder / f"{name}.json"
        command = [*FAKEFAL, "serve", "--port", "0", "--ready-file", str(file), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.url = ready(self.process, file)["url"]

    def end(self, number: int) -> int:
        """Send a signal; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(LIMIT)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    with ExitStack() as stack:

        def start(name: str, *options: str) -> Process:
            one = Process(tmp_path, name, *options)
            stack.callback(lambda: one.process.poll() is None and one.end(signal.SIGKILL))
            return one

        yield start


class Load:
    """Submits with webhooks and uploads, from several threads, to replicas in turn; keeps what was accepted."""

    def __init__(self, urls: list[str], hook: str) -> None:
        self.urls, self.hook = urls, hook
        self.jobs: list[str] = []
        self.files: dict[str, bytes] = {}
        self.stop = threading.Event()

    def run(self, number: int) -> None:
        with caller("") as client:
            turn = number
            while not self.stop.is_set():
                turn += 1
                with suppress(httpx.TransportError):
                    self._one(client, self.urls[turn % len(self.urls)], f"{number}/{turn}".encode())

    def _one(self, client: httpx.Client, url: str, content: bytes) -> None:
        answer = client.post(f"{url}/queue/{O1}", params={"fal_webhook": self.hook}, json={"prompt": "x"})
        assert answer.status_code == 200, answer.text
        self.jobs.append(answer.json()["request_id"])
        token = client.post(f"{url}/rest/storage/auth/token", json={}).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        kept = client.post(f"{url}/cdn/files/upload", content=content, headers=headers)
        assert kept.status_code == 200
        self.files[httpx.URL(kept.json()["access_url"]).path] = content


class TestKilled:
    def test_nothing_is_lost_and_nothing_happens_twice(
        self, processes: Callable[..., Process], tmp_path: Path, receiver: Receiver
    ) -> None:
        folder = tmp_path / "redis"
        folder.mkdir()
        with redis_server(folder, durable=True) as running:
            shared = ("--store", running.url, "--spool", str(tmp_path / "spool"), "--runners", "40")
            victim, survivor = (processes(name, *shared) for name in ("victim", "survivor"))
            load = Load([victim.url, survivor.url], f"{receiver.url}/hook")
            httpx.post(f"{survivor.url}/_fakefal/clock", json={"speed": 10}, trust_env=False)
            threads = [threading.Thread(target=load.run, args=(number,)) for number in range(4)]
            for thread in threads:
                thread.start()
            receiver.wait(10)
            victim.end(signal.SIGKILL)
            receiver.wait(len(receiver.received) + 10)
            load.stop.set()
            for thread in threads:
                thread.join()
            self._all_is_well(survivor.url, load, receiver)
            assert survivor.end(signal.SIGTERM) == 0

    def _all_is_well(self, url: str, load: Load, receiver: Receiver) -> None:
        with caller(url) as client:
            assert client.post("/_fakefal/clock", json={"advance": 600}).status_code == 200
            seen = client.get("/_fakefal/requests?limit=10000").json()
            assert len({one["request_id"] for one in seen}) == len(seen)
            assert {one["request_id"] for one in seen} >= set(load.jobs)
            assert {(one["status"], one["result_status"]) for one in seen} == {("COMPLETED", 200)}
            # a move of the clock waits for receivers, but not for ever
            until(lambda: '"pending"' not in client.get("/_fakefal/webhooks").text)
            sent = client.get("/_fakefal/webhooks").json()
            assert sorted(one["request_id"] for one in sent) == sorted(one["request_id"] for one in seen)
            assert {one["fate"] for one in sent} == {"delivered"}
            assert max(sum(attempt["status"] == 200 for attempt in one["attempts"]) for one in sent) == 1
            lines = client.get("/_fakefal/ledger").json()["jobs"]
            assert sorted(one["request_id"] for one in lines) == sorted(one["request_id"] for one in seen)
            bodies = {(one.headers["X-Fal-Webhook-Request-Id"], one.body) for one in receiver.received}
            assert len(bodies) == len(seen), "each ended once, and its webhook came"
            for path, content in load.files.items():
                assert client.get(path).content == content


class TestWorkers:
    def test_they_share_a_port_and_the_dead_are_replaced(
        self, processes: Callable[..., Process], empty_redis: str
    ) -> None:
        group = processes("group", "--store", empty_redis, "--workers", "2", "--profile", "instant")
        before = self._workers(group)
        assert len(before) == 2
        with caller(group.url) as client:
            submitted = client.post(f"/queue/{O1}", json={"prompt": "x"}).json()
            os.kill(before.pop(), signal.SIGKILL)
            until(lambda: len(self._workers(group)) == 2 and self._workers(group) - before)
        settings, changed = f"{group.url}{STORAGE}/settings", {"expiration_duration_seconds": 60, "initial_acl": None}
        assert httpx.put(settings, json=changed, headers=KEY, trust_env=False).status_code == 200
        for _ in range(4):  # whichever worker takes the connection
            answer = httpx.get(submitted["status_url"], headers=KEY, trust_env=False)
            assert answer.json()["status"] == "COMPLETED"
            assert httpx.get(settings, headers=KEY, trust_env=False).json() == changed
        left = self._workers(group)
        assert group.end(signal.SIGTERM) == 0
        assert not any(Path(f"/proc/{one}").exists() for one in left)

    def test_they_end_with_the_one_that_started_them(self, processes: Callable[..., Process], empty_redis: str) -> None:
        group = processes("group", "--store", empty_redis, "--workers", "2")
        left = self._workers(group)
        group.end(signal.SIGKILL)
        until(lambda: not any(Path(f"/proc/{one}").exists() for one in left))

    @staticmethod
    def _workers(group: Process) -> set[int]:
        children = Path(f"/proc/{group.process.pid}/task/{group.process.pid}/children").read_text()
        return {int(one) for one in children.split()}

    @pytest.mark.parametrize(
        ("options", "code", "said"),
        [
            (["--workers", "2"], 2, "more than one worker needs a Redis"),
            (["--store", "postgres://x"], 2, "give memory or an address such as redis://"),
            (["--store", "redis://127.0.0.1:1/0"], 1, "the store cannot be used"),
            (["--store", "redis://127.0.0.1:1/0", "--workers", "2"], 1, "the store cannot be used"),
        ],
    )
    def test_wrong_use_is_said(self, options: list[str], code: int, said: str) -> None:
        command = [sys.executable, "-m", "fakefal", "serve", "--port", "0", *options]
        done = run_program(command)
        assert done.returncode == code, done.stderr
        assert said in done.stderr, done.stderr

    def test_without_the_extra_it_is_named(self) -> None:
        code = "import sys; sys.modules['redis'] = None; from fakefal.cli import main; main()"
        command = [sys.executable, "-c", code, "serve", "--port", "0", "--store", "redis://127.0.0.1:1/0"]
        done = run_program(command)
        assert done.returncode == 1, done.stderr
        assert "pip install 'fakefal[redis] @ git+" in done.stderr, done.stderr
