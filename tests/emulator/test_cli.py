"""The commands, as a user types them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fakefal.cli.demo import demo_jobs
from fakefal.state.signing import MemorySigningKeys
from fakefal_contracts import examples
from support.media import clip, measure, picture
from support.programs import FAKEFAL, ready
from support.server import Server
from support.waiting import LIMIT, run_program

I2V = "fal-ai/kling-video/o1/image-to-video"
O3 = "fal-ai/kling-video/o3/pro/reference-to-video"


def fakefal(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [*FAKEFAL, *arguments]
    return run_program(command, **more)


@pytest.mark.versions
class TestCheck:
    def check(self, body: Any, *options: str, endpoint: str = I2V, **more: Any) -> subprocess.CompletedProcess[str]:
        text = body if isinstance(body, str) else json.dumps(body)
        return fakefal("check", endpoint, *options, input=text, **more)

    def test_a_valid_body_is_priced(self) -> None:
        done = self.check(examples(O3)["full"], "--format", "jsonl", endpoint=O3)
        assert done.returncode == 0
        report = json.loads(done.stdout)
        assert list(report) == [
            *("file", "line", "place", "status"),
            *("endpoint_id", "contract", "checked_against", "ok", "errors", "warnings", "unchecked", "notes", "cost"),
        ]
        assert report["checked_against"] == "fal's schema and further rules"
        assert report["cost"] == {"usd": 0.896, "units": 8, "unit": "second", "unit_usd": 0.112}
        (row, *_, total) = self.check(examples(O3)["full"], endpoint=O3).stdout.splitlines()
        said = "8 seconds at $0.112 a second [checked against fal's schema and further rules]"
        assert row == f"valid     standard input    $0.896  {O3}: {said}"
        assert total == "1 input: 1 valid; $0.896 in total"

    def test_a_wrong_body_is_refused_with_rule_place_and_hint(self) -> None:
        done = self.check(
            {"prompt": "x", "start_image_url": "https://a.example/b.png", "duration": 5}, "--format", "jsonl"
        )
        assert done.returncode == 1
        assert json.loads(done.stdout)["errors"] == [
            {
                "rule": "o1.image-to-video.duration.one_of",
                "type": "literal_error",
                "loc": ["body", "duration"],
                "msg": "Input should be '3', '4', '5', '6', '7', '8', '9' or '10'",
                "hint": 'send it as a string: "5"',
                "line": 1,
            }
        ]

    def test_the_chosen_contract_judges_and_the_others_are_told_of(self) -> None:
        body = {"prompt": "x", "start_image_url": "https://a.example/b.png", "duration": "7"}
        latest = self.check(body)
        assert latest.returncode == 0, "a note counts in no exit code"
        note = "duration: fal's page of 2025-12-01 allows only 5 and 10; accepted since 2026-01-28"
        assert note in latest.stdout
        assert "warning" not in latest.stdout
        text = self.check(body, "--contract", "documented").stdout
        assert "duration: Input should be '5' or '10'" in text
        assert "fal's schema of 2026-01-28 accepts it" in text

    def test_local_files_are_opened_and_judged(self, tmp_path: Path) -> None:
        (tmp_path / "good one.jpg").write_bytes(picture(form="JPEG"))
        (tmp_path / "small.png").write_bytes(picture(200, 200))
        clip(tmp_path / "short.mp4", seconds=1)
        for address, kinds in {
            "good one.jpg": [],
            str(tmp_path / "good one.jpg"): [],
            f"file://{tmp_path}/good%20one.jpg": [],
            "small.png": ["min_pixels"],
            "missing.png": ["reachable"],
            "short.mp4": ["readable"],
        }.items():
            body = {"prompt": "x", "start_image_url": address}
            report = json.loads(self.check(body, "--format", "jsonl", "--local-files", cwd=tmp_path).stdout)
            assert [error["rule"].rpartition(".")[2] for error in report["errors"]] == kinds, address
            warned = [warning["rule"].rpartition(".")[2] for warning in report["warnings"]]
            assert ("local_file" in warned) is (address != "missing.png")

    def test_paths_are_also_looked_for_beside_the_body(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(picture())
        (tmp_path / "body.json").write_text(json.dumps({"prompt": "x", "start_image_url": "a.png"}))
        done = fakefal("check", I2V, str(tmp_path / "body.json"), "--local-files")
        assert done.returncode == 0, done.stdout
        done = fakefal("check", I2V, str(tmp_path / "body.json"))
        assert done.returncode == 1
        assert "'a.png' is not an http(s) or data: address; if it is a file of this machine, upload it" in done.stdout
        assert "--local-files" in done.stdout

    def test_a_machine_that_the_service_cannot_reach_is_refused(self) -> None:
        done = self.check({"prompt": "x", "start_image_url": "http://localhost:3000/a.png"}, "--format", "jsonl")
        report = json.loads(done.stdout)
        assert done.returncode == 1
        assert [(one["type"], one["loc"]) for one in report["errors"]] == [
            ("file_download_error", ["body", "start_image_url"])
        ]
        assert "no public service reaches localhost (loopback address)" in report["errors"][0]["hint"]

    def test_a_name_of_one_network_is_a_warning(self) -> None:
        done = self.check({"prompt": "x", "start_image_url": "http://media.internal/a.png"}, "--format", "jsonl")
        assert done.returncode == 0
        assert [one["rule"] for one in json.loads(done.stdout)["warnings"]] == ["o1.image-to-video.local_name"]

    @pytest.mark.parametrize(
        ("arguments", "text", "said"),
        [
            ([I2V], "{", "is not JSON"),
            (["fal-ai/kling-video/o1/image-to-vide"], "{}", "did you mean fal-ai/kling-video/o1/image-to-video"),
            ([I2V], "", "is empty"),
            ([I2V], '{\n "a" 1}', "line 2 column 6"),
            ([I2V, "--contract", "never"], "{}", "documented, latest or a day"),
            ([I2V, "no-such-file.json"], "", "no such file or folder: no-such-file.json"),
            (["no-such-file.json"], "", "no such file or folder: no-such-file.json"),
            ([], "", "is empty"),
            ([], '{"prompt": "x"}', "names no model: give its id first"),
            (
                [],
                '{"model": "fal-ai/flux/dev", "arguments": {}}',
                "has 'model' and 'arguments' instead of 'endpoint_id' and 'input': write {",
            ),
            ([], '{"prompt": "a/b", "n": 1}', "names no model: give its id first"),
        ],
    )
    def test_wrong_use_is_2(self, arguments: list[str], text: str, said: str) -> None:
        done = fakefal("check", *arguments, input=text)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr + done.stdout, done.stderr


class TestServe:
    def serve(self, tmp_path: Path, *options: str) -> tuple[subprocess.Popen[str], dict[str, str]]:
        file = tmp_path / "ready.json"
        server = subprocess.Popen(
            [*FAKEFAL, "serve", "--port", "0", "--ready-file", str(file), *options], stdout=subprocess.PIPE, text=True
        )
        return server, ready(server, file)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_it_says_where_it_is_and_ends_with_0(self, tmp_path: Path, number: int) -> None:
        server, told = self.serve(tmp_path, "--profile", "instant")
        assert list(told) == ["url"]
        assert fakefal("health", "--url", told["url"]).returncode == 0
        server.send_signal(number)
        out, _ = server.communicate(timeout=LIMIT)
        assert server.returncode == 0
        assert f"listens on {told['url']} (profile instant, contract latest)" in out
        assert fakefal("health", "--url", told["url"]).returncode == 1
        assert not (tmp_path / "ready.json").exists(), "it says where a server is, not where one was"

    def test_health_waits_for_a_server_that_starts_later(self, tmp_path: Path) -> None:
        file = tmp_path / "ready.json"
        command = [*FAKEFAL, "health", "--wait", str(LIMIT), "--ready-file", str(file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
            server, told = self.serve(tmp_path)
            out, err = waiting.communicate(timeout=LIMIT)
        server.terminate()
        server.communicate(timeout=LIMIT)
        assert (out, err, waiting.returncode) == (f"{told['url']} is ready\n", "", 0)

    def test_health_gives_up_after_the_wait(self) -> None:
        done = fakefal("health", "--wait", "0.2", "--url", "http://127.0.0.1:9")
        assert done.returncode == 1
        (said,) = done.stderr.splitlines()
        assert said == "http://127.0.0.1:9 is not ready: nothing listens there; start it with fakefal serve"

    def test_open_streams_do_not_hold_it_up(self, tmp_path: Path) -> None:
        import httpx

        server, told = self.serve(tmp_path, "--profile", "realistic")
        headers = {"Authorization": "Key a:b"}
        url = f"{told['url']}/queue/{I2V}"
        submitted = httpx.post(url, json={}, headers=headers, trust_env=False).json()
        with httpx.stream("GET", f"{submitted['status_url']}/stream", headers=headers, trust_env=False) as stream:
            lines = stream.iter_lines()
            next(lines)
            server.send_signal(signal.SIGTERM)
            assert not any("COMPLETED" in line for line in lines), "the stream is let go, not finished"
        assert server.wait(timeout=LIMIT) == 0
        server.communicate()

    def test_a_port_in_use_is_a_clear_error(self, server: Server) -> None:
        done = fakefal("serve", "--port", server.url.rpartition(":")[2])
        assert done.returncode == 1
        assert "Address already in use; a fakefal already runs there; --port 0 takes a free one" in done.stderr

    @pytest.mark.parametrize(
        ("options", "environ", "said"),
        [
            (["--profile", "fast"], {}, "'fast' is not one of 'instant'"),
            ([], {"FAKEFAL_PROFILE": "fast"}, "use one of instant, stepped, quick, realistic"),
            (
                [],
                {"FAKEFAL_RUNNERS": "many"},
                "in the environment: runners cannot be 'many': give a whole number",
            ),
            ([], {"FAKEFAL_FETCH": "perhaps"}, "fetch cannot be 'perhaps': give true or false"),
            (["--runners", "0"], {}, "in the command line: runners cannot be 0: give a whole number of at least 1"),
            ([], {"FAKEFAL_MAX_FILE_BYTES": "-5"}, "max_file_bytes cannot be '-5'"),
            ([], {"FAKEFAL_PROFLE": "instant"}, "did you mean FAKEFAL_PROFILE?"),
            (
                [],
                {"FAKEFAL_PUBLIC_URL": "nonsense"},
                "public_url cannot be 'nonsense': begin it with http:// or https://",
            ),
            ([], {"FAKEFAL_STORE": "http://user:pw@host"}, "store cannot be used: give memory or an address"),
            (["--effect", "stck"], {}, "did you mean stuck?"),
            (["--host", "203.0.113.9"], {}, "give an address of this machine"),
            (["--port", "99999"], {}, "99999 is not in the range"),
            ([], {"FAKEFAL_KEYS": "my-secret"}, "keys cannot be used: write id:secret,id2:secret2"),
            (["--contract", "2020-01-01"], {}, "give 2025-12-01 or later"),
        ],
    )
    def test_wrong_settings_end_at_once(self, options: list[str], environ: dict[str, str], said: str) -> None:
        done = fakefal("serve", *options, env={**os.environ, **environ})
        assert done.returncode == 1 if "--host" in options else 2, done.stderr
        assert said in done.stderr, done.stderr

    @pytest.mark.parametrize("folder", ["no", "file"])
    def test_a_ready_file_that_cannot_be_written_is_named(self, folder: str, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        done = fakefal("serve", "--port", "0", "--ready-file", str(tmp_path / folder / "ready.json"))
        assert done.returncode == 1, done.stderr
        assert re.fullmatch(r"fakefal: .*ready\.json.*\n", done.stderr), done.stderr

    def test_a_start_that_fails_leaves_no_ready_file(self, tmp_path: Path) -> None:
        options = ["--store", "redis://127.0.0.1:1/0", "--ready-file", str(tmp_path / "ready.json")]
        done = fakefal("serve", "--port", "0", *options, cwd=tmp_path)
        assert done.returncode == 1, done.stderr
        assert "the store cannot be used" in done.stderr
        assert list(tmp_path.iterdir()) == []

    def test_the_file_is_read(self, tmp_path: Path) -> None:
        for line, says in (
            ('profil = "instant"', "fakefal.toml: profil is not a setting; did you mean profile?"),
            ("profile = instant", '; put texts in quotes, as in profile = "instant"'),
            ("runners = true", "fakefal.toml: runners cannot be True: give a whole number of at least 1"),
            ("port = 80", "fakefal.toml: port is --port or FAKEFAL_PORT, not a setting of the file"),
            ("balance = -3", "fakefal.toml: balance cannot be -3: give an amount of dollars, such as 20 or 4.50"),
            ('models = ["nowhere/"]', "fakefal.toml: models cannot be read: nowhere: No such file or directory"),
        ):
            (tmp_path / "fakefal.toml").write_text(line)
            done = fakefal("serve", cwd=tmp_path)
            assert done.returncode == 2, done.stderr
            assert says in done.stderr, done.stderr

    def test_beyond_loopback_the_control_api_needs_a_token(self, tmp_path: Path) -> None:
        import httpx

        server, told = self.serve(tmp_path, "--host", "0.0.0.0")
        url = told["url"]
        assert url.startswith("http://127.0.0.1:"), "an address that works is announced"
        assert (tmp_path / "ready.json").stat().st_mode & 0o777 == 0o600, "the token is nobody else's"
        assert httpx.get(f"{url}/_fakefal/requests", trust_env=False).status_code == 401
        (key,) = httpx.get(f"{url}/rest/.well-known/jwks.json", trust_env=False).json()["keys"]
        (development,) = asyncio.run(MemorySigningKeys().jwks())["keys"]
        assert key["x"] != development["x"], "everybody has the one of loopback"
        assert fakefal("health", "--url", url).returncode == 1
        known = {**os.environ, "FAKEFAL_CONTROL_TOKEN": told["control_token"]}
        assert fakefal("health", "--url", url, env=known).returncode == 0
        server.terminate()
        server.communicate(timeout=LIMIT)


def test_settings_count_for_every_command(tmp_path: Path) -> None:
    (tmp_path / "fakefal.toml").write_text('contract = "documented"\n')
    body = '{"prompt": "x", "duration": "7"}'
    assert fakefal("check", "o1/reference-to-video", input=body, cwd=tmp_path).returncode == 1
    assert fakefal("check", "o1/reference-to-video", "--contract", "latest", input=body, cwd=tmp_path).returncode == 0
    shown = json.loads(fakefal("models", "show", I2V, "--json", cwd=tmp_path).stdout)
    assert shown["contract"] == "documented"


class TestDemo:
    def test_four_videos_their_price_and_nothing_overwritten(self, tmp_path: Path) -> None:
        (tmp_path / "fakefal-demo").mkdir()
        (tmp_path / "fakefal-demo" / "o1-image-to-video.mp4").write_text("mine")
        done = fakefal("demo", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "fakefal-demo" / "o1-image-to-video.mp4").read_text() == "mine"
        saved = sorted(path.name for path in (tmp_path / "fakefal-demo").iterdir())
        assert saved == [
            "o1-image-to-video-2.mp4",
            "o1-image-to-video.mp4",
            "o1-reference-to-video.mp4",
            "o1-standard-image-to-video.mp4",
            "o3-pro-reference-to-video.mp4",
        ]
        assert measure(tmp_path / "fakefal-demo" / "o3-pro-reference-to-video.mp4")["frames"] == 8 * 24 + 1
        assert "4 videos in fakefal-demo/." in done.stdout
        outcomes = re.findall(
            r"^(.+): (done, not saved|refused on purpose, not billed): it shows (.+)$", done.stdout, re.MULTILINE
        )
        assert [(title, outcome) for title, outcome, _ in sorted(outcomes)] == [
            ("a job ahead", "done, not saved"),
            ("duration as a number", "refused on purpose, not billed"),
        ]
        assert set(re.findall(r"^(.+?): position", done.stdout, re.MULTILINE)) == {job.title for job in demo_jobs()}
        assert "At fal they would have cost $2.436. Not spent." in done.stdout
        positions = re.findall(r"^o3/pro/reference-to-video: position (\d)$", done.stdout, re.MULTILINE)
        assert positions == sorted(positions, reverse=True)
        assert len(positions) > 1, "positions move"


@pytest.mark.versions
def test_the_module_and_the_command_are_one() -> None:
    assert fakefal("--help").returncode == 0
    assert fakefal("no-such-command").returncode == 2
    assert "fakefal, version" in fakefal("--version").stdout
