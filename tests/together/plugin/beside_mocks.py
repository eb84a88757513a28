"""Tests of a user that mock other hosts, entered before the fake and after it: run by `test_plugin.py`."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import respx
from pytest_httpx import HTTPXMock

from fakefal.testing import Fakefal

ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
ELSEWHERE = "https://storage.example/clip"


def both() -> None:
    """Call fal and another host."""
    with httpx.Client(headers={"Authorization": "Key me:secret"}) as client:
        assert client.post(f"https://queue.fal.run/{ENDPOINT}", json={"prompt": "a"}).json()["status"] == "IN_QUEUE"
        assert client.get(ELSEWHERE).text == "elsewhere"


@pytest.fixture
def mocked() -> Iterator[None]:
    with respx.mock:
        respx.get(ELSEWHERE).respond(text="elsewhere")
        yield


@pytest.fixture
def mocked_too(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=ELSEWHERE, text="elsewhere")


def test_respx_before(mocked: None, fakefal: Fakefal) -> None:
    both()
    fakefal.assert_completed(1)


def test_respx_after(fakefal: Fakefal, mocked: None) -> None:
    both()
    fakefal.assert_completed(1)


def test_respx_within(fakefal: Fakefal) -> None:
    with respx.mock:
        respx.get(ELSEWHERE).respond(text="elsewhere")
        both()
    fakefal.assert_completed(1)


def test_respx_around() -> None:
    with respx.mock:
        respx.get(ELSEWHERE).respond(text="elsewhere")
        with Fakefal() as fal:
            both()
            fal.assert_completed(1)


def test_respx_left_after_the_fake() -> None:
    fal = Fakefal()
    fal.__enter__()
    router = respx.mock()
    router.start()
    router.get(ELSEWHERE).respond(text="elsewhere")
    both()
    fal.__exit__(None, None, None)
    with httpx.Client() as client:
        assert client.get(ELSEWHERE).text == "elsewhere"
    router.stop()


def test_pytest_httpx_before(mocked_too: None, fakefal: Fakefal) -> None:
    both()
    fakefal.assert_completed(1)


def test_pytest_httpx_after(fakefal: Fakefal, mocked_too: None) -> None:
    both()
    fakefal.assert_completed(1)


def test_nothing_stays_behind() -> None:
    assert not hasattr(httpx.HTTPTransport.handle_request, "__wrapped__")
