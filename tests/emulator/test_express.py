"""The short way of the hot calls answers as FastAPI's long way does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from conftest import emulator_with
from fakefal.engine.emulator import Emulator
from fakefal.server.app import build_app
from fakefal.server.express import Express
from fakefal.settings import Settings

ENDPOINT = "fal-ai/kling-video/o1/image-to-video"
APP = "fal-ai/kling-video"
BODY = {"prompt": "a lighthouse", "start_image_url": "https://v3b.fal.media/files/b/rabbit/NaslJIC7F2WodS6DFZRRJ.png"}
KEY = "Key test:secret"
ID = "0199a1b2-0000-7000-8000-00000000000"


class Fixed:
    """Random bits that are the same for two emulators."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, bits: int) -> int:
        self.count += 1
        return self.count % 2**bits


def emulator(**settings: Any) -> Emulator:
    from fakefal.state.clock import MemoryClock

    return emulator_with(
        Settings(profile="stepped", keys={"test": "secret", "other": "secret"}, **settings),
        clock=MemoryClock(lambda: 1_790_000_000.0),
        random_bits=Fixed(),
        wall=lambda: 1_790_000_000.0,
    )


async def call(
    app: Any, method: str, path: str, *, headers: dict[str, str] | None = None, body: bytes = b"", host: str = "a.test"
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    path, _, query = path.partition("?")
    sent: list[MutableMapping[str, Any]] = []
    named = {"host": host, "authorization": KEY, **(headers or {})}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in named.items() if value],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
    }
    await app(scope, receive, send)
    head, *parts = sent
    headers = sorted(
        pair for pair in head["headers"] if pair[0] != b"vary"
    )  # older versions of starlette name no origin
    return head["status"], headers, b"".join(part.get("body", b"") for part in parts)


PAGE = "http://localhost:3000"
SUBMIT = ("POST", f"/queue/{ENDPOINT}")
BYTES = json.dumps(BODY).encode()
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    (*SUBMIT, {"body": BYTES}),
    (*SUBMIT, {"body": BYTES, "host": "queue.fal.run"}),
    ("POST", f"/{ENDPOINT}", {"body": BYTES, "host": "queue.fal.run"}),
    (*SUBMIT, {"body": BYTES, "headers": {"x-fal-queue-priority": "low"}}),
    (*SUBMIT, {"body": BYTES, "headers": {"x-fal-request-timeout": "x"}}),
    (*SUBMIT, {"body": BYTES, "headers": {"origin": PAGE}}),
    (*SUBMIT, {"body": BYTES, "headers": {"authorization": ""}}),
    (*SUBMIT, {"body": BYTES, "headers": {"authorization": "Key test:wrong"}}),
    (*SUBMIT, {"body": BYTES, "headers": {"x-fakefal-effect": "nothing"}}),
    (*SUBMIT, {"body": BYTES, "headers": {"x-fakefal-effect": "ingress_502"}}),
    (*SUBMIT, {"body": BYTES, "headers": {"x-fakefal-effect": "queue_full"}}),
    (*SUBMIT, {"body": b'{"prompt": '}),
    (*SUBMIT, {"body": b""}),
    ("POST", f"/queue/{ENDPOINT}?fal_webhook=http://127.0.0.1:1/x", {"body": BYTES}),
    ("POST", f"/queue/{ENDPOINT}?fal_max_queue_length=x", {"body": BYTES}),
    ("POST", f"/queue/{ENDPOINT}?fal_max_queue_length=0", {"body": BYTES}),
    ("POST", f"/queue/{ENDPOINT}/", {"body": BYTES}),
    ("POST", f"/queue/{APP}", {"body": BYTES}),
    ("POST", "/queue/fal-ai/unknown/x", {"body": BYTES}),
    ("POST", f"/queue/{APP}/v1/standard/text-to-video", {"body": BYTES}),
    ("POST", f"/queue/{APP}//o1", {"body": BYTES}),
    ("POST", f"/queue/{APP}/requests/x", {"body": BYTES}),
    ("POST", "/queue/fal-ai", {"body": BYTES}),
    ("GET", f"/queue/{ENDPOINT}", {}),
    ("GET", f"/queue/{APP}/requests/{{id}}/status", {}),
    ("GET", f"/queue/{APP}/requests/{{id}}/status?logs=1", {}),
    ("GET", f"/queue/{APP}/requests/{{id}}/status?logs=0&logs=true", {}),
    ("GET", f"/queue/{APP}/requests/{{id}}/status/", {"headers": {"origin": PAGE}}),
    ("GET", f"/queue/{APP}/requests/{{id}}/status", {"headers": {"authorization": "Key other:secret"}}),
    ("GET", f"/queue/{APP}/requests/{{id}}/status", {"headers": {"authorization": ""}}),
    ("GET", f"/queue/{APP}/requests/{{id}}/status", {"headers": {"authorization": "Bearer x"}}),
    ("GET", "/queue/fal-ai/other/requests/{id}/status", {}),
    ("GET", f"/queue/{APP}/requests/{{id}}", {}),
    ("GET", f"/queue/{APP}/requests/{ID}", {}),
    ("GET", f"/queue/{APP}/requests/{ID}/status", {"headers": {"authorization": ""}}),
    ("GET", f"/queue/{APP}/requests/%ff", {}),
    ("HEAD", f"/queue/{APP}/requests/{{id}}", {}),
    ("DELETE", f"/queue/{APP}/requests/{{id}}", {}),
    ("POST", f"/queue/{APP}/requests/{{id}}/cancel", {}),
    ("PUT", f"/queue/{APP}/requests/{{id}}/cancel", {}),
    ("PUT", f"/queue/{APP}/requests/{{id}}/cancel?x=1", {}),
    ("PUT", f"/queue/{APP}/requests/{ID}/cancel", {}),
    (
        "OPTIONS",
        f"/queue/{APP}/requests/{{id}}",
        {"headers": {"origin": PAGE, "access-control-request-method": "GET"}},
    ),
]


