"""Tests of a user that pass: run by `test_plugin.py` in a pytest of their own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import fal_client
import httpx
import httpx2
import pytest
from nacl.signing import VerifyKey

import fakefal_client
from fakefal.state.signing import signed_bytes
from fakefal.testing import Fakefal

ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
OTHER = "fal-ai/kling-video/o1/image-to-video"
QUEUE = f"https://queue.fal.run/{ENDPOINT}"
PROMPT = {"prompt": "A lighthouse at dawn"}
KEY = {"Authorization": "Key me:secret"}

at_import = fal_client.SyncClient(key="built-at-import:real")
at_import_too = httpx.Client(headers=KEY)
kept: dict[str, Any] = {}
"""What a program keeps for longer than a test."""


class Retrying(httpx.HTTPTransport):
    """What many programs have: a transport that tries again."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return super().handle_request(request)
        except httpx.TransportError:
            return super().handle_request(request)


def test_fals_own_client_gets_a_video(fakefal: Fakefal) -> None:
    result = fal_client.subscribe(ENDPOINT, arguments=PROMPT, with_logs=True)
    assert httpx.get(result["video"]["url"]).headers["content-type"] == "video/mp4"
    fakefal.assert_completed(1)
    fakefal.assert_billed("0.56", units=5)
    fakefal.assert_no_duplicates()
    assert (fakefal.last.endpoint_id, fakefal.last.arguments, fakefal.last.result) == (ENDPOINT, PROMPT, result)


@pytest.mark.parametrize("usd", [1.6800000000000002, 0.56 * 3, 1.68, "1.68", "$1.680", Decimal("1.68")])
def test_dollars_are_given_in_any_form(fakefal: Fakefal, usd: Any) -> None:
    for number in range(3):
        httpx.post(QUEUE, json={"prompt": str(number)}, headers=KEY)
    fakefal.assert_billed(usd, units=15.000000000000002)
    for other in (1.6801, "1.6800000000000002"):
        with pytest.raises(AssertionError, match=r"\$1\.68 were billed, not"):
            fakefal.assert_billed(other)


def test_fakefals_own_client_finds_the_fake(fakefal: Fakefal) -> None:
    with fakefal_client.Client() as client:
        assert client.run(ENDPOINT, PROMPT)["video"]["content_type"] == "video/mp4"
    fakefal.assert_completed(1)


@pytest.mark.parametrize("round_", range(2))
def test_every_test_starts_afresh(fakefal: Fakefal, round_: int) -> None:
    assert (fakefal.requests, fakefal.ledger, list(fakefal.webhooks)) == ([], [], []), round_
    at_import_too.post(QUEUE, json=PROMPT)
    fakefal.inject("stuck")
    fakefal.advance(1000)


def test_clients_built_at_import_are_answered(fakefal: Fakefal) -> None:
    at_import.subscribe(ENDPOINT, arguments=PROMPT)
    assert at_import_too.post(QUEUE, json=PROMPT).is_success
    assert [request.key for request in fakefal.requests] == ["built-at-import", "me"]


def test_no_real_key_is_seen(fakefal: Fakefal) -> None:
    assert os.environ["FAL_KEY"] == "fakefal-run:not-a-real-key"
    assert not {"FAL_KEY_ID", "FAL_KEY_SECRET", "FAL_QUEUE_RUN_HOST", "FAKEFAL_TARGET"} & set(os.environ)
    fal_client.SyncClient().submit(ENDPOINT, arguments=PROMPT)
    assert fakefal.last.key == "fakefal-run"


@pytest.mark.fakefal(keys={"mine": "known"})
def test_a_configured_key_is_the_one_in_the_environment(fakefal: Fakefal) -> None:
    assert fal_client.SyncClient().subscribe(ENDPOINT, arguments=PROMPT)
    assert httpx.post(QUEUE, json=PROMPT, headers={"Authorization": "Key mine:wrong"}).status_code == 401
    fakefal.assert_completed(1)


def test_httpx2_is_answered(fakefal: Fakefal) -> None:
    submitted = httpx2.post(QUEUE, json=PROMPT, headers=KEY).json()
    assert httpx2.get(submitted["response_url"], headers=KEY).json()["video"]
    fakefal.assert_completed()


@pytest.mark.fakefal(effects="drop_before_accept when nth=1")
@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_dropped_connection_is_what_it_is_on_a_socket(fakefal: Fakefal, library: Any) -> None:
    with pytest.raises(library.RemoteProtocolError, match="Server disconnected without sending a response"):
        library.post(QUEUE, json=PROMPT, headers=KEY)
    assert not fakefal.requests


