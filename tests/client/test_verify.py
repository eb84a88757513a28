"""Webhooks that the emulator signs are verified; others are not."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import anyio
import httpx
import pytest
import respx

from fakefal_client import AsyncClient, InvalidWebhook, Retry, TimeSource, UnexpectedAnswer, Unreachable
from fakefal_client.kling import KlingO1ReferenceToVideo
from support.clients import MakeClient
from support.receivers import Received, Receiver
from support.server import Serve, Server
from support.waiting import LIMIT

FAKE = "http://fake.test"
KEYS = "/rest/.well-known/jwks.json"


@pytest.fixture
def sent(make_client: MakeClient, server: Server, receiver: Receiver) -> Callable[..., Any]:
    """Have a webhook sent, and return the client and the webhook."""

    def send(prompt: str = "x", **options: Any) -> tuple[Any, Received]:
        client = make_client(server.url, key="tester:secret", **options)
        before = len(receiver.received)
        client.submit(KlingO1ReferenceToVideo(prompt=prompt), webhook_url=receiver.url)
        return client, receiver.wait(before + 1)[-1]

    return send


@pytest.mark.versions
@pytest.mark.quick
def test_a_success_and_a_failure(sent: Callable[..., Any]) -> None:
    client, one = sent()
    webhook = client.verify(one.headers, one.body)
    assert (webhook.ok, webhook.error) == (True, None)
    assert webhook.payload["video"]["content_type"] == "video/mp4"
    client, one = sent("fakefal:content_policy_violation")
    webhook = client.verify(one.headers, one.body)
    assert (webhook.ok, webhook.error) == (False, "Invalid status code: 422")
    assert webhook.payload["detail"][0]["type"] == "content_policy_violation"


@pytest.mark.versions
@pytest.mark.quick
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda headers, body: (headers, body + b" "), "signature"),
        (lambda headers, body: (headers | {"x-fal-webhook-request-id": "other"}, body), "signature"),
        (lambda headers, body: (headers | {"x-fal-webhook-signature": "00" * 64}, body), "signature"),
        (lambda headers, body: (headers | {"x-fal-webhook-signature": "xyz"}, body), "hexadecimal"),
        (lambda headers, body: (headers | {"x-fal-webhook-timestamp": "soon"}, body), "not a number"),
        (lambda headers, body: (headers | {"x-fal-webhook-timestamp": "1"}, body), "seconds off"),
        (lambda _, body: ({}, body), "headers"),
    ],
)
def test_what_is_not_the_services(sent: Callable[..., Any], change: Callable[..., Any], said: str) -> None:
    client, one = sent()
    headers = {name.lower(): value for name, value in one.headers.items()}
    client.verify(headers, one.body)
    with pytest.raises(InvalidWebhook, match=said):
        client.verify(*change(headers, one.body))


def test_a_stale_one_is_refused_by_the_clients_clock(sent: Callable[..., Any]) -> None:
    client, one = sent(clock=TimeSource(wall=lambda: time.time() + 301))
    with pytest.raises(InvalidWebhook, match="seconds off"):
        client.verify(one.headers, one.body)


def test_keys_are_kept_and_fetched_again_after_a_rotation(sent: Callable[..., Any], server: Server) -> None:
    now = [0.0]
    client, one = sent(clock=TimeSource(monotonic=lambda: now[0]))
    client.verify(one.headers, one.body)
    server.http.post("/_fakefal/webhooks/rotate")
    _, two = sent()
    with pytest.raises(InvalidWebhook):
        client.verify(two.headers, two.body)
    now[0] = 61
    client.verify(two.headers, two.body)
    client.verify(one.headers, one.body)


def test_the_development_key_is_refused_where_the_target_is_fal(
    serve: Serve, receiver: Receiver, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()  # the keys of the shared one were rotated
    before = len(receiver.received)
    make_client(server.url).submit(KlingO1ReferenceToVideo(prompt="x"), webhook_url=receiver.url)
    one = receiver.wait(before + 1)[-1]
    published = server.http.get(KEYS).json()
    monkeypatch.setenv("FAKEFAL_ALLOW_REAL", "1")
    monkeypatch.delenv("FAKEFAL_URL", raising=False)
    with respx.mock(assert_all_called=False) as mocked:
        route = mocked.get("https://rest.fal.ai/.well-known/jwks.json").respond(json=published)
        client = make_client("fal", key="me:secret")
        with pytest.raises(InvalidWebhook, match="the development key of fakefal, not a key of fal"):
            client.verify(one.headers, one.body)
        assert not route.called
        monkeypatch.setenv("FAKEFAL_URL", server.url)  # as under `fakefal run`
        assert client.verify(one.headers, one.body).ok


def test_who_comes_while_the_keys_are_read_waits_for_them(
    sent: Callable[..., Any], server: Server, make_client: MakeClient, request: pytest.FixtureRequest
) -> None:
    _, one = sent()
    keys = server.http.get(KEYS).json()
    first_came, second_came, two = Event(), Event(), []

    def wall() -> float:
        two.append(None)
        if len(two) == 2:
            second_came.set()
        return time.time()

    def answer(_: httpx.Request) -> httpx.Response:
        first_came.set()
        assert second_came.wait(LIMIT)
        return httpx.Response(200, json=keys)

    async def answer_later(request: httpx.Request) -> httpx.Response:
        return await anyio.to_thread.run_sync(answer, request)

    blocking = request.node.callspec.params["make_client"] == "sync"
    with respx.mock, ThreadPoolExecutor() as pool:
        route = respx.get(f"{FAKE}{KEYS}").mock(side_effect=answer if blocking else answer_later)
        client = make_client(FAKE, clock=TimeSource(wall=wall), environ={})
        first = pool.submit(client.verify, one.headers, one.body)
        assert first_came.wait(LIMIT)
        second = pool.submit(client.verify, one.headers, one.body)
        assert first.result().ok
        assert second.result().ok
        assert route.call_count == 1


@pytest.mark.parametrize("answer", [httpx.ConnectError("down"), httpx.Response(200, text="<html>log in")])
def test_keys_that_cannot_be_read_are_no_forgery(
    sent: Callable[..., Any], server: Server, make_client: MakeClient, answer: Any
) -> None:
    _, one = sent()
    answers = [answer, httpx.Response(200, json=server.http.get(KEYS).json())]
    with respx.mock:
        respx.get(f"{FAKE}{KEYS}").mock(side_effect=answers)
        client = make_client(FAKE, retry=Retry(times=0), environ={})
        with pytest.raises((Unreachable, UnexpectedAnswer)):
            client.verify(one.headers, one.body)
        assert client.verify(one.headers, one.body).ok


def test_a_reader_of_the_keys_that_is_cancelled_holds_nobody_up(sent: Callable[..., Any], server: Server) -> None:
    _, one = sent()
    keys = httpx.Response(200, json=server.http.get(KEYS).json())
    verified: list[Any] = []

    async def main() -> None:
        first_came = anyio.Event()

        async def answer(_: httpx.Request) -> httpx.Response:
            if not first_came.is_set():
                first_came.set()
                await anyio.sleep_forever()
            return keys

        respx.get(f"{FAKE}{KEYS}").mock(side_effect=answer)
        async with AsyncClient(FAKE, environ={}) as client, anyio.create_task_group() as others:

            async def verify() -> None:
                verified.append(await client.verify(one.headers, one.body))

            async with anyio.create_task_group() as reader:
                reader.start_soon(verify)
                await first_came.wait()
                others.start_soon(verify)
                await anyio.wait_all_tasks_blocked()
                reader.cancel_scope.cancel()

    with respx.mock:
        anyio.run(main)
    assert [webhook.ok for webhook in verified] == [True]
