"""The audit runs a program once for each way in which its calls can fail, and says what that costs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakefal.audit.trial import SEED
from fakefal.audit.trial import audited as audited_program
from fakefal.audit.ways import WAYS, Point, PointKind, faults_of, names
from fakefal.effects.known import parse_checked
from fakefal.settings import Settings
from fakefal.verdict.mistakes import Kind
from support.machine import ROOT
from support.programs import FAKEFAL, JS, PROGRAMS
from support.waiting import LIMIT, run_program, until

ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
PROGRAM = [sys.executable, str(PROGRAMS / "audited.py")]


def audit(*options: str, program: list[str], yes: bool = True) -> subprocess.CompletedProcess[str]:
    asked = ["--yes"] if yes else []
    command = [*FAKEFAL, "audit", *asked, "--profile", "instant", *options, "--", *program]
    return run_program(command, stdin=subprocess.DEVNULL)


def audited(*options: str, modes: list[str]) -> tuple[int, dict[str, Any]]:
    """Exit code and runs of an audit, by kind of point and way."""
    done = audit("--json", "--jobs", "4", *options, program=[*PROGRAM, *modes])
    assert done.stdout, done.stderr
    runs = json.loads(done.stdout)["runs"]
    return done.returncode, {
        f"{one['call']['kind']}:{one['failure']}" if one["call"] else one["failure"]: one for one in runs
    }


def seen(run: dict[str, Any]) -> tuple[str, int, float, list[str]]:
    """How a run ended, its jobs and dollars, and what was found, whatever the machine made of its haste."""
    kinds = sorted({f"{one['kind']} {one['grade']}" for one in run["findings"] if one["kind"] != "no_backoff"})
    return run["ending"], run["jobs"], run["usd"], kinds


def test_a_careless_program() -> None:
    code, runs = audited("--run-seconds", "20", modes=["careless"])
    assert code == 1
    assert seen(runs.pop("as it is")) == ("exit 0", 1, 0.56, [])
    assert len(runs) == sum(len(WAYS[kind]) for kind in (PointKind.SUBMIT, PointKind.STATUS, PointKind.RESULT))
    assert {name: seen(run) for name, run in runs.items() if name.startswith("submit")} == {
        "submit:lost answer": ("exit 0", 2, 1.12, ["paid_twice proven"]),
        "submit:lost call": ("exit 0", 1, 0.56, ["resubmitted_unknown proven"]),
        "submit:429": ("exit 0", 1, 0.56, []),
        "submit:429 always": ("exit 1", 0, 0, []),
        "submit:502": ("exit 0", 1, 0.56, ["resubmitted_unknown possible"]),
        "submit:503": ("exit 0", 1, 0.56, []),
        "submit:503 always": ("exit 1", 0, 0, []),
        "submit:slow": ("exit 0", 1, 0.56, []),
        "submit:locked": ("exit 1", 0, 0, ["went_on_when_locked proven"]),
    }
    assert seen(runs["status:stuck"]) == ("exit 1", 1, 0, [])
    assert seen(runs["status:503"]) == ("exit 0", 1, 0.56, [])
    assert seen(runs["result:lost answer"]) == ("exit 0", 1, 0.56, [])
    assert seen(runs["result:expired"]) == ("exit 1", 1, 0.56, [])
    assert all(run["hits"] == 1 for name, run in runs.items() if not name.endswith(("always", "locked")))
    assert all(run["reached"] for run in runs.values())


def test_a_careful_program() -> None:
    code, runs = audited("--only", "429", "--only", "submit:lost answer", modes=["patient", "upload"])
    assert code == 1
    assert seen(runs["submit:lost answer"])[3] == ["paid_twice proven"]
    assert [seen(run)[3] for name, run in runs.items() if name.endswith("429")] == [[], [], [], []]
    code, runs = audited("--only", "429", modes=["patient"])
    assert code == 0


def test_a_program_with_an_upload() -> None:
    code, runs = audited("--only", "upload", "--run-seconds", "10", modes=["upload", "patient"])
    assert code == 0
    rest = {name.removeprefix("upload:"): run["ending"] for name, run in runs.items() if name != "as it is"}
    assert set(rest) == {way.name for way in WAYS[PointKind.UPLOAD]}


def test_a_program_with_a_webhook() -> None:
    code, runs = audited("--only", "webhook", modes=["webhook"])
    assert code == 1
    assert {name: seen(run)[::3] for name, run in runs.items()} == {
        "as it is": ("exit 0", []),
        "webhook:lost": ("exit 1", ["result_never_fetched proven"]),
        "webhook:duplicate": ("exit 0", []),
        "webhook:bad signature": ("exit 0", ["unverified_webhook proven"]),
    }


def test_not_ending_is_a_result() -> None:
    code, runs = audited("--only", "status:stuck", "--run-seconds", "3", modes=["forever"])
    assert seen(runs["status:stuck"])[::3] == ("did not end", [])
    assert code == 0


def test_what_is_not_reached_is_not_passed(tmp_path: Path) -> None:
    code, runs = audited("--only", "503", modes=[f"once={tmp_path / 'state'}"])
    assert {run["ending"] for name, run in runs.items() if name != "as it is"} == {"not reached"}
    assert code == 1
    done = audit("--only", "503", program=[*PROGRAM, f"once={tmp_path / 'other'}"])
    assert "nothing was audited" in done.stderr
    assert "--before CMD" in done.stderr


def test_a_call_that_is_refused_before_its_effect_does_not_count() -> None:
    program = f"""
