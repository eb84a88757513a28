"""Answering from recordings: each request's own answers in their order, fresh ids, and nothing else."""

from __future__ import annotations

import datetime as dt
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from fakefal.cli import main
from fakefal.recording.replay import Replay
from fakefal.server.serving import hosting, serving_from
from support.endpoints import O1
from support.programs import FAKEFAL, ready
from support.recordings import DAY, record, void
from support.server import KEY, Serve, Server, caller
from support.waiting import LIMIT, run_program

Open = Callable[..., httpx.Client]
BODY = {"prompt": "a lighthouse", "duration": "5"}


@pytest.fixture
def replay(tmp_path: Path) -> Iterator[Open]:
    """Replay what lies in the test's folder; keyword arguments are those of `Replay`."""
    with ExitStack() as stack:

        def start(**given: Any) -> httpx.Client:
            app = Replay(tmp_path / "out", **{"now": lambda: DAY, **given}).app()
            where = stack.enter_context(serving_from(lambda bound: hosting(app, bound)))
            return stack.enter_context(caller(where.url))

        yield start


def life(http: httpx.Client, body: Any = BODY, polls: int = 3) -> list[Any]:
    """What a program sees: the submit, some statuses, the result and the file's size."""
    submitted = http.post(f"/queue/{O1}", json=body).json()
    statuses = [http.get(submitted["status_url"]) for _ in range(polls)]
    result = http.get(submitted["response_url"])
    seen: list[Any] = [submitted, *((one.status_code, one.json()["status"]) for one in statuses), result.json()]
    if result.status_code == 200:
        address = result.json()["video"]["url"].replace("https://v3b.fal.media", f"{http.base_url}/cdn")
        seen.append(len(http.get(address).content))
    return seen


def live(http: httpx.Client) -> None:
    life(http)


def timeless(seen: list[Any], http: httpx.Client) -> str:
    """What was seen, without ids and without the server's address."""
    text = json.dumps(seen).replace(f"{http.base_url}/cdn", "https://v3b.fal.media").replace(str(http.base_url), "BASE")
    return re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)


class TestLifecycle:
    def test_a_recorded_life_is_lived_again(self, serve: Serve, replay: Open, tmp_path: Path) -> None:
        def use(http: httpx.Client) -> None:
            seen.append(timeless(life(http), http))

        seen: list[str] = []
        record(serve(profile="stepped"), tmp_path / "out", use)
        http = replay()
        assert [timeless(life(http), http) for _ in range(2)] == seen * 2

    def test_ids_are_fresh_and_lead_to_their_own_run(self, serve: Serve, replay: Open, tmp_path: Path) -> None:
        (kept, *_) = record(serve(profile="stepped"), tmp_path / "out", live)
        http = replay()
        first, second = (http.post(f"/queue/{O1}", json=BODY).json() for _ in range(2))
        assert len({first["request_id"], second["request_id"], kept.request_id}) == 3
        assert first["status_url"] == f"{http.base_url}/queue/fal-ai/kling-video/requests/{first['request_id']}/status"
        states = [http.get(one["status_url"]).json() for one in (first, first, second, first, second)]
        assert [one["status"] for one in states] == ["IN_QUEUE", "IN_PROGRESS", "IN_QUEUE", "COMPLETED", "IN_PROGRESS"]
        assert [one["request_id"] == first["request_id"] for one in states] == [True, True, False, True, False]
        answer = http.get(first["response_url"])
        assert answer.headers["x-fal-request-id"] == first["request_id"]
        assert answer.headers["x-fal-billable-units"] == "5.0"

    def test_equal_submits_get_their_recordings_in_order(self, serve: Serve, replay: Open, tmp_path: Path) -> None:
        effects = ("content_policy_violation when nth=1",)
        record(serve(effects=effects), tmp_path / "out", lambda http: void([life(http, polls=1) for _ in range(2)]))
        http = replay()
        results = [http.get(http.post(f"/queue/{O1}", json=BODY).json()["response_url"]) for _ in range(3)]
        assert [one.status_code for one in results] == [422, 200, 200]

    def test_more_polls_than_recorded_see_the_last_state(self, server: Server, replay: Open, tmp_path: Path) -> None:
        record(server, tmp_path / "out", lambda http: void(life(http, polls=1)))
        assert life(replay(), polls=5)[1:6] == [(200, "COMPLETED")] * 5

    def test_streams_and_synchronous_calls(self, serve: Serve, replay: Open, tmp_path: Path) -> None:
        def use(http: httpx.Client) -> None:
            submitted = http.post(f"/queue/{O1}", json=BODY).json()
            stream = http.get(f"{submitted['status_url']}/stream?logs=true").text
            events = [json.loads(line[5:]) for line in stream.splitlines() if line.startswith("data:")]
            assert {event["request_id"] for event in events} == {submitted["request_id"]}
            run = http.post(f"/run/{O1}", json=BODY)
            seen.append(timeless([[event["status"] for event in events], run.json()], http))

        seen: list[str] = []
        record(serve(profile="stepped"), tmp_path / "out", use)
        use(replay())
        assert seen[0] == seen[1]
        assert "IN_PROGRESS" in seen[0]

    def test_a_stream_of_a_run_is_sent_again(self, serve: Serve, replay: Open, tmp_path: Path) -> None:
        def use(http: httpx.Client) -> None:
            answer = http.post("/run/fal-ai/flux/dev/stream", json={"prompt": "x"})
            assert answer.headers["content-type"].startswith("text/event-stream")
            seen.append([json.loads(line[5:]) for line in answer.text.splitlines() if line])

        seen: list[Any] = []
        events = [{"step": 1}, {"images": []}]
        record(serve(effects=(f"respond(events={json.dumps(events)})",)), tmp_path / "out", use)
        use(replay())
        assert seen == [events, events]

    def test_a_refusal_before_the_call_is_repeated(self, server: Server, replay: Open, tmp_path: Path) -> None:
        def use(http: httpx.Client) -> None:
            answers.append(http.post(f"/queue/{O1}", json={"prompt": 7}))

        answers: list[httpx.Response] = []
        record(server, tmp_path / "out", use)
        use(replay())
        assert answers[0].json() == answers[1].json()
        assert answers[1].status_code == 422

    def test_an_upload_is_found_by_its_content(self, server: Server, replay: Open, tmp_path: Path) -> None:
        def use(http: httpx.Client, content: bytes = b"picture") -> httpx.Response:
            bearer = http.post("/rest/storage/auth/token", json={}).json()
            assert dt.datetime.fromisoformat(bearer["expires_at"]).tzinfo is not None
            expiry.append(dt.datetime.fromisoformat(bearer["expires_at"]))
            headers = {"Authorization": f"Bearer {bearer['token']}"}
            place = http.post("/cdn/files/upload", content=content, headers=headers)
            if place.status_code == 200:
                body = BODY | {"image_urls": [place.json()["access_url"]]}
                assert http.post(f"/queue/{O1}", json=body).status_code == 200
            return place

        expiry: list[dt.datetime] = []
        record(server, tmp_path / "out", lambda http: void(use(http)))
        later = DAY + dt.timedelta(days=400)
        http = replay(now=lambda: later)
        assert use(http).json()["access_url"].startswith(f"{http.base_url}/cdn/files/b/")
        assert expiry[1] > later, "clients compare it with their own clock"
        assert use(http, b"another").status_code == 501


