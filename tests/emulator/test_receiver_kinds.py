"""Which kind of receiver a function is: by what it takes."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fakefal.testing import Fakefal
from support.endpoints import O1

pytestmark = pytest.mark.quick


async def application(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    await receive()
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def with_default(headers: dict[str, str], body: bytes, more: str = "more") -> tuple[bool, str]:
    return bool(headers and body), more


def delivered(to: Any) -> Any:
    with Fakefal() as fake:
        address = f"https://queue.fal.run/{O1}?fal_webhook=https%3A%2F%2Fme.example%2Fhook"
        httpx.post(address, json={"prompt": "x"}, headers={"Authorization": "Key a:b"}).raise_for_status()
        return fake.webhooks.deliver(to=to, **({"lifespan": False} if to is application else {}))


def test_an_application_gets_scope_receive_and_send() -> None:
    (answer,) = delivered(application)
    assert answer.status_code == 204


def test_a_function_may_take_more_with_a_default() -> None:
    assert delivered(with_default) == [(True, "more")]


@pytest.mark.parametrize("name", ["plain", "coroutine"])
def test_a_function_of_three_other_things_is_told_what_it_gets(name: str) -> None:
    def plain(headers: Any, body: Any, session: Any) -> None:
        raise AssertionError(headers, body, session)

    async def coroutine(headers: Any, body: Any, session: Any) -> None:
        raise AssertionError(headers, body, session)

    with pytest.raises(TypeError, match=r"takes headers, body, session: a function that receives"):
        delivered({"plain": plain, "coroutine": coroutine}[name])
