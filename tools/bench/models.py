"""The cost of knowing all models of fal: the first request of one, memory, start, the wheel."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tools.bench.child import measured
from tools.bench.report import ROOT
from tools.bench.table import Goal, Measured, NotInstalled, Row, Size

MODELS = 50
WARM = "fal-ai/flux/schnell"
MEBIBYTE = 1024 * 1024
MEGABYTE = 1_000_000
PERCENT = 100


def first_request(size: Size) -> Measured:
    """Milliseconds of processor time by which the first request of a model takes longer than its second."""
    found = measured("models", "requested", min(MODELS, size.jobs))
    more = found["more"]
    ours, theirs = (f"{statistics.median(found[side]):.1f} ms" for side in ("first", "second"))
    return Measured(statistics.median(more), ours, theirs, (min(more), max(more)), f"the dearest: {found['dearest']}")


def requested(count: int) -> dict[str, Any]:
    """Submit the example of models from all over the catalogue and read the result, twice in a row each."""
    return asyncio.run(_requested(count))


async def _requested(count: int) -> dict[str, Any]:
    from fakefal.engine.emulator import Emulator
    from fakefal.server.app import build_app
    from fakefal.settings import Settings
    from fakefal_contracts import Catalogue
    from fakefal_contracts.example import example_input
    from tools.bench.inside import called

    emulator = Emulator(Settings(profile="instant"))
    async with emulator.running():
        app = build_app(emulator)

        async def request(endpoint_id: str, body: bytes) -> float:
            began = time.process_time()
            submitted = await called(app, "POST", f"/queue/{endpoint_id}", body)
            await called(app, "GET", submitted["response_url"].partition("8710")[2])
            return (time.process_time() - began) * 1000

        catalogue = Catalogue()  # not the emulator's own, which must not know the models yet
        ids = [one for one in catalogue if one != WARM]
        chosen = ids[:: len(ids) // count][:count]
        bodies = {one: json.dumps(example_input(catalogue.find(one))).encode() for one in (WARM, *chosen)}
        await request(WARM, bodies[WARM])
        gc.collect()
        gc.freeze()
        pairs = {one: (await request(one, bodies[one]), await request(one, bodies[one])) for one in chosen}
    more = {one: first - second for one, (first, second) in pairs.items()}
    first, second = zip(*pairs.values(), strict=True)
    return {"first": first, "second": second, "more": list(more.values()), "dearest": max(more, key=more.__getitem__)}


def memory(size: Size) -> Measured:
    """The bytes by which a process grows when it opens the catalogue and finds a model."""
    found = [measured("models", "opened") for _ in range(size.rounds)]
    grown = tuple(one["bytes"] / MEBIBYTE for one in found)
    return Measured(statistics.median(grown), f"{statistics.median(grown):.2f} MiB", "", grown)


def start(size: Size) -> Measured:
    """The percentage of a start's processor time that opening the catalogue and finding a model takes."""
    found = [measured("models", "opened") for _ in range(size.rounds)]
    shares = tuple(PERCENT * one["seconds"] / one["start"] for one in found)
    ours, theirs = (f"{statistics.median(one[side] for one in found) * 1000:.1f} ms" for side in ("seconds", "start"))
    return Measured(statistics.median(shares), ours, theirs, shares)


def opened() -> dict[str, float]:
    """Bytes and processor seconds of the catalogue, and the seconds of a server's whole start until it listens."""
    import fakefal.server.serving  # noqa: F401 - what a server imports beside the application
    from fakefal.engine.emulator import Emulator
    from fakefal.server.app import build_app
    from fakefal.settings import Settings
    from fakefal_contracts import Catalogue
    from tools.bench.servers import resident

    gc.collect()
    gc.disable()  # a collection in between belongs to neither
    before, began = resident(os.getpid()), time.process_time()
    assert Catalogue().has_app(WARM)
    seconds, grown = time.process_time() - began, resident(os.getpid()) - before
    build_app(Emulator(Settings()))
    return {"bytes": grown, "seconds": seconds, "start": time.process_time()}


def wheel(_: Size) -> Measured:
    """Megabytes of the wheel, built as it is published."""
    if importlib.util.find_spec("build") is None:
        raise NotInstalled("build is not installed: pip install build")
    with tempfile.TemporaryDirectory(prefix="fakefal-bench-") as folder:
        command = [sys.executable, "-m", "build", "--wheel", "--outdir", folder, str(ROOT)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command
        if done.returncode:
            raise RuntimeError(f"the wheel cannot be built:\n{done.stderr[-2000:]}")
        (found,) = Path(folder).glob("*.whl")
        size = found.stat().st_size / MEGABYTE
    return Measured(size, f"{size:.2f} MB")


ROWS = (
    Row(
        "model_first", "first request of a model (median of 50)", "its second", Goal(10, unit=" ms more"), first_request
    ),
    Row("catalogue", "memory of the catalogue after a look-up", "", Goal(4, unit=" MiB"), memory),
    Row("catalogue_start", "the catalogue's share of the start", "", Goal(3, unit=" %"), start),
    Row("wheel", "size of the wheel", "", Goal(6, unit=" MB"), wheel),
)