@pytest.mark.fakefal(effects=["drop_before_accept(bytes=0) when nth=1", "drop_before_accept(bytes=3) when nth=2"])
@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_connection_may_die_within_the_body(fakefal: Fakefal, library: Any) -> None:
    for kind in (library.ReadError, library.RemoteProtocolError):
        with pytest.raises(kind):
            library.post(QUEUE, json=PROMPT, headers=KEY)
    assert not fakefal.requests
    assert library.post(QUEUE, json=PROMPT, headers=KEY).is_success


@pytest.mark.fakefal(effects="accept_then_drop when nth=1")
def test_a_transport_of_the_users_own_sees_the_drop(fakefal: Fakefal) -> None:
    with httpx.Client(transport=Retrying(), headers=KEY) as client:
        assert client.post(QUEUE, json=PROMPT).is_success
    assert [bool(entry.duplicate_of) for entry in fakefal.ledger] == [False, True]


@pytest.mark.fakefal(effects="slow_response(seconds=600)")
@pytest.mark.parametrize("library", [httpx, httpx2])
def test_the_callers_own_timeout_counts(fakefal: Fakefal, library: Any) -> None:
    assert fakefal.url
    with pytest.raises(library.ReadTimeout):
        library.post(QUEUE, json=PROMPT, headers=KEY, timeout=0.05)


@pytest.mark.fakefal(profile="realistic")
def test_a_stream_arrives_as_it_is_made(fakefal: Fakefal) -> None:
    submitted = httpx.post(QUEUE, json=PROMPT, headers=KEY).json()
    states = []
    with httpx.stream("GET", f"{submitted['status_url']}/stream", headers=KEY) as answer:
        for line in answer.iter_lines():
            if line.startswith("data:"):
                states.append(json.loads(line[5:])["status"])
                fakefal.advance("end" if len(states) > 1 else "start", submitted["request_id"])
            if states[-1:] == ["IN_PROGRESS"]:
                break
    assert states[0] == "IN_QUEUE"
    assert states[-1] == "IN_PROGRESS"


@pytest.mark.fakefal(profile="stepped")
def test_the_marker_chooses_the_profile(fakefal: Fakefal) -> None:
    submitted = httpx.post(QUEUE, json=PROMPT, headers=KEY).json()
    states = [httpx.get(submitted["status_url"], headers=KEY).json()["status"] for _ in range(3)]
    assert states == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    fakefal.assert_completed(1)


@pytest.mark.fakefal(profile="realistic", seed="always")
def test_time_is_moved_for_all_or_for_one(fakefal: Fakefal) -> None:
    first, second = (httpx.post(QUEUE, json=PROMPT, headers=KEY).json()["request_id"] for _ in range(2))
    fakefal.advance("end", second)
    assert [request.status for request in fakefal.requests] != ["COMPLETED"] * 2
    fakefal.advance(3600)
    assert {request.id: request.succeeded for request in fakefal.requests} == {first: True, second: True}


@pytest.mark.fakefal(contract="latest")
class TestTheNearestMarkerWins:
    def test_the_class_has_one(self, fakefal: Fakefal) -> None:
        assert httpx.get(f"{fakefal.url}/_fakefal/health").json()["contract"] == "latest"

    @pytest.mark.fakefal(contract="2026-01-28")
    def test_the_function_another(self, fakefal: Fakefal) -> None:
        assert httpx.get(f"{fakefal.url}/_fakefal/health").json()["contract"] == "2026-01-28"


@pytest.mark.fakefal
def test_the_marker_brings_the_fixture() -> None:
    assert httpx.post(QUEUE, json=PROMPT, headers=KEY).is_success


def test_answers_of_ones_own(fakefal: Fakefal, tmp_path: Path) -> None:
    clip = tmp_path / "mine.mp4"
    clip.write_bytes(b"not really a film")
    fakefal.respond(video=clip)
    fakefal.respond({"detail": "no"}, status=503, logs=["one", "two"], nth=2)
    ours = fal_client.SyncClient().subscribe(ENDPOINT, arguments=PROMPT)
    assert httpx.get(ours["video"]["url"]).content == b"not really a film"
    httpx.post(QUEUE, json=PROMPT, headers={"Authorization": "Key fakefal-run:x"})
    assert (fakefal.last.result, fakefal.last.result_status, fakefal.last.logs) == (
        {"detail": "no"},
        503,
        ("one", "two"),
    )


def test_an_answer_of_ones_own_takes_its_seconds(fakefal: Fakefal) -> None:
    fakefal.respond({"mine": 1}, seconds=7)
    handle = fal_client.SyncClient().submit(ENDPOINT, arguments=PROMPT)
    assert isinstance(handle.status(), fal_client.InProgress)
    fakefal.advance(7)
    status = handle.status()
    assert isinstance(status, fal_client.Completed)
    assert status.metrics == {"inference_time": 7.0}
    assert handle.get() == {"mine": 1}


