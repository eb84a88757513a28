"""Many stored requests: the memory of one, and the cost of a look at one."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import statistics
import time
from typing import Any

from starlette.types import ASGIApp

from tools.bench.child import measured
from tools.bench.sides import SUBMIT
from tools.bench.table import Goal, Measured, Row, Size, alternating

SMALL = b'{"prompt":"a lighthouse","start_image_url":"https://v3b.fal.media/files/b/rabbit/NaslJIC7F2WodS6DFZRRJ.png"}'
WARM_CALLS = 1_000
STEP = 0x9E3779B97F4A7C15F39CC060  # spreads counted numbers over all random bits
CALLS_A_ROUND = 2_000
SETTLED_SECONDS = 60.0
KIBIBYTE = 1024


def memory(size: Size) -> Measured:
    """Bytes by which the process grows per request, and whether it still grows once the store is full."""
    found = measured("stored", "grown", size.stored)
    note = f"after twice as many submits {found['again']:.2f} of that: finished requests make room"
    return Measured(found["bytes"] / KIBIBYTE, f"{found['bytes']:,.0f} bytes", "", (), note)


def grown(count: int) -> dict[str, Any]:
    """Fill a store through the whole application, then submit as many again."""
    return asyncio.run(_grown(count))


async def _grown(count: int) -> dict[str, Any]:
    from fakefal.engine.emulator import Emulator
    from fakefal.server.app import build_app
    from fakefal.settings import Settings
    from tools.bench.inside import called
    from tools.bench.servers import resident

    async def fill(emulator: Emulator, calls: int) -> float:
        app = build_app(emulator)
        for _ in range(calls):
            await called(app, "POST", SUBMIT, SMALL)
        gc.collect()
        return resident(os.getpid())

    await fill(Emulator(Settings(profile="instant")), WARM_CALLS)
    gc.collect()
    before = resident(os.getpid())
    emulator = Emulator(Settings(profile="instant", max_requests=count))
    full = await fill(emulator, count)
    again = await fill(emulator, count)
    assert len(await emulator.all()) == count
    grown = max(full - before, 1)  # the memory of a tiny run may fit into what the process already has
    return {"bytes": grown / count, "again": (again - before) / grown}


def status(size: Size) -> Measured:
    """Processor seconds of a status call among many requests, beside one among few."""
    found = measured("stored", "looked", size.few, size.many, size.rounds)
    quotients = tuple(found["quotients"])
    return Measured(
        statistics.median(quotients), f"{found['many'] * 1e6:.1f} µs", f"{found['few'] * 1e6:.1f} µs", quotients
    )


def looked(few: int, many: int, rounds: int) -> dict[str, Any]:
    """Ask for the status of random requests of two stores in turn: all of one key, in its queue."""
    draw = random.Random(0)  # noqa: S311 - which requests are looked at must be the same in every run
    with asyncio.Runner() as runner:
        small, large = runner.run(_queued(few)), runner.run(_queued(many))
        gc.collect()

        def timed(app: ASGIApp, ids: list[str]) -> float:
            paths = [f"/queue/fal-ai/kling-video/requests/{draw.choice(ids)}/status" for _ in range(CALLS_A_ROUND)]
            began = time.process_time()
            runner.run(_call_all(app, paths))
            return (time.process_time() - began) / CALLS_A_ROUND

        timed(*large), timed(*small)
        mine, other, quotients = alternating(rounds * 3, lambda: timed(*large), lambda: timed(*small))
    return {"many": mine, "few": other, "quotients": quotients}


async def _queued(count: int) -> tuple[ASGIApp, list[str]]:
    """An emulator with this number of requests of one key; a few run, and the others wait in its line.

    They are put directly into its store: a million submits would take longer than everything that is measured.
    """
    from fakefal.core.ids import RANDOM_BITS, uuid7
    from fakefal.core.plan import PROFILES, Ending, make_plan
    from fakefal.engine.emulator import Emulator
    from fakefal.server.app import build_app
    from fakefal.settings import Settings
    from fakefal.state.requests import Record
    from fakefal_contracts.hosts import BaseUrl

    emulator = Emulator(Settings(max_requests=count, max_request_bytes=1 << 40))
    base_url, ids = BaseUrl("http://127.0.0.1:8710"), []
    for number in range(count):
        now = emulator.clock.now("bench")
        request_id = uuid7(now, number * STEP % 2**RANDOM_BITS)
        plan = make_plan(PROFILES["realistic"], Ending(200, b"{}", 5.0, ok=True), seed=request_id)
        record = Record(request_id, "bench", "fal-ai/kling-video", "o1/image-to-video", SMALL, now, base_url)
        await emulator.queue.add(record, plan, now)
        ids.append(request_id)
    await emulator.move_clock(None, advance=SETTLED_SECONDS, speed=0)  # none becomes ready while others are timed
    return build_app(emulator), ids


async def _call_all(app: ASGIApp, paths: list[str]) -> None:
    from tools.bench.inside import called

    for path in paths:
        await called(app, "GET", path)


ROWS = (
    Row("memory", "memory per stored request (10⁵ stored)", "", Goal(2, unit=" KiB"), memory),
    Row("status_many", "status with 10⁶ stored requests", "with 10³ stored", Goal(1.1), status),
)
