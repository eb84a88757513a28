"""At most one paid job per call, whatever the connection does."""

from __future__ import annotations

import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from fakefal_client import (
    Attempt,
    FakefalError,
    Found,
    MaybeAccepted,
    Money,
    NotAllowed,
    NotListed,
    OverBudget,
    RequestRefused,
    Retry,
    TooManyRequests,
    Unknown,
    Unreachable,
    UsageError,
)
from fakefal_client.driver import Driver
from fakefal_client.kling import KlingO1ReferenceToVideo
from fakefal_client.retry import TimeSource
from fakefal_client.steps import HttpCall, WireFailure
from support.clients import MakeClient
from support.endpoints import O1
from support.media import picture
from support.relay import Cut, Relay, relay_to
from support.server import Serve, Server
from support.waiting import HASTE, until

REQUEST = KlingO1ReferenceToVideo(prompt="a lighthouse")
FRAMES_BODY = {"prompt": "x", "start_image_url": "https://example.com/a.png"}
SOON = Retry(first_seconds=0.001)


@pytest.fixture
def relay(server: Server) -> Iterator[Relay]:
    with relay_to(server.url) as found:
        yield found


def accepted(server: Server) -> int:
    return len(server.control("ledger")["jobs"])


def lose(
    client: Any, server: Server, effect: str, nth: int = 1, request: tuple[Any, ...] = (REQUEST,)
) -> MaybeAccepted:
    """Submit a request whose connection dies by an effect; returns what the client says of it."""
    server.inject(effect, nth=nth)
    with pytest.raises(MaybeAccepted) as caught:
        client.submit(*request)
    return caught.value


@pytest.mark.parametrize("road", ["submit", "run"])
@pytest.mark.parametrize("times", [1, 1_000_000])
@pytest.mark.parametrize(
    ("upstream", "downstream", "jobs"),
    [(0, None, 0), (10, None, 0), (None, 0, 1), (None, 10, 1)],
)
def test_a_connection_that_dies_within_a_head_makes_at_most_one_job(
    make_client: MakeClient,
    server: Server,
    relay: Relay,
    road: str,
    times: int,
    upstream: int | None,
    downstream: int | None,
    jobs: int,
) -> None:
    client = make_client(relay.url, contract="documented", retry=SOON, budget=1)
    relay.cut = Cut(upstream, downstream, times=times)
    with pytest.raises(MaybeAccepted, match="not sent again") as caught:
        getattr(client, road)(REQUEST)
    assert caught.value.maybe_paid
    assert caught.value.attempt.arguments == {"prompt": "a lighthouse"}
    assert accepted(server) == jobs
    assert client.budget.pending > 0, "its money is kept until somebody knows"


@pytest.mark.parametrize(
    ("effect", "error", "jobs"),
    [
        ("accept_then_drop", MaybeAccepted, 1),
        ("accept_then_drop(bytes=0)", MaybeAccepted, 1),
        ("accept_then_drop(bytes=20)", MaybeAccepted, 1),
        ("drop_before_accept", MaybeAccepted, 0),
        ("drop_before_accept(bytes=0)", MaybeAccepted, 0),
        ("drop_before_accept(bytes=10)", MaybeAccepted, 0),
        ("ingress_502", MaybeAccepted, 0),
        ("locked_account", NotAllowed, 0),
        ("invalid_key", NotAllowed, 0),
        ("queue_full", TooManyRequests, 0),
        ("concurrent_requests_limit", TooManyRequests, 0),
    ],
)
@pytest.mark.parametrize("road", ["submit", "run"])
def test_every_fault_of_a_call(
    make_client: MakeClient, server: Server, road: str, effect: str, error: type[FakefalError], jobs: int
) -> None:
    server.http.post("/_fakefal/scenarios", json={"effect": effect})
    client = make_client(server.url, retry=SOON, budget=1)
    with pytest.raises(error) as caught:
        getattr(client, road)(REQUEST)
    assert (accepted(server), caught.value.maybe_paid) == (jobs, error is MaybeAccepted)
    assert (client.budget.pending > 0) == (error is MaybeAccepted)


