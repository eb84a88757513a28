"""Many open status streams: the memory of one in the server, and how soon all of them receive a change."""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from tools.bench.servers import KEY, Running, bare, emulator
from tools.bench.sides import SUBMIT, arguments
from tools.bench.table import Goal, Measured, NotInstalled, Row, Size

STARTED_SECONDS = 50
"""Emulated seconds after which every job runs and none has reached its first line of progress, at 60 s."""

CHANGES = (50, 240, 240, 60)
"""Steps of emulated time, each of which changes what all streams show: three lines of progress, the end.

The jobs have waited up to half a minute, each for its own time.
"""

JOB = ("--effect", "respond(seconds=600)", "--seed", "1")
"""Ten minutes for every job, after waits that are the same in every run."""

SPARE_FILES = 200
SETTLED_SECONDS = 60.0
MOST_ROUNDS = 5
KIBIBYTE = 1024


@dataclass
class Streams:
    """Open streams of one server, read as they come."""

    server: Running
    seen: list[int] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def open(self, paths: list[str]) -> None:
        """Open all, and wait until each has received its first event."""
        self.seen = [0] * len(paths)
        host, _, port = self.server.url.removeprefix("http://").partition(":")
        for number, path in enumerate(paths):
            reader, writer = await asyncio.open_connection(host, int(port))
            headers = "".join(f"{name}: {value}\r\n" for name, value in KEY.items())
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n{headers}\r\n".encode())
            self.tasks.append(asyncio.create_task(self._read(number, reader, writer)))
        await self.wait_for_events(1)

    async def _read(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                if line.startswith(b"data:"):
                    self.seen[number] += 1
        finally:
            writer.close()

    async def wait_for_events(self, events: int) -> None:
        """Wait until every stream has received this number of events."""
        async with asyncio.timeout(SETTLED_SECONDS):
            while min(self.seen) < events:  # noqa: ASYNC110 - an event for each line would cost more than waiting
                await asyncio.sleep(0.001)

    async def close(self) -> None:
        """Close all."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@dataclass(frozen=True)
class StreamCost:
    """The cost of open streams: bytes of the server for each, and seconds until the last one receives a change."""

    bytes: float
    seconds: float


async def _cost(server: Running, paths: list[str], change: Callable[[int], None]) -> StreamCost:
    streams = Streams(server)
    before = server.memory()
    await streams.open(paths)
    grown = (server.memory() - before) / len(paths)
    times = []
    try:
        for number in range(len(CHANGES)):
            began = time.perf_counter()
            await asyncio.to_thread(change, number)
            await streams.wait_for_events(number + 2)
            times.append(time.perf_counter() - began)
    finally:
        await streams.close()
    return StreamCost(grown, statistics.median(times))


def _ours(count: int) -> tuple[StreamCost, bytes]:
    """The emulator with its clock frozen: a request for each stream, all of them running at once.

    Returns the cost, and an event as the streams get it.
    """
    with emulator("--profile", "realistic", "--runners", str(count), *JOB) as server:
        server.call("POST", "/_fakefal/clock", {"speed": 0})
        urls = [json.loads(server.call("POST", SUBMIT, arguments(), KEY).body)["status_url"] for _ in range(count)]
        server.call("POST", "/_fakefal/clock", {"advance": STARTED_SECONDS})
        paths = [url.removeprefix(server.url) for url in urls]
        event = b"data: %s\n\n" % server.call("GET", f"{paths[0]}?logs=1", headers=KEY).body
        cost = _cost(server, [f"{path}/stream?logs=1" for path in paths], lambda step: _moved(server, step))
        return asyncio.run(cost), event


def _moved(server: Running, step: int) -> None:
    server.call("POST", "/_fakefal/clock", {"advance": CHANGES[step]})


def _theirs(count: int, event: bytes) -> StreamCost:
    with bare("streaming", event) as server:
        return asyncio.run(_cost(server, ["/"] * count, lambda _: _posted(server)))


def _posted(server: Running) -> None:
    server.call("POST", "/")


@cache
def _costs(size: Size) -> list[tuple[StreamCost, StreamCost]]:
    """Both sides in turn; two rows are made from this."""
    needed, (_, most) = size.streams + SPARE_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < needed:
        raise NotInstalled(f"a process may open {most} files, {needed} are needed: ulimit -n {needed}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(needed, resource.getrlimit(resource.RLIMIT_NOFILE)[0]), most))
    pairs = []
    for _ in range(min(size.rounds, MOST_ROUNDS)):
        cost, event = _ours(size.streams)
        pairs.append((cost, _theirs(size.streams, event)))
    return pairs


def memory(size: Size) -> Measured:
    """Bytes of the server for each open stream."""
    pairs = _costs(size)
    quotients = tuple(ours.bytes / max(theirs.bytes, 1) for ours, theirs in pairs)
    ours, theirs = (f"{statistics.median(pair[side].bytes for pair in pairs) / KIBIBYTE:.1f} KiB" for side in (0, 1))
    return Measured(statistics.median(quotients), ours, theirs, quotients)


def latency(size: Size) -> Measured:
    """Seconds from a change until the last stream has received it."""
    pairs = _costs(size)
    quotients = tuple(ours.seconds / theirs.seconds for ours, theirs in pairs)
    ours, theirs = (f"{statistics.median(pair[side].seconds for pair in pairs) * 1000:.0f} ms" for side in (0, 1))
    return Measured(statistics.median(quotients), ours, theirs, quotients)


BARE = "as many streams of a bare SSE app, same server"
ROWS = (
    Row("streams_memory", "2 000 open status streams: memory", BARE, Goal(1.5), memory),
    Row("streams_latency", "2 000 open status streams: a change is heard by all", BARE, Goal(2.5), latency),
)