def test_an_answer_of_ones_own_for_a_prompt(fakefal: Fakefal) -> None:
    fakefal.respond({"mine": 1}, prompt="lighthouse")
    client = fal_client.SyncClient()
    assert client.subscribe(ENDPOINT, arguments={"prompt": "A harbour"}).keys() == {"video"}
    assert client.subscribe(ENDPOINT, arguments=PROMPT) == {"mine": 1}


def test_a_base_url_works_too(fakefal: Fakefal) -> None:
    assert os.environ["FAKEFAL_URL"] == fakefal.url
    submitted = httpx.post(f"{fakefal.url}/queue/{ENDPOINT}", json=PROMPT, headers=KEY).json()
    assert submitted["response_url"].startswith(fakefal.url)
    video = httpx.get(submitted["response_url"], headers=KEY).json()["video"]
    assert len(httpx.get(video["url"]).content) == video["file_size"]


def test_an_upload_comes_back(fakefal: Fakefal) -> None:
    content = bytes(range(256)) * 1000
    url = fal_client.SyncClient().upload(content, "application/octet-stream")
    assert httpx.get(url).content == content
    assert httpx.get(url, headers={"Range": "bytes=1-3"}).content == b"\x01\x02\x03"
    assert httpx.head(url).headers["content-length"] == str(len(content))
    assert not fakefal.requests


@pytest.mark.parametrize("round_", range(2))
def test_an_upload_token_stays_good_from_test_to_test(fakefal: Fakefal, round_: int) -> None:
    kept.setdefault("token", at_import._token_manager.get_token())
    assert at_import._token_manager.get_token() is kept["token"]
    url = at_import.upload(f"round {round_}".encode(), "text/plain")
    assert httpx.get(url).text == f"round {round_}"


@pytest.mark.parametrize("round_", range(2))
def test_the_key_set_may_be_kept_from_test_to_test(fakefal: Fakefal, round_: int) -> None:
    (key,) = kept.setdefault("keys", httpx.get("https://rest.fal.ai/.well-known/jwks.json").json()["keys"])
    httpx.post(QUEUE, json=PROMPT, headers=KEY, params={"fal_webhook": "https://nobody.invalid/hook"})
    (hook,) = fakefal.webhooks
    said = signed_bytes(hook.request_id, "me", hook.headers["X-Fal-Webhook-Timestamp"], hook.body)
    VerifyKey(_unpadded(key["x"])).verify(said, bytes.fromhex(hook.headers["X-Fal-Webhook-Signature"]))
    assert fakefal_client.Client(target="fal").verify(hook.headers, hook.body).request_id == hook.request_id


class TestWebhooks:
    def test_they_are_recorded_signed_and_sent_to_nobody(self, fakefal: Fakefal) -> None:
        httpx.post(QUEUE, json=PROMPT, headers=KEY, params={"fal_webhook": "https://nobody.invalid/hook"})
        (hook,) = fakefal.webhooks
        (key,) = httpx.get("https://rest.fal.ai/.well-known/jwks.json").json()["keys"]
        timestamp = hook.headers["X-Fal-Webhook-Timestamp"]
        said = signed_bytes(hook.request_id, "me", timestamp, hook.body)
        VerifyKey(_unpadded(key["x"])).verify(said, bytes.fromhex(hook.headers["X-Fal-Webhook-Signature"]))
        assert (hook.url, hook.json["status"]) == ("https://nobody.invalid/hook", "OK")

    def test_they_are_delivered_once_to_a_function(self, fakefal: Fakefal) -> None:
        httpx.post(QUEUE, json=PROMPT, headers=KEY, params={"fal_webhook": "https://nobody.invalid/hook"})
        assert fakefal.webhooks.deliver(to=lambda headers, body: (len(headers), json.loads(body)["status"])) == [
            (5, "OK")
        ]
        assert fakefal.webhooks.deliver(to=lambda headers, body: (headers, body)) == []

    def test_each_is_delivered_though_the_first_fails(self, fakefal: Fakefal) -> None:
        for _ in range(3):
            httpx.post(QUEUE, json=PROMPT, headers=KEY, params={"fal_webhook": "https://nobody.invalid/hook"})
        got = []

        def handler(_headers: dict[str, str], body: bytes) -> None:
            got.append(body)
            if len(got) < 3:
                raise ValueError(len(got))

        with pytest.raises(ValueError, match="1") as raised:
            fakefal.webhooks.deliver(to=handler)
        assert len(set(got)) == 3
        assert [note.partition(": ")[2] for note in raised.value.__notes__] == ["ValueError(2)"]
        assert len(fakefal.webhooks.deliver(to=handler)) == 2, "what was raised was a failed try"
        assert fakefal.webhooks.deliver(to=handler) == []

    def test_what_was_not_taken_is_left_for_the_next_delivery(self, fakefal: Fakefal) -> None:
        for _ in range(2):
            httpx.post(QUEUE, json=PROMPT, headers=KEY, params={"fal_webhook": "https://nobody.invalid/hook"})
        with pytest.raises(pytest.fail.Exception, match="wrong"):
            fakefal.webhooks.deliver(to=lambda _headers, _body: pytest.fail("wrong"))
        assert len(fakefal.webhooks.deliver(to=lambda _headers, body: body)) == 2

    def test_they_are_delivered_to_an_application_that_calls_fal_itself(self, fakefal: Fakefal) -> None:
        httpx.post(QUEUE, json=PROMPT, headers=KEY, params={"fal_webhook": "https://me.example/hooks/fal"})
        (answer,) = fakefal.webhooks.deliver(to=application)
        assert (answer.status_code, answer.text) == (202, "/hooks/fal 200")
        fakefal.assert_completed(1)

    def test_they_are_delivered_to_a_url(self, fakefal_server: Fakefal) -> None:
        httpx.post(QUEUE, json=PROMPT, headers=KEY, params={"fal_webhook": "https://nobody.invalid/hook"})
        (answer,) = fakefal_server.webhooks.deliver(to=f"{fakefal_server.url}/run/{ENDPOINT}")
        assert answer.status_code == 401  # it arrived

    @pytest.mark.fakefal(profile="realistic", effects="webhook_duplicate")
    def test_they_come_when_their_request_ends(self, fakefal: Fakefal) -> None:
        httpx.post(QUEUE, json=PROMPT, headers=KEY, params={"fal_webhook": "https://nobody.invalid/hook"})
        assert not fakefal.webhooks
        fakefal.advance(3600)
        assert len(fakefal.webhooks) == 2


