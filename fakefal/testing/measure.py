"""Measures the time of the fixture on this machine: ``python -m fakefal.testing.measure``.

Prints medians in milliseconds.  The user's own `httpx.Client()` is created before and not counted.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from itertools import pairwise

import httpx

from fakefal.testing import Fakefal

ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
KEY = {"Authorization": "Key measure:secret"}
ROUNDS = 200
GOALS = {"set-up": 5.0, "submit, status and result": 2.0, "tear-down": 5.0}
"""The goals, in milliseconds."""


def whole_call(http: httpx.Client) -> None:
    """Submit, read the status, read the result."""
    submitted = http.post(f"https://queue.fal.run/{ENDPOINT}", json={"prompt": "a lighthouse"}).json()
    assert http.get(submitted["status_url"]).json()["status"] == "COMPLETED"
    assert http.get(submitted["response_url"]).is_success


def measured(rounds: int = ROUNDS) -> dict[str, float]:
    """The median of each step over this many rounds, in milliseconds."""
    with httpx.Client(headers=KEY) as http:
        steps = list(_rounds(http, rounds))
    return {name: statistics.median(step[name] for step in steps) for name in GOALS}


def _rounds(http: httpx.Client, rounds: int) -> Iterator[dict[str, float]]:
    for number in range(rounds + 1):
        moments = [time.perf_counter()]
        with Fakefal():
            moments.append(time.perf_counter())
            whole_call(http)
            moments.append(time.perf_counter())
        moments.append(time.perf_counter())
        if number:  # the first round loads what a process needs once
            lengths = ((later - earlier) * 1000 for earlier, later in pairwise(moments))
            yield dict(zip(GOALS, lengths, strict=True))


def main() -> None:
    """Print the numbers beside the goals."""
    for name, milliseconds in measured().items():
        sys.stdout.write(f"{name}: {milliseconds:.2f} ms (goal: under {GOALS[name]:g} ms)\n")


if __name__ == "__main__":
    main()
