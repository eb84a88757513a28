"""`/stream` of fal.run: to fal's own clients over sockets, and event by event."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import fal_client
import httpx
import pytest

from fakefal.testing import Fakefal
from fakefal_contracts import BUILT_IN
from fakefal_contracts.example import example_input
from support.endpoints import O1
from support.programs import FAKEFAL, JS, PROGRAMS, finish
from support.server import Serve, Server

FLUX, PROMPT = "/run/fal-ai/flux/dev/stream", {"prompt": "a lighthouse"}
OWN = [{"step": 1}, {"step": 2}, {"images": []}]
STREAMS = [one.id for one in BUILT_IN.records() if one.metadata.get("streams") or one.id.endswith("/stream")]


def events_of(lines: Iterator[str]) -> Iterator[Any]:
    return (json.loads(line.removeprefix("data: ")) for line in lines if line)


def streamed(server: Server, path: str = FLUX, body: Any = PROMPT, **headers: str) -> list[Any]:
    answer = server.http.post(path, json=body, headers=headers)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8", answer.text
    assert server.control(f"requests/{answer.headers['x-fal-request-id']}")["status"] == "COMPLETED"
    return list(events_of(iter(answer.text.splitlines())))


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_fals_own_clients_stream(language: str, offline: list[str], node: str) -> None:
    programs = {"python": [sys.executable, PROGRAMS / "streams.py"], "javascript": [node, JS / "streams.mjs"]}
    effect = f"respond(events={json.dumps(OWN)}) when endpoint=flux/schnell"
    command = [*FAKEFAL, "run", "--profile", "instant", "--effect", effect, "--", *map(str, programs[language])]
    seen = finish([*offline, *command])
    said = "A cat walks through the rain"
    assert [(one["output"], one["partial"]) for one in seen["text"]] == [
        ("A", True),
        ("A cat walks", True),
        ("A cat walks through", True),
        (said, False),
    ]
    (pictures,) = seen["pictures"]
    assert (pictures["prompt"], pictures["seed"], len(pictures["images"])) == ("a lighthouse", 5, 1)
    assert seen["own"] == OWN


def test_every_model_that_streams_ends_with_a_whole_result(server: Server) -> None:
    assert len(STREAMS) == 47  # fal's catalogue marks 41; the ids of six more end with /stream
    for endpoint_id in STREAMS:
        model = endpoint_id.removesuffix("/stream")
        endpoint = BUILT_IN.find(model if model in STREAMS else endpoint_id)
        last = streamed(server, f"/run/{model}/stream", example_input(endpoint))[-1]
        endpoint.output.model_validate(last)
        assert server.control("requests")[0]["endpoint_id"] == endpoint.id


def test_events_come_evenly_over_the_run(serve: Serve) -> None:
    server = serve(profile="realistic", effects=(f"respond(events={json.dumps(OWN)}, seconds=300)",))
    server.http.post("/_fakefal/clock", json={"speed": 0}).raise_for_status()
    with server.http.stream("POST", FLUX, json=PROMPT) as answer:
        events = events_of(answer.iter_lines())
        for number in range(2):
            server.advance(99)
            (request,) = server.control("requests")
            assert request["status"] == "IN_PROGRESS"
            server.advance(1)
            assert next(events) == OWN[number]
        server.advance(100)
        assert list(events) == OWN[2:]


def test_own_events_are_the_result_of_the_other_calls(server: Server) -> None:
    server.inject(f"respond(events={json.dumps(OWN)})")
    assert streamed(server) == OWN
    assert streamed(server, f"/run/{O1}/stream") == OWN
    assert server.result(O1, PROMPT).json() == OWN[-1]
    assert server.http.post(f"/run/{O1}", json=PROMPT).json() == OWN[-1]


def test_an_own_result_is_one_event(server: Server) -> None:
    assert streamed(server, **{"X-Fakefal-Effect": "respond(result={'mine': 1})"}) == [{"mine": 1}]


@pytest.mark.parametrize(
    ("path", "body", "effect", "expected"),
    [
        (FLUX, {}, "", (422, "Field required")),
        (FLUX, PROMPT, "content_policy_violation", (422, "flagged by a content checker")),
        (FLUX, PROMPT, "runner_disconnected", (503, "Runner disconnected")),
        (FLUX, PROMPT, "respond(text='plain')", (200, "plain")),
        (f"/run/{O1}/stream", PROMPT, "", (404, "Path /o1/reference-to-video/stream not found")),
        ("/run/fal-ai/flux/stream", PROMPT, "", (404, "Path /stream not found")),
    ],
)
def test_what_has_no_events_answers_as_any_call(
    server: Server, path: str, body: Any, effect: str, expected: tuple[int, str]
) -> None:
    answer = server.http.post(path, json=body, headers={"X-Fakefal-Effect": effect} if effect else {})
    status, words = expected
    assert (answer.status_code, "event-stream" in answer.headers["content-type"]) == (status, False)
    assert words in answer.text


def test_a_model_without_a_stream_says_so(server: Server) -> None:
    hint = server.http.post(f"/run/{O1}/stream", json=PROMPT).headers["x-fakefal-hint"]
    assert hint == f"{O1} has no stream: call it without /stream"


def test_an_unknown_model_streams_where_it_is_accepted(serve: Serve) -> None:
    assert streamed(serve(unknown="accept"), "/run/me/own/stream") == [{}]


@pytest.mark.parametrize("effect", ["accept_then_drop", "accept_then_drop(bytes=20)", "accept_then_drop(bytes=9999)"])
def test_a_stream_that_is_cut_off_does_not_end(server: Server, effect: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        server.http.post(FLUX, json=PROMPT, headers={"X-Fakefal-Effect": effect})
    (request,) = server.control("requests")
    assert request["status"] == "COMPLETED"


@pytest.mark.parametrize("end", ["reset", "cancel"])
def test_a_run_that_is_ended_early_has_no_last_event(serve: Serve, end: str) -> None:
    server = serve(profile="realistic", effects=(f"respond(events={json.dumps(OWN)}, seconds=300)",))
    with server.http.stream("POST", FLUX, json=PROMPT) as answer:
        server.advance(101)
        events = events_of(answer.iter_lines())
        assert next(events) == OWN[0]
        if end == "reset":
            server.http.post("/_fakefal/reset").raise_for_status()
        else:
            path = f"/queue/fal-ai/flux/requests/{answer.headers['x-fal-request-id']}/cancel"
            server.http.put(path).raise_for_status()
        with pytest.raises(httpx.RemoteProtocolError):
            list(events)


def test_streams_in_a_test() -> None:
    with Fakefal() as fake:
        fake.respond(events=OWN, endpoint="flux/dev")
        assert list(fal_client.stream("fal-ai/flux/dev", arguments=PROMPT)) == OWN
        assert fake.last.endpoint_id == "fal-ai/flux/dev"
        assert fake.last.result == OWN[-1]
        fake.inject("accept_then_drop(bytes=20) when nth=2")
        with pytest.raises(httpx.RemoteProtocolError):
            list(fal_client.stream("fal-ai/flux/dev", arguments=PROMPT))
