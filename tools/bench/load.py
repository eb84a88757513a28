"""The load generator: wrk, with a script that says what is asked."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.bench.machine import WRK, need, pinned
from tools.bench.servers import Running
from tools.bench.table import Size


def posting(body: str, headers: Mapping[str, str]) -> str:
    """A script that posts the same body again and again."""
    lines = [f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items()]
    return "\n".join(['wrk.method = "POST"', *lines, f"wrk.body = {json.dumps(body)}"])


def getting(paths: Sequence[str], headers: Mapping[str, str]) -> str:
    """A script that gets one address after the other."""
    lines = [f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items()]
    listed = ", ".join(map(json.dumps, paths))
    turn = 'i = i % #paths + 1; return wrk.format("GET", paths[i])'
    return "\n".join([*lines, f"local paths, i = {{{listed}}}, 0", f"function request() {turn} end"])


def rate(running: Running, path: str, script: str, size: Size, seconds: float) -> float:
    """Requests per second that a server answers well.

    Raises:
        Missing: wrk is not installed.
        RuntimeError: it answered something else than well.
    """
    wrk = need("wrk", WRK)
    with tempfile.TemporaryDirectory(prefix="fakefal-bench-") as folder:
        file = Path(folder) / "load.lua"
        # wrk takes whole seconds; its own clock decides how long shorter runs take
        whole = max(1, round(seconds))
        file.write_text(script, "utf-8")
        command = [wrk, "-t1", f"-c{size.connections}", f"-d{whole}s", "-s", str(file), f"{running.url}{path}"]
        done = subprocess.run([*pinned(1), *command], capture_output=True, text=True, check=True)  # noqa: S603
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout) or re.search(r"Socket errors: .*", done.stdout)
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    if failed or found is None or not float(found[1]):
        raise RuntimeError(f"{running.url}{path} does not answer well under load:\n{done.stdout}")
    return float(found[1])


class Load:
    """A warmed-up server's rate, to be asked for in every round, and what the answers cost it.

    Args:
        running: the server.
        path: what wrk is pointed at.
        script: what wrk asks.
        size: for how long, over how many connections.
    """

    def __init__(self, running: Running, path: str, script: str, size: Size) -> None:
        self._running, self._path, self._script, self._size = running, path, script, size
        self._costs: list[float] = []
        rate(running, path, script, size, size.warm_seconds)

    def __call__(self) -> float:
        """Requests per second over one round."""
        before, began = self._running.processor(), time.monotonic()
        found = rate(self._running, self._path, self._script, self._size, self._size.seconds)
        requests = found * (time.monotonic() - began)
        self._costs.append((self._running.processor() - before) / requests)
        return found

    @property
    def cost(self) -> float:
        """The median of the server's processor seconds per request: a busy machine changes it least."""
        return statistics.median(self._costs)
