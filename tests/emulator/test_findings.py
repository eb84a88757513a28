"""Each kind of finding has calls that make it, and calls nearly the same that do not."""

from __future__ import annotations

import json

import httpx
import pytest

from fakefal.verdict.mistakes import Kind
from fakefal.verdict.sendings import Passage
from fakefal.verdict.witness import Witness
from support.endpoints import O1
from support.receivers import Receiver
from support.server import Serve, Server
from support.verdict import PRICE, Ticks, X, Y, entry, finish, found, only, send
from support.waiting import HASTE, until

pytestmark = pytest.mark.quick


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def server(serve: Serve, ticks: Ticks) -> Server:
    return serve(parts={"ticks": ticks})


class TestSentAgain:
    @pytest.mark.parametrize("effect", ["accept_then_drop", "accept_then_drop(bytes=20)"])
    @pytest.mark.parametrize("part", ["queue", "run"])
    def test_a_lost_answer_is_paid_twice(self, server: Server, effect: str, part: str) -> None:
        server.inject(effect, nth=1)
        assert send(server, path=f"{part}/{O1}") is None
        again = send(server, path=f"{part}/{O1}")
        if part == "queue":
            finish(server, again)
        finding = only(server, Kind.PAID_TWICE)
        assert finding["usd"] == PRICE
        first, second = finding["calls"]
        assert (first["status"], second["status"]) == (200 if "bytes" in effect else None, 200)
        assert finding["request_ids"] == [first["request_id"], second["request_id"]]
        assert "no whole answer" in finding["evidence"] or "bytes" in effect

    def test_a_client_that_hung_up_is_paid_twice(self, server: Server) -> None:
        server.inject("slow_response(seconds=600)", nth=1)
        assert send(server, timeout=httpx.Timeout(None, read=HASTE)) is None
        finish(server, send(server))
        assert only(server, Kind.PAID_TWICE)["usd"] == PRICE

    def test_every_further_try_is_paid(self, server: Server) -> None:
        server.inject("accept_then_drop")
        for _ in range(4):
            send(server)
        assert found(server) == [(Kind.PAID_TWICE, "proven")] * 3 + [(Kind.RESULT_NEVER_FETCHED, "possible")]

    def test_what_was_not_accepted_the_first_time_is_luck(self, server: Server) -> None:
        server.inject("drop_before_accept", nth=1)
        assert send(server) is None
        finish(server, send(server))
        assert only(server, Kind.RESUBMITTED_UNKNOWN)["usd"] == PRICE

    def test_a_job_that_was_cancelled_is_not_paid_twice(self, serve: Serve) -> None:
        server = serve(profile="quick")
        server.inject("accept_then_drop", nth=1)
        send(server)
        (lost,) = server.control("requests")
        assert server.http.put(f"/queue/fal-ai/kling-video/requests/{lost['request_id']}/cancel").is_success
        again = send(server)
        server.advance(60)
        finish(server, again)
        assert only(server, Kind.RESUBMITTED_UNKNOWN)

    def test_an_ingress_does_not_say_whether_it_was_accepted(self, server: Server, ticks: Ticks) -> None:
        server.inject("ingress_504", nth=1)
        send(server)
        ticks.now += 10
        finish(server, send(server))
        assert found(server) == [(Kind.RESUBMITTED_UNKNOWN, "possible")]

    def test_four_takes_of_one_prompt_are_no_fault(self, server: Server) -> None:
        for _ in range(4):
            finish(server, send(server))
        assert found(server) == [(Kind.PAID_TWICE, "possible")] * 3
        assert server.control("verdict")["usd"] == 0
        server.advance(61)
        finish(server, send(server))
        assert len(found(server)) == 3

    def test_careful_programs_leave_a_lost_call_alone(self, server: Server) -> None:
        server.inject("accept_then_drop", nth=1)
        send(server)
        finish(server, send(server, Y))
        assert found(server) == [(Kind.RESULT_NEVER_FETCHED, "possible")]
        (lost,) = [one for one in server.control("requests") if one["arguments"] == X]
        assert server.http.get(f"/queue/fal-ai/kling-video/requests/{lost['request_id']}").is_success
        assert found(server) == []


