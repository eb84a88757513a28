"""Programs that make each mistake get its finding, and their careful twins none; over real processes and sockets."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from fakefal.testing import Fakefal
from fakefal.verdict.mistakes import Kind
from support.programs import FAKEFAL, JS, PROGRAMS
from support.waiting import run_program

ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
EFFECTS = {
    Kind.PAID_TWICE: "accept_then_drop when nth=1",
    Kind.RESUBMITTED_UNKNOWN: "drop_before_accept when nth=1",
    Kind.IGNORED_RETRY_AFTER: "queue_full(retry_after=1) when nth=1",
    Kind.NO_BACKOFF: "queue_full",
    Kind.WENT_ON_WHEN_LOCKED: "locked_account",
    Kind.UNVERIFIED_WEBHOOK: "webhook_bad_signature",
}
"""What each mistake is made at."""

ALSO = {Kind.NEVER_CANCELLED: [Kind.SHORT_TIMEOUT], Kind.SHORT_TIMEOUT: [Kind.NEVER_CANCELLED]}
"""Who gives up too early, and does not cancel, does both."""

CASES = [(kind, careful) for kind in Kind for careful in (False, True)]


def key_of(kind: Kind, *, careful: bool) -> str:
    return f"{kind}-{'careful' if careful else 'careless'}"


@pytest.fixture(scope="module", params=["python", "javascript"])
def verdicts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The verdict on each case, by its key: one process makes all of them, each with a key of its own."""
    if request.param == "python":
        program = [sys.executable, str(PROGRAMS / "careless.py")]
    else:
        program = [request.getfixturevalue("node"), str(JS / "careless.mjs")]
    cases = [{"key": key_of(kind, careful=careful), "mistake": kind, "careful": careful} for kind, careful in CASES]
    told = tmp_path_factory.mktemp("cases") / "cases.json"
    told.write_text(json.dumps({"program": program, "cases": cases}))
    rules = [
        f"{effect} and key={key!r}" if " when " in effect else f"{effect} when key={key!r}"
        for kind, effect in EFFECTS.items()
        for key in (key_of(kind, careful=False), key_of(kind, careful=True))
    ]
    options = [option for rule in rules for option in ("--effect", rule)]
    judge = [sys.executable, str(PROGRAMS / "judged.py"), str(told)]
    done = run_program([*FAKEFAL, "run", "--profile", "quick", *options, "--", *judge])
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("kind", Kind)
def test_a_mistake_is_found(verdicts: dict[str, Any], kind: Kind) -> None:
    verdict = verdicts[key_of(kind, careful=False)]
    proven = {one["kind"] for one in verdict["findings"] if one["grade"] == "proven"}
    assert proven == {kind, *ALSO.get(kind, ())}, verdict
    for one in verdict["findings"]:
        assert one["evidence"]
        assert one["calls"]


@pytest.mark.parametrize("kind", Kind)
def test_a_careful_twin_has_no_finding(verdicts: dict[str, Any], kind: Kind) -> None:
    assert verdicts[key_of(kind, careful=True)]["findings"] == []


TWICE = f"""
import fal_client
fal_client.SyncClient(key="k:s").subscribe("{ENDPOINT}", {{"prompt": "x"}})
print("done")
"""
LOST = ("--effect", "accept_then_drop when nth=1")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--careful",), 0),
        ((*LOST, "--careful"), 1),
        ((*LOST, "--careful", "--allow", "paid_twice"), 0),
        (LOST, 0),
    ],
    ids=lambda options: " ".join(options) if isinstance(options, tuple) else "",
)
def test_the_exit_code_of_a_careful_run(options: tuple[str, ...], code: int) -> None:
    done = run_program([*FAKEFAL, "run", "--profile", "instant", *options, "--", sys.executable, "-c", TWICE])
    assert done.returncode == code, done.stderr
    assert done.stdout == "done\n"
    assert ("paid_twice: proven, $0.56" in done.stderr) == bool(code)
    assert ("no findings" in done.stderr) == ("--careful" in options and not code)
    assert ("no findings but 1 allowed" in done.stderr) == ("--allow" in options)
    if options[: len(LOST)] == LOST:
        live = next(line for line in done.stderr.splitlines() if line.startswith("! paid_twice (proven)"))
        assert live.count("no whole answer") == live.count("(in progress)") == 1


def test_the_exit_code_of_the_program_is_passed_on() -> None:
    failing = f"{TWICE}\nraise SystemExit(7)"
    done = run_program(
        [*FAKEFAL, "run", "--profile", "instant", *LOST, "--careful", "--", sys.executable, "-c", failing]
    )
    assert done.returncode == 7


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--allow", "paid_twice"), "--allow needs --careful"),
        (("--careful", "--allow", "paid_thrice"), "'paid_thrice' is not one of"),
        (("--careful", "--replay", "."), "--careful needs the emulator"),
    ],
)
def test_options_that_do_not_fit(options: tuple[str, ...], said: str) -> None:
    done = run_program([*FAKEFAL, "run", *options, "--", "true"])
    assert done.returncode == 2
    assert said in done.stderr


def test_the_fixture_knows_only_the_kinds_that_there_are() -> None:
    with Fakefal() as fal:
        for allow in ("result_never_fetchd", ["result_never_fetchd"]):
            with pytest.raises(ValueError, match="'result_never_fetchd'; did you mean result_never_fetched\\?"):
                fal.assert_careful(allow=allow)
        with pytest.raises(ValueError, match="'all'; there are paid_twice, resubmitted_unknown, "):
            fal.assert_careful(allow=["all"])


def test_the_fixture_says_what_was_not_careful(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        import fal_client

        def ask():
            return fal_client.SyncClient(key="k:s").subscribe("{ENDPOINT}", {{"prompt": "x"}})

        def test_careful(fakefal):
            ask()
            fakefal.assert_careful()

        def test_careless(fakefal):
            fakefal.inject("accept_then_drop when nth=1")
            ask()
            fakefal.assert_careful()

        def test_allowed(fakefal):
            fakefal.inject("accept_then_drop when nth=1")
            ask()
            fakefal.assert_careful(allow=["paid_twice"])
            fakefal.assert_careful(allow="paid_twice")
            assert fakefal.verdict.usd

        def test_forged(fakefal):
            fakefal.inject("webhook_bad_signature")
            client = fal_client.SyncClient(key="k:s")
            client.submit("{ENDPOINT}", {{"prompt": "x"}}, webhook_url="https://me.example/hook")
            assert len(fakefal.webhooks) == 2
            assert [one.genuine for one in fakefal.webhooks] == [False, True]
            fakefal.webhooks.deliver(to=lambda headers, body: None)
            fakefal.assert_careful()
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, failed=2)
    seen = ["*1 finding, 1 proven, $0.56*", "*paid_twice: proven*", "*unverified_webhook: proven*"]
    result.stdout.fnmatch_lines_random(seen)
