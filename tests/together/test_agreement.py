"""What `check` accepts the emulator completes; what it refuses, the emulator refuses: same rule, same place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any

import httpx
import pytest
from hypothesis import given, settings

from fakefal.engine.emulator import Emulator
from fakefal.settings import Settings
from fakefal.state import jsonio
from fakefal.state.clock import MemoryClock
from fakefal_contracts import IN_DEPTH, Edition, Report, check, rulebook
from fakefal_contracts.strategies import (
    Cancel,
    Fetch,
    Medium,
    Poll,
    Step,
    Submit,
    anything,
    boundaries,
    histories,
    invalid,
    play,
    valid,
)
from support.draws import draws
from support.editions import every_edition
from support.server import Server, emulator_with, served

CDN = "https://v3b.fal.media"


@pytest.fixture(scope="module")
def under() -> Iterator[Callable[[str], Server]]:
    """Give the server of a contract."""
    with ExitStack() as stack:

        @cache
        def start(contract: str) -> Server:
            settings = Settings(profile="instant", contract=contract, max_requests=200, max_files=200)
            return stack.enter_context(served(Emulator(settings)))

        yield start


def agrees(report: Report, answer: httpx.Response) -> None:
    """Equal judgement, equal bytes of refusal, and the hint names the first rule."""
    if report.ok:
        assert answer.status_code == 200
        assert report.cost is not None
        assert float(answer.headers["x-fal-billable-units"]) == report.cost.units
        return
    assert answer.status_code == 422
    assert answer.content == jsonio.dump({"detail": [error.wire() for error in report.errors]})
    assert answer.headers["x-fakefal-hint"].startswith(f"{report.errors[0].rule.id}: ")
    assert answer.headers["x-fal-billable-units"] == "0"


@every_edition
def test_check_and_emulator_agree(edition: Edition, under: Callable[[str], Server]) -> None:
    endpoint_id, contract = edition.endpoint.id, edition.contract
    rules = [rule.id for rule in rulebook(edition) if rule.kind != "max_bytes"]
    broken = invalid(endpoint_id, contract=contract, rules=rules).map(lambda one: one.arguments)
    bodies = valid(endpoint_id, contract=contract) | broken | anything(endpoint_id, contract=contract)

    @settings(max_examples=draws(60), derandomize=True)
    @given(bodies)
    def agree(body: Any) -> None:
        # both see what a client can send: text that is JSON
        body = jsonio.parse(jsonio.dump(body))
        agrees(check(endpoint_id, body, contract=contract), under(contract).result(endpoint_id, body))

    agree()


@pytest.mark.parametrize("endpoint_id", IN_DEPTH)
def test_they_agree_on_both_sides_of_every_limit(endpoint_id: str, under: Callable[[str], Server]) -> None:
    server = under("latest")
    for boundary in boundaries(endpoint_id, contract="latest"):
        for side in (boundary.inside, boundary.outside):
            for address, medium in side.media.items():
                lay(server, address, medium)
            report = check(endpoint_id, side.arguments, contract="latest", opener=side.opener)
            assert report.ok == (side is boundary.inside)
            agrees(report, server.result(endpoint_id, side.arguments))


def lay(server: Server, address: str, medium: Medium) -> None:
    """Lay a medium under an address of the server's CDN; its padding stays a hole."""
    part = server.emulator.files.open_part()
    part.write(medium.head)
    part.truncate(medium.size)
    part.seek(medium.size)
    server.emulator.files.keep(part, address.removeprefix(CDN), medium.content_type)


class OverHttp:
    """Plays histories on an emulator whose clock stands, and remembers how far each request has come."""

    ORDER = ("IN_QUEUE", "IN_PROGRESS", "COMPLETED")

    def __init__(self, server: Server) -> None:
        self.server = server
        self.states: dict[str, str] = {}

    def submit(self, endpoint_id: str, arguments: Any) -> str:
        request_id: str = self.server.submit(endpoint_id, arguments)["request_id"]
        self.states[request_id] = "IN_QUEUE"
        return request_id

    def poll(self, request: str, *, logs: bool) -> httpx.Response:
        answer = self.server.http.get(self._url(request, "/status"), params={"logs": str(int(logs))})
        state = answer.json()["status"]
        assert self.ORDER.index(state) >= self.ORDER.index(self.states[request]), "no state comes back"
        assert answer.status_code == (200 if state == "COMPLETED" else 202)
        assert (answer.json()["logs"] is None) == (not logs)
        self.states[request] = state
        return answer

    def fetch(self, request: str) -> httpx.Response:
        state = self.poll(request, logs=False).json()["status"]
        answer = self.server.http.get(self._url(request))
        assert (answer.status_code == 400) == (state != "COMPLETED")
        return answer

    def cancel(self, request: str) -> httpx.Response:
        state = self.poll(request, logs=False).json()["status"]
        answer = self.server.http.put(self._url(request, "/cancel"))
        expected = {
            "IN_QUEUE": (200, "OK"),
            "IN_PROGRESS": (202, "CANCELLATION_REQUESTED"),
            "COMPLETED": (400, "ALREADY_COMPLETED"),
        }
        assert (answer.status_code, answer.json()["status"]) == expected[state]
        assert self.poll(request, logs=False).json()["status"] == "COMPLETED"
        return answer

    def advance(self, seconds: float) -> None:
        self.server.http.post("/_fakefal/clock", json={"advance": seconds}).raise_for_status()

    def _url(self, request: str, rest: str = "") -> str:
        return f"/queue/fal-ai/kling-video/requests/{request}{rest}"


@pytest.fixture(scope="module")
def standing() -> Iterator[Server]:
    """A server whose time only moves when it is told to, with two runners so that requests queue."""
    emulator = emulator_with(
        Settings(profile="quick", runners=2, max_requests=2000), clock=MemoryClock(lambda: 1_790_000_000.0)
    )
    with served(emulator) as server:
        yield server


@pytest.mark.quick
@settings(max_examples=draws(25), derandomize=True)
@given(history=histories(max_steps=15))
def test_whole_histories_end_as_check_says(history: list[Step], standing: Server) -> None:
    standing.http.post("/_fakefal/reset").raise_for_status()
    target = OverHttp(standing)
    answers = play(history, target)
    requests = [(step, answer) for step, answer in answers if isinstance(step, Submit)]
    cancelled = {
        requests[step.request][1] for step, answer in answers if isinstance(step, Cancel) and answer.status_code != 400
    }
    target.advance(100_000)
    for step, request in requests:
        answer = target.fetch(request)
        if request in cancelled:
            assert answer.status_code == 499
        else:
            agrees(check(step.endpoint_id, step.arguments), answer)
    for step, answer in answers:
        if isinstance(step, Poll | Fetch):
            assert answer.headers["x-fal-request-id"] == requests[step.request][1]
