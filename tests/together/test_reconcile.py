"""A job whose answer was lost is found again in the Platform API's list."""

from __future__ import annotations

from decimal import Decimal

import httpx
import pytest

from fakefal_client import Budget, Client, Found, MaybeAccepted, NotListed
from fakefal_contracts import examples
from support.endpoints import I2V
from support.server import Serve

pytestmark = pytest.mark.quick


def lose(client: Client) -> MaybeAccepted:
    with pytest.raises(MaybeAccepted) as raised:
        client.submit(I2V, examples(I2V)["required"])
    return raised.value


@pytest.mark.parametrize("ahead", [0, 3600, 10 * 24 * 3600])
def test_an_accepted_job_is_found_however_far_ahead_its_clock_is(serve: Serve, ahead: float) -> None:
    server = serve(effects=("accept_then_drop",))
    server.http.post("/_fakefal/clock", json={"advance": ahead})
    with Client(server.url, key="tester:secret") as client:
        outcome = client.reconcile(lose(client))
    (accepted,) = server.http.get("/_fakefal/requests").json()
    assert isinstance(outcome, Found)
    assert outcome.request_id == accepted["request_id"]


def test_a_job_that_never_arrived_is_not_listed(serve: Serve) -> None:
    server = serve(effects=("drop_before_accept",))
    with Client(server.url, key="tester:secret") as client:
        assert isinstance(client.reconcile(lose(client)), NotListed)


def test_another_keys_twin_is_not_taken_for_it(serve: Serve) -> None:
    server = serve(effects=("drop_before_accept when key=tester",))
    server.submit(I2V, examples(I2V)["required"], Authorization="Key another:secret")
    with Client(server.url, key="tester:secret") as client:
        assert isinstance(client.reconcile(lose(client)), NotListed)


def test_what_another_thread_found_meanwhile_is_not_refunded(serve: Serve) -> None:
    server = serve(effects=("accept_then_drop",))
    others: list[object] = []

    class Meanwhile(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if "by-endpoint" in request.url.path and not others:
                others.append("begun")
                others.append(client.reconcile(lost))
            return super().handle_request(request)

    with (
        httpx.Client(transport=Meanwhile()) as http,
        Client(server.url, key="tester:secret", http=http, budget=1) as client,
    ):
        lost = lose(client)
        found = client.reconcile(lost)
        assert isinstance(found, Found)
        assert others[1:] == [found]
        assert client.budget.pending > 0


def test_of_two_calls_that_look_the_same_one_finds_the_job_whoever_asks_first(serve: Serve) -> None:
    server = serve(effects=("accept_then_drop when nth=1", "drop_before_accept when nth=2"))
    budget = Budget(2)
    outcomes: list[object] = []

    class Meanwhile(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            answer = super().handle_request(request)
            if "by-endpoint" in request.url.path and not outcomes:
                answer.read()
                outcomes.append("begun")
                outcomes.append(client.reconcile(second))
            return answer

    with (
        httpx.Client(transport=Meanwhile()) as http,
        Client(server.url, key="tester:secret", http=http, budget=budget) as client,
    ):
        first, second = lose(client), lose(client)
        outcomes.append(client.reconcile(first))
        assert {type(one) for one in outcomes[1:]} == {Found, NotListed}
        assert budget.pending == Decimal("0.56")
        for lost, outcome in ((second, outcomes[1]), (first, outcomes[2])):
            assert client.reconcile(lost) == outcome
        assert budget.pending == Decimal("0.56")
