"""Webhooks: fal's bytes and headers, verified independently; tries on emulated time; receivers of all kinds."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakefal.core.webhook import GIVE_UP_SECONDS, MOST_ATTEMPTS, Delivery, Fate, retry_seconds
from fakefal.engine.emulator import Emulator
from fakefal.server.serving import serving
from fakefal.settings import Settings, SettingsError
from fakefal.state.attempts import attempted
from support.endpoints import O1
from support.receivers import Received, Receiver, public_keys, submit, verify, verify_by
from support.server import Serve, Server

pytestmark = pytest.mark.quick


def log(server: Server) -> Any:
    return server.control("webhooks")


@pytest.mark.versions
class TestForm:
    def test_success(self, server: Server, receiver: Receiver) -> None:
        submitted = submit(server, f"{receiver.url}/hook?a=1")
        (received,) = receiver.wait(1)
        result = server.http.get(submitted["response_url"]).json()
        expected = {
            "error": None,
            "gateway_request_id": submitted["request_id"],
            "payload": result,
            "request_id": submitted["request_id"],
            "status": "OK",
        }
        assert received.body == json.dumps(expected, sort_keys=True).encode()
        assert received.path == "/hook?a=1"
        assert received.headers["Content-Type"] == "application/json"
        assert received.headers["X-Fal-Webhook-Request-Id"] == submitted["request_id"]
        verify(server, received)

    def test_refusal(self, server: Server, receiver: Receiver) -> None:
        submitted = submit(server, receiver.url, {"duration": 5})
        (received,) = receiver.wait(1)
        body = json.loads(received.body)
        assert (body["status"], body["error"]) == ("ERROR", "Invalid status code: 422")
        assert body["payload"] == server.http.get(submitted["response_url"]).json()
        verify(server, received)

    def test_cancellation(self, serve: Serve, receiver: Receiver) -> None:
        server = serve(profile="realistic")
        submitted = submit(server, receiver.url)
        server.http.put(submitted["cancel_url"])
        (received,) = receiver.wait(1)
        assert json.loads(received.body)["error"] == "Invalid status code: 499"

    def test_addresses_lead_back_the_way_of_the_submit(self, server: Server, receiver: Receiver) -> None:
        server.http.post(
            f"/{O1}", params={"fal_webhook": receiver.url}, json={"prompt": "x"}, headers={"Host": "queue.fal.run"}
        )
        (received,) = receiver.wait(1)
        assert json.loads(received.body)["payload"]["video"]["url"].startswith("https://v3b.fal.media/files/b/")

    def test_a_changed_body_does_not_verify(self, server: Server, receiver: Receiver) -> None:
        submit(server, receiver.url)
        (received,) = receiver.wait(1)
        forged = Received(received.path, received.headers, received.body.replace(b"OK", b"KO"))
        with pytest.raises(pytest.fail.Exception, match="no key"):
            verify(server, forged)

    def test_after_rotation_old_signatures_still_verify(self, server: Server, receiver: Receiver) -> None:
        submit(server, receiver.url)
        (old,) = receiver.wait(1)
        assert len(server.http.post("/_fakefal/webhooks/rotate").json()["keys"]) == 2
        submit(server, receiver.url)
        new = receiver.wait(2)[1]
        verify(server, old)
        verify(server, new)

    def test_a_program_may_keep_the_keys_while_servers_change(self, serve: Serve, receiver: Receiver) -> None:
        kept = public_keys(serve())
        later = serve()
        assert public_keys(later) == kept
        submit(later, receiver.url)
        verify_by(kept, receiver.wait(1)[0])


class TestKeysOfItsOwn:
    """What a server beyond loopback signs with."""

    def test_they_are_found_again_in_the_spool(self, tmp_path: Path) -> None:
        async def public(settings: Settings, *, rotate: bool = False) -> list[str]:
            signing = Emulator(settings).signing
            if rotate:
                await signing.rotate()
            return [key["x"] for key in (await signing.jwks())["keys"]]

        spool = tmp_path / "uploads"
        own = Settings(development_key=False, spool=spool)
        (first,) = asyncio.run(public(own))
        assert asyncio.run(public(own)) == [first]
        rotated = asyncio.run(public(own, rotate=True))
        assert rotated[1:] == [first]
        assert asyncio.run(public(own)) == rotated
        (development,) = asyncio.run(public(Settings(spool=spool)))
        assert development not in rotated
        assert [one.name for one in spool.iterdir() if one.stat().st_mode & 0o077] in ([], [".fakefal-lock"])
        (file,) = (one for one in spool.iterdir() if one.name != ".fakefal-lock")
        for content, said in (("", "contains no signing keys"), ("xyz", "contains no signing keys")):
            file.write_text(content)
            with pytest.raises(SettingsError, match=said):
                Emulator(own)

    def test_without_a_spool_each_server_has_another(self) -> None:
        async def public() -> str:
            keys = await Emulator(Settings(development_key=False)).signing.jwks()
            return keys["keys"][0]["x"]

        assert asyncio.run(public()) != asyncio.run(public())

    def test_a_server_beyond_loopback_does_not_start_with_everybodys(self) -> None:
        settings = Settings(control_token="t0ken")
        with pytest.raises(SettingsError, match="development_key = false"), serving(settings, host="0.0.0.0"):
            pass


@pytest.mark.both_stores
class TestTries:
    def test_a_poll_driven_profile_does_not_wait_for_polls(self, serve: Serve, receiver: Receiver) -> None:
        submit(serve(profile="stepped"), receiver.url)
        receiver.wait(1)

    def test_any_2xx_acknowledges(self, server: Server, receiver: Receiver) -> None:
        receiver.answers = [204]
        submit(server, receiver.url)
        receiver.wait(1)
        server.advance(10_000)
        assert [(one["fate"], [a["status"] for a in one["attempts"]]) for one in log(server)] == [("delivered", [204])]

    @pytest.mark.parametrize("answer", [500, 404, 429, "crash", "garbage"])
    def test_others_are_tried_again_on_emulated_time(self, serve: Serve, receiver: Receiver, answer: Any) -> None:
        server = serve(profile="realistic")
        receiver.answers = [answer, answer]
        server.http.post("/_fakefal/clock", json={"speed": 0})
        submitted = submit(server, receiver.url)
        server.http.post(f"/_fakefal/requests/{submitted['request_id']}/advance", json={"to": "end"})
        server.advance(0)
        assert len(receiver.received) == 1
        server.advance(4.9)
        assert len(receiver.received) == 1
        server.advance(0.2)
        assert len(receiver.received) == 2
        server.advance(9)
        assert len(receiver.received) == 2
        server.advance(1.1)
        assert len(receiver.received) == 3
        (one,) = log(server)
        assert (one["fate"], len(one["attempts"]), one["due_at"]) == ("delivered", 3, None)
        assert len({received.body for received in receiver.received}) == 1

    def test_one_long_move_makes_every_try_that_fell_due(self, server: Server, receiver: Receiver) -> None:
        receiver.answers = [500] * 100
        submit(server, receiver.url)
        receiver.wait(1)
        server.advance(3700)
        (one,) = log(server)
        assert (one["fate"], len(one["attempts"])) == ("failed", MOST_ATTEMPTS)
        moments = [attempt["at"] for attempt in one["attempts"]]
        assert moments == sorted(moments)

    def test_a_replay_leaves_the_schedule_alone(self, server: Server, receiver: Receiver) -> None:
        receiver.answers = [500, 500]
        submitted = submit(server, receiver.url)
        receiver.wait(1)
        server.advance(0)
        due_at = log(server)[0]["due_at"]
        assert server.http.post(f"/_fakefal/webhooks/{submitted['request_id']}/replay").json()["due_at"] == due_at
        server.advance(5)
        assert [one["fate"] for one in log(server)] == ["delivered"]
        assert len(receiver.received) == 3

    def test_a_key_with_odd_letters_gets_its_webhook(self, server: Server, receiver: Receiver) -> None:
        headers = {"Authorization": "Key schlüssel:geheim".encode("latin-1")}
        server.http.post(f"/queue/{O1}", params={"fal_webhook": receiver.url}, json={"prompt": "x"}, headers=headers)
        receiver.wait(1)

    @pytest.mark.parametrize("answer", [301, 302, 307])
    def test_redirects_are_final(self, server: Server, receiver: Receiver, answer: int) -> None:
        receiver.answers = [answer]
        submit(server, receiver.url)
        receiver.wait(1)
        server.advance(10_000)
        assert [one["fate"] for one in log(server)] == ["failed"]
        assert len(receiver.received) == 1

    @pytest.mark.parametrize(
        "url",
        [
            "http://192.0.2.1/hook",
            "https://queue.fal.run/hook",
            "ftp://x/",
            "nonsense",
            "http://[",
            "http://127.0.0.1:1/\r\n",
        ],
    )
    def test_targets_that_are_not_allowed_are_final(self, server: Server, url: str) -> None:
        submit(server, url)
        server.advance(10_000)
        (one,) = log(server)
        assert one["fate"] == "failed"
        assert one["attempts"][0]["status"] is None

    @pytest.mark.parametrize("path", ["reset", "clock", "webhooks/rotate", "%72eset", "../_fakefal/reset"])
    def test_the_control_api_is_no_target_and_that_is_final(self, server: Server, path: str) -> None:
        submit(server, f"{server.url}/_fakefal/{path}")
        server.advance(10_000)
        (one,) = log(server)
        assert (one["fate"], len(one["attempts"])) == ("failed", 1)
        assert one["attempts"][0]["status"] == 403
        assert "takes no webhooks" in one["attempts"][0]["error"]

    def test_nobody_there(self, server: Server) -> None:
        submit(server, "http://127.0.0.1:1/hook")
        server.advance(0)
        (one,) = log(server)
        assert (one["fate"], len(one["attempts"])) == ("pending", 1)
        for _ in range(40):
            server.advance(120)
        (one,) = log(server)
        assert one["fate"] == "failed"
        assert 25 < len(one["attempts"]) <= MOST_ATTEMPTS

    def test_replay_sends_it_again(self, server: Server, receiver: Receiver) -> None:
        receiver.answers = [302]
        submitted = submit(server, receiver.url)
        receiver.wait(1)
        again = server.http.post(f"/_fakefal/webhooks/{submitted['request_id']}/replay").json()
        assert (again["fate"], len(again["attempts"])) == ("delivered", 2)
        verify(server, receiver.wait(2)[1])
        assert server.http.post("/_fakefal/webhooks/unknown/replay").status_code == 404

    def test_a_receiver_that_hangs_holds_up_nobody(self, server: Server, receiver: Receiver) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            submit(server, f"http://127.0.0.1:{silent.getsockname()[1]}/")
            submitted = submit(server, receiver.url)
            receiver.wait(1)
            assert server.http.get(submitted["status_url"]).json()["status"] == "COMPLETED"

    def test_moving_the_clock_waits_for_hanging_receivers_of_all_keys_at_once_and_not_for_ever(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("fakefal.engine.emulator.PATIENT_SECONDS", 0.2)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            target = f"http://127.0.0.1:{silent.getsockname()[1]}/"
            for key in ("a", "b", "c"):
                headers = {"Authorization": f"Key {key}:secret"}
                server.http.post(f"/queue/{O1}", params={"fal_webhook": target}, json={}, headers=headers)
            server.advance(0)
            tried = server.http.get("/_fakefal/webhooks").json()
            assert [(one["fate"], one["attempts"]) for one in tried] == [("pending", [])] * 3, "they go on"

    def test_a_request_is_not_dropped_before_its_webhook_has_its_fate(self, serve: Serve) -> None:
        server = serve(max_requests=1)
        submit(server, "http://127.0.0.1:1/hook")
        server.advance(0)
        assert server.http.post(f"/queue/{O1}", json={}).status_code == 503
        server.advance(4000)
        assert server.http.post(f"/queue/{O1}", json={}).status_code == 200

    def test_authorities_are_read_once(
        self, server: Server, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        submit(server, receiver.url)
        receiver.wait(1)
        monkeypatch.setattr(ssl, "create_default_context", None)
        submit(server, receiver.url)
        receiver.wait(2)

    def test_reset_forgets_them(self, server: Server, receiver: Receiver) -> None:
        receiver.answers = [500]
        submit(server, receiver.url)
        receiver.wait(1)
        server.http.post("/_fakefal/reset")
        server.advance(10_000)
        assert log(server) == []
        assert len(receiver.received) == 1


class TestSchedule:
    def test_the_waits(self) -> None:
        assert [retry_seconds(attempts) for attempts in range(1, 8)] == [5, 10, 20, 40, 80, 120, 120]

    @given(st.lists(st.sampled_from([200, 204, 301, 400, 404, 500, 503, None]), max_size=60))
    def test_every_delivery_gets_one_fate_within_an_hour(self, answers: list[int | None]) -> None:
        delivery = Delivery("r", "u", ended_at=0, due_at=0)
        for answer in answers:
            if delivery.fate is not Fate.PENDING:
                break
            delivery = delivery.after(attempted(delivery.due_at, answer, None if answer else "no answer"))
            assert delivery.due_at <= GIVE_UP_SECONDS
            assert len(delivery.attempts) <= MOST_ATTEMPTS
        if len(answers) > MOST_ATTEMPTS:
            assert delivery.fate is not Fate.PENDING
        if delivery.fate is Fate.DELIVERED:
            assert delivery.attempts[-1].acknowledged