@pytest.mark.parametrize("nth", [None, 1])
@pytest.mark.parametrize("size", [0, 1_000_000])
@pytest.mark.parametrize("road", ["submit", "run"])
def test_a_connection_that_dies_within_a_large_body_makes_no_job_and_nothing_is_sent_again(
    make_client: MakeClient, server: Server, road: str, size: int, nth: int | None
) -> None:
    server.http.post("/_fakefal/scenarios", json={"effect": f"drop_before_accept(bytes={size})", "nth": nth})
    client = make_client(server.url, key="tester:secret", retry=SOON, budget=2)
    large = {
        "prompt": "@Image1",
        "image_urls": [f"data:image/png;base64,{b64encode(picture(padding=6_000_000)).decode()}"],
    }
    with pytest.raises(MaybeAccepted, match="the connection failed once sending had begun") as caught:
        getattr(client, road)(O1, large)
    calls = [call for call in server.http.get("/_fakefal/journal").json() if call["method"] == "POST"]
    assert [call["effect"] for call in calls] == ["drop_before_accept"]
    assert caught.value.maybe_paid
    assert client.budget.pending > 0
    assert accepted(server) == 0
    assert client.reconcile(caught.value) == NotListed()
    assert client.budget.pending == 0


@pytest.mark.quick
@pytest.mark.parametrize("effect", ["queue_full", "concurrent_requests_limit"])
def test_what_was_refused_for_now_is_sent_again(make_client: MakeClient, server: Server, effect: str) -> None:
    for number in (1, 2):
        server.http.post("/_fakefal/scenarios", json={"effect": effect, "nth": number})
    client = make_client(server.url, retry=SOON)
    assert client.submit(REQUEST).result()
    assert accepted(server) == 1


def test_a_refused_connection_is_tried_again_and_costs_nothing(make_client: MakeClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    pauses: list[float] = []

    def draw() -> float:
        pauses.append(0.001)
        return 0.001

    client = make_client(url, contract="documented", budget=1, retry=Retry(times=3, draw=draw))
    with pytest.raises(Unreachable) as caught:
        client.submit(REQUEST)
    assert (caught.value.maybe_paid, len(pauses), client.budget.pending) == (False, 3, 0)


@pytest.mark.parametrize("headers", [{"x-note": "a\nsecret"}, {"x-note": " secret"}, {"x note": "secret"}])
def test_what_http_does_not_allow_is_not_sent(make_client: MakeClient, server: Server, headers: dict[str, str]) -> None:
    client = make_client(server.url, retry=SOON, budget=1)
    with pytest.raises(UsageError, match="HTTP does not allow the header") as caught:
        client.submit(REQUEST, headers=headers)
    assert "secret" not in str(caught.value)
    assert (caught.value.maybe_paid, client.budget.pending, accepted(server)) == (False, 0, 0)


def test_a_timeout_after_sending_is_not_a_reason_to_send_again(make_client: MakeClient, server: Server) -> None:
    server.http.post("/_fakefal/scenarios", json={"effect": "slow_response(seconds=30)"})
    client = make_client(server.url, retry=SOON)
    with pytest.raises(MaybeAccepted):
        client.submit(REQUEST, deadline_seconds=HASTE)


def test_an_answer_that_comes_after_the_deadline_gives_its_connection_back() -> None:
    came, response = threading.Event(), httpx.Response(200, content=iter([b"x"]))
    with httpx.Client(transport=httpx.MockTransport(lambda _: came.wait() and response)) as http:
        driver = Driver(http, clock=TimeSource(monotonic=lambda: 1.0))
        call = HttpCall("GET", "http://x", until=1.0)
        with pytest.raises(WireFailure, match="deadline"):
            driver._within(call, lambda: driver._open(call))
        came.set()
        until(lambda: response.is_closed)


def test_a_deadline_holds_against_an_answer_that_drips(make_client: MakeClient) -> None:
    def drip(listening: socket.socket) -> None:
        caller, _ = listening.accept()
        with caller, suppress(OSError):
            caller.recv(65536)
            caller.sendall(b"HTTP/1.1 200 OK\r\n")
            while not over.wait(0.02):
                caller.sendall(b"x-drip: 1\r\n")

    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=drip, args=(listening,), daemon=True).start()
        client = make_client(f"http://127.0.0.1:{listening.getsockname()[1]}", retry=SOON)
        with pytest.raises(MaybeAccepted, match="deadline"):
            client.submit(REQUEST, deadline_seconds=HASTE)
        over.set()


