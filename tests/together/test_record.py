"""Recording: what is kept of an exchange, what never is, and fal's own clients recorded and replayed."""

from __future__ import annotations

import base64
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakefal.recording.calls import CallKind, read_call
from fakefal.recording.exchange import BadExchange, Exchange, RecordedAnswer, RecordedBody, RecordedRequest
from fakefal.recording.folder import read_folder
from fakefal.recording.scrub import Scrubber
from fakefal_contracts import BUILT_IN
from fakefal_contracts.hosts import BaseUrl, Part
from support.endpoints import O1
from support.machine import fill, small_file_system
from support.programs import FAKEFAL, JS, PROGRAMS, finish
from support.recordings import DAY, FAL_KEY, KEY_ID, record, void
from support.server import SECRET, Serve, Server
from support.waiting import run_program

TOKEN = "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl"


class TestScrubbing:
    @pytest.mark.parametrize(
        ("text", "kept"),
        [
            ("a lighthouse at 12:30:45, version 1.2.3", "a lighthouse at 12:30:45, version 1.2.3"),
            ("write to jane.doe+fal@mail.example.org today", "write to removed today"),
            ("from 203.0.113.7 and 2001:db8::1", "from removed and removed"),
            ("on 127.0.0.1", "on 127.0.0.1"),
            (f"Authorization: Key {FAL_KEY}", "Authorization: removed"),
            (f"a bare {FAL_KEY} too", "a bare removed too"),
            (f"with {TOKEN}.", "with removed."),
            ("Cannot access application github|123456/my-app", "Cannot access application removed/my-app"),
            ("https://u:p@host.example/a.png?X-Amz-Signature=abc#f", "https://host.example/a.png"),
            ("https://host.example:8443/a.png", "https://host.example:8443/a.png"),
            ("https://v3.fal.media/files/b/x_a.png?identity=1", "https://v3b.fal.media/files/b/x_a.png"),
            ("https://203.0.113.7/a.png", "https://removed/a.png"),
            ("https://v3b.fal.media/files/x/multipart/AbC-123/4", "https://v3b.fal.media/files/x/multipart/removed/4"),
            ("http://[broken/a", "removed"),
            ("HTTPS://bucket.example/a.png?X-Amz-Signature=abc", "https://bucket.example/a.png"),
            ("https://host.example/a.png?name='x'&sig=abc", "https://host.example/a.png"),
            ("https://host.example/a.png?name=my cat&sig=abc", "https://host.example/a.png"),
            ("see 'https://host.example/a.png?name='x'&sig=abc' there", "see 'https://host.example/a.png there"),
            ("see Https://host.example/a?sig=abc there", "see https://host.example/a there"),
            (r'{"url":"https:\/\/host.example\/a.png?sig=abc"}', '{"url":"https://host.example/a.png"}'),
            ("s3://bucket/x?X-Amz-Signature=abc", "s3://bucket/x"),
            ("from gs://bucket/x?GoogleAccessId=a&Signature=abc", "from gs://bucket/x"),
            ("redis://user:password@host.example:6379/0", "redis://host.example:6379/0"),
            ("from 203.0.113.9. And 2001:db8::1.", "from removed. And removed."),
            ("version 1.2.3.4.5", "version 1.2.3.4.5"),
            ("AKIAIOSFODNN7EXAMPLE, sk-proj-abcdefghijklmnop1234567890", "removed, removed"),
            ("Data: the android, walking", "Data: the android, walking"),
        ],
    )
    def test_of_texts(self, text: str, kept: str) -> None:
        assert Scrubber().text(text) == kept

    @pytest.mark.parametrize(
        "name",
        ["token", "fal_jwt_token", "accessToken", "api_key", "user_id", "userId", "email", "Set-Cookie", "client_ip"],
    )
    def test_members_are_judged_by_their_name(self, name: str) -> None:
        assert Scrubber().value({"list": [{name: "anything"}]}) == {"list": [{name: "removed"}]}

    @pytest.mark.parametrize("name", ["prompt", "token_type", "clip", "max_tokens", "file_name", "video_url"])
    def test_other_members_stay(self, name: str) -> None:
        assert Scrubber().value({name: "anything"}) == {name: "anything"}

    def test_data_uris_are_kept_by_their_digest(self) -> None:
        one, other = (Scrubber().text(f"data:image/png;base64,{content}") for content in ("AAAA", "BBBB"))
        assert one.startswith("data:image/png;sha256,")
        assert one != other
        assert "AAAA" not in one

    @pytest.mark.parametrize(
        "uri",
        [
            f"data:image/png;base64,{base64.encodebytes(b'holiday' * 40).decode()}",
            f"see data:image/png;base64,{base64.encodebytes(b'holiday' * 40).decode()}",
            "DATA:image/png;base64,aG9saWRheQ==",
            "see Data:image/png;base64,aG9saWRheQ==",
            "data:image/png;name=my holiday.png;base64,aG9saWRheQ==",
            'data:image/png;x="a";base64,aG9saWRheQ==',
            'see data:image/png;x="my holiday";base64,aG9saWRheQ==',
            "data: image/png;base64,aG9saWRheQ==",
            "data:,the holiday of my life",
            "data:image/png;sha256,aG9saWRheQ==",
        ],
    )
    def test_nothing_of_a_data_uri_stays_however_it_is_written(self, uri: str) -> None:
        kept = Scrubber().text(uri)
        assert "aG9saWRheQ" not in kept
        assert "holiday" not in kept
        assert base64.b64encode(b"holiday" * 3)[:20].decode() not in kept
        assert re.fullmatch(r"(see )?data:(image/png)?;sha256,[0-9a-f]{64}\n?", kept)
        assert Scrubber().text(kept) == kept

    def test_what_was_learned_is_found_everywhere(self) -> None:
        clean = Scrubber()
        clean.learn(f"Key {FAL_KEY}")
        assert clean.text(f"{SECRET} {KEY_ID} {FAL_KEY}") == "removed removed removed"
        assert clean.path(f"/files/{SECRET}") == "/files/removed"

    def test_headers_and_query_are_kept_by_name(self) -> None:
        headers = {"Authorization": f"Key {FAL_KEY}", "Cookie": "a=b", "X-Forwarded-For": "203.0.113.7", "X-New": "x"}
        assert Scrubber().headers(headers | {"Content-Type": "a/b"}) == {"content-type": "a/b"}
        query = "logs=true&fal_webhook=https%3A%2F%2Fa&fal_jwt_token=x&storage_type=gcs"
        assert Scrubber().query(query) == {"logs": "1", "storage_type": "gcs"}

    def test_the_callers_way_is_fals_own(self) -> None:
        base_url = BaseUrl("http://127.0.0.1:8710")
        assert Scrubber().text("http://127.0.0.1:8710/cdn/files/a?x=1", base_url) == "https://v3b.fal.media/files/a"

    @given(
        st.text()
        | st.from_regex(
            r"[a-z]{1,3}@[a-z]{1,3}\.[a-z]{2}( data:a/b;base64,[A-Z]+)?( https?://[a-z:@/?.#0-9\[\]]{1,20})?"
        )
        | st.from_regex(r"(see )?(data:(a/b)?(;[a-z=\" 1]{1,6}){0,2},|[sS]3:\\?//)[a-zA-Z:@/?.#\\\n' 0-9\[\]]{0,20}")
    )
    def test_what_is_clean_stays_as_it_is(self, text: str) -> None:
        once = Scrubber().text(text)
        assert Scrubber().text(once) == once


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


