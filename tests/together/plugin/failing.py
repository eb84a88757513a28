"""Tests of a user that fail, each with what its docstring says: run by `test_plugin.py` in a pytest of their own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import urllib.request
from collections.abc import Callable
from functools import partial

import fal_client
import httpx
import pytest

from fakefal.testing import Fakefal

ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
QUEUE = f"https://queue.fal.run/{ENDPOINT}"
PROMPT = {"prompt": "A lighthouse at dawn"}
KEY = {"Authorization": "Key me:secret"}


def test_unknown_application(fakefal: Fakefal) -> None:
    """POST https://queue.fal.run/some/app/it was answered 404: fakefal knows no model of some/app"""
    fal_client.SyncClient().submit("some/app/it", arguments={})
    fakefal.assert_completed()


def test_swallowed(fakefal: Fakefal) -> None:
    """POST https://queue.fal.run/some/app/it was answered 404: fakefal knows no model of some/app"""
    assert fakefal.url
    with contextlib.suppress(Exception):
        fal_client.SyncClient().submit("some/app/it", arguments={})


def test_a_skip_hides_nothing(fakefal: Fakefal) -> None:
    """GET https://auth.fal.ai/x was answered 501: fakefal does not emulate auth.fal.ai"""
    assert fakefal.url
    httpx.get("https://auth.fal.ai/x")
    pytest.skip("later")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_unknown_application_behind_another_method(fakefal: Fakefal, method: str) -> None:
    """https://fal.run/some/app/it was answered 405: fakefal knows no model of some/app"""
    assert fakefal.url
    httpx.request(method, "https://fal.run/some/app/it", headers=KEY)


def test_state_of_an_unknown_application(fakefal: Fakefal) -> None:
    """GET https://queue.fal.run/some/app/requests/x/status was answered 404: fakefal knows no model of some/app"""
    assert fakefal.url
    httpx.get("https://queue.fal.run/some/app/requests/x/status", headers=KEY)


def test_cancelling_at_an_unknown_application(fakefal: Fakefal) -> None:
    """PUT https://queue.fal.run/some/app/requests/x/cancel was answered 404: fakefal knows no model of some/app"""
    assert fakefal.url
    httpx.put("https://queue.fal.run/some/app/requests/x/cancel", headers=KEY)


def test_unknown_path(fakefal: Fakefal) -> None:
    """(did you mean fal-ai/kling-video/o1/reference-to-video?)"""
    assert fakefal.url
    httpx.post("https://queue.fal.run/fal-ai/kling-video/o1/referense-to-video", json=PROMPT, headers=KEY)


def test_unknown_host(fakefal: Fakefal) -> None:
    """GET https://auth.fal.ai/x was answered 501: fakefal does not emulate auth.fal.ai"""
    assert fakefal.url
    httpx.get("https://auth.fal.ai/x")


def test_wrong_effect_in_a_prompt(fakefal: Fakefal) -> None:
    """there is no effect 'content_polcy'; did you mean"""
    assert fakefal.url
    httpx.post(QUEUE, json={"prompt": "fakefal:content_polcy"}, headers=KEY)


@pytest.fixture
def late(fakefal: Fakefal) -> object:
    yield
    httpx.get(f"https://auth.fal.ai/{fakefal.last.key}", headers=KEY)


@pytest.mark.usefixtures("late")
def test_in_the_teardown_of_another_fixture() -> None:
    """GET https://auth.fal.ai/me was answered 501: fakefal does not emulate auth.fal.ai"""
    httpx.post(QUEUE, json=PROMPT, headers=KEY)


LOOK_UPS: list[Callable[[str], object]] = [  # functions from before the fake, too
    socket.gethostbyname,
    socket.gethostbyname_ex,
    partial(socket.getaddrinfo, port=443),
    lambda host: socket.socket(proto=socket.IPPROTO_TCP).connect((host, 443)),
    lambda host: socket.socket(proto=socket.IPPROTO_TCP).connect_ex((host, 443)),
    lambda host: socket.socket(type=socket.SOCK_DGRAM).sendto(b"", (host, 443)),
]


