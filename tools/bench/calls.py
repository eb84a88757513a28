"""Measurements inside one process: judging, the fixture of tests, and jobs in virtual time."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tools.bench.child import measured
from tools.bench.table import Goal, Measured, NotInstalled, Row, Size, alternating

CALLS_A_ROUND = 50
JOB_SECONDS = 600


def check(size: Size) -> Measured:
    """Processor seconds of `check()` over the full example of every endpoint, beside the validation of their models."""
    found = measured("calls", "checked", size.repeats)
    return replace(_found(found), note=f"{found['priced'] * 1e6:,.0f} µs where the price is read, too")


def checked(repeats: int) -> dict[str, Any]:
    """Judge every example in turn, and only validate it in turn; then judge and price it."""
    from fakefal_contracts import FOUNDING, examples
    from fakefal_contracts import check as judge

    cases = [(one.id, one.edition("documented").model, examples(one.id)["full"]) for one in FOUNDING.values()]

    def ours() -> None:
        for endpoint_id, _, arguments in cases:
            judge(endpoint_id, arguments)

    def theirs() -> None:
        for _, model, arguments in cases:
            model.model_validate(arguments)

    def priced() -> None:
        for endpoint_id, _, arguments in cases:
            _ = judge(endpoint_id, arguments).cost

    found = _timed_in_turn(repeats, ours, theirs, calls=CALLS_A_ROUND, each=len(cases))
    return found | {
        "priced": _timed_in_turn(repeats, priced, theirs, calls=CALLS_A_ROUND, each=len(cases))["ours"],
    }


def fixture(size: Size) -> Measured:
    """Processor seconds of set-up, submit, status, result and tear-down, beside stubs written by hand."""
    return _found(measured("calls", "tested", size.repeats))


def tested(repeats: int) -> dict[str, Any]:
    """Make the same calls by one client in the fixture's fake and over stubs, in turn."""
    if importlib.util.find_spec("respx") is None:
        raise NotInstalled("respx is not installed: pip install respx")
    import httpx

    from fakefal.testing import Fakefal
    from fakefal.testing.measure import KEY, whole_call
    from tools.bench.stubs import stubbed_call

    with httpx.Client(headers=KEY) as http:

        def ours() -> None:
            with Fakefal():
                whole_call(http)

        return _timed_in_turn(repeats, ours, lambda: stubbed_call(http))


def virtual(size: Size) -> Measured:
    """Seconds until this number of ten-minute jobs are submitted, over, and their results read, all by HTTP calls."""
    found = measured("calls", "travelled", size.jobs, size.rounds)
    return Measured(statistics.median(found["seconds"]), f"{size.jobs:,} jobs", "", tuple(found["seconds"]))


def travelled(jobs: int, rounds: int) -> dict[str, Any]:
    """Submit jobs of ten minutes, let the time pass, read every status and every result."""
    return {"seconds": [asyncio.run(_travelled(jobs)) for _ in range(rounds)]}


async def _travelled(jobs: int) -> float:
    from fakefal.engine.emulator import Emulator
    from fakefal.server.app import build_app
    from fakefal.settings import Settings
    from tools.bench.inside import called
    from tools.bench.sides import SUBMIT, arguments

    emulator = Emulator(Settings(profile="realistic", effects=(f"respond(seconds={JOB_SECONDS})",)))
    body = json.dumps(arguments()).encode()
    async with emulator.running():
        app = build_app(emulator)
        began = time.perf_counter()
        paths = [(await called(app, "POST", SUBMIT, body))["response_url"].partition("8710")[2] for _ in range(jobs)]
        await emulator.move_clock(None, advance=jobs * JOB_SECONDS)
        for path in paths:
            assert (await called(app, "GET", f"{path}/status"))["status"] == "COMPLETED"
            assert "video" in await called(app, "GET", path)
        return time.perf_counter() - began


def _timed_in_turn(
    repeats: int, ours: Callable[[], None], theirs: Callable[[], None], *, calls: int = 1, each: int = 1
) -> dict[str, Any]:
    """Processor time of both sides in turn, after one round that is not counted."""

    def timed(work: Callable[[], None]) -> float:
        began = time.process_time()
        for _ in range(calls):
            work()
        return (time.process_time() - began) / calls / each

    timed(ours)
    timed(theirs)
    mine, other, quotients = alternating(repeats, lambda: timed(ours), lambda: timed(theirs))
    return {"ours": mine, "theirs": other, "quotients": quotients}


def _found(measured_: dict[str, Any]) -> Measured:
    quotients = measured_["quotients"]
    ours, theirs = (f"{measured_[side] * 1e6:,.0f} µs" for side in ("ours", "theirs"))
    return Measured(statistics.median(quotients), ours, theirs, _spread(quotients))


def _spread(values: list[float]) -> tuple[float, ...]:
    """The quartiles of many rounds."""
    if len(values) < 2:  # noqa: PLR2004 - quantiles need two
        return tuple(values)
    return tuple(statistics.quantiles(values, n=4))


ROWS = (
    Row("check", "`check()` of the full examples", "bare pydantic validation", Goal(4), check),
    Row(
        "fixture", "fixture set-up, submit, status, result", "hand-written respx stubs, same client", Goal(1.4), fixture
    ),
    Row("virtual", "1 000 ten-minute jobs in virtual time", "", Goal(1, unit=" s"), virtual),
)
