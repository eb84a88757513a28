"""Tests of a user that fail, each with what its docstring says: run by `test_plugin.py` in a pytest of their own."""

from __future__ import annotations

import contextlib
import socket
import urllib.request
from collections.abc import Callable

import fal_client
import httpx
import pytest

from fakefal.engine.emulator import Emulator
from fakefal.engine.judge import Judge
from fakefal.testing import Fakefal

ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
QUEUE = f"https://queue.fal.run/{ENDPOINT}"
PROMPT = {"prompt": "A lighthouse at dawn"}
KEY = {"Authorization": "Key me:secret"}


def test_unknown_application(fakefal: Fakefal) -> None:
    """some/app/it was answered 404: fakefal knows no model some/app/it: fakefal models add some/app/it"""
    fal_client.SyncClient().submit("some/app/it", arguments={})
    fakefal.assert_completed()


def test_swallowed(fakefal: Fakefal) -> None:
    """some/app/it was answered 404: fakefal knows no model some/app/it: fakefal models add some/app/it"""
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
    """did you mean fal-ai/kling-video/o1/reference-to-video? If not, add it: fakefal models add"""
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


@pytest.fixture(params=["submit", "find", "looks"])
def faulty(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """An emulator with a fault: in what the table answers, in what FastAPI answers, in the middle of a stream."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a fault of the emulator")

    monkeypatch.setattr(Emulator, request.param, fail)


def call_all(fake: Fakefal) -> None:
    submitted = httpx.post(QUEUE, json=PROMPT, headers=KEY).json()
    httpx.get(f"{submitted['status_url']}/stream", headers=KEY)
    httpx.get(f"{fake.url}/_fakefal/requests/{submitted['request_id']}").raise_for_status()


@pytest.mark.usefixtures("faulty")
def test_an_error_of_the_emulator_is_the_tests(fakefal: Fakefal) -> None:
    """ZeroDivisionError: a fault of the emulator"""
    call_all(fakefal)


@pytest.mark.usefixtures("faulty")
def test_an_error_of_the_emulator_that_was_swallowed(fakefal: Fakefal) -> None:
    """ZeroDivisionError: a fault of the emulator"""
    with contextlib.suppress(Exception):
        call_all(fakefal)


@pytest.mark.usefixtures("faulty")
def test_an_error_of_the_emulator_on_a_socket(fakefal_server: Fakefal) -> None:
    """ZeroDivisionError: a fault of the emulator"""
    with contextlib.suppress(Exception):
        call_all(fakefal_server)


def test_an_error_between_calls(fakefal: Fakefal, monkeypatch: pytest.MonkeyPatch) -> None:
    """ZeroDivisionError: integer division or modulo by zero"""
    monkeypatch.setattr(Judge, "judgement", lambda *_, **__: 1 // 0)
    with contextlib.suppress(fal_client.FalClientHTTPError):
        fal_client.subscribe(ENDPOINT, arguments=PROMPT)
    assert fakefal.last.result_status == 500


@pytest.fixture
def late(fakefal: Fakefal) -> object:
    yield
    httpx.get(f"https://auth.fal.ai/{fakefal.last.key}", headers=KEY)


@pytest.mark.usefixtures("late")
def test_in_the_teardown_of_another_fixture() -> None:
    """GET https://auth.fal.ai/me was answered 501: fakefal does not emulate auth.fal.ai"""
    httpx.post(QUEUE, json=PROMPT, headers=KEY)


OLD = (socket.gethostbyname, socket.gethostbyname_ex)
"""From before the fake, which cannot reach them."""


@pytest.mark.parametrize("look_up", OLD)
@pytest.mark.parametrize("host", ["queue.fal.run", "queue\u3002fal\u3002run", "QUEUE.\uff46al.run", b"queue.fal.run"])
def test_look_up_by_an_old_function(fakefal: Fakefal, look_up: Callable[[object], object], host: object) -> None:
    """queue.fal.run was looked up: a module imported this function before the test began"""
    assert fakefal.url
    with contextlib.suppress(OSError):
        look_up(host)


@pytest.mark.fakefal(strict=False)
def test_look_ups_by_old_functions_fail_with_strict_false_too(fakefal: Fakefal) -> None:
    """queue.fal.run must not be reached: a module imported this function before the test began"""
    assert fakefal.url
    OLD[0]("queue.fal.run")


def test_an_unknown_host_is_told_how_to_allow_it(fakefal: Fakefal) -> None:
    """(to allow such calls, mark the test with @pytest.mark.fakefal(strict=False), or create Fakefal(strict=False);"""
    assert fakefal.url
    httpx.get("https://auth.fal.ai/x")


def test_an_unknown_host_by_urllib(fakefal: Fakefal) -> None:
    """GET https://auth.fal.ai/x was answered 501: fakefal does not emulate auth.fal.ai"""
    assert fakefal.url
    with contextlib.suppress(OSError):
        urllib.request.urlopen("https://auth.fal.ai/x")


@pytest.mark.fakefal(profil="instant")
def test_misspelt_argument(fakefal: Fakefal) -> None:
    """@pytest.mark.fakefal has no argument 'profil'; did you mean profile?"""


@pytest.mark.fakefal("stuck")
def test_nameless_argument(fakefal: Fakefal) -> None:
    """@pytest.mark.fakefal takes keyword arguments: write effects='stuck', for example"""


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
    """no request was accepted, so none completed"""
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
    """$0.56 were billed, not $1.12 and 5 seconds were billed, not 10:"""
    httpx.post(QUEUE, json=PROMPT, headers=KEY)
    fakefal.assert_billed(1.12, units=10)


def test_no_amount(fakefal: Fakefal) -> None:
    """'about one' is not an amount of dollars: write 1.12 or '1.12'"""
    fakefal.assert_billed("about one")


@pytest.mark.fakefal(effects="accept_then_drop when nth=1")
def test_duplicates(fakefal: Fakefal) -> None:
    """1 of 2 jobs repeats an equal one:"""
    fal_client.SyncClient().subscribe(ENDPOINT, arguments=PROMPT)
    fakefal.assert_no_duplicates()


def test_end_of_nothing(fakefal: Fakefal) -> None:
    """advance('end') needs a request: advance('end', fakefal.last)"""
    fakefal.advance("end")