class TestExchanges:
    @given(body=json_values, answer=json_values)
    def test_a_line_is_read_as_it_was_written(self, body: Any, answer: Any) -> None:
        recorded_request = RecordedRequest("POST", Part.QUEUE, f"/{O1}", {"logs": "1"}, RecordedBody("json", body))
        exchange = Exchange(
            DAY,
            recorded_request,
            RecordedAnswer(200, {"etag": "x"}, RecordedBody("json", answer)),
            request_headers={"a": "b"},
        )
        assert Exchange.read(exchange.line()) == exchange

    def test_requests_that_mean_the_same_look_the_same(self) -> None:
        def canonical(raw: bytes, query: str = "") -> str:
            call = read_call("POST", f"/queue/{O1}")
            assert call is not None
            return RecordedRequest.of(call, query, RecordedBody.of(raw, Scrubber()), Scrubber()).canonical

        assert canonical(b'{"a":1,"b":[2,3]}') == canonical(b'{"b": [2, 3], "a": 1}', "fal_webhook=x")
        assert canonical(b'{"a":[1,2]}') != canonical(b'{"a":[2,1]}')

    @pytest.mark.parametrize(
        "line", ["{", "[]", "{}", '{"recorded_at":"2026-11-20T12:00:00","request":{},"response":{}}', "null"]
    )
    def test_a_broken_line_names_its_place(self, line: str, tmp_path: Path) -> None:
        (tmp_path / "a.jsonl").write_text(f"\n{line}\n")
        with pytest.raises(BadExchange, match=r"a\.jsonl:2 is not a recorded exchange"):
            list(read_folder(tmp_path))

    @pytest.mark.parametrize(
        ("method", "path", "kind"),
        [
            ("POST", f"/queue/{O1}", CallKind.SUBMIT),
            ("POST", f"/run/{O1}", CallKind.RUN),
            ("POST", f"/run/{O1}/stream", CallKind.RUN),
            ("GET", "/queue/fal-ai/kling-video/requests/1", CallKind.RESULT),
            ("GET", "/queue/workflows/me/flow/requests/1/status", CallKind.STATUS),
            ("GET", "/queue/fal-ai/kling-video/requests/1/status/stream", CallKind.STREAM),
            ("PUT", "/queue/fal-ai/kling-video/requests/1/cancel", CallKind.CANCEL),
            ("POST", "/queue/fal-ai/kling-video/requests/1/status", CallKind.OTHER),
            ("POST", "/rest/storage/auth/token", CallKind.STORAGE),
            ("GET", "/rest/users/current", CallKind.ACCOUNT),
            ("POST", "/rest/tokens", CallKind.OTHER),
            ("PUT", "/cdn/files/a/b", CallKind.FILE),
            ("GET", "/platform/v1/models/pricing", CallKind.ACCOUNT),
            ("DELETE", "/platform/v1/keys/1", CallKind.OTHER),
        ],
    )
    def test_calls_by_what_they_ask_for(self, method: str, path: str, kind: CallKind) -> None:
        call = read_call(method, path)
        assert call is not None
        assert (call.kind, call.is_paid) == (kind, kind in (CallKind.SUBMIT, CallKind.RUN))
        if call.is_paid:
            assert call.endpoint_id == O1


