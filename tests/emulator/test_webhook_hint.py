"""A webhook that can never be called: the hint of the submit, the log of the request and the journal say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.datastructures import QueryParams

from fakefal.wire.webhook_hint import webhook_hint
from support.endpoints import APP, O1
from support.server import KEY, Server

QUERIES = {
    "fal_webhook=undefined": "no webhook will be sent to 'undefined': a variable of your program has no value",
    "fal_webhook=null": "a variable of your program has no value",
    "fal_webhook=": "it is empty",
    "fal_webhook=/api/hook": "it is a path, give the whole address with http:// or https://",
    "fal_webhook=localhost:3000/hook": "it has no scheme, begin it with http:// or https://",
    "fal_webhook=example.com/hook": "it has no scheme, begin it with http:// or https://",
    "fal_webhook=127.0.0.1:80": "it has no scheme, begin it with http:// or https://",
    "fal_webhook=ftp://example.com/hook": "give an http:// or https:// address",
    "fal_webhook=http:///hook": "it is not an http(s) address",
    "fal_webhook=http://[": "it is not an http(s) address",
    "fal_webhook=https://queue.fal.run/hook": "it is a fal host",
    "fal_webhook=https://example.com:99999/": "it is not an http(s) address",
    "fal_webhook=https://example.com/%0D%0AX:%20y": "it has a line break",
    "fal_webhook=https://undefined/api/hook": "'undefined' is not a host",
    "fal_webhook=https://null:3000/hook": "'null' is not a host",
    "fal_webhook=https://https://example.com/hook": "'https' is not a host",
    "fal_webhook=https://%24%7BHOST%7D/hook": "'${host}' is not a host",
    "fal_webhook=https://[object Object]/hook": "it is not an http(s) address",
    "fal_webhook=https://<your-host>/hook": "'<your-host>' is not a host",
    "fal_webhook=https://example..com/hook": "'example..com' is not a host",
    "fal_webhook=http://127.0.0.1:1/hook?job=1&user=2&token=3": "is cut before user, token: encode the & in it as %26",
    "webhook=http://127.0.0.1:1/": "webhook is not read, name it fal_webhook in the query",
    "webhook_url=http://127.0.0.1:1/": "webhook_url is not read, name it fal_webhook in the query",
    "webhookUrl=http://127.0.0.1:1/": "webhookUrl is not read, name it fal_webhook in the query",
    "fal-webhook=http://127.0.0.1:1/": "fal-webhook is not read, name it fal_webhook in the query",
}
BODIES = ("webhook_url", "webhookUrl", "webhook", "fal_webhook", "callback_url")
RIGHT = (
    "",
    "fal_webhook=http://127.0.0.1:1/hook",
    "fal_webhook=https%3A%2F%2Fexample.com%2Fhook%3Fa%3D1%26b%3D2",
    "fal_webhook=HTTPS://example.com/hook?a=1&fal_max_queue_length=5",
    "fal_webhook=http://user:pass@127.0.0.1:1/hook",
    "fal_webhook=http://[::1]:1/hook",
    "fal_webhook=https://b\u00fccher.example/hook",
    "fal_webhook=https://my_host.example.:8443/hook",
)


def submit(server: Server, query: str, body: Any) -> tuple[str, str]:
    """Submit; returns the hint and the first line of the log."""
    answer = server.http.post(f"/queue/{O1}?{query}", json=body, headers=KEY)
    assert (answer.status_code, answer.json()["status"]) == (200, "IN_QUEUE")
    path = f"/queue/{APP}/requests/{answer.json()['request_id']}/status"
    logs = server.http.get(path, params={"logs": 1}).json()["logs"]
    (call,) = [one for one in server.journal() if one["path"] == f"/queue/{O1}"]
    hint = answer.headers.get("x-fakefal-hint", "")
    assert (call["hint"] or "") == hint
    return hint, logs[0]["message"]


@pytest.mark.parametrize("query", QUERIES)
def test_an_address_that_cannot_be_called_is_named(server: Server, query: str) -> None:
    hint, line = submit(server, query, {"prompt": "x"})
    assert QUERIES[query] in hint
    assert hint.startswith(line.removeprefix("Warning: "))


@pytest.mark.parametrize("name", BODIES)
def test_a_webhook_in_the_body_is_named(server: Server, name: str) -> None:
    hint, line = submit(server, "", {"prompt": "x", name: "http://127.0.0.1:1/"})
    assert hint.startswith(f"no webhook will be sent: {name} in the body is not read, name it fal_webhook in the query")
    assert line.startswith("Warning: no webhook will be sent")


def test_a_body_with_very_many_keys_is_read_in_part() -> None:
    class Names(dict[str, int]):
        def __iter__(self) -> Iterator[str]:
            for number in range(200_000):
                assert number < 2000
                yield f"k{number}"

    assert webhook_hint(QueryParams(""), Names()) == ""


def test_fal_run_calls_none(server: Server) -> None:
    answer = server.http.post(f"/run/{O1}?fal_webhook=http://127.0.0.1:1/", json={"prompt": "x"})
    assert answer.headers["x-fakefal-hint"].startswith("no webhook will be sent: fal.run answers at once")
    assert "x-fakefal-hint" not in server.http.post(f"/run/{O1}", json={"prompt": "x"}).headers


@pytest.mark.parametrize("query", RIGHT)
def test_a_right_one_is_not(server: Server, query: str) -> None:
    hint, line = submit(server, query, {"prompt": "x"})
    assert hint == ""
    assert "webhook" not in line