class TestRefused:
    @pytest.mark.parametrize("effect", ["request_too_large", "invalid_key"])
    def test_the_same_again_after_a_refusal_of_the_gate(self, server: Server, effect: str) -> None:
        server.inject(effect, nth=1)
        send(server)
        finish(server, send(server))
        first, second = only(server, Kind.RETRIED_REFUSAL)["calls"]
        assert (first["status"], second["status"]) == ({"invalid_key": 401}.get(effect, 413), 200)

    def test_the_same_again_after_the_result_was_a_refusal(self, server: Server) -> None:
        finish(server, send(server, {"prompt": "x", "duration": 5}))
        finish(server, send(server, {"prompt": "x", "duration": 5}))
        calls = only(server, Kind.RETRIED_REFUSAL)["calls"]
        assert [one["method"] for one in calls] == ["POST", "GET", "POST"]

    def test_by_run(self, server: Server) -> None:
        for _ in range(2):
            send(server, {"prompt": "x", "duration": 5}, path=f"run/{O1}")
        assert only(server, Kind.RETRIED_REFUSAL)

    @pytest.mark.parametrize("body", [b"NaN", b'{"prompt": "x", "duration": 5}'])
    def test_by_the_queue_after_run(self, server: Server, body: bytes) -> None:
        assert server.http.post(f"run/{O1}", content=body).status_code == 422
        server.http.post(f"queue/{O1}", content=body)
        calls = only(server, Kind.RETRIED_REFUSAL)["calls"]
        assert [one["path"] for one in calls] == [f"/run/{O1}", f"/queue/{O1}"]

    @pytest.mark.parametrize("path", [f"queue/{O1}", f"run/{O1}"])
    def test_whoever_tries_the_same_again_on_the_page_is_no_program(self, server: Server, path: str) -> None:
        wrong, own = {"prompt": "x", "duration": 5}, {"Sec-Fetch-Site": "same-origin"}
        for _ in range(2):
            server.http.post(path, json=wrong, headers=own)
        send(server, wrong, path=f"run/{O1}")  # the first try of a program
        server.inject("concurrent_requests_limit", nth=4)
        for _ in range(2):  # at once, after a refusal for a while
            server.http.post(path, json=X, headers=own)
        assert found(server) == []

    def test_something_else_after_a_refusal(self, server: Server) -> None:
        server.inject("request_too_large", nth=1)
        send(server)
        finish(server, send(server, Y))
        assert found(server) == []

    @pytest.mark.parametrize("effect", ["queue_full", "gateway_503", "ingress_502", "concurrent_requests_limit"])
    def test_at_once_after_429_and_5xx(self, server: Server, ticks: Ticks, effect: str) -> None:
        server.inject(effect, nth=1)
        send(server)
        ticks.now += 0.19
        finish(server, send(server))
        assert (Kind.NO_BACKOFF, "proven") in found(server)
        (finding,) = [one for one in server.control("verdict")["findings"] if one["kind"] == Kind.NO_BACKOFF]
        assert finding["seconds"] == pytest.approx(0.19)

    def test_a_while_after_a_429(self, server: Server, ticks: Ticks) -> None:
        server.inject("queue_full", nth=1)
        send(server)
        ticks.now += 0.2
        finish(server, send(server))
        assert found(server) == []

    @pytest.mark.parametrize("effect", ["queue_full", "gateway_503", "ingress_503", "concurrent_requests_limit"])
    @pytest.mark.parametrize(("waited", "expected"), [(4.9, [(Kind.IGNORED_RETRY_AFTER, "proven")]), (5, [])])
    def test_before_the_time_that_was_asked_for(
        self, server: Server, ticks: Ticks, effect: str, waited: float, expected: list[tuple[str, str]]
    ) -> None:
        server.inject(f"{effect}(retry_after=5)", nth=1)
        answer = send(server)
        assert answer is not None
        assert answer.headers["retry-after"] == "5"
        ticks.now += waited
        finish(server, send(server))
        assert [one for one in found(server) if one[1] == "proven"] == expected

    def test_a_batch_that_goes_on_when_the_account_is_locked(self, server: Server) -> None:
        server.inject("locked_account")
        for number in range(4):
            send(server, {"prompt": str(number)})
        assert found(server) == [(Kind.WENT_ON_WHEN_LOCKED, "proven")] * 3

    def test_a_batch_that_stops_and_goes_on_once_there_is_money(self, server: Server) -> None:
        server.inject("locked_account", nth=1)
        send(server)
        finish(server, send(server))
        assert found(server) == []

    def test_calls_that_were_on_their_way(self, server: Server) -> None:
        """Only who knows that the account is locked can stop."""
        witness, jobs = Witness(), []
        for number in range(3):
            call = entry(f"/queue/{O1}", effect="locked_account", status=403)
            jobs.append((call, witness.sent(call, ("k", O1, number), None)))
        for call, sending in jobs:
            witness.saw(call, sending, Passage(began=0.0, ended=1.0, whole=True))
        assert witness.verdict({}, None).findings == ()
        assert server.control("verdict")["more"] == 0