@pytest.mark.parametrize("model", [one for one in BUILT_IN if one.endswith("/stream")])
def test_a_model_whose_id_ends_like_a_stream_keeps_its_id(model: str) -> None:
    calls = read_call("POST", f"/run/{model}"), read_call("POST", f"/run/{model}/stream")
    assert [call and call.endpoint_id for call in calls] == [model, model]


class TestRecorder:
    def test_nothing_private_reaches_the_disk(self, server: Server, tmp_path: Path) -> None:
        secrets = [SECRET, KEY_ID, "jane@example.org", "203.0.113.7", "X-Amz", "session=1", "sig=", "hook-token", TOKEN]

        def use(http: httpx.Client) -> None:
            prompt = f"jane@example.org at 203.0.113.7 with {SECRET} and {TOKEN}"
            pictures = ["https://pictures.example/a.png?X-Amz-Signature=1", f"{http.base_url}/cdn/files/a?sig=2"]
            body = {"prompt": prompt, "image_urls": pictures, "user_id": "jane"}
            webhook = "fal_webhook=https%3A%2F%2Fa%2F%3Fhook-token"
            http.get(http.post(f"/queue/{O1}?{webhook}", json=body).json()["response_url"])
            http.post(f"/run/{O1}", json={**body, "duration": "99"})
            upload = {"file_name": "a.png", "content_type": "image/png"}
            there = http.post("/rest/storage/upload/initiate", json=upload).json()["upload_url"]
            http.put(
                there.replace("https://v3b.fal.media", "/cdn"), content=b"picture", headers={"Cookie": "session=1"}
            )
            tokens.extend([there.partition("?")[2], http.post("/rest/storage/auth/token", json={}).json()["token"]])

        tokens: list[str] = []
        kept = record(server, tmp_path / "out", use, Cookie="session=1")
        assert len(kept) == 6
        on_disk = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()).decode()
        assert [secret for secret in (*secrets, *tokens) if secret in on_disk] == []
        assert "jane" not in on_disk

    def test_accounts_are_not_recorded(self, server: Server, tmp_path: Path) -> None:
        assert record(server, tmp_path / "out", lambda http: void(http.get("/rest/users/current"))) == []

    def test_a_repeated_answer_is_kept_once(self, serve: Serve, tmp_path: Path) -> None:
        def use(http: httpx.Client) -> None:
            for _ in range(2):
                submitted = http.post(f"/queue/{O1}", json={"prompt": "x"}).json()
                for _ in range(5):
                    http.get(submitted["status_url"])

        kept = record(serve(effects=("stuck",)), tmp_path / "out", use)
        assert [one.recorded_request.call.kind.value for one in kept] == ["submit", "status", "submit", "status"]

    def test_each_exchange_is_on_disk_at_once(self, server: Server, tmp_path: Path) -> None:
        def use(http: httpx.Client) -> None:
            http.post(f"/queue/{O1}", json={"prompt": "x"})
            assert len(list(read_folder(tmp_path / "out"))) == 1

        record(server, tmp_path / "out", use)

    def test_it_is_dated_and_says_who_answered(self, server: Server, tmp_path: Path) -> None:
        def use(http: httpx.Client) -> None:
            http.post(f"/queue/{O1}", json={"prompt": "x"})
            http.post(f"/queue/{O1}", json={"prompt": 7})

        kept = record(server, tmp_path / "out", use)
        assert [(one.recorded_at, one.source) for one in kept] == [(DAY, "upstream"), (DAY, "fakefal")]

    def test_a_download_is_kept_by_its_digest(self, server: Server, tmp_path: Path) -> None:
        def use(http: httpx.Client) -> None:
            result = http.get(http.post(f"/queue/{O1}", json={"prompt": "x"}).json()["response_url"]).json()
            got.append(http.get(result["video"]["url"].replace("https://v3b.fal.media", "/cdn")).content)

        got: list[bytes] = []
        kept = record(server, tmp_path / "out", use)[-1].answered.body
        assert kept.form == "file"
        assert (tmp_path / "out" / "files" / kept.content).read_bytes() == got[0]
        assert sorted(path.name for path in (tmp_path / "out" / "files").iterdir()) == [kept.content]