class TestNothingElse:
    @pytest.mark.parametrize(
        ("method", "path", "body", "says"),
        [
            ("POST", f"/queue/{O1}", BODY | {"prompt": "another"}, "there are others of this endpoint"),
            ("POST", f"/run/{O1}", BODY, "no recording of POST run/fal-ai"),
            ("POST", "/queue/fal-ai/flux", BODY, "no recording of POST queue/fal-ai/flux"),
            ("GET", "/rest/users/current", None, "no recording"),
            ("GET", "/cdn/files/x.png", None, "no recording"),
            ("DELETE", "/platform/v1/keys/1", None, "no recording"),
        ],
    )
    def test_what_was_not_recorded_is_refused(
        self, method: str, path: str, body: Any, says: str, server: Server, replay: Open, tmp_path: Path
    ) -> None:
        record(server, tmp_path / "out", live)
        answer = replay().request(method, path, json=body)
        assert (answer.status_code, answer.headers["x-fakefal-hint"]) == (501, answer.json()["detail"])
        assert says in answer.json()["detail"]
        assert "nothing was sent to fal" in answer.json()["detail"]

    def test_a_call_of_the_job_that_was_not_recorded(self, server: Server, replay: Open, tmp_path: Path) -> None:
        record(server, tmp_path / "out", live)
        http = replay()
        submitted = http.post(f"/queue/{O1}", json=BODY).json()
        assert http.put(submitted["cancel_url"]).status_code == 501
        assert http.get(f"{submitted['status_url']}?logs=1").status_code == 501

    def test_an_unknown_id(self, server: Server, replay: Open, tmp_path: Path) -> None:
        record(server, tmp_path / "out", live)
        answer = replay().get("/queue/fal-ai/kling-video/requests/nobody/status")
        assert (answer.status_code, answer.json()) == (404, {"status": "NOT_FOUND"})

    def test_an_id_from_before_the_recording(self, server: Server, replay: Open, tmp_path: Path) -> None:
        def use(http: httpx.Client) -> None:
            ids.append(server.submit(O1, BODY)["request_id"])
            assert http.get(f"/queue/fal-ai/kling-video/requests/{ids[0]}", headers=KEY).status_code == 200

        ids: list[str] = []
        record(server, tmp_path / "out", use)
        assert replay().get(f"/queue/fal-ai/kling-video/requests/{ids[0]}").json()["video"]

    def test_any_web_page_may_call_it(self, server: Server, replay: Open, tmp_path: Path) -> None:
        record(server, tmp_path / "out", live)
        asking = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
        answer = replay().options(f"/queue/{O1}", headers=asking)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "https://page.example")