@pytest.mark.parametrize("said", ['"../../other"', '"a b"', '""', "7", "null"])
def test_an_answer_whose_id_cannot_be_one_says_maybe(make_client: MakeClient, said: str) -> None:
    def answer(listening: socket.socket) -> None:
        caller, _ = listening.accept()
        with caller:
            caller.recv(65536)
            body = f'{{"request_id":{said}}}'.encode()
            caller.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=answer, args=(listening,), daemon=True).start()
        client = make_client(f"http://127.0.0.1:{listening.getsockname()[1]}", retry=SOON, contract="documented")
        with pytest.raises(MaybeAccepted, match="names no request id"):
            client.submit(REQUEST)


def test_a_refusal_at_the_gate_names_the_fields(make_client: MakeClient, server: Server) -> None:
    client = make_client(server.url, preflight=False)
    with pytest.raises(RequestRefused) as caught:
        client.subscribe(O1, {"prompt": "x" * 2501})
    (field,) = caught.value.fields
    assert (field.loc, field.type, field.ctx) == (("body", "prompt"), "string_too_long", {"max_length": 2500})
    assert (caught.value.status, caught.value.error_type, caught.value.maybe_paid) == (422, "string_too_long", False)
    assert caught.value.request_id
    assert "max_length" in caught.value.hint


