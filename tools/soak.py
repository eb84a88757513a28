"""``make soak``: sends calls of every kind to a server for minutes, and measures the effect.

One thread submits jobs and counts their outcomes; the others send odd bodies, uploads and control calls. At the end the
numbers are printed as JSON. The exit code is 1 if a job was lost, an answer was 500 or missing, or the memory of the
server grew or exceeded its limits.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from fakefal.settings_file import FILE_NAME
from fakefal.state.jsonio import MAX_BYTES
from fakefal_contracts import FOUNDING
from tools.bench.servers import Running, awaited, process, resident, serve_command

SECONDS = float(os.environ.get("SOAK_SECONDS", "1200"))
FUZZERS = 3
MEBIBYTE = 1024 * 1024
KEY = {"Authorization": "Key soak:secret"}
ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
MOST_GROWTH = 1.25
"""The maximum growth of the server: medians of the last fifth of the time against the third fifth."""

STORED = 32 * MEBIBYTE
MEMORY_OF_JSON = 30
"""The maximum memory for reading and judging a body without media, in multiples of its length."""

ALLOWED = STORED + FUZZERS * MEMORY_OF_JSON * MAX_BYTES
"""The maximum growth since the start: what the server keeps, and what it reads at once.

A cache full of large things would also stay flat.
"""

BOUNDS = f"""
profile = "instant"
max_requests = 500
max_request_bytes = {STORED}
max_files = 100
max_file_bytes = {64 * MEBIBYTE}
max_journal = 500
"""
"""Small limits are reached early, so that the test also covers the time after that."""


@dataclass
class Figures:
    """The counts; threads add under the lock."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    statuses: Counter[str] = field(default_factory=Counter)
    jobs: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)
    memory: list[float] = field(default_factory=list)

    def call(self, door: str, status: int, seconds: float) -> None:
        """Count an answer."""
        with self.lock:
            self.statuses[f"{door} {status}"] += 1
            self.slowest[door] = max(self.slowest.get(door, 0.0), seconds)
            if status == httpx.codes.INTERNAL_SERVER_ERROR:
                self.failures[f"{door}: 500"] += 1

    def fail(self, why: str) -> None:
        """Count a failure."""
        with self.lock:
            self.failures[why] += 1

    def growth(self) -> float:
        """The memory of the last fifth over that of the third; earlier, the stores are still filling up."""
        fifth = max(1, len(self.memory) // 5)
        early, late = sorted(self.memory[2 * fifth : 3 * fifth] or self.memory), sorted(self.memory[-fifth:])
        return late[len(late) // 2] / early[len(early) // 2]

    def memory_is_bounded(self) -> bool:
        """Whether the memory stayed flat, and within the limits."""
        return self.growth() <= MOST_GROWTH and max(self.memory) <= self.memory[0] + ALLOWED

    def report(self) -> dict[str, object]:
        """All counts, for people."""
        return {
            "calls": sum(self.statuses.values()),
            "jobs": dict(self.jobs),
            "slowest_seconds": {door: round(seconds, 3) for door, seconds in sorted(self.slowest.items())},
            "memory_mib": {
                "first": round(self.memory[0] / MEBIBYTE),
                "last": round(self.memory[-1] / MEBIBYTE),
                "most": round(max(self.memory) / MEBIBYTE),
                "allowed": round((self.memory[0] + ALLOWED) / MEBIBYTE),
                "growth": round(self.growth(), 3),
            },
            "answers": dict(sorted(self.statuses.items())),
            "failures": dict(self.failures),
        }


def odd_body(draw: random.Random) -> bytes:
    """A body: a valid one, a huge one, a broken one."""
    good = json.dumps({"prompt": "soak", "start_image_url": "data:image/png;base64,AAAA"}).encode()
    many = draw.randrange(1, 300_000)
    shapes: tuple[Callable[[], bytes], ...] = (
        lambda: good,
        lambda: good[: draw.randrange(len(good))],
        lambda: good.replace(b"a", draw.randbytes(3), draw.randrange(9)),
        lambda: draw.randbytes(draw.randrange(2000)),
        lambda: b"[" * many,
        lambda: b"[" + b"[]," * many + b"0]",
        lambda: b'{"a":' * (many % 200) + b"1" + b"}" * (many % 200),
        lambda: b'{"prompt": "' + b"x" * 20 * many + b'"}',
        lambda: b'{"prompt":"\xf0\x9f\x98\x80","start_image_url":"data:image/png;base64,' + b"A" * 20 * many + b'"}',
        lambda: b'{"z": "data:' + b"\\n" * many + b'", "y": ' + b"1" * (many % 5000) + b"}",
        lambda: b"",
    )
    return draw.choice(shapes)()


def fuzz(http: httpx.Client, draw: random.Random, count: Figures, going: Callable[[], bool]) -> None:
    """Send odd bodies to every kind of call."""
    endpoints = sorted(FOUNDING)
    as_json = {"Content-Type": "application/json"}
    while going():
        body = odd_body(draw)
        doors = {
            "queue": ("POST", f"/queue/{draw.choice(endpoints)}"),
            "run": ("POST", f"/run/{draw.choice(endpoints)}"),
            "initiate": ("POST", "/rest/storage/upload/initiate"),
            "scenarios": ("POST", "/_fakefal/scenarios?key=nobody"),
            "clock": ("POST", "/_fakefal/clock?key=nobody"),
            "settings": ("PUT", "/platform/v1/storage/settings"),
            "upload": ("POST", "/cdn/files/upload"),
            "odd path": ("GET", f"/{draw.randbytes(draw.randrange(20)).hex()}"),
        }
        door, (method, path) = draw.choice(list(doors.items()))
        headers = KEY | as_json
        if door == "queue":
            headers["Authorization"] = f"Key fuzz{draw.randrange(10_000)}:secret"
        if door == "upload":
            token = http.post("/rest/storage/auth/token", headers=KEY).json()["token"]
            headers["Authorization"] = f"Bearer {token}"
        send(http, count, door, method, path, body if method != "GET" else b"", headers)


def send(
    http: httpx.Client, count: Figures, door: str, method: str, path: str, body: bytes, headers: dict[str, str]
) -> httpx.Response | None:
    """Make a call and count it."""
    began = time.perf_counter()
    try:
        answer = http.request(method, path, content=body, headers=headers)
    except httpx.HTTPError as error:
        count.fail(f"{door}: {type(error).__name__}")
        return None
    count.call(door, answer.status_code, time.perf_counter() - began)
    return answer


def work(http: httpx.Client, count: Figures, going: Callable[[], bool]) -> None:
    """Submit jobs and read each: every accepted job must end with its own result."""
    body = json.dumps({"prompt": "soak"}).encode()
    while going():
        submitted = send(http, count, "job", "POST", f"/queue/{ENDPOINT}", body, KEY)
        if submitted is None or submitted.status_code != httpx.codes.OK:
            count.fail("a job was not accepted")
            continue
        with count.lock:
            count.jobs["accepted"] += 1
        result = send(http, count, "result", "GET", submitted.json()["response_url"], b"", KEY)
        if result is not None and result.status_code == httpx.codes.OK and "video" in result.json():
            with count.lock:
                count.jobs["delivered"] += 1
        else:
            count.fail("a job was lost")


def soak(running: Running, seconds: float) -> Figures:
    """Load a server for this number of seconds."""
    count, end = Figures(), time.monotonic() + seconds
    seed = random.SystemRandom().getrandbits(32)
    print(f"soak: {seconds:.0f} s, seed {seed}", file=sys.stderr)  # noqa: T201

    def going() -> bool:
        return time.monotonic() < end

    with ExitStack() as stack:
        clients = [
            stack.enter_context(httpx.Client(base_url=running.url, trust_env=False, timeout=60))
            for _ in range(FUZZERS + 1)
        ]
        threads = [threading.Thread(target=work, args=(clients[0], count, going))]
        for number, client in enumerate(clients[1:]):
            draw = random.Random(seed + number)  # noqa: S311 - nothing here is a secret
            threads.append(threading.Thread(target=fuzz, args=(client, draw, count, going)))
        for thread in threads:
            thread.start()
        while going():
            count.memory.append(resident(running.pid))
            time.sleep(min(1.0, seconds / 50))
        for thread in threads:
            thread.join()
    return count


def main() -> int:
    """Start a server, load it, print the numbers."""
    with tempfile.TemporaryDirectory(prefix="fakefal-soak-") as folder:
        (Path(folder) / FILE_NAME).write_text(BOUNDS)
        ready = Path(folder) / "ready.json"
        command = serve_command(ready_file=ready)
        with process(command, pin=False, cwd=folder, stdout=subprocess.DEVNULL) as child:
            count = soak(Running(json.loads(awaited(ready, child))["url"], child.pid), SECONDS)
    print(json.dumps(count.report(), indent=2))  # noqa: T201
    return 0 if count.memory_is_bounded() and not count.failures else 1


if __name__ == "__main__":
    sys.exit(main())
