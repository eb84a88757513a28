"""The load generator: wrk with `load.lua`, and the checks that make a run a measurement.

A run counts only if every answer was right, no more connections were opened than requested, and server or generator had
work to do at every moment. Otherwise it raises `WrongMeasurement`.
"""

from __future__ import annotations

import json
import re
import secrets
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tools.bench.machine import WRK, need, pinned
from tools.bench.processor import processor_seconds, wanted_seconds
from tools.bench.sides import Kind, Side
from tools.bench.table import Size

SCRIPT = Path(__file__).with_name("load.lua")
SAMPLE_SECONDS = 0.05
MOST_ASLEEP = 0.5
"""The maximum share of a run in which neither side has work.

The share is near 0, and negative if both have work at once, because waiting for a processor counts as work.
"""


class WrongMeasurement(RuntimeError):
    """A run that did not measure a server with right answers over lasting connections."""


@dataclass(frozen=True)
class Run:
    """The counts of wrk for one run, and the server's use of the processor for it."""

    connections: int
    counted: dict[str, int]
    example: str
    processor: float
    asleep: float

    @property
    def opened(self) -> int:
        """How many connections were opened."""
        return self.connections + self.counted["closed"] + self.counted["reopened"]

    @property
    def rate(self) -> float:
        """Jobs per second."""
        return self.counted["jobs"] / self.counted["microseconds"] * 1e6

    @property
    def cost(self) -> float:
        """Processor seconds of the server for each job."""
        return self.processor / self.counted["jobs"]

    def checked(self) -> Run:
        """The run itself.

        Raises:
            WrongMeasurement: it does not count.
        """
        counted = self.counted
        if counted["wrong"]:
            raise WrongMeasurement(f"{counted['wrong']} answers of {self._answers} were wrong, first: {self.example}")
        if self.opened > self.connections:
            raise WrongMeasurement(f"{self.opened} connections were opened, {self.connections} were asked for")
        if counted["timeouts"] or not counted["jobs"]:
            raise WrongMeasurement(f"{counted['timeouts']} calls timed out, {counted['jobs']} jobs were answered")
        if self.asleep > MOST_ASLEEP:
            raise WrongMeasurement(f"for {self.asleep:.0%} of the run neither the server nor wrk had anything to do")
        return self

    @property
    def _answers(self) -> int:
        return self.counted["right"] + self.counted["wrong"]


class Load:
    """A server under load, started in every round.

    Args:
        serving: starts the server for a round.
        kinds: the calls of one job.
        size: the length of the load, and the number of connections.
    """

    def __init__(self, serving: Callable[[], AbstractContextManager[Side]], kinds: Sequence[Kind], size: Size) -> None:
        self._serving, self._kinds, self._size = serving, kinds, size
        self.runs: list[Run] = []

    @classmethod
    def warm(cls, side: Side, kinds: Sequence[Kind], size: Size) -> Load:
        """A server that has answered many calls and keeps running."""
        calls = 0
        while calls < size.warm_calls:
            calls += run(side, plan(side, kinds), size).checked().counted["right"]
        return cls(lambda: nullcontext(side), kinds, size)

    def __call__(self) -> float:
        """Jobs per second of processor time, over one round."""
        with self._serving() as side:
            self.runs.append(run(side, plan(side, self._kinds), self._size).checked())
        return 1 / self.runs[-1].cost

    @property
    def rate(self) -> float:
        """The median of the rounds: jobs per second."""
        return statistics.median(run.rate for run in self.runs)

    @property
    def cost(self) -> float:
        """The median of the rounds: processor seconds of the server for each job."""
        return statistics.median(run.cost for run in self.runs)

    def __str__(self) -> str:
        opened = max(run.opened for run in self.runs)
        return f"{self.cost * 1e6:,.0f} µs, {self.rate:,.0f}/s, {opened} connections"


def plan(side: Side, kinds: Sequence[Kind]) -> dict[str, Any]:
    """The calls that `load.lua` makes to a server, and the answers that it accepts."""
    if len(kinds) > 1:
        side = side.filled(1)  # a server may have evicted its earlier requests
    return {"steps": [_step(side, kind) for kind in kinds], "ids": side.ids}


def run(side: Side, plan: dict[str, Any], size: Size) -> Run:
    """Let wrk work for a number of whole seconds. No two runs send the same bodies.

    Raises:
        NotInstalled: wrk is not installed.
        RuntimeError: it failed.
    """
    wrk, pid = need("wrk", WRK), side.running.pid
    with tempfile.TemporaryDirectory(prefix="fakefal-bench-") as folder:
        script = Path(folder) / "load.lua"
        script.write_text(
            f"local plan = {_lua({**plan, 'series': secrets.token_hex(4)})}\n{SCRIPT.read_text('utf-8')}", "utf-8"
        )
        command = [
            wrk,
            "-t1",
            f"-c{size.connections}",
            f"-d{max(1, round(size.seconds))}s",
            "-s",
            str(script),
            side.running.url,
        ]
        before = processor_seconds(pid)
        said, asleep = _watched([*pinned(1), *command], pid)
        processor = processor_seconds(pid) - before
    counted = {name: int(count) for name, count in re.findall(r"^counted (\w+) (\d+)$", said, re.MULTILINE)}
    example = re.search(r"^example (.*)$", said, re.MULTILINE)
    if example is None:
        raise RuntimeError(f"wrk failed:\n{said}")
    return Run(size.connections, counted, example[1], processor, asleep)


def _watched(command: Sequence[str], server: int) -> tuple[str, float]:
    """The output of wrk, and the share of the time in which neither it nor the server could continue.

    Waiting for a processor does not count as sleep, so a busy machine does not change the share.
    """
    samples: list[_Sample] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as wrk:  # noqa: S603
        while True:
            try:
                said, _ = wrk.communicate(timeout=SAMPLE_SECONDS)
            except subprocess.TimeoutExpired:
                sample = _sample(wrk.pid, server)
                # the time of wrk's working thread is lost when the thread ends
                if sample and (not samples or sample.wrk >= samples[-1].wrk):
                    samples.append(sample)
            else:
                break
    if len(samples) < 2:  # noqa: PLR2004 - a difference needs two
        raise RuntimeError(f"wrk ended at once:\n{said}")
    first, last = samples[0], samples[-1]
    wanted = last.wrk - first.wrk + last.server - first.server
    return said, 1 - wanted / (last.moment - first.moment)


class _Sample(NamedTuple):
    """A moment, and how much time wrk and the server had wanted by then, in seconds."""

    moment: float
    wrk: float
    server: float


def _sample(wrk: int, server: int) -> _Sample | None:
    """A sample of now; None while a thread of wrk starts or ends."""
    try:
        return _Sample(time.monotonic(), wanted_seconds(wrk), wanted_seconds(server))
    except (FileNotFoundError, ProcessLookupError):
        return None


def _step(side: Side, kind: Kind) -> dict[str, Any]:
    """A call as `load.lua` reads it."""
    call, right = side.call(kind), side.right(kind)
    start, _, end = call.path.partition("ID")
    step = {"method": call.method, "path_start": start, "path_end": end, "headers": call.headers}
    if call.body:
        step["body_start"], _, step["body_end"] = call.body.partition("NUMBER")
    sizes = {"least_bytes": right.least_bytes, "most_bytes": right.most_bytes}
    return {**step, "status": right.status, "texts": right.texts, **sizes}


def _lua(value: Any) -> str:
    """A value as Lua writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{_lua(name)}] = {_lua(one)}" for name, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "{" + ", ".join(map(_lua, value)) + "}"
    return json.dumps(value, ensure_ascii=False)
