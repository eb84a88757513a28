"""Coroutine tests of a user that pass under pytest-asyncio."""

from __future__ import annotations

import asyncio

import fal_client
import httpx
import pytest

from fakefal.testing import Fakefal

ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
QUEUE = f"https://queue.fal.run/{ENDPOINT}"
KEY = {"Authorization": "Key me:secret"}


async def test_fals_own_client(fakefal: Fakefal) -> None:
    results = await asyncio.gather(
        *(fal_client.AsyncClient().subscribe(ENDPOINT, arguments={"prompt": str(number)}) for number in range(20))
    )
    assert len({result["video"]["url"] for result in results}) == 20
    fakefal.assert_completed(20)


@pytest.mark.fakefal(effects="slow_response(seconds=600)")
async def test_waiting_does_not_hold_the_loop_and_can_be_cancelled(fakefal: Fakefal) -> None:
    async with httpx.AsyncClient(headers=KEY, timeout=None) as client:
        waiting = asyncio.create_task(client.post(QUEUE, json={"prompt": "a"}))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert fakefal.url
