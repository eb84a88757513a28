"""fal's Python client, unmodified but for its sleeps, makes each call of a list, all at the same time.

Usage: retry_safety.py sync|async.  Cases come as JSON on standard input; what the program saw of each goes
to standard output, by the case's key.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import fal_client
import httpx

ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
SPEED = 100
"""How much faster than in life the client waits between its tries; what it sends stays the same."""

CONNECT_SECONDS = 300
sleep, async_sleep = time.sleep, asyncio.sleep


def sleep_less(seconds: float) -> None:
    sleep(seconds / SPEED)


async def async_sleep_less(seconds: float, *rest: Any) -> Any:
    return await async_sleep(seconds / SPEED, *rest)


@dataclass(frozen=True)
class Case:
    """One call: the key that makes it, what it is and asks for, how long the client waits for an answer."""

    key: str
    call: str
    arguments: dict[str, Any]
    timeout_seconds: float | None

    @property
    def timeout(self) -> httpx.Timeout:
        """Only the wait for an answer is short: a busy machine may take its time to connect."""
        return httpx.Timeout(CONNECT_SECONDS, read=self.timeout_seconds or CONNECT_SECONDS)

    def ask(self, kind: Any) -> Any:
        """Make the call with a client of the case's own; that of the asynchronous one is to be awaited."""
        client = kind(key=f"{self.key}:secret", default_timeout=self.timeout)
        more = {"timeout": self.timeout} if self.call == "run" else {}
        return getattr(client, self.call)(ENDPOINT, arguments=self.arguments, **more)


def name(error: Exception) -> str:
    """An error as a program tells it apart: a dead connection shows as one of several transport errors."""
    if isinstance(error, fal_client.FalClientHTTPError):
        return f"FalClientHTTPError {error.status_code}"
    if isinstance(error, httpx.TransportError) and not isinstance(error, httpx.TimeoutException):
        return "httpx.TransportError"
    return f"{type(error).__module__.partition('.')[0]}.{type(error).__name__}"


def call(case: Case) -> str:
    try:
        case.ask(fal_client.SyncClient)
    except Exception as error:  # noqa: BLE001 - whatever the program sees is the answer
        return name(error)
    return "result"


async def async_call(case: Case) -> str:
    try:
        await case.ask(fal_client.AsyncClient)
    except Exception as error:  # noqa: BLE001 - whatever the program sees is the answer
        return name(error)
    return "result"


async def async_calls(cases: list[Case]) -> list[str]:
    return await asyncio.gather(*map(async_call, cases))


if __name__ == "__main__":
    cases = [Case(**case) for case in json.load(sys.stdin)]
    time.sleep, asyncio.sleep = sleep_less, async_sleep_less
    ssl.create_default_context = cache(ssl.create_default_context)  # loading certificates takes longer than calls
    if sys.argv[1] == "async":
        seen = asyncio.run(async_calls(cases))
    else:
        with ThreadPoolExecutor(len(cases)) as pool:
            seen = list(pool.map(call, cases))
    print(json.dumps({case.key: one for case, one in zip(cases, seen, strict=True)}))