@pytest.mark.quick
class TestReconcile:
    def test_a_job_that_was_accepted_is_found_and_goes_on(self, make_client: MakeClient, server: Server) -> None:
        client = make_client(server.url, budget=1)
        outcome = client.reconcile(lose(client, server, "accept_then_drop"))
        assert isinstance(outcome, Found)
        job = client.resume(outcome.request_id, KlingO1ReferenceToVideo)
        assert job.result().video.url
        assert (client.budget.pending, float(client.budget.spent)) == (0, 0.56)
        assert accepted(server) == 1

    def test_asked_twice_it_says_the_same_and_refunds_nothing(self, make_client: MakeClient, server: Server) -> None:
        client = make_client(server.url, budget=1)
        lost = lose(client, server, "accept_then_drop")
        outcome = client.reconcile(lost)
        assert client.reconcile(lost) == outcome
        assert float(client.budget.pending) == 0.56
        client.resume(outcome.request_id, O1).result()
        assert client.reconcile(lost) == outcome, "it outlives the settlement"
        assert (client.budget.pending, float(client.budget.spent)) == (0, 0.56)

    def test_another_client_finds_it_twice_too(self, make_client: MakeClient, server: Server) -> None:
        lost = lose(make_client(server.url, key="tester:secret"), server, "accept_then_drop")
        other = make_client(server.url, key="tester:secret")
        assert isinstance(other.reconcile(lost), Found)
        assert isinstance(other.reconcile(lost), Found)

    def test_a_job_that_was_not_accepted_is_refunded(self, make_client: MakeClient, server: Server) -> None:
        client = make_client(server.url, budget=2)
        client.submit("fal-ai/kling-video/o1/image-to-video", FRAMES_BODY)
        assert client.reconcile(lose(client, server, "drop_before_accept", nth=2).attempt) == NotListed()
        assert float(client.budget.pending) == 0.56, "the other one's"

    @pytest.mark.parametrize("end", ["paid", "refused"])
    def test_a_job_that_is_listed_after_it_was_refunded_is_billed(
        self, make_client: MakeClient, server: Server, end: str
    ) -> None:
        client = make_client(server.url, key="tester:secret", budget="0.60", poll_seconds=0.005)
        lost = lose(client, server, "drop_before_accept")
        if end == "refused":
            server.inject("face_detection_error")
        assert client.reconcile(lost) == NotListed()
        assert (client.budget.pending, client.budget.spent) == (0, 0)
        late = server.submit(O1, {"prompt": "a lighthouse"})["request_id"]
        for _ in range(2):
            assert client.reconcile(lost) == Found(late)
            assert (float(client.budget.pending), client.budget.spent) == (0.56, 0)
        with pytest.raises(OverBudget):
            client.submit(REQUEST)
        with suppress(RequestRefused):
            client.resume(late, O1).result()
        assert (client.budget.pending, float(client.budget.spent)) == (0, 0.56 if end == "paid" else 0)
        assert [(one.money, one.request_id) for one in client.budget] == [
            (Money.REFUNDED, None),
            (Money.SPENT if end == "paid" else Money.REFUNDED, late),
        ]

    @pytest.mark.parametrize(("effect", "found"), [("accept_then_drop", Found), ("drop_before_accept", NotListed)])
    def test_the_job_of_another_call_is_not_taken_for_it(
        self, make_client: MakeClient, server: Server, effect: str, found: type
    ) -> None:
        client = make_client(server.url)
        first = client.submit(REQUEST)
        outcome = client.reconcile(lose(client, server, effect, nth=2))
        assert isinstance(outcome, found)
        assert getattr(outcome, "request_id", "") != first.request_id

    @pytest.mark.parametrize("body", [{"prompt": "a lighthouse"}, {"prompt": "x" * 2501}], ids=["made", "refused"])
    @pytest.mark.parametrize(("effect", "found"), [("accept_then_drop", Found), ("drop_before_accept", NotListed)])
    def test_a_job_of_the_synchronous_road_is_not_taken_for_it(
        self, make_client: MakeClient, server: Server, body: dict[str, str], effect: str, found: type
    ) -> None:
        client = make_client(server.url, preflight=False)
        with suppress(RequestRefused):
            client.run(O1, body)
        (ran,) = client.budget
        (listed,) = server.http.get("/_fakefal/requests").json()
        assert ran.request_id == listed["request_id"]
        outcome = client.reconcile(lose(client, server, effect, nth=2, request=(O1, body)))
        assert isinstance(outcome, found)
        assert getattr(outcome, "request_id", "") != ran.request_id

    def test_twins_are_unknown(self, make_client: MakeClient, server: Server) -> None:
        make_client(server.url, key="tester:secret").submit(REQUEST)
        client = make_client(server.url, key="tester:secret")
        outcome = client.reconcile(lose(client, server, "accept_then_drop", nth=2))
        assert isinstance(outcome, Unknown)
        assert "2 jobs look the same" in outcome.reason

    def test_another_keys_jobs_do_not_count(self, make_client: MakeClient, server: Server) -> None:
        make_client(server.url, key="a:b").submit(REQUEST)
        attempt = Attempt(
            O1, {"prompt": "a lighthouse"}, server.emulator.clock.now(None), server.emulator.clock.now(None)
        )
        assert make_client(server.url, key="c:d").reconcile(attempt) == NotListed()

    def test_a_list_that_cannot_be_read_leaves_it_open(self, make_client: MakeClient, serve: Serve) -> None:
        server = serve(keys={"tester": "secret"})
        attempt = Attempt(O1, {"prompt": "x"}, 0.0, 0.0)
        outcome = make_client(server.url, key="tester:wrong").reconcile(attempt)
        assert isinstance(outcome, Unknown)