@pytest.mark.parametrize("look_up", LOOK_UPS)
@pytest.mark.parametrize("host", ["queue.fal.run", "queue\u3002fal\u3002run", "QUEUE.\uff46al.run", b"queue.fal.run"])
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_look_up(fakefal: Fakefal, look_up: Callable[[object], object], host: object) -> None:
    """fal.run was looked up: only httpx and httpx2 are answered in this process"""
    assert fakefal.url
    with contextlib.suppress(OSError):
        look_up(host)


def test_look_ups_fail_with_strict_false_too(fakefal: Fakefal) -> None:
    """with strict=False, in the marker or for Fakefal, no test fails for it; names stay unknown all the same"""
    assert fakefal.url
    with contextlib.suppress(OSError):
        socket.gethostbyname("queue.fal.run")


def test_urllib(fakefal: Fakefal) -> None:
    """queue.fal.run was looked up: only httpx and httpx2 are answered in this process"""
    assert fakefal.url
    with contextlib.suppress(OSError):
        urllib.request.urlopen(QUEUE)


def test_urllib_through_a_proxy(fakefal: Fakefal, monkeypatch: pytest.MonkeyPatch) -> None:
    """queue.fal.run was looked up: only httpx and httpx2 are answered in this process"""
    assert fakefal.url
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    with contextlib.suppress(OSError):
        urllib.request.build_opener(urllib.request.ProxyHandler()).open(QUEUE)


def test_asyncio_connection(fakefal: Fakefal) -> None:
    """v3b.fal.media was looked up: only httpx and httpx2 are answered in this process"""
    assert fakefal.url
    with contextlib.suppress(OSError):
        asyncio.run(asyncio.wait_for(asyncio.open_connection("v3b.fal.media", 443), 5))


def test_base_url_without_httpx(fakefal: Fakefal) -> None:
    """fakefal.test was looked up: only httpx and httpx2 are answered in this process"""
    with contextlib.suppress(OSError):
        urllib.request.urlopen(fakefal.url)


@pytest.mark.fakefal(profil="instant")
def test_misspelt_argument(fakefal: Fakefal) -> None:
    """@pytest.mark.fakefal has no argument 'profil'; did you mean profile?"""


@pytest.mark.fakefal("stuck")
def test_nameless_argument(fakefal: Fakefal) -> None:
    """@pytest.mark.fakefal takes names: write effects='stuck', or so"""


@pytest.mark.fakefal(profile="fast")
def test_unknown_profile(fakefal: Fakefal) -> None:
    """profile cannot be 'fast': use one of instant, stepped, quick, realistic"""


@pytest.mark.fakefal(effects=["stuk"])
def test_unknown_effect(fakefal: Fakefal) -> None:
    """effects cannot be 'stuk': there is no effect 'stuk'; did you mean stuck?"""


def test_wrong_injection(fakefal: Fakefal) -> None:
    """there is no effect 'stuk'; did you mean stuck?"""
    fakefal.inject("stuk")


def test_wrong_answer(fakefal: Fakefal) -> None:
    """respond: status is a status from 200 to 599 that has a body, not 204"""
    fakefal.respond({}, status=204)


def test_nothing_made(fakefal: Fakefal) -> None:
    """0 of 0 requests did not succeed:"""
    fakefal.assert_completed()


def test_no_last(fakefal: Fakefal) -> None:
    """no request was accepted"""
    assert fakefal.last


def test_too_many(fakefal: Fakefal) -> None:
    """2 requests succeeded, not 1:"""
    for prompt in ("a", "b"):
        httpx.post(QUEUE, json={"prompt": prompt}, headers=KEY)
    fakefal.assert_completed(1)


def test_nothing_billed(fakefal: Fakefal) -> None:
    """nothing was billed:"""
    fakefal.assert_billed()


def test_billed_otherwise(fakefal: Fakefal) -> None:
    """$0.56 were billed, not $1.12 and 5 units were billed, not 10:"""
    httpx.post(QUEUE, json=PROMPT, headers=KEY)
    fakefal.assert_billed(1.12, units=10)


@pytest.mark.fakefal(effects="accept_then_drop when nth=1")
def test_duplicates(fakefal: Fakefal) -> None:
    """1 of 2 jobs were probably sent twice:"""
    fal_client.SyncClient().subscribe(ENDPOINT, arguments=PROMPT)
    fakefal.assert_no_duplicates()


def test_end_of_nothing(fakefal: Fakefal) -> None:
    """only a request can be brought to its end: advance('end', fakefal.last)"""
    fakefal.advance("end")
