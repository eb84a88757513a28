"""Every call of the queue is answered by the same code, in any spelling; calls of FastAPI wait for its import."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import httpx
import pytest

from fakefal.engine.emulator import Emulator
from fakefal.server import app as application
from fakefal.server.table import TABLE, find
from fakefal.settings import Settings
from support.server import Serve
from support.waiting import run_program

APP = "fal-ai/kling-video"
ENDPOINT = f"{APP}/o1/image-to-video"
BODY = {"prompt": "a lighthouse"}


@pytest.mark.parametrize(
    ("method", "path", "function", "named"),
    [
        ("POST", "/queue/a/b", "submit", {"owner": "a", "app": "b"}),
        ("POST", "/queue/a/b/c/d", "submit", {"owner": "a", "app": "b", "path": "c/d"}),
        ("POST", "/queue/a/b//c", "submit", {"owner": "a", "app": "b", "path": "/c"}),
        ("POST", "/queue/a/b/requests/x", "submit", {"owner": "a", "app": "b", "path": "requests/x"}),
        ("GET", "/queue/a/b/requests/x", "result", {"owner": "a", "app": "b", "request_id": "x"}),
        ("GET", "/queue/a/b/requests/x/status", "status", {"owner": "a", "app": "b", "request_id": "x"}),
        ("GET", "/queue/a/b/requests/x/status/stream", "stream", {"owner": "a", "app": "b", "request_id": "x"}),
        ("PUT", "/queue/a/b/requests/x/cancel", "cancel", {"owner": "a", "app": "b", "request_id": "x"}),
        ("POST", "/run/a/b/c", "run", {"owner": "a", "app": "b", "path": "c"}),
        ("GET", "/_fakefal/ready", "ready", {}),
        ("POST", "/queue/a", None, None),
        ("POST", "/queue//b", None, None),
        ("GET", "/queue/a/b/requests", None, None),
        ("GET", "/queue/a/b/requests/x/other", None, None),
        ("DELETE", "/queue/a/b/requests/x", None, None),
        ("GET", "/run/a/b", None, None),
        ("GET", "/", None, None),
    ],
)
def test_the_table_says_what_answers(
    method: str, path: str, function: str | None, named: dict[str, str] | None
) -> None:
    found = find(method, path)
    assert (found and found[0].__name__, found and found[1]) == (function, named)


@pytest.mark.parametrize("query", ["fal_max_queue_length=0", "fal%5Fmax_queue_length=0", "x=1&fal_max_queue_length=0"])
@pytest.mark.parametrize("headers", [{}, {"Origin": "http://localhost:3000"}, {"Accept": "*/*"}])
def test_a_parameter_means_the_same_however_it_is_written(serve: Serve, query: str, headers: dict[str, str]) -> None:
    server = serve(profile="realistic", runners=1)
    for _ in range(3):
        server.submit(ENDPOINT, BODY)
    answer = server.http.post(f"/queue/{ENDPOINT}?{query}", json=BODY, headers=headers)
    assert (answer.status_code, answer.json()) == (429, {"detail": "Queue is full"})


@pytest.mark.parametrize("given", ["x", "-1", "1.5", ""])
def test_a_parameter_of_a_wrong_form_is_named(serve: Serve, given: str) -> None:
    answer = serve().http.post(f"/queue/{ENDPOINT}?fal_max_queue_length={given}", json=BODY)
    (item,) = answer.json()["detail"]
    assert (answer.status_code, item["loc"]) == (422, ["query", "fal_max_queue_length"])


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", f"/queue/{APP}/requests/x", "GET"),
        ("POST", f"/queue/{APP}/requests/x/cancel", None),
        ("GET", f"/queue/{APP}/requests/x/cancel", "PUT"),
        ("GET", f"/queue/{ENDPOINT}", "POST"),
        ("HEAD", f"/queue/{APP}/requests/x/status", "GET"),
        ("GET", "/_fakefal/reset", "POST"),
    ],
)
def test_a_wrong_method_names_the_right_one(serve: Serve, method: str, path: str, allow: str | None) -> None:
    answer = serve().http.request(method, path)
    assert answer.headers.get("allow") == allow
    assert answer.status_code == (405 if allow else 200)


def test_the_document_describes_every_row_of_the_table(serve: Serve) -> None:
    paths = serve().http.get("/openapi.json").json()["paths"]
    rows = {(method.lower(), path.replace(":path}", "}")) for method, path, _ in TABLE}
    assert rows <= {(method, path) for path, item in paths.items() for method in item}


def test_what_nobody_foresaw_is_a_500_and_reaches_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    emulator = Emulator(Settings(profile="instant"))
    monkeypatch.setattr(emulator.queue, "add", None)
    transport = httpx.ASGITransport(application.build_app(emulator), raise_app_exceptions=False)
    loud = httpx.ASGITransport(application.build_app(emulator))

    async def call(over: httpx.ASGITransport) -> httpx.Response:
        async with httpx.AsyncClient(transport=over, base_url="http://127.0.0.1") as http:
            return await http.post(f"/queue/{ENDPOINT}", json=BODY, headers={"Authorization": "Key a:b"})

    answer = asyncio.run(call(transport))
    assert (answer.status_code, answer.content) == (500, b'{"detail":"Internal Server Error"}')
    with pytest.raises(TypeError):
        asyncio.run(call(loud))


IMPORTS = """
import asyncio, sys
import httpx
from fakefal.engine.emulator import Emulator
from fakefal.server.app import build_app
from fakefal.settings import Settings

async def main():
    emulator = Emulator(Settings(profile="instant"))
    transport = httpx.ASGITransport(build_app(emulator))
    async with emulator.running(), httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        http.headers["Authorization"] = "Key a:b"
        body = {"prompt": "a lighthouse"}
        submitted = (await http.post("/queue/ENDPOINT", json=body)).json()
        for name in ("status_url", "response_url"):
            await http.get(submitted[name])
        for path in ("health", "ready"):
            assert (await http.get(f"/_fakefal/{path}")).is_success
        unknown = await http.post("/queue/some/other-model", json=body)
        assert (unknown.status_code, "knows no model" in unknown.headers["x-fakefal-hint"]) == (404, True)
        assert (await http.post("/_fakefal/reset")).is_success
        print("fastapi" in sys.modules)
        assert (await http.get("/_fakefal/requests")).is_success
        print("fastapi" in sys.modules)

asyncio.run(main())
""".replace("ENDPOINT", ENDPOINT)


def test_fastapi_is_imported_by_the_first_call_that_it_answers() -> None:
    done = run_program([sys.executable, "-c", IMPORTS], check=True)
    assert done.stdout.split() == ["False", "True"]


def test_others_are_answered_while_fastapi_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    emulator = Emulator(Settings(profile="instant"))
    app = application.build_app(emulator)

    async def story() -> tuple[int, int]:
        made = asyncio.Event()
        loop = asyncio.get_running_loop()
        whole = application._documented

        def slowly(one: Emulator) -> Any:
            asyncio.run_coroutine_threadsafe(made.wait(), loop).result(30)
            return whole(one)

        monkeypatch.setattr(application, "_documented", slowly)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
            waiting = asyncio.create_task(http.get("/_fakefal/requests"))
            answered = await http.get("/_fakefal/health")
            made.set()
            return answered.status_code, (await waiting).status_code

    assert asyncio.run(story()) == (200, 200)
