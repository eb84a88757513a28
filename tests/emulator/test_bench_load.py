"""A run under load notices a reference that is not what it should be, whatever the machine has to do besides."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from support.machine import ROOT, required_in_ci
from tools.bench.load import Load, Run, WrongMeasurement, plan, run
from tools.bench.sides import Side, bare_asgi, fakefal
from tools.bench.table import TINY
from tools.bench.throughput import JOB

ASKED = TINY.connections
WRKS_OWN = 1
"""wrk tries the address once before it begins."""


@pytest.fixture(scope="module", autouse=True)
def needs_wrk() -> None:
    if shutil.which("wrk") is None:
        required_in_ci("wrk is not installed: apt-get install wrk")


@pytest.fixture(scope="module")
def ours() -> Iterator[Side]:
    with fakefal("submit", fast=True) as side:
        yield side


@pytest.fixture(autouse=True)
def modules_of_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    )


def bent(ours: Side, bend: str) -> AbstractContextManager[Side]:
    return bare_asgi(ours, "submit", fast=True, program=("support.bent_reference", bend))


def one_run(side: Side) -> Run:
    return run(side, plan(side, ["submit"]), TINY)


@pytest.mark.parametrize(
    ("bend", "noticed"),
    [
        ("closes", rf"\d+ connections were opened, {ASKED} were asked for"),
        ("closes silently", rf"\d+ connections were opened, {ASKED} were asked for"),
        ("sleeps", r"for \d+% of the run neither the server nor wrk had anything to do"),
        ("says other bytes", r"\d+ answers of \d+ were wrong, first: 200 \{\"STATUS\""),
        ("fails", r"\d+ answers of \d+ were wrong, first: 500 \{\"status\""),
    ],
)
def test_a_bent_reference_is_noticed(ours: Side, bend: str, noticed: str) -> None:
    with bent(ours, bend) as theirs, pytest.raises(WrongMeasurement, match=noticed):
        Load.warm(theirs, ["submit"], TINY)


def test_a_reference_with_other_headers_is_noticed_before_any_load(ours: Side) -> None:
    with pytest.raises(RuntimeError, match="x-more"), bent(ours, "adds a header"):
        pass


@pytest.mark.parametrize("bend", ["straight", "closes", "closes silently"])
def test_connections_are_counted_as_the_server_counts_them(ours: Side, bend: str) -> None:
    with bent(ours, bend) as theirs:

        def accepted() -> int:
            return int(theirs.running.call("GET", "/accepted").body)

        before = accepted()
        found = one_run(theirs)
        by_server = accepted() - before - 1 - WRKS_OWN
    if bend == "straight":
        assert found.opened == by_server == ASKED
    else:
        assert found.opened > 2 * ASKED
        assert abs(found.opened - by_server) <= ASKED  # each may be on its way when the run ends


def test_both_real_sides_keep_their_connections_and_say_the_same(ours: Side) -> None:
    with bare_asgi(ours, "submit", fast=True) as theirs:
        for side in (ours, theirs):
            found = one_run(side).checked()
            assert found.opened == ASKED
            assert found.counted["right"] == found.counted["jobs"] > 0


def test_a_whole_job_is_five_right_answers_in_order(ours: Side) -> None:
    found = run(ours, plan(ours, JOB), TINY).checked()
    unfinished = found.counted["right"] - 5 * found.counted["jobs"]
    assert 0 <= unfinished <= 4 * ASKED


def test_submits_differ_from_call_to_call_and_from_run_to_run(ours: Side) -> None:
    asked = plan(ours, ["submit"])
    ours.running.call("POST", "/_fakefal/reset")
    for _ in range(2):
        run(ours, asked, TINY).checked()
    (total,) = json.loads(ours.running.call("GET", "/_fakefal/ledger").body)["totals"]
    assert total["jobs"] > 0
    assert total["duplicates"] == 0
