"""What `serve` and `run` tell while they work: in a terminal, in a pipe, in a file."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fakefal.cli import lines as module
from fakefal.cli.lines import Lines, words
from fakefal.core.plan import BrokenRule
from fakefal.state.happenings import (
    ClockMoved,
    Event,
    FindingMade,
    JobAccepted,
    JobOver,
    ModelUnknown,
    StateReset,
    WebhookTried,
)
from fakefal_contracts.errors import unknown_model
from fakefal_contracts.failures import MODEL_ERRORS
from support.endpoints import I2V, O1
from support.programs import FAKEFAL, ready, run_under
from support.server import Serve, Server, caller
from support.waiting import LIMIT, run_program, until

CLIENT = f"""
import fal_client, sys
def ask(endpoint, **arguments):
    try:
        fal_client.subscribe(endpoint, arguments)
    except Exception as error:
        print(type(error).__name__)
ask("{O1}", prompt="a lighthouse")
ask("{I2V}", prompt="x", start_image_url="https://example.com/a.png", duration="30")
ask("{O1}", prompt="fakefal:content_policy_violation")
ask("{O1}", prompt="fakefal:result_expired")
ask("fal-ai/klink-video", prompt="x")
print("the program's own words", file=sys.stderr)
"""

ALL_WELL = f'import fal_client; fal_client.subscribe("{O1}", {{"prompt": "x"}})'

LENGTHS = ", ".join(f'"{seconds}"' for seconds in range(3, 11))


def job(**facts: Any) -> JobOver:
    usual: dict[str, Any] = {
        "at": 0.0,
        "key": "me",
        "request_id": "r",
        "endpoint_id": "fal-ai/x",
        "outcome": "completed",
        "status": 200,
        "error_type": "",
        "error": "",
        "hint": "",
        "broken": (),
        "usd": Decimal("0.56"),
        "units": 5.0,
        "polls": 0,
        "attempts": 1,
        "seconds": 2.0,
    }
    return JobOver(**(usual | facts))


def accepted(prompt: str) -> JobAccepted:
    return JobAccepted(at=0.0, key="me", request_id="r", endpoint_id="fal-ai/x", prompt=prompt, webhook=False)


class Written(io.RawIOBase):
    """Keeps what is written, which may be a part of what is to be."""

    def __init__(self) -> None:
        self.content = b""

    def write(self, some: Any) -> int:
        part = bytes(some[:50])
        self.content += part
        return len(part)


def written(*events: Event, encoding: str = "utf-8", **options: Any) -> str:
    file = Written()
    with Lines(file, lambda _: True, encoding=encoding, **options).running() as lines:
        for event in events:
            lines.tell(event)
    return file.content.decode(encoding)


BROKEN = (
    BrokenRule("x.duration.one_of", "literal_error", ("body", "duration"), "Input should be '5'", 'write it as "5"'),
    BrokenRule("x.keys", "extra", ("body",), "No such key", ""),
)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (accepted("a cat"), '→ fal-ai/x  accepted  "a cat"'),
        (accepted(""), "→ fal-ai/x  accepted"),
        (job(polls=12), "✓ fal-ai/x  completed $0.56, polled 12 times"),
        (job(polls=1, usd=None), "✓ fal-ai/x  completed, its price is unknown, polled 1 time"),
        (job(outcome="cancelled", status=499), "· fal-ai/x  cancelled"),
        (
            job(outcome="timed_out", status=504, error_type="request_timeout"),
            "✗ fal-ai/x  504 request_timeout: it did not start in time",
        ),
        (
            job(outcome="failed", status=503, error_type="runner_disconnected", error="Runner disconnected"),
            "✗ fal-ai/x  503 runner_disconnected: Runner disconnected",
        ),
        (job(outcome="refused", status=404, hint="did you mean y?"), "✗ fal-ai/x  404: did you mean y?"),
        (
            job(outcome="refused", status=422, broken=BROKEN),
            '✗ fal-ai/x  duration: write it as "5"  (x.duration.one_of)\n    body: No such key  (x.keys)',
        ),
        (
            WebhookTried(
                at=0.0,
                key="me",
                request_id="r",
                endpoint_id="fal-ai/x",
                url="http://me/hook",
                attempt=2,
                status=500,
                error=None,
                acknowledged=False,
            ),
            "✗ fal-ai/x  webhook http://me/hook, try 2: 500",
        ),
        (
            ModelUnknown(at=0.0, key="", call="POST x", status=404, hint="did you mean y?", endpoint_id="fal-ai/z"),
            "? fal-ai/z  unknown model: did you mean y?",
        ),
        (
            ModelUnknown(
                at=0.0, key="", call="POST x", status=404, hint=unknown_model("a/b", "a/c"), endpoint_id="a/b"
            ),
            "? a/b  unknown model: did you mean a/c? If not, add it: fakefal models add a/b",
        ),
        (
            job(outcome="refused", status=404, hint=unknown_model("fal-ai/x")),
            "✗ fal-ai/x  404: unknown model: fakefal models add fal-ai/x",
        ),
        (StateReset(at=0.0, key=None), "· reset"),
        (ClockMoved(at=0.0, key="me", advance=60.0, speed=1.0), "· the clock of key me: moved by 60 s, speed 1"),
        (ClockMoved(at=0.0, key=None, advance=0.0, speed=60.0), "· the clock: speed 60"),
        (
            FindingMade(
                at=0.0,
                key="me",
                finding="paid_twice",
                grade="proven",
                request_ids=(),
                usd=Decimal("0.56"),
                text="the first answer was lost",
            ),
            "! paid_twice (proven) $0.56: the first answer was lost",
        ),
    ],
)
def test_an_event_in_words(event: Event, expected: str) -> None:
    assert written(event) == f"{expected}\n"


@pytest.mark.quick
@pytest.mark.parametrize(
    ("part", "headers", "body", "expected"),
    [
        ("queue", {"Authorization": ""}, b"{}", "401: send Authorization: Key ID:SECRET"),
        ("run", {"Authorization": "Key nothing"}, b"{}", "401: send Authorization: Key ID:SECRET"),
        ("queue", {"Authorization": "Bearer x"}, b"{}", "401: send Authorization: Key ID:SECRET"),
        (
            "queue",
            {"Authorization": "Key tester:wrong"},
            b"{}",
            "401: send one of the keys that were set with keys, with its secret",
        ),
        ("queue", {}, b'{"prompt": x}', "422 json_invalid: the body is not JSON: Expecting value at character 11"),
    ],
)
def test_a_refusal_at_the_door_says_what_to_change(
    serve: Serve, part: str, headers: dict[str, str], body: bytes, expected: str
) -> None:
    server = serve(keys="tester:secret")
    given = {"Authorization": "Key tester:secret"} | headers
    server.http.post(f"/{part}/{O1}", content=body, headers=given)
    until(server.emulator.events.newest)  # it is told behind the answer
    (told,) = server.emulator.events.newest()
    host = {"queue": "queue.fal.run", "run": "fal.run"}[part]
    assert written(told) == f"✗ POST {host}/{O1}  {expected}\n"


@pytest.mark.quick
@pytest.mark.parametrize(("host", "named"), [("api.fal.ai", "/v1/account/focus"), ("wma.fal.run", "wma.fal.run")])
def test_what_is_not_emulated_is_told_once(server: Server, host: str, named: str) -> None:
    told: list[Event] = []
    with server.emulator.events.subscribed(told.append):
        server.http.get("/v1/account/focus", headers={"Host": host})
        until(lambda: told)
    line = f"? GET {host}/v1/account/focus  fakefal does not emulate {named}, and sent nothing to "
    assert written(*told) in (f"{line}fal\n", f"{line}it\n")


@pytest.mark.quick
def test_a_terminal_obeys_nothing_that_a_caller_wrote() -> None:
    hostile = accepted("\x1b[2J\x1b]0;gotcha\x07 \x9b31m \r\n \u202e \ud800 é 你好")
    assert written(hostile) == (
        '→ fal-ai/x  accepted  "\\x1b[2J\\x1b]0;gotcha\\x07 \\x9b31m \\r\\n \\u202e \\ud800 é 你好"\n'
    )
    (line,) = written(hostile, as_json=True).splitlines()
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["prompt"] == hostile.prompt


@pytest.mark.quick
def test_an_encoding_without_the_signs() -> None:
    assert written(job(), accepted("é"), encoding="ascii") == (
        '+ fal-ai/x  completed $0.56\n> fal-ai/x  accepted  "\\xe9"\n'
    )


def test_who_reads_nothing_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb", buffering=0) as file, os.fdopen(reading, "rb") as reader:
        os.set_blocking(writing, False)
        while file.write(b"what nobody read\n") is not None:
            pass
        os.set_blocking(writing, True)
        lines = Lines(file, lambda _: True)
        with lines.running():
            until(lambda: lines.tell(accepted("x" * 100)) or lines._left_out)
            while "lines are left out" not in reader.readline().decode():
                pass


def test_a_server_whose_stderr_nobody_reads_answers_and_ends(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    command = [*FAKEFAL, "serve", "--port", "0", "--profile", "instant", "--log", "json", "--ready-file", str(file)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        with caller(ready(process, file)["url"]) as http:
            for _ in range(300):  # more than fits into a pipe
                http.post(f"/queue/{O1}", json={"prompt": "x" * 100}).raise_for_status()
        process.terminate()
        assert process.wait(LIMIT) == 0


def test_a_server_without_stderr(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    command = [*FAKEFAL, "serve", "--port", "0", "--profile", "instant", "--ready-file", str(file)]
    closed = ["sh", "-c", 'exec "$@" 2>&-', "sh", *command]
    with subprocess.Popen(closed, stdout=subprocess.DEVNULL) as process:
        with caller(ready(process, file)["url"]) as http:
            http.post(f"/queue/{O1}", json={"prompt": "x"}).raise_for_status()
        process.terminate()
        assert process.wait(LIMIT) == 0


@pytest.mark.quick
def test_every_event_has_words() -> None:
    kinds = [one for one in Event.__subclasses__() if one.__subclasses__() == []]
    kinds += [one for group in Event.__subclasses__() for one in group.__subclasses__()]
    assert [one.__name__ for one in kinds if words.dispatch(one) is words.dispatch(Event)] == ["EventsLost"]


class TestRun:
    def run(self, *options: str, **more: Any) -> subprocess.CompletedProcess[str]:
        command = [*run_under(sys.executable, "-c", CLIENT, profile="instant")]
        at = command.index("--")
        return run_program([*command[:at], *options, *command[at:]], **more)

    def test_refusals_effects_and_unknown_models_are_told(self) -> None:
        done = self.run()
        assert done.returncode == 0, done.stderr
        watch, *told, closing = done.stderr.splitlines()
        assert re.fullmatch(r"fakefal: watch this run at http://127\.0\.0\.1:\d+/", watch)
        assert "the program's own words" in told
        told.remove("the program's own words")
        assert told == [
            f'✗ {I2V}  duration: "30" is not allowed; use one of {LENGTHS}  (o1.image-to-video.duration.one_of)',
            f"! effect content_policy_violation: POST queue.fal.run/{O1}",
            f"✗ {O1}  content_policy_violation: {MODEL_ERRORS['content_policy_violation'].message({})}",
            f"! effect result_expired: POST queue.fal.run/{O1}",
            told[4],
            "fakefal: the page of this run ends with it; to keep one: fakefal run --report report.html -- ...",
        ]
        assert told[4].startswith("? fal-ai/klink-video  unknown model: ")
        assert closing.startswith("fakefal: 4 requests, 2 done, 2 refused (1 may be charged, $0.56), $1.12 not spent")

    def test_how_to_keep_the_page_is_told_where_something_went_wrong(self, tmp_path: Path) -> None:
        kept = self.run("--report", str(tmp_path / "report.html"))
        assert "to keep one" not in kept.stderr
        done = run_program(run_under(sys.executable, "-c", ALL_WELL, profile="instant"))
        assert done.stderr.splitlines()[1:] == ["fakefal: 1 request, 1 done, 0 refused, $0.56 not spent"]

    def test_quiet_says_nothing(self) -> None:
        assert self.run("--quiet").stderr == "the program's own words\n"

    def test_everything_as_json_in_a_file(self, tmp_path: Path) -> None:
        log = tmp_path / "log.jsonl"
        done = self.run("--verbose", "--log", "json", "--log-file", str(log))
        assert done.stderr == "the program's own words\n"
        found = [json.loads(line) for line in log.read_text().splitlines()]
        assert [one["kind"] for one in found[:4]] == ["address", "accepted", "started", "over"]
        assert found[-1]["kind"] == "summary"

    def test_contradicting_options_are_refused(self) -> None:
        done = self.run("--quiet", "--verbose")
        assert (done.returncode, done.stdout) == (2, "")
        assert "--quiet logs errors only" in done.stderr

    def test_a_log_file_that_cannot_be_written(self, tmp_path: Path) -> None:
        done = self.run("--log-file", str(tmp_path / "no" / "folder"))
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert done.stderr.endswith("folder: No such file or directory\n")


@contextmanager
def serving_in_a_terminal(folder: Path, **environ: str) -> Iterator[tuple[dict[str, str], list[bytes]]]:
    """A server whose stderr is a pseudo-terminal; the list gets what it says there, once the block is over."""
    terminal, end = pty.openpty()
    file = folder / "ready.json"
    command = [*FAKEFAL, "serve", "--port", "0", "--profile", "instant", "--ready-file", str(file)]
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"} | environ
    said: list[bytes] = []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=end, env=env) as process:
        os.close(end)
        try:
            yield ready(process, file), said
        finally:
            process.terminate()
            with suppress(OSError):  # of a terminal whose other end is closed
                while part := os.read(terminal, 65536):
                    said.append(part)
            os.close(terminal)
            process.wait(LIMIT)


@pytest.mark.parametrize("environ", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_a_terminal_has_colours_unless_it_wants_none(tmp_path: Path, environ: dict[str, str]) -> None:
    with serving_in_a_terminal(tmp_path, **environ) as (where, said), caller(where["url"]) as http:
        http.post(f"/queue/{O1}", json={"prompt": "\x1b[2J"}).raise_for_status()
    bold, green, end = (b"", b"", b"") if environ else (b"\x1b[36m\x1b[1m", b"\x1b[32m\x1b[1m", b"\x1b[0m")
    assert (
        b"".join(said).replace(b"\r\n", b"\n").decode()
        == (
            b'%s\xe2\x86\x92%s %s  accepted  "\\x1b[2J"\n%s\xe2\x9c\x93%s %s  completed $0.56\n'
            % (bold, end, O1.encode(), green, end, O1.encode())
        ).decode()
    )


def test_serve_tells_in_a_pipe_without_colours(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    command = [*FAKEFAL, "serve", "--port", "0", "--ready-file", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = ready(process, file)["url"]
        with caller(url) as http:
            answer = http.post(f"/queue/{O1}", json={"prompt": "a lighthouse"}).json()
            for _ in range(2):
                http.get(answer["status_url"])
            http.post("/_fakefal/clock", json={"advance": 60}).raise_for_status()
            until(lambda: http.get(answer["status_url"]).status_code == 200)
        process.terminate()
        stdout, stderr = process.communicate(timeout=LIMIT)
    assert stdout.startswith(f"fakefal listens on {url}")
    assert stderr.splitlines() == [
        f'→ {O1}  accepted  "a lighthouse"',
        f"✓ {O1}  completed $0.56, polled 2 times",
    ]


def test_serve_tells_of_the_calls_of_fals_client(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    command = [*FAKEFAL, "serve", "--port", "0", "--tls-port", "0", "--profile", "instant", "--ready-file", str(file)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        where = ready(process, file)
        host = where["tls_url"].removeprefix("https://")
        hosts = {"FAL_RUN_HOST": f"{host}/run", "FAL_QUEUE_RUN_HOST": f"{host}/queue"}
        environ = {**os.environ, **hosts, "SSL_CERT_FILE": where["ca_file"], "FAL_KEY": "me:secret"}
        asked = f"import fal_client; fal_client.subscribe('{O1}', {{'prompt': 'a lighthouse'}})"
        run_program([sys.executable, "-c", asked], env=environ, check=True)
        process.terminate()
        _, stderr = process.communicate(timeout=LIMIT)
    assert stderr == f'→ {O1}  accepted  "a lighthouse"\n✓ {O1}  completed $0.56\n'
