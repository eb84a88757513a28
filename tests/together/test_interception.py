"""What a client sees of an intercepted connection, for every way in which it can end."""

from __future__ import annotations

import asyncio
import importlib.util
import multiprocessing
import os
import re
import shutil
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest

from fakefal.server.redirection import LED
from fakefal.state.temporary import LOCK
from fakefal.testing import Fakefal
from fakefal.testing.in_process import InProcessCall, InProcessExchange
from fakefal.testing.interception import intercepting
from fakefal.testing.loop import loop_thread
from fakefal.testing.names import Guard, guarded_names
from fakefal.wire.faults import abort
from fakefal_contracts.hosts import is_fal_host
from support.machine import required_in_ci
from support.waiting import LIMIT, run_program

pytestmark = pytest.mark.versions

URL = "https://fal.run/fal-ai/x?a=%20b"


class Answers:
    """Answers fal.run by an application of the test's own."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def answers(self, host: str) -> bool:
        return host == "fal.run"

    def begin(self, call: InProcessCall) -> InProcessExchange:
        exchange = InProcessExchange(self._app, loop_thread().loop, call)
        loop_thread().begin(exchange.run())
        return exchange


async def start(send: Any, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def says_nothing(_scope: Any, receive: Any, _send: Any) -> None:
    await receive()


async def fails(_scope: Any, receive: Any, _send: Any) -> None:
    await receive()
    raise OSError("the disk is full")


async def dies_before_the_body(scope: Any, _receive: Any, _send: Any) -> None:
    abort(scope)


async def dies_after_the_body(scope: Any, receive: Any, _send: Any) -> None:
    await receive()
    abort(scope)


async def dies_in_its_answer(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await start(send)
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    abort(scope)


async def dies_before_a_promised_body(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await start(send, (b"content-length", b"10"))
    abort(scope)


NOTHING = "Server disconnected without sending a response"
HALF = "peer closed connection without sending complete message body"


@pytest.mark.quick
@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize("in_coroutine", [False, True])
@pytest.mark.parametrize(
    ("app", "kind", "message"),
    [
        (says_nothing, "RemoteProtocolError", NOTHING),
        (dies_before_the_body, "ReadError", "Connection reset by peer"),
        (dies_after_the_body, "RemoteProtocolError", NOTHING),
        (dies_in_its_answer, "RemoteProtocolError", HALF),
        (dies_before_a_promised_body, "RemoteProtocolError", HALF),
    ],
)
def test_a_dead_connection_is_the_librarys_own_error(
    library: Any, app: Any, kind: str, message: str, *, in_coroutine: bool
) -> None:
    async def call() -> None:
        async with library.AsyncClient() as client:
            await client.post(URL, content=b"body")

    with intercepting(Answers(app)), pytest.raises(getattr(library, kind), match=message):
        asyncio.run(call()) if in_coroutine else library.post(URL, content=b"body")


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize("in_coroutine", [False, True])
def test_what_the_emulator_raises_is_raised_as_itself(library: Any, *, in_coroutine: bool) -> None:
    async def call() -> None:
        async with library.AsyncClient() as client:
            await client.post(URL, content=b"body")

    with intercepting(Answers(fails)), pytest.raises(OSError, match="the disk is full") as raised:
        asyncio.run(call()) if in_coroutine else library.post(URL, content=b"body")
    assert raised.traceback[-1].name == "fails"


def test_what_was_sent_arrives_as_it_would_on_a_socket() -> None:
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope, body=await receive())
        await start(send, (b"x-a", b"1"), (b"x-a", b"2"))
        await send({"type": "http.response.body", "body": b"answer"})

    with intercepting(Answers(app)):
        answer = httpx.post(URL, content=iter([b"in ", b"parts"]), headers={"X-Mine": "yes"})
    assert answer.text == "answer"
    assert answer.headers.get_list("x-a") == ["1", "2"]
    assert "date" in answer.headers
    assert (seen["path"], seen["query_string"], seen["scheme"]) == ("/fal-ai/x", b"a=%20b", "https")
    assert seen["body"] == {"type": "http.request", "body": b"in parts", "more_body": False}
    assert {(b"host", b"fal.run"), (b"x-mine", b"yes")} <= set(seen["headers"])


@pytest.mark.parametrize("in_coroutine", [False, True])
def test_an_application_learns_that_nobody_listens_any_more(*, in_coroutine: bool) -> None:
    told = threading.Event()

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await start(send)
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        assert (await receive())["type"] == "http.disconnect"
        told.set()

    async def listen() -> None:
        async with httpx.AsyncClient() as client, client.stream("GET", URL) as answer:
            async for part in answer.aiter_bytes():
                assert part == b"first"
                return

    with intercepting(Answers(app)):
        if in_coroutine:
            asyncio.run(listen())
        else:
            with httpx.stream("GET", URL) as answer:
                assert next(answer.iter_bytes()) == b"first"
        assert told.wait(LIMIT)


def test_calls_on_their_way_end_with_the_fake() -> None:
    ended: list[BaseException] = []
    waiting = threading.Event()

    def stream(fal: Fakefal) -> None:
        with httpx.Client(headers={"Authorization": "Key me:secret"}, timeout=None) as client:
            submitted = client.post(f"{fal.url}/queue/fal-ai/kling-video/o1/reference-to-video", json={"prompt": "a"})
            try:
                with client.stream("GET", f"{submitted.json()['status_url']}/stream") as answer:
                    for _ in answer.iter_lines():
                        waiting.set()
            except httpx.RemoteProtocolError as error:
                ended.append(error)

    with Fakefal(effects="stuck") as fal:
        listener = threading.Thread(target=stream, args=(fal,))
        listener.start()
        assert waiting.wait(LIMIT)
    listener.join(10)
    assert not listener.is_alive()
    assert [str(error) for error in ended] == [HALF]


def test_a_forked_child_is_told_instead_of_left_waiting() -> None:
    def call(said: Any) -> None:
        try:
            httpx.get("https://rest.fal.ai/.well-known/jwks.json")
        except RuntimeError as error:
            said.send(str(error))

    with Fakefal():
        ours, theirs = multiprocessing.Pipe()
        child = multiprocessing.get_context("fork").Process(target=call, args=(theirs,))
        child.start()
        child.join(10)
        assert "fakefal_server" in ours.recv()


def variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


def test_the_environment_is_as_before_but_for_what_others_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAL_KEY", "real:key")
    monkeypatch.setenv("FAL_KEY_ID", "real")
    monkeypatch.setenv("NO_PROXY", "intranet")
    monkeypatch.setenv("FAKEFAL_CONTRACT", "2026-01-28")
    before = variables()
    with Fakefal(contract="latest") as fal:
        assert os.environ["NO_PROXY"].startswith("intranet,fal.ai,")
        assert os.environ["FAKEFAL_CONTRACT"] == "latest"
        fal.serve()
        assert os.environ["FAKEFAL_URL"] == fal.serve() == fal.url
        monkeypatch.setenv("MINE", "kept")
    assert variables() == {**before, "MINE": "kept"}


def test_only_the_process_with_the_fake_is_named_as_faked() -> None:
    def tell(said: Any) -> None:
        said.send(os.environ["FAKEFAL_FAKED_PID"] == str(os.getpid()))

    with Fakefal():
        assert os.environ["FAKEFAL_FAKED_PID"] == str(os.getpid())
        assert "FAKEFAL_ALLOW_REAL" not in os.environ
        ours, theirs = multiprocessing.Pipe()
        child = multiprocessing.get_context("fork").Process(target=tell, args=(theirs,))
        child.start()
        child.join(10)
        assert ours.recv() is False
        code = "from os import *; print(environ['FAKEFAL_FAKED_PID'] == str(getpid()), 'FAKEFAL_ALLOW_REAL' in environ)"
        assert run_program([sys.executable, "-c", code], check=True).stdout == "False False\n"
    assert "FAKEFAL_FAKED_PID" not in os.environ


def log_in(home: Path) -> None:
    (home / "auth0_token").write_text("a log-in", "utf-8")


@pytest.mark.parametrize("spoil", [log_in, shutil.rmtree])
@pytest.mark.parametrize("late", [False, True])
def test_a_home_is_empty_for_each_fake(spoil: Callable[[Path], None], late: bool) -> None:
    with Fakefal():
        home = Path(os.environ["FAL_HOME_DIR"])
        with Fakefal():
            assert Path(os.environ["FAL_HOME_DIR"]) != home
        if not late:
            spoil(home)
    if late:
        spoil(home)
    with Fakefal():
        again = Path(os.environ["FAL_HOME_DIR"])
        assert again != home
        assert [one.name for one in again.iterdir()] == [LOCK]
    assert not home.exists()


def test_a_home_that_stayed_empty_is_used_again() -> None:
    homes = []
    for _ in range(2):
        with Fakefal():
            homes.append(os.environ["FAL_HOME_DIR"])
    assert homes[0] == homes[1]


@pytest.mark.parametrize("kept", ["queue.fal.run", LED])
def test_uvloops_own_look_ups_are_refused_outside_of_a_fake(kept: str) -> None:
    if importlib.util.find_spec("uvloop") is None:
        required_in_ci("uvloop is not installed")
    import uvloop

    async def look_up(make: Callable[[Any], Any]) -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(socket.gaierror, match=rf"{re.escape(kept)} must not be reached: say so"):
            await make(loop)

    ways: list[Callable[[Any], Any]] = [
        lambda loop: loop.create_connection(asyncio.Protocol, kept, 443),
        lambda loop: loop.create_connection(asyncio.Protocol, host=kept.encode(), port=443),
        lambda loop: loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(kept, 443)),
        lambda loop: loop.sock_connect(None, (kept, 443)),
    ]
    guard = Guard(is_fal_host, lambda _: None, "say so")
    with guarded_names(guard), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for way in ways:
            runner.run(look_up(way))
    assert "create_connection" not in vars(uvloop.Loop)
