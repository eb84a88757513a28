"""Everything that the emulator answers becomes, in fal's own clients, the object that it stands for."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fal_client
import httpx
import pytest
from test_official_clients import JS, node

from conftest import KEY, Server
from fakefal.clock import Clocks
from fakefal.emulator import Emulator
from fakefal.settings import Settings
from fakefal_contracts import ENDPOINTS, check, examples
from fakefal_contracts.failures import MODEL_ERRORS, PLATFORM_ERRORS

__all__ = ["node"]

O1 = "fal-ai/kling-video/o1/reference-to-video"
FULL = {endpoint_id: examples(endpoint_id)["full"] for endpoint_id in ENDPOINTS}
BAD = {"prompt": 5, "elements": [{}], "duration": "99", "image_urls": "x"}


@pytest.fixture
def standing(serve: Callable[..., Server]) -> Server:
    """A server with one runner, whose time only moves when it is told to."""
    return serve(emulator=Emulator(Settings(profile="quick", runners=1), clock=Clocks(lambda: 1_790_000_000.0)))


@pytest.fixture
def follow(server: Server) -> Iterator[Callable[..., fal_client.SyncRequestHandle]]:
    """Submit, and follow the request with the handle of fal's Python client."""
    with httpx.Client(headers=KEY, trust_env=False) as http:

        def start(endpoint_id: str, arguments: Any, *, at: Server = server, **headers: str) -> Any:
            body = at.submit(endpoint_id, arguments, **headers)
            names = ("request_id", "response_url", "status_url", "cancel_url")
            return fal_client.SyncRequestHandle(**{name: body[name] for name in names}, client=http)

        yield start


Follow = Callable[..., fal_client.SyncRequestHandle]


class TestPythonStatuses:
    def test_each_state_is_its_class_with_its_fields(self, follow: Follow, standing: Server) -> None:
        first, second = (follow(O1, FULL[O1], at=standing) for _ in range(2))
        assert [first.status(), second.status()] == [fal_client.Queued(position=0), fal_client.Queued(position=1)]

        standing.http.post(f"/_fakefal/requests/{first.request_id}/advance", json={"to": "start"}).raise_for_status()
        standing.http.post("/_fakefal/clock", json={"advance": 1}).raise_for_status()
        running = first.status(with_logs=True)
        assert isinstance(running, fal_client.InProgress)
        shown = standing.http.get(f"/_fakefal/requests/{first.request_id}").json()
        assert [line["message"] for line in running.logs or []] == shown["logs"] != []
        assert first.status() == fal_client.InProgress(logs=None)

        standing.http.post("/_fakefal/clock", json={"advance": 1000}).raise_for_status()
        done = first.status(with_logs=True)
        shown = standing.http.get(f"/_fakefal/requests/{first.request_id}").json()
        assert isinstance(done, fal_client.Completed)
        assert [line["message"] for line in done.logs or []] == shown["logs"]
        assert done.metrics == {"inference_time": pytest.approx(shown["ended_at"] - shown["started_at"])}
        assert (done.error, done.error_type) == (None, None)

    def test_a_cancelled_request_is_completed_with_its_error(self, follow: Follow, standing: Server) -> None:
        handle = follow(O1, FULL[O1], at=standing)
        handle.cancel()
        error = PLATFORM_ERRORS["client_cancelled"]
        expected = fal_client.Completed(logs=None, metrics={}, error=error.sentence, error_type="client_cancelled")
        assert handle.status() == expected
        assert failure(handle) == (499, "client_cancelled", error.sentence)


def failure(handle: fal_client.SyncRequestHandle) -> tuple[int, str | None, Any]:
    """Status, type and message of the error that a result is."""
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        handle.get()
    assert caught.value.response_headers["x-fal-request-id"] == handle.request_id
    return caught.value.status_code, caught.value.error_type, caught.value.message