class TestAge:
    @pytest.mark.parametrize(("days", "status"), [(0, 200), (30, 200), (30.01, 501), (400, 501)])
    def test_older_recordings_than_allowed_are_refused(
        self, days: float, status: int, server: Server, replay: Open, tmp_path: Path
    ) -> None:
        record(server, tmp_path / "out", live)
        http = replay(max_age_days=30, now=lambda: DAY + dt.timedelta(days=days))
        answer = http.post(f"/queue/{O1}", json=BODY)
        assert answer.status_code == status
        if status != 200:
            assert "was recorded on 2026-11-20" in answer.json()["detail"]
            assert f"{int(days)} days ago, and 30 are allowed" in answer.json()["detail"]

    def test_recording_again_cures_it(self, server: Server, replay: Open, tmp_path: Path) -> None:
        """Of equal submits only the young ones answer."""
        record(server, tmp_path / "out", live)
        (path,) = (tmp_path / "out").glob("*.jsonl")
        path.rename(old := path.with_name("0.jsonl"))
        old.write_bytes(old.read_bytes().replace(b"2026-11-20T", b"2026-01-01T"))
        record(server, tmp_path / "out", live)
        http = replay(max_age_days=30, now=lambda: DAY)
        assert [http.post(f"/queue/{O1}", json=BODY).status_code for _ in range(2)] == [200, 200]
        assert life(http)[-1] > 10_000

    def test_without_a_limit_any_age_is_replayed(self, server: Server, replay: Open, tmp_path: Path) -> None:
        record(server, tmp_path / "out", live)
        assert replay(now=lambda: DAY + dt.timedelta(days=4000)).post(f"/queue/{O1}", json=BODY).status_code == 200


class TestCommand:
    def test_serve_answers_from_a_folder(self, server: Server, tmp_path: Path) -> None:
        record(server, tmp_path / "out", live)
        file = tmp_path / "ready.json"
        command = [*FAKEFAL, "serve", "--replay", str(tmp_path / "out"), "--port", "0", "--ready-file", str(file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:
            with caller(ready(serving, file)["url"]) as http:
                assert life(http)[-1] > 10_000
            serving.send_signal(signal.SIGTERM)
            out, _ = serving.communicate(timeout=LIMIT)
        assert serving.returncode == 0
        assert f"(replaying 4 exchanges from {tmp_path / 'out'})" in out

    def test_a_test_fails_when_its_recording_is_too_old(self, server: Server, tmp_path: Path) -> None:
        record(server, tmp_path / "out", live)
        (path,) = (tmp_path / "out").glob("*.jsonl")
        path.write_bytes(path.read_bytes().replace(b"2026-11-20T", b"2020-01-01T"))
        (tmp_path / "test_it.py").write_text(
            f"import fal_client\ndef test_it(): fal_client.submit({O1!r}, arguments={BODY})\n"
        )
        pytest_ = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
        for options, failed, says in (([], 0, "1 passed"), (["--max-age", "90"], 1, "and 90 are allowed")):
            command = [*FAKEFAL, "run", "--replay", "out", *options, "--", *pytest_]
            done = run_program(command, cwd=tmp_path)
            assert done.returncode == failed, done.stdout
            assert says in done.stdout, done.stdout

    @pytest.mark.parametrize(
        "options",
        [["serve", "--max-age", "3"], ["serve", "--replay", ".", "--effect", "stuck"], ["run", "--max-age", "3", "x"]],
    )
    def test_options_that_contradict_each_other(self, options: list[str]) -> None:
        done = CliRunner().invoke(main, options)
        assert done.exit_code == 2
        assert "--replay" in done.output

    @pytest.mark.parametrize("options", [["--effect", "stuck"], ["--no-fetch"], ["--media-urls", "fal"]])
    @pytest.mark.parametrize("command", [["serve"], ["run", "true"]])
    def test_an_option_of_the_emulator_is_named_as_it_is_written(self, command: list[str], options: list[str]) -> None:
        done = CliRunner().invoke(main, [command[0], "--replay", ".", *options, *command[1:]])
        assert done.exit_code == 2
        assert f"leave out {options[0]}\n" in done.output

    @pytest.mark.parametrize("command", [["serve"], ["run", "true"]])
    def test_a_broken_recording_ends_it_at_once(self, command: list[str], tmp_path: Path) -> None:
        (tmp_path / "broken.jsonl").write_text("{}\n")
        done = CliRunner().invoke(main, [command[0], "--replay", str(tmp_path), *command[1:]])
        assert done.exit_code == 2
        assert "broken.jsonl:1 is not a recorded exchange" in done.output
