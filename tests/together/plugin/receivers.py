"""Webhooks delivered to what users have: run by `test_plugin.py` in a pytest of their own."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django.conf
import fal_client
import fastapi
import flask
import httpx
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path
from starlette.responses import PlainTextResponse

import fakefal_client
from fakefal.testing import Fakefal, RecordedWebhook

ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
HOOK = "https://me.example/hooks/fal?job=7"


class Receiver:
    """A program that verifies each webhook by fakefal's client, and answers what a test says."""

    def __init__(self) -> None:
        self.statuses = [503]
        self.got: list[tuple[str, str]] = []

    def take(self, where: str, headers: Any, body: bytes) -> tuple[int, str]:
        with fakefal_client.Client() as client:
            webhook = client.verify(dict(headers), body)
        self.got.append((where, webhook.request_id))
        return (self.statuses.pop(0) if self.statuses else 200), json.loads(body)["status"]


receiver = Receiver()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    receiver.__init__()  # type: ignore[misc]


flask_app = flask.Flask("receiver")


@flask_app.post("/hooks/fal")
def in_flask() -> tuple[str, int]:
    request = flask.request
    status, said = receiver.take(request.full_path, request.headers, request.get_data())
    return said, status


def in_django(request: HttpRequest) -> HttpResponse:
    status, said = receiver.take(request.get_full_path(), request.headers, request.body)
    return HttpResponse(said, status=status)


urlpatterns = [path("hooks/fal", in_django)]
django.conf.settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["me.example"], SECRET_KEY="x", USE_TZ=True)
django.setup()


def in_plain_wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    status, said = receiver.take(f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}", headers, body)
    start_response(f"{status} Said", [("Content-Type", "text/plain")])
    return [said.encode()]


@asynccontextmanager
async def lifespan(_: fastapi.FastAPI) -> AsyncIterator[dict[str, Any]]:
    async with fakefal_client.AsyncClient() as client:
        yield {"client": client}
    ended.append(True)


ended: list[bool] = []
fastapi_app = fastapi.FastAPI(lifespan=lifespan)


@fastapi_app.post("/hooks/fal")
async def in_fastapi(request: fastapi.Request) -> PlainTextResponse:
    body = await request.body()
    await request.state.client.verify(dict(request.headers), body)
    status, said = receiver.take(f"{request.url.path}?{request.url.query}", request.headers, body)
    return PlainTextResponse(said, status)


APPS = {
    "Flask": flask_app,
    "Django": WSGIHandler(),
    "Django's ASGI": ASGIHandler(),
    "FastAPI with lifespan": fastapi_app,
    "wsgiref": in_plain_wsgi,
}


@pytest.fixture
def request_id() -> str:
    return fal_client.submit(ENDPOINT, arguments={"prompt": "a lighthouse"}, webhook_url=HOOK).request_id


@pytest.mark.parametrize("app", APPS.values(), ids=APPS)
def test_a_refused_webhook_is_tried_again_and_a_taken_one_is_not(fakefal: Fakefal, app: Any, request_id: str) -> None:
    for expected in (503, 200):
        (answer,) = fakefal.webhooks.deliver(to=app)
        assert (answer.status_code, answer.text) == (expected, "OK")
    assert fakefal.webhooks.deliver(to=app) == []
    assert receiver.got == [("/hooks/fal?job=7", request_id)] * 2


def test_a_lifespan_ends_with_the_delivery(fakefal: Fakefal, request_id: str) -> None:
    ended.clear()
    assert len(fakefal.webhooks.deliver(to=fastapi_app)) == len(ended) == 1, request_id


def test_an_application_that_is_started_already_is_not_started_again(fakefal: Fakefal, request_id: str) -> None:
    ended.clear()
    with pytest.raises(AttributeError, match="client"):  # what its start would have made
        fakefal.webhooks.deliver(to=fastapi_app, lifespan=False)
    assert not ended, request_id


def test_an_application_that_cannot_start_says_so_as_itself(fakefal: Fakefal, request_id: str) -> None:
    @asynccontextmanager
    async def broken(_: fastapi.FastAPI) -> AsyncIterator[None]:
        raise ConnectionError("the database is away")
        yield

    with pytest.raises(ConnectionError, match="the database is away"):
        fakefal.webhooks.deliver(to=fastapi.FastAPI(lifespan=broken))
    (hook,) = fakefal.webhooks
    assert hook.request_id == request_id


def test_a_function_may_refuse_by_the_status_of_what_it_returns(fakefal: Fakefal, request_id: str) -> None:
    answers = [httpx.Response(500), httpx.Response(204)]
    for expected in (500, 204):
        (answer,) = fakefal.webhooks.deliver(to=lambda _headers, _body: answers.pop(0))
        assert answer.status_code == expected, request_id
    assert fakefal.webhooks.deliver(to=lambda _headers, _body: None) == []


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def listening() -> Iterator[str]:
    with make_server("127.0.0.1", 0, flask_app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hooks/fal"
        finally:
            server.shutdown()
            thread.join()


class Receiver:
    """An object that is called, and has to be awaited."""

    async def __call__(self, _: dict[str, str], body: bytes) -> Any:
        return json.loads(body)["request_id"]


@pytest.mark.parametrize("to", [Receiver(), lambda headers, body: Receiver()(headers or {}, body)])
def test_what_returns_a_coroutine_is_awaited(fakefal: Fakefal, to: Any, request_id: str) -> None:
    assert fakefal.webhooks.deliver(to=to) == [request_id]


def test_in_a_coroutine_it_says_what_to_await(fakefal: Fakefal, request_id: str) -> None:
    async def deliver() -> list[Any]:
        with pytest.raises(RuntimeError, match="adeliver"):
            fakefal.webhooks.deliver(to=Receiver())
        return await fakefal.webhooks.adeliver(to=Receiver())

    assert asyncio.run(deliver()) == [request_id]


def test_an_address(fakefal: Fakefal, request_id: str) -> None:
    with listening() as url:
        answers = [fakefal.webhooks.deliver(to=url)[0].status_code for _ in range(2)]
    assert (answers, receiver.got[1][1]) == ([503, 200], request_id)
    assert fakefal.webhooks.deliver(to=url) == []


def test_an_address_where_nobody_listens_is_a_failed_try(fakefal: Fakefal, request_id: str) -> None:
    with listening() as url:
        pass
    with pytest.raises(httpx.ConnectError):
        fakefal.webhooks.deliver(to=url)
    assert [answer.status_code for answer in fakefal.webhooks.deliver(to=flask_app)] == [503], request_id


def test_a_webhook_has_address_headers_and_body(fakefal: Fakefal, request_id: str) -> None:
    (hook,) = fakefal.webhooks
    assert isinstance(hook, RecordedWebhook)
    assert (hook.url, hook.request_id, hook.json["request_id"]) == (HOOK, request_id, request_id)
    assert receiver.take("", hook.headers, hook.body) == (503, "OK")
