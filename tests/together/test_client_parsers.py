"""Everything that the emulator answers becomes, in fal's own clients, the object that it stands for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fal_client
import httpx
import pytest

from fakefal.state.clock import MemoryClock
from fakefal_contracts import FOUNDING, check, examples
from fakefal_contracts.failures import MODEL_ERRORS, PLATFORM_ERRORS
from support.endpoints import APP, O1
from support.programs import JS
from support.server import KEY, Serve, Server
from support.waiting import run_program

pytestmark = [pytest.mark.quick, pytest.mark.versions]

FULL = {endpoint_id: examples(endpoint_id)["full"] for endpoint_id in FOUNDING}
BAD = {"prompt": 5, "elements": [{}], "duration": "99", "image_urls": "x"}


@pytest.fixture
def standing(serve: Serve) -> Server:
    """A server with one runner, whose time only moves when it is told to."""
    return serve(profile="quick", runners=1, parts={"clock": MemoryClock(lambda: 1_790_000_000.0)})


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
    @pytest.mark.parametrize("endpoint_id", FOUNDING)
    def test_a_result_is_the_output_of_the_endpoint(self, endpoint_id: str, follow: Follow) -> None:
        result = follow(endpoint_id, FULL[endpoint_id]).get()
        video = FOUNDING[endpoint_id].output.model_validate(result).model_dump()
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


@pytest.fixture
def parse(node: str, tmp_path: Path) -> Callable[[list[httpx.Response]], list[dict[str, Any]]]:
    """What the response handler of fal's JavaScript client makes of answers."""

    def run(answers: list[httpx.Response]) -> list[dict[str, Any]]:
        recorded = [{"status": one.status_code, "headers": dict(one.headers), "body": one.text} for one in answers]
        (tmp_path / "answers.json").write_text(json.dumps(recorded))
        command = [node, str(JS / "parsers.mjs"), str(tmp_path / "answers.json")]
        done = run_program(command)
        assert done.returncode == 0, done.stderr
        parsed: list[dict[str, Any]] = json.loads(done.stdout)
        return parsed

    return run


NOBODY = f"/queue/{APP}/requests/019e161b-386c-7d33-8106-f2de1a3ff595"
JSON_ERROR = {
    "type": "json_invalid",
    "loc": ["body", 1],
    "msg": "JSON decode error",
    "input": {},
    "ctx": {"error": "Expecting property name enclosed in double quotes"},
}


@dataclass(frozen=True)
class Refused:
    """A call that is refused, and how; the path may have ``{id}`` of a request that was moved on before."""

    name: str
    method: str
    path: str
    status: int
    body: dict[str, Any]
    sent: dict[str, Any] = field(default_factory=dict)
    submitted: str = ""
    moved: str = ""

    def call(self, server: Server) -> tuple[str, str, dict[str, Any]]:
        """Method, address and the rest of the call; what it needs before is done."""
        request_id = ""
        if self.submitted:
            request_id = server.submit(self.submitted, FULL[O1])["request_id"]
        if self.moved:
            moved = server.http.post(f"/_fakefal/requests/{request_id}/advance", json={"to": self.moved})
            assert moved.is_success, moved.text
        more = dict(self.sent)
        if more.pop("token", False):
            token = server.http.post("/rest/storage/auth/token", json={}).json()["token"]
            more["headers"] = {"Authorization": f"Bearer {token}"}
        return self.method, server.url + self.path.replace("{id}", request_id), more