async def transcript() -> list[Any]:
    """Every answer to every call, each after a submit of its own; and at the end, all that is stored."""
    asked = emulator()
    app = build_app(asked)
    said: list[Any] = []
    for method, path, options in CALLS:
        submitted = await call(app, *SUBMIT, body=BYTES)
        request_id = json.loads(submitted[2])["request_id"]
        said.append((method, path, await call(app, method, path.replace("{id}", request_id), **options)))
    return [*said, *(look.record for look in await asked.all())]


def test_the_short_way_and_the_long_way_answer_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    short = asyncio.run(transcript())
    monkeypatch.setattr(Express, "_call", lambda *_: None)
    long = asyncio.run(transcript())
    for ours, theirs in zip(short, long, strict=True):
        assert ours == theirs


def test_plain_calls_take_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[bool] = []
    inner = Express._call

    def noted(self: Express, *arguments: Any) -> Any:
        found = inner(self, *arguments)
        taken.append(found is not None)
        return found

    monkeypatch.setattr(Express, "_call", noted)
    app = build_app(emulator())

    async def calls() -> None:
        submitted = await call(app, *SUBMIT, body=BYTES)
        path = f"/queue/{APP}/requests/{json.loads(submitted[2])['request_id']}"
        for method, suffix in (("GET", "/status"), ("GET", ""), ("PUT", "/cancel")):
            await call(app, method, path + suffix)

    asyncio.run(calls())
    assert taken == [True] * 4


@pytest.mark.parametrize("base_url", ["short", "long"])
def test_what_nobody_foresaw_is_a_500_and_reaches_the_log(base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if base_url == "long":
        monkeypatch.setattr(Express, "_call", lambda *_: None)
    broken = emulator()
    monkeypatch.setattr(broken.queue, "add", None)
    app = build_app(broken)
    sent: list[MutableMapping[str, Any]] = []

    async def raising() -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": BYTES, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "scheme": "http", "path": SUBMIT[1], "query_string": b""}
        headers = [(b"host", b"a.test"), (b"authorization", KEY.encode())]
        await app({**scope, "headers": headers, "asgi": {}, "http_version": "1.1"}, receive, send)

    with pytest.raises(TypeError):
        asyncio.run(raising())
    assert sent[0]["status"] == 500
    assert sent[1]["body"] == b'{"detail":"Internal Server Error"}'
