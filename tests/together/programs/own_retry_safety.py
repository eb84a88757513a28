"""fakefal's own client makes each call of a list, all at the same time; as `retry_safety.py` does with fal's.

Usage: own_retry_safety.py sync|async.
"""

from __future__ import annotations

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fakefal_client import AsyncClient, Client, FakefalError, Retry, ServiceError

ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
SOON = Retry(first_seconds=0.005)


def told(case: dict[str, Any]) -> dict[str, Any]:
    """How a client of the case's own is built."""
    return {"key": f"{case['key']}:secret", "retry": SOON, "poll_seconds": 0.005, "timeout_seconds": 300}


def name(error: FakefalError) -> str:
    status = f" {error.status}" if isinstance(error, ServiceError) else ""
    return f"{type(error).__name__}{status}"


def limits(case: dict[str, Any]) -> dict[str, Any]:
    seconds = case["timeout_seconds"]
    return {} if seconds is None else {"deadline_seconds": seconds}


def call(case: dict[str, Any]) -> str:
    with Client(**told(case)) as client:
        try:
            getattr(client, case["call"])(ENDPOINT, case["arguments"], **limits(case))
        except FakefalError as error:
            return name(error)
        return "result"


async def async_call(case: dict[str, Any]) -> str:
    async with AsyncClient(**told(case)) as client:
        try:
            await getattr(client, case["call"])(ENDPOINT, case["arguments"], **limits(case))
        except FakefalError as error:
            return name(error)
        return "result"


async def async_calls(cases: list[dict[str, Any]]) -> list[str]:
    return await asyncio.gather(*map(async_call, cases))


if __name__ == "__main__":
    cases = json.load(sys.stdin)
    if sys.argv[1] == "async":
        seen = asyncio.run(async_calls(cases))
    else:
        with ThreadPoolExecutor(len(cases)) as pool:
            seen = list(pool.map(call, cases))
    print(json.dumps({case["key"]: one for case, one in zip(cases, seen, strict=True)}))