class TestLeft:
    def test_a_result_that_nobody_fetched(self, server: Server) -> None:
        answer = send(server)
        finding = only(server, Kind.RESULT_NEVER_FETCHED)
        assert (finding["usd"], finding["at_end"]) == (PRICE, True)
        assert "webhook was" not in server.control("verdict")["text"]
        finish(server, answer)
        assert found(server) == []

    def test_a_refusal_needs_no_fetching(self, server: Server) -> None:
        send(server, {"prompt": "x", "duration": 5})
        assert found(server) == []

    def test_a_file_that_was_downloaded(self, server: Server, receiver: Receiver) -> None:
        receiver.answers = [500]
        send(server, path=f"queue/{O1}?fal_webhook={receiver.url}")
        (told,) = receiver.wait(1)
        assert found(server) == [(Kind.RESULT_NEVER_FETCHED, "proven")]
        assert server.http.get(json.loads(told.body)["payload"]["video"]["url"]).is_success
        assert found(server) == []

    def test_who_watches_the_page_fetches_nothing_for_the_program(self, server: Server) -> None:
        answer = send(server)
        server.advance(10_000)
        (media,) = server.control("media")
        own = {"Sec-Fetch-Site": "same-origin"}
        assert server.http.get(media["href"], headers=own).is_success
        assert found(server) == [(Kind.RESULT_NEVER_FETCHED, "proven")]
        assert server.http.get(media["href"], headers={"Sec-Fetch-Site": "cross-site"}).is_success
        assert found(server) == []
        assert answer is not None

    def test_what_the_page_sent_is_for_nobody_to_fetch(self, server: Server) -> None:
        assert server.http.post(f"queue/{O1}", json=X, headers={"Sec-Fetch-Site": "same-origin"}).is_success
        server.advance(10_000)
        assert found(server) == []

    def test_a_webhook_delivers_a_result(self, server: Server, receiver: Receiver) -> None:
        receiver.answers = [500]
        send(server, path=f"queue/{O1}?fal_webhook={receiver.url}")
        receiver.wait(1)
        server.advance(0)
        assert found(server) == [(Kind.RESULT_NEVER_FETCHED, "proven")]
        assert "its webhook was not answered with 2xx" in server.control("verdict")["text"]
        server.advance(5)
        receiver.wait(2)
        until(lambda: found(server) == [])

    def test_who_stops_looking_has_to_cancel(self, serve: Serve) -> None:
        server = serve(profile="realistic")
        job = server.submit(O1, X)
        assert found(server) == []
        server.http.get(job["status_url"])
        assert found(server) == [(Kind.NEVER_CANCELLED, "proven"), (Kind.SHORT_TIMEOUT, "proven")]
        assert server.control("verdict")["usd"] == PRICE
        server.advance(10_000)
        assert found(server) == [(Kind.NEVER_CANCELLED, "proven"), (Kind.SHORT_TIMEOUT, "proven")]
        server.http.get(job["status_url"])
        assert found(server) == [(Kind.RESULT_NEVER_FETCHED, "proven")]
        server.http.get(job["response_url"])
        assert found(server) == []

    def test_who_cancels_leaves_nothing(self, serve: Serve) -> None:
        server = serve(profile="realistic")
        job = server.submit(O1, X)
        server.http.get(job["status_url"])
        server.http.put(job["cancel_url"]).raise_for_status()
        assert found(server) == []

    def test_no_patience_helps_with_what_is_stuck(self, server: Server) -> None:
        server.inject("stuck")
        job = server.submit(O1, X)
        server.http.get(job["status_url"])
        assert only(server, Kind.NEVER_CANCELLED)

    def test_who_hangs_up_on_run_has_too_little_time(self, serve: Serve) -> None:
        server = serve(profile="realistic")
        assert send(server, path=f"run/{O1}", timeout=httpx.Timeout(None, read=HASTE)) is None
        until(lambda: found(server) == [(Kind.SHORT_TIMEOUT, "proven")])
        assert only(server, Kind.SHORT_TIMEOUT)["usd"] == PRICE

    def test_who_hangs_up_on_run_and_calls_again_pays_twice(self, serve: Serve) -> None:
        server = serve(profile="realistic")
        for _ in range(2):
            assert send(server, path=f"run/{O1}", timeout=httpx.Timeout(None, read=HASTE)) is None
        expected = [(Kind.PAID_TWICE, "proven"), (Kind.SHORT_TIMEOUT, "proven")]
        until(lambda: found(server) == expected)
        assert server.control("verdict")["usd"] == 2 * PRICE


class TestAddressesAndWebhooks:
    def test_the_whole_endpoint_before_the_request(self, server: Server) -> None:
        answer = send(server)
        assert answer is not None
        request_id = answer.json()["request_id"]
        assert server.http.get(f"/queue/{O1}/requests/{request_id}/status").status_code == 405
        finish(server, answer)
        (call,) = only(server, Kind.WRONG_ADDRESS)["calls"]
        assert "did you mean" in call["hint"]

    @pytest.mark.parametrize(("status", "expected"), [(200, [(Kind.UNVERIFIED_WEBHOOK, "proven")]), (401, [])])
    def test_a_wrong_signature(
        self, server: Server, receiver: Receiver, status: int, expected: list[tuple[str, str]]
    ) -> None:
        server.inject("webhook_bad_signature")
        receiver.answers = [status, 200]
        send(server, path=f"queue/{O1}?fal_webhook={receiver.url}")
        forged, real = receiver.wait(2)
        until(lambda: found(server) == expected)
        assert forged.body == real.body
        assert forged.headers["X-Fal-Webhook-Signature"] != real.headers["X-Fal-Webhook-Signature"]