OF_JOB = f"/queue/{APP}/requests/{{id}}"
NO_TOKEN = "Invalid upload token: the token was not issued by this emulator"
INITIATE = "/rest/storage/upload/initiate"
NO_NAMES = 'the body must hold "file_name" and "content_type" as strings'
NO_SOCKET = "fakefal does not emulate the realtime socket of fal; use the queue or fal.run"
REFUSED = (
    Refused("cancel of an unknown id", "PUT", f"{NOBODY}/cancel", 404, {"status": "NOT_FOUND"}),
    Refused("cancel when over", "PUT", f"{OF_JOB}/cancel", 400, {"status": "ALREADY_COMPLETED"}, {}, O1, "end"),
    Refused("result while running", "GET", OF_JOB, 400, {"detail": "Request is still in progress"}, {}, O1, "start"),
    Refused("result of an unknown id", "GET", NOBODY, 404, {"status": "NOT_FOUND"}),
    Refused("unknown application", "POST", "/queue/fal-ai/none", 404, {"detail": 'Application "none" not found'}),
    Refused("unknown path", "GET", OF_JOB, 404, {"detail": "Path /none not found"}, {}, f"{APP}/none", "end"),
    Refused("status by the whole path", "GET", f"/queue/{O1}/requests/1/status", 405, {"detail": "Method Not Allowed"}),
    Refused(
        "a large body", "POST", f"/queue/{O1}", 413, {"detail": "Request body is too large"}, {"content": b" " * 9000}
    ),
    Refused("malformed JSON", "POST", f"/queue/{O1}", 422, {"detail": [JSON_ERROR]}, {"content": b"{"}),
    Refused("what is not emulated", "GET", "/fal/realtime", 501, {"detail": NO_SOCKET}),
    Refused(
        "an upload without a key",
        "POST",
        "/rest/storage/auth/token",
        401,
        {"detail": "Authorization header is required"},
        {"headers": {"Authorization": ""}, "json": {}},
    ),
    Refused(
        "an upload with another token",
        "POST",
        "/cdn/files/upload",
        401,
        {"detail": NO_TOKEN},
        {"headers": {"Authorization": "Bearer x"}, "content": b"x"},
    ),
    Refused(
        "an upload that is too large",
        "POST",
        "/cdn/files/upload",
        413,
        {"detail": "Request body is too large"},
        {"token": True, "content": b"x" * 9000},
    ),
    Refused("an upload without a name", "POST", INITIATE, 422, {"detail": NO_NAMES}, {"json": {}}),
    Refused("a file that is not there", "GET", "/cdn/files/b/x.png", 404, {"detail": "File not found"}),
)


class TestRefusals:
    """What is refused before a model sees it, and what has nothing to give."""

    @pytest.fixture
    def narrow(self, serve: Serve) -> Server:
        return serve(profile="stepped", max_body_bytes=8192, max_upload_bytes=8192)

    @pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
    def test_in_python(self, case: Refused, narrow: Server) -> None:
        method, url, more = case.call(narrow)
        with httpx.Client(headers=KEY, trust_env=False) as http, pytest.raises(fal_client.FalClientHTTPError) as caught:
            fal_client.client._maybe_retry_request(http, method, url, **more)
        error = caught.value
        assert (error.status_code, error.error_type) == (case.status, None)
        assert error.message == case.body.get("detail", error.response.text)
        assert error.response.json() == case.body

    def test_in_javascript(self, narrow: Server, parse: Any) -> None:
        answers = []
        for case in REFUSED:
            method, url, more = case.call(narrow)
            answers.append(narrow.http.request(method, url, **more))
        for case, answer, parsed in zip(REFUSED, answers, parse(answers), strict=True):
            refused = case.status == 422
            items = case.body.get("detail")
            if isinstance(items, str):  # the client makes an item of a sentence
                items = [{"loc": ["body"], "msg": items, "type": "value_error"}]
            assert (parsed["kind"], parsed["status"]) == ("ValidationError" if refused else "ApiError", case.status)
            assert (parsed["body"], parsed["fields"]) == (case.body, items if refused else None), case.name
            assert parsed["requestId"] == answer.headers.get("x-fal-request-id", "")
            assert (parsed["retryable"], parsed["userTimeout"]) == (False, False)

    @pytest.mark.parametrize(
        ("effect", "part", "asked", "status", "message", "error_type"),
        [
            ("concurrent_requests_limit(limit=20)", "run", 10, 429, "Reached concurrent requests limit of 20", None),
            ("gateway_503", "queue", 1, 503, None, None),
        ],
    )
    def test_what_lasts_ends_pythons_tries(
        self,
        effect: str,
        part: str,
        asked: int,
        status: int,
        message: str | None,
        error_type: str | None,
        narrow: Server,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A 429 is asked for ten times in all; a 503 of the gateway, which is no ingress error, once."""
        waits: list[float] = []
        monkeypatch.setattr(fal_client.client, "time", SimpleNamespace(sleep=waits.append))
        narrow.http.post("/_fakefal/scenarios", json={"effect": effect}).raise_for_status()
        with httpx.Client(headers=KEY, trust_env=False) as http, pytest.raises(fal_client.FalClientHTTPError) as caught:
            fal_client.client._maybe_retry_request(http, "POST", f"{narrow.url}/{part}/{O1}", json=FULL[O1])
        error = caught.value
        assert (error.status_code, error.error_type, len(waits) + 1) == (status, error_type, asked)
        assert error.message == (message or error.response.json()["detail"])
        assert [one["status"] for one in narrow.http.get("/_fakefal/journal").json() if O1 in one["path"]] == [
            status
        ] * asked


class TestJavaScript:
    """The same answers, recorded, through the response handler of fal's JavaScript client."""

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
        assert FOUNDING[O1].output.model_validate(result["data"])

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
