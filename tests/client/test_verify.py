"""Webhooks that the emulator signs are verified; others are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clients import MakeClient
from conftest import Server
from fakefal_client import Clock, InvalidWebhook
from fakefal_client.kling import O1ReferenceToVideo
from receivers import Received, Receiver


@pytest.fixture
def sent(make_client: MakeClient, server: Server, receiver: Receiver) -> Callable[..., Any]:
    """Have a webhook sent, and return the client and the webhook."""

    def send(prompt: str = "x", **options: Any) -> tuple[Any, Received]:
        client = make_client(server.url, key="tester:secret", **options)
        before = len(receiver.received)
        client.submit(O1ReferenceToVideo(prompt=prompt), webhook_url=receiver.url)
        return client, receiver.wait(before + 1)[-1]

    return send


def test_a_success_and_a_failure(sent: Callable[..., Any]) -> None:
    client, one = sent()
    webhook = client.verify_webhook(one.headers, one.body)
    assert (webhook.ok, webhook.error) == (True, None)
    assert webhook.payload["video"]["content_type"] == "video/mp4"
    client, one = sent("fakefal:content_policy_violation")
    webhook = client.verify_webhook(one.headers, one.body)
    assert (webhook.ok, webhook.error) == (False, "Invalid status code: 422")
    assert webhook.payload["detail"][0]["type"] == "content_policy_violation"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda headers, body: (headers, body + b" "), "signature"),
        (lambda headers, body: (headers | {"x-fal-webhook-request-id": "other"}, body), "signature"),
        (lambda headers, body: (headers | {"x-fal-webhook-signature": "00" * 64}, body), "signature"),
        (lambda headers, body: (headers | {"x-fal-webhook-signature": "xyz"}, body), "hexadecimal"),
        (lambda headers, body: (headers | {"x-fal-webhook-timestamp": "soon"}, body), "no number"),
        (lambda headers, body: (headers | {"x-fal-webhook-timestamp": "1"}, body), "seconds off"),
        (lambda _, body: ({}, body), "headers"),
    ],
)
def test_what_is_not_the_services(sent: Callable[..., Any], change: Callable[..., Any], said: str) -> None:
    client, one = sent()
    headers = {name.lower(): value for name, value in one.headers.items()}
    client.verify_webhook(headers, one.body)
    with pytest.raises(InvalidWebhook, match=said):
        client.verify_webhook(*change(headers, one.body))


def test_a_stale_one_is_refused_by_the_clients_clock(sent: Callable[..., Any]) -> None:
    import time

    client, one = sent(clock=Clock(wall=lambda: time.time() + 301))
    with pytest.raises(InvalidWebhook, match="seconds off"):
        client.verify_webhook(one.headers, one.body)


def test_keys_are_kept_and_fetched_again_after_a_rotation(sent: Callable[..., Any], server: Server) -> None:
    now = [0.0]
    client, one = sent(clock=Clock(monotonic=lambda: now[0]))
    client.verify_webhook(one.headers, one.body)
    server.http.post("/_fakefal/webhooks/rotate")
    _, two = sent()
    with pytest.raises(InvalidWebhook):
        client.verify_webhook(two.headers, two.body)
    now[0] = 61
    client.verify_webhook(two.headers, two.body)
    client.verify_webhook(one.headers, one.body)
