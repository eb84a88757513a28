"""Tests of the whole way, from the order to the webhook, without fal."""

import asyncio
from typing import Any

import httpx
import pytest
from app import app

PROMPT = {"prompt": "A lighthouse at dawn"}


def call(method: str, path: str, body: Any = None) -> Any:
    """What the backend answers."""

    async def called() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://backend") as http:
            return await http.request(method, path, json=body)

    return asyncio.run(called()).raise_for_status().json()


def test_a_clip_is_there_after_the_webhook(fakefal) -> None:
    clip = call("POST", "/clips", PROMPT)["id"]
    assert call("GET", f"/clips/{clip}") == {"state": "waiting"}
    fakefal.webhooks.deliver(to=app)
    assert call("GET", f"/clips/{clip}")["url"].endswith(".mp4")
    fakefal.assert_billed("0.56")
    fakefal.assert_careful()


@pytest.mark.fakefal(effects="content_policy_violation when nth=1")
def test_a_refusal_is_told(fakefal) -> None:
    clip = call("POST", "/clips", PROMPT)["id"]
    fakefal.webhooks.deliver(to=app)
    assert call("GET", f"/clips/{clip}") == {"state": "failed"}


def test_a_forged_webhook_changes_nothing(fakefal) -> None:
    clip = call("POST", "/clips", PROMPT)["id"]
    (webhook,) = fakefal.webhooks
    forged = {**webhook.headers, "X-Fal-Webhook-Signature": "00" * 64}

    async def send() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://backend") as http:
            return (await http.post("/hooks/fal", content=webhook.body, headers=forged)).status_code

    assert asyncio.run(send()) == 401
    assert call("GET", f"/clips/{clip}") == {"state": "waiting"}