class TestPythonEnds:
    @pytest.mark.parametrize("endpoint_id", ENDPOINTS)
    def test_a_result_is_the_output_of_the_endpoint(self, endpoint_id: str, follow: Follow) -> None:
        result = follow(endpoint_id, FULL[endpoint_id]).get()
        video = ENDPOINTS[endpoint_id].output.model_validate(result).model_dump()
        assert result == video

    def test_a_refusal_is_the_list_of_its_items(self, follow: Follow) -> None:
        expected = [json.loads(json.dumps(error.wire())) for error in check(O1, BAD).errors]
        assert failure(follow(O1, BAD)) == (422, None, expected)

    @pytest.mark.parametrize("name", MODEL_ERRORS)
    def test_each_error_of_the_model(self, name: str, follow: Follow) -> None:
        error = MODEL_ERRORS[name]
        handle = follow(O1, FULL[O1], **{"x-fakefal-effect": name})
        status = handle.status()
        assert isinstance(status, fal_client.Completed)
        assert (status.error, status.error_type) == (None, None)
        assert failure(handle) == (error.status, None, error.body()["detail"])

    @pytest.mark.parametrize("name", PLATFORM_ERRORS)
    def test_each_error_of_the_platform(self, name: str, follow: Follow) -> None:
        error = PLATFORM_ERRORS[name]
        handle = follow(O1, FULL[O1], **{"x-fakefal-effect": name})
        status = handle.status()
        assert isinstance(status, fal_client.Completed)
        assert (status.error, status.error_type) == (error.sentence, name)
        assert failure(handle) == (error.status, name, error.sentence)


class TestJavaScript:
    """The same answers, recorded, through the response handler of fal's JavaScript client."""

    @pytest.fixture
    def parse(self, node: str, tmp_path: Path) -> Callable[[list[httpx.Response]], list[dict[str, Any]]]:
        def run(answers: list[httpx.Response]) -> list[dict[str, Any]]:
            recorded = [{"status": one.status_code, "headers": dict(one.headers), "body": one.text} for one in answers]
            (tmp_path / "answers.json").write_text(json.dumps(recorded))
            command = [node, str(JS / "parsers.mjs"), str(tmp_path / "answers.json")]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, done.stderr
            parsed: list[dict[str, Any]] = json.loads(done.stdout)
            return parsed

        return run

    def test_statuses_and_results(self, server: Server, standing: Server, parse: Any) -> None:
        queued = standing.submit(O1, FULL[O1])
        states = [standing.http.get(queued["status_url"])]
        for how in ("start", "end"):
            url = f"/_fakefal/requests/{queued['request_id']}/advance"
            standing.http.post(url, json={"to": how}).raise_for_status()
            states.append(standing.http.get(queued["status_url"], params={"logs": "1"}))
        *parsed, result = parse([*states, server.result(O1, FULL[O1])])
        assert [one["data"]["status"] for one in parsed] == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
        assert [(one["queue"], one["done"]) for one in parsed] == [(True, False), (True, False), (True, True)]
        assert {one["requestId"] for one in parsed} == {queued["request_id"]}
        assert (result["kind"], result["queue"]) == ("result", False)
        assert ENDPOINTS[O1].output.model_validate(result["data"])

    def test_every_error(self, server: Server, parse: Any) -> None:
        def answer(effect: str) -> httpx.Response:
            submitted = server.submit(O1, FULL[O1], **{"x-fakefal-effect": effect})
            return server.http.get(submitted["response_url"])

        names = [*MODEL_ERRORS, *PLATFORM_ERRORS]
        answers = [server.result(O1, BAD), *map(answer, names)]
        refusal, *errors = parse(answers)
        assert refusal["kind"] == "ValidationError"
        assert refusal["fields"] == json.loads(json.dumps([error.wire() for error in check(O1, BAD).errors]))
        for name, parsed, raw in zip(names, errors, answers[1:], strict=True):
            error = MODEL_ERRORS.get(name) or PLATFORM_ERRORS[name]
            assert parsed["kind"] == ("ValidationError" if error.status == 422 else "ApiError")
            assert (parsed["status"], parsed["body"]) == (error.status, error.body())
            assert parsed["fields"] == (error.body()["detail"] if error.status == 422 else None)
            assert parsed["requestId"] == raw.headers["x-fal-request-id"] != ""
            assert parsed["retryable"] == (error.status in (429, 502, 503, 504))
            assert not parsed["userTimeout"]

    def test_a_start_timeout_of_the_caller_is_told_from_the_platforms(self, standing: Server, parse: Any) -> None:
        standing.submit(O1, FULL[O1])
        late = standing.submit(O1, FULL[O1], **{"x-fal-request-start-timeout": "1"})
        standing.http.post("/_fakefal/clock", json={"advance": 1.5}).raise_for_status()
        (parsed,) = parse([standing.http.get(late["response_url"])])
        assert (parsed["status"], parsed["userTimeout"], parsed["retryable"]) == (504, True, False)