class TestFullDisk:
    @pytest.fixture
    def small_disk(self) -> Iterator[Path]:
        with small_file_system() as path:
            yield path

    def test_what_was_paid_for_is_passed_on_and_nothing_stays_half(
        self, server: Server, small_disk: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        out, bodies = small_disk / "recordings", []

        def use(http: httpx.Client) -> None:
            for prompt in ("first", "x" * 2000, "third"):
                submitted = http.post(f"/queue/{O1}", json={"prompt": prompt})
                bodies.append(http.get(submitted.json()["response_url"]).json())
                if prompt == "first":
                    fill(small_disk)
            video = bodies[0]["video"]
            got = http.get(video["url"].replace("https://v3b.fal.media", "/cdn")).content
            assert len(got) == video["file_size"]

        kept = record(server, out, use)
        assert [body["video"]["content_type"] for body in bodies] == ["video/mp4"] * 3
        assert 2 <= len(kept) < 6, "the lines of before, each of them whole"
        (said,) = [one.getMessage() for one in caplog.records if one.name.startswith("fakefal.recording")]
        assert "No space left on device" in said
        assert str(out) in said
        assert "\n" not in said
        assert [one.suffix for one in out.rglob("*") if one.is_file()] == [".jsonl"]

    def test_a_download_that_does_not_fit_is_passed_on_whole(self, server: Server, small_disk: Path) -> None:
        url = server.result(O1, {"prompt": "x"}).json()["video"]["url"]
        got = []

        def use(http: httpx.Client) -> None:
            fill(small_disk)
            got.append(http.get(url.replace(server.url, "")).content)

        (small_disk / "recordings" / "files").mkdir(parents=True)
        assert record(server, small_disk / "recordings", use) == []
        assert got == [server.http.get(url).content]
        assert [one for one in small_disk.rglob("*") if one.is_file()] == [small_disk / "other"]

    def test_the_report_that_does_not_fit_is_one_line(self, offline: list[str], small_disk: Path) -> None:
        fill(small_disk)
        report = small_disk / "report.json"
        options = ["--max-usd", "1", "--upstream", "http://127.0.0.1:9", "--out", str(small_disk), "--report", report]
        command = [*offline, *FAKEFAL, "record", *options, "--", sys.executable, "-c", "raise SystemExit(3)"]
        done = run_program(command, env={**os.environ, "FAL_KEY": FAL_KEY})
        assert (done.returncode, report.exists()) == (3, False)
        assert "Traceback" not in done.stderr
        assert f"fakefal: the report cannot be written to {report}: No space left on device\n" in done.stderr


@pytest.mark.parametrize("command", ["record", "proxy"])
def test_a_command_that_is_not_there_is_told_by_the_command_that_was_given(command: str, tmp_path: Path) -> None:
    options = ["--max-usd", "1", "--upstream", "http://127.0.0.1:9", "--out", str(tmp_path / "out")]
    environ = {**os.environ, "FAL_KEY": FAL_KEY}
    done = run_program([*FAKEFAL, command, *options, "--", "no-such-command"], env=environ)
    assert done.returncode == 127
    assert f"fakefal {command}: no-such-command: command not found\n" in done.stderr


def recording(out: Path, *program: str, usd: str = "100") -> list[str]:
    """Run a program under `fakefal record`, beside a `fakefal serve` that stands in for fal."""
    options = ["--max-usd", usd, "--upstream", "URL", "--out", str(out), "--report", str(out / "report.json")]
    return [sys.executable, str(PROGRAMS / "serve_and_run.py"), *FAKEFAL, "record", *options, "--", *program]


def replaying(out: Path, *program: str) -> list[str]:
    return [*FAKEFAL, "run", "--replay", str(out), "--", *program]


class TestOfficialClients:
    """Unmodified, where nothing but loopback exists: recorded first, and then answered from the recording."""

    def test_python(self, offline: list[str], folder: Path) -> None:
        self.record_and_replay([sys.executable, str(PROGRAMS / "sync_client.py"), str(folder)], offline, folder)

    def test_javascript(self, node: str, offline: list[str], folder: Path) -> None:
        own = [node, str(JS / "client.mjs"), str(folder), str(folder / "examples.json")]
        self.record_and_replay(own, offline, folder)

    @staticmethod
    def record_and_replay(program: list[str], offline: list[str], folder: Path) -> None:
        out = folder / "out"
        out.mkdir()
        recorded = finish([*offline, *recording(out, *program)], env={**os.environ, "FAL_KEY": FAL_KEY})
        videos = {path.name: path.read_bytes() for path in folder.glob("*.mp4")}
        report = json.loads((out / "report.json").read_text())
        assert report["spent_usd"] > 4
        assert report["differences"] == []
        on_disk = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
        assert SECRET.encode() not in on_disk
        for name in videos:
            (folder / name).unlink()
        assert finish([*offline, *replaying(out, *program)]) == recorded
        assert {path.name: path.read_bytes() for path in folder.glob("*.mp4")} == videos

    def test_the_real_key_is_passed_to_the_program_only(self, offline: list[str], tmp_path: Path) -> None:
        show = "import json, os; print(json.dumps({k: v for k, v in os.environ.items() if k.startswith('FAL_')}))"
        command = [*offline, *recording(tmp_path, sys.executable, "-c", show)]
        environ = {**os.environ, "FAL_KEY": "", "FAL_KEY_ID": KEY_ID, "FAL_KEY_SECRET": SECRET}
        seen = finish(command, env=environ)
        assert seen["FAL_KEY"] == FAL_KEY
        assert set(seen) == {"FAL_KEY", "FAL_HOME_DIR"}

    def test_the_limit_reaches_the_program_as_an_error(self, offline: list[str], tmp_path: Path) -> None:
        program = (
            "import fal_client, json\n"
            f"try: fal_client.submit({O1!r}, arguments={{'prompt': 'x'}})\n"
            "except fal_client.FalClientHTTPError as error: print(json.dumps([error.status_code, error.message]))\n"
        )
        command = [*offline, *recording(tmp_path, sys.executable, "-c", program, usd="0.55")]
        status, message = finish(command, env={**os.environ, "FAL_KEY": FAL_KEY})
        assert status == 403
        assert message.endswith("this request costs $0.56, and $0.55 of the spend limit of $0.55 is left")
