"""Coroutine tests of a user that pass: run by `test_plugin.py` under pytest-asyncio and under anyio."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import fastapi
import flask
import httpx
import httpx2
import pytest
import sniffio

import fakefal_client
from fakefal.testing import Fakefal

ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
QUEUE = f"https://queue.fal.run/{ENDPOINT}"
PROMPT = {"prompt": "A lighthouse at dawn"}
KEY = {"Authorization": "Key me:secret"}


@pytest.mark.parametrize("library", [httpx, httpx2])
async def test_a_whole_call(fakefal: Fakefal, library: Any) -> None:
    async with library.AsyncClient(headers=KEY) as client:
        submitted = (await client.post(QUEUE, json=PROMPT)).json()
        video = (await client.get(submitted["response_url"])).json()["video"]
        assert len((await client.get(video["url"])).content) == video["file_size"]
    fakefal.assert_completed(1)


async def test_fakefals_own_client_finds_the_fake(fakefal: Fakefal) -> None:
    async with fakefal_client.AsyncClient() as client:
        assert (await client.run(ENDPOINT, PROMPT))["video"]["content_type"] == "video/mp4"
    fakefal.assert_completed(1)


@pytest.mark.fakefal(profile="realistic")
async def test_a_stream_arrives_as_it_is_made(fakefal: Fakefal) -> None:
    states = []
    async with httpx.AsyncClient(headers=KEY) as client:
        submitted = (await client.post(QUEUE, json=PROMPT)).json()
        async with client.stream("GET", f"{submitted['status_url']}/stream") as answer:
            async for line in answer.aiter_lines():
                if not line.startswith("data:"):
                    continue
                states.append(json.loads(line[5:])["status"])
                if states == ["IN_QUEUE"]:
                    fakefal.advance("end", submitted["request_id"])
    assert states == ["IN_QUEUE", "COMPLETED"]


@pytest.mark.fakefal(effects=["drop_before_accept when nth=1", "slow_response(seconds=600) when nth=2"])
@pytest.mark.parametrize("library", [httpx, httpx2])
async def test_faults(fakefal: Fakefal, library: Any) -> None:
    async with library.AsyncClient(headers=KEY) as client:
        with pytest.raises(library.RemoteProtocolError):
            await client.post(QUEUE, json=PROMPT)
        with pytest.raises(library.ReadTimeout):
            await client.post(QUEUE, json=PROMPT, timeout=0.05)
    assert fakefal.url


async def application(scope: Any, receive: Any, send: Any) -> None:
    assert scope["path"] == "/hook"
    while (await receive())["more_body"]:
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def received(headers: dict[str, str], body: bytes) -> str:
    return f"{len(headers)} {json.loads(body)['status']}"


async def test_webhooks_are_delivered_on_the_tests_own_loop(fakefal: Fakefal) -> None:
    async with httpx.AsyncClient(headers=KEY) as client:
        for _ in range(3):
            await client.post(QUEUE, json=PROMPT, params={"fal_webhook": "https://me.example/hook"})
    with pytest.raises(RuntimeError, match=r"await fakefal\.webhooks\.adeliver"):
        fakefal.webhooks.deliver(to=application)
    answers = await fakefal.webhooks.adeliver(to=application)
    assert [answer.status_code for answer in answers] == [204] * 3
    async with httpx.AsyncClient(headers=KEY) as client:
        await client.post(QUEUE, json=PROMPT, params={"fal_webhook": "https://me.example/hook"})
    assert await fakefal.webhooks.adeliver(to=received) == ["5 OK"]


@asynccontextmanager
async def lifespan(_: fastapi.FastAPI) -> AsyncIterator[dict[str, str]]:
    yield {"started": sniffio.current_async_library()}


app = fastapi.FastAPI(lifespan=lifespan)


@app.post("/hook")
async def in_fastapi(request: fastapi.Request) -> str:
    return f"{request.state.started} {sniffio.current_async_library()}"


flask_app = flask.Flask("receiver")


@flask_app.post("/hook")
def in_flask() -> str:
    return str(httpx.get("https://rest.fal.ai/.well-known/jwks.json").status_code)


async def test_webhooks_are_delivered_to_what_has_a_start_and_to_what_blocks(fakefal: Fakefal) -> None:
    library = sniffio.current_async_library()
    for to, text in ((app, f'"{library} {library}"'), (flask_app, "200")):
        async with httpx.AsyncClient(headers=KEY) as client:
            await client.post(QUEUE, json=PROMPT, params={"fal_webhook": "https://me.example/hook"})
        (answer,) = await fakefal.webhooks.adeliver(to=to)
        assert (answer.status_code, answer.text) == (200, text)


async def test_each_webhook_is_delivered_though_the_first_fails(fakefal: Fakefal) -> None:
    got = []

    async def handler(_headers: dict[str, str], body: bytes) -> None:
        got.append(body)
        if len(got) == 1:
            raise ValueError("first")

    async with httpx.AsyncClient(headers=KEY) as client:
        for _ in range(2):
            await client.post(QUEUE, json=PROMPT, params={"fal_webhook": "https://me.example/hook"})
    with pytest.raises(ValueError, match="first"):
        await fakefal.webhooks.adeliver(to=handler)
    assert len(set(got)) == 2