import json, os, urllib.error, urllib.request
def send(body):
    headers = {{"Authorization": f"Key {{os.environ['FAL_KEY']}}", "Content-Type": "application/json"}}
    call = urllib.request.Request("https://queue.fal.run/{ENDPOINT}", body, headers)
    try:
        return urllib.request.urlopen(call).status
    except urllib.error.HTTPError as error:
        return error.code
assert send(b"{{") == 422
assert send(json.dumps({{"prompt": "x"}}).encode()) == 200
"""
    done = audit("--only", "submit:429", "--json", program=[sys.executable, "-c", program])
    first, faulty = json.loads(done.stdout)["runs"]
    assert (first["ending"], first["jobs"]) == ("exit 0", 1)
    assert (faulty["ending"], faulty["hits"], faulty["jobs"]) == ("exit 1", 1, 0)


def test_the_state_is_restored_before_each_run(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_text("of an earlier run")
    before = ["--before", f"rm -f {state}"]
    done = audit(*before, "--only", "submit:429", "--json", program=[*PROGRAM, "patient", f"once={state}"])
    assert [one["ending"] for one in json.loads(done.stdout)["runs"]] == ["exit 0", "exit 0"]
    failed = audit("--before", "echo no state >&2; exit 3", program=PROGRAM)
    assert (failed.returncode, failed.stderr.strip()) == (1, "fakefal audit: --before ended with 3: no state")
    slow = audit("--before", "sleep 1000", "--run-seconds", "1", program=PROGRAM)
    said = "fakefal audit: --before did not end within 1 s; --run-seconds gives it more time"
    assert (slow.returncode, slow.stderr.strip()) == (1, said)


def test_a_server_that_restores_the_state_stays(tmp_path: Path) -> None:
    started = tmp_path / "started"
    done = audit("--before", f"sleep 1000 & echo $! > {started}", "--dry-run", program=PROGRAM)
    assert done.returncode == 0, done.stderr
    os.kill(int(started.read_text()), signal.SIGKILL)


def test_what_it_will_do_is_said_first() -> None:
    done = audit("--dry-run", program=PROGRAM, yes=False)
    assert done.returncode == 0
    assert done.stdout == ""
    assert "21 runs, for failures of 3 calls (" in done.stderr
    assert f"submit {ENDPOINT}: lost answer, lost call, 429," in done.stderr


def test_the_table() -> None:
    done = audit("--only", "submit:lost answer", program=[*PROGRAM, "careless"])
    assert done.returncode == 1
    assert "1 run, for failures of 3 calls (without failures" in done.stderr
    head, as_it_is, row, *rest = done.stdout.splitlines()
    assert head.split() == ["call", "failure", "ended", "jobs", "paid", "findings"]
    assert as_it_is.split() == ["as", "it", "is", "exit", "0", "1", "$0.56"]
    assert row.split() == ["submit", ENDPOINT, "lost", "answer", "exit", "0", "2", "$1.12", "paid_twice"]
    assert rest[-1] == "1 run: 1 with proven findings"
    assert "Findings are proven, except those marked (possible)." in done.stdout
    assert any(line.startswith("paid_twice: Do not send") for line in rest)
    allowed = audit("--only", "submit:lost answer", "--allow", "paid_twice", program=[*PROGRAM, "careless"])
    assert allowed.returncode == 0


@pytest.mark.parametrize("runs", ["program", "before"])
def test_a_signal_ends_it_and_all_that_runs(runs: str, tmp_path: Path) -> None:
    started = tmp_path / "started"
    script = f"sleep 1000 & echo $! > {started}.new; mv {started}.new {started}; wait"
    own = ["--", "sh", "-c", script] if runs == "program" else ["--before", script, "--", "true"]
    command = [*FAKEFAL, "audit", "--yes", "--run-seconds", "1000", *own]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        until(started.exists)
        running.terminate()
        _, said = running.communicate(timeout=LIMIT)
    assert (running.returncode, said) == (128 + signal.SIGTERM, "")
    grandchild = Path(f"/proc/{started.read_text().strip()}/stat")
    until(lambda: not grandchild.exists() or " Z " in grandchild.read_text())


@pytest.mark.parametrize(
    ("options", "program", "code", "said"),
    [
        (["--yes", "--only", "sumbit"], ["true"], 2, "--only sumbit: give a call (submit, run, status"),
        (["--yes", "--before", "true", "--jobs", "2"], ["true"], 2, "leave out --jobs"),
        ([], ["true"], 2, "there is no terminal to ask on: give --yes"),
        (["--yes"], ["true"], 1, "the program did not call fal"),
        (["--yes"], ["false"], 1, "without a failure the program ended with 1\n"),
        (["--yes"], ["sh", "-c", "echo why >&2; false"], 1, "without a failure the program ended with 1: why\n"),
        (["--yes", "--before", "exit 3"], ["true"], 1, "--before ended with 3\n"),
        (
            ["--yes", "--only", "webhook"],
            PROGRAM,
            1,
            "--only webhook: the program makes no such call; it makes submit, status",
        ),
        (["--yes", "--run-seconds", "1"], ["sleep", "60"], 1, "runs longer than --run-seconds 1"),
        (["--yes"], ["no-such-program"], 1, "no-such-program: command not found"),
    ],
)
def test_what_cannot_be_audited(options: list[str], program: list[str], code: int, said: str) -> None:
    done = audit(*options, program=program, yes=False)
    assert done.returncode == code
    assert said in done.stderr


def test_every_way_can_happen() -> None:
    for some in WAYS.values():
        for way in some:
            if way.effect:
                parse_checked(way.effect.format(slow=1.5))
            assert bool(way.effect) + bool(way.status) + way.late <= 1
    chosen = list(faults_of([Point(kind, "x") for kind in PointKind]))
    assert {f"{one.point.kind}:{one.way.name}" for one in chosen} <= set(names())


PAGE = (ROOT / "docs" / "audit.md").read_text("utf-8")
CLIENTS = {
    "fal-client, `subscribe`": [sys.executable, str(PROGRAMS / "official.py"), "sync"],
    "fal-client, `subscribe_async`": [sys.executable, str(PROGRAMS / "official.py"), "async"],
    "@fal-ai/client": ["node", str(JS / "official.mjs"), "fal"],
    "fakefal_client, `Client`": [sys.executable, str(PROGRAMS / "official.py"), "own"],
}


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("client", CLIENTS)
def test_the_page_says_what_clients_do_with_a_lost_answer(client: str) -> None:
    done = audit("--json", "--only", "submit:lost answer", program=CLIENTS[client])
    as_it_is, lost = json.loads(done.stdout)["runs"]
    assert seen(as_it_is) == ("exit 0", 1, 0.56, [])
    queued = PAGE[PAGE.index("### Through the queue") :].splitlines()
    head = next(line for line in queued if line.startswith("| call |")).removesuffix(" |").split(" | ")
    row = next(line for line in queued if line.startswith("| submit | lost answer |")).split(" | ")
    cell = row[head.index(client)].removesuffix(" |")
    assert cell.startswith(f"{lost['jobs']} (${lost['usd']:.2f}), {'error' if lost['code'] else 'result'}")
    assert [one["kind"] in cell for one in lost["findings"]] == [True] * len(lost["findings"])


def test_the_page_lists_every_way() -> None:
    listed = PAGE[PAGE.index("| call | failures |") :].partition("\n\n")[0]
    for kind, some in WAYS.items():
        (line,) = (line for line in listed.splitlines() if f"`{kind}`" in line.partition(" | ")[0])
        assert all(f"`{way.name}`" in line for way in some)


def test_the_page_of_the_verdict_lists_every_kind() -> None:
    page = (ROOT / "docs" / "verdict.md").read_text("utf-8")
    for kind in Kind:
        assert f"| `{kind}` | {kind.rule} | {kind.advice} |" in page


@pytest.mark.parametrize(("seed", "expected"), [("", SEED), ("mine", "mine")])
def test_all_runs_have_one_seed(seed: str, expected: str) -> None:
    assert audited_program(("true",), Settings(seed=seed), 60, None).settings.seed == expected