async def application(scope: Any, receive: Any, send: Any) -> None:
    """A receiver of webhooks; on its way it asks fal, as careful ones do."""
    body = json.loads((await receive())["body"])
    async with httpx.AsyncClient(headers=KEY) as client:
        asked = await client.get(f"{QUEUE.rpartition('/o1')[0]}/requests/{body['request_id']}")
    await send({"type": "http.response.start", "status": 202, "headers": []})
    await send({"type": "http.response.body", "body": f"{scope['path']} {asked.status_code}".encode()})


def _unpadded(text: str) -> bytes:
    import base64

    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_threads_share_the_fake(fakefal: Fakefal) -> None:
    with ThreadPoolExecutor(8) as threads, httpx.Client(headers=KEY) as client:
        answers = list(threads.map(lambda number: client.post(QUEUE, json={"prompt": str(number)}), range(40)))
    assert all(answer.is_success for answer in answers)
    fakefal.assert_completed(40)
    fakefal.assert_no_duplicates()


def test_one_thread_answers_for_the_whole_session(fakefal: Fakefal) -> None:
    assert fakefal.url
    assert [thread.name for thread in threading.enumerate()].count("fakefal") == 1


@pytest.mark.fakefal(keys={"mine": "known"})
def test_other_programs_are_led_here(fakefal_server: Fakefal) -> None:
    code = f"import urllib.request as u; print(u.urlopen('{fakefal_server.url}/_fakefal/health').status)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "200\n"
    code = f"import fal_client; fal_client.subscribe('{ENDPOINT}', arguments={PROMPT})"
    subprocess.run([sys.executable, "-c", code], env=fakefal_server.environ, check=True)
    fal_client.SyncClient().submit(ENDPOINT, arguments=PROMPT)
    assert [request.key for request in fakefal_server.requests] == ["mine", "mine"]


@pytest.mark.fakefal(strict=False)
def test_it_need_not_be_strict(fakefal: Fakefal) -> None:
    assert httpx.post("https://queue.fal.run/some/app/it", json={}, headers=KEY).status_code == 404
    assert httpx.get("https://auth.fal.ai/x").status_code == 501
    assert not fakefal.requests


def test_other_names_are_looked_up(fakefal: Fakefal) -> None:
    assert fakefal.url
    assert socket.getaddrinfo("localhost", 80)
    assert socket.gethostbyname("localhost")


def test_a_refusal_is_no_unknown_call(fakefal: Fakefal) -> None:
    httpx.post(f"https://queue.fal.run/{OTHER}", json={}, headers=KEY)
    assert fakefal.last.result_status == 422
    assert fakefal.last.hint == 'o1.image-to-video.prompt.required: add "prompt"'
    with pytest.raises(AssertionError, match="1 of 1 requests did not succeed"):
        fakefal.assert_completed()
