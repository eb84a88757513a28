"""A stop waits for open answers, for a while, and for nothing else."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from fakefal.server import serving
from fakefal.server.authority import Authority
from fakefal.server.serving import Listening, bind, hosting
from support.programs import FAKEFAL, ready

PATIENCE_SECONDS = 60


class Halves:
    """Answers one half of a body at once, and the other when it is let go; notes what it does."""

    def __init__(self) -> None:
        self.told_to_stop = asyncio.Event()
        self.go = asyncio.Event()
        self.notes: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                self.notes.append(step)
                await send({"type": f"lifespan.{step}.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"1", "more_body": True})
        await self.go.wait()
        self.notes.append("answer")
        await send({"type": "http.response.body", "body": b"2"})

    def served(self, authority: Authority) -> AbstractAsyncContextManager[Listening]:
        """This application on a plain and a TLS port."""
        tls, context = bind("127.0.0.1", 0), authority.server_context()
        return hosting(self, bind("127.0.0.1", 0), tls, context, closing=self.told_to_stop.set)


@asynccontextmanager
async def asked(port: int | None, authority: Authority | None = None) -> AsyncIterator[asyncio.StreamReader]:
    """Ask for something; gives what still comes after the first half of the body."""
    trusted = ssl.create_default_context(cadata=authority.certificate.decode()) if authority else None
    name = "localhost" if authority else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusted, server_hostname=name)
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n1")
        yield reader
    finally:
        writer.close()


async def never(seconds: float) -> None:
    """Stand for `asyncio.sleep`: a stop that sleeps does not end."""
    if seconds > 0:
        await asyncio.Event().wait()


def patiently(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a scene that must end."""
    asyncio.run(asyncio.wait_for(scene(), PATIENCE_SECONDS))


@pytest.mark.parametrize("idle", [0, 3])
def test_where_no_answer_is_open_a_stop_sleeps_for_nothing(
    idle: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        app = Halves()
        app.go.set()
        monkeypatch.setattr(asyncio, "sleep", never)
        async with AsyncExitStack() as stack:
            async with app.served(Authority()) as where:
                callers = [await stack.enter_async_context(asked(where.port)) for _ in range(idle)]
                assert [await caller.read(1) for caller in callers] == [b"2"] * idle
            assert [await caller.read() for caller in callers] == [b""] * idle
        assert app.notes == ["startup", *["answer"] * idle, "shutdown"]

    patiently(scene)
    assert not caplog.records, "a grace that ran out would be told of"


@pytest.mark.parametrize("tls", [False, True])
def test_an_open_answer_ends_whole_and_before_the_application(*, tls: bool) -> None:
    async def scene() -> None:
        app, authority = Halves(), Authority()
        server = app.served(authority)
        where = await server.__aenter__()
        async with asked(where.tls_port, authority) if tls else asked(where.port) as caller:
            stopping = asyncio.create_task(leave(server))
            await app.told_to_stop.wait()
            assert not stopping.done()
            app.go.set()
            assert await caller.read() == b"2"
        await stopping
        assert app.notes == ["startup", "answer", "shutdown"]

    patiently(scene)


async def leave(server: AbstractAsyncContextManager[Listening]) -> None:
    await server.__aexit__(None, None, None)


def test_an_answer_that_does_not_end_is_cut_off_after_its_grace(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serving, "GRACE_SECONDS", 0.05)

    async def scene() -> None:
        app = Halves()
        async with AsyncExitStack() as stack:
            async with app.served(Authority()) as where:
                caller = await stack.enter_async_context(asked(where.port))
            assert await caller.read() == b""
        assert app.notes == ["startup", "shutdown"]

    patiently(scene)
    assert "1 open answers were cut off 0.05 s after the order to stop" in caplog.messages


def test_a_connection_that_shakes_hands_while_an_answer_ends_is_closed_at_once() -> None:
    async def scene() -> None:
        app, authority = Halves(), Authority()
        server = app.served(authority)
        where = await server.__aenter__()
        reader, writer = await asyncio.open_connection("127.0.0.1", where.tls_port)
        async with asked(where.port) as caller:
            stopping = asyncio.create_task(leave(server))
            await app.told_to_stop.wait()
            await writer.start_tls(
                ssl.create_default_context(cadata=authority.certificate.decode()), server_hostname="localhost"
            )
            assert await reader.read() == b""
            assert not stopping.done()
            app.go.set()
            assert await caller.read() == b"2"
        writer.close()
        await stopping

    patiently(scene)


def test_an_application_that_does_not_start_is_told_of() -> None:
    async def broken(_: Scope, __: Receive, ___: Send) -> None:
        raise OSError("no room")

    async def scene() -> None:
        with pytest.raises(RuntimeError, match="the application did not start"):
            async with hosting(broken, bind("127.0.0.1", 0)):
                pytest.fail("it serves")

    patiently(scene)


def test_a_silent_tls_caller_does_not_hold_the_stop_up(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    command = [*FAKEFAL, "serve", "--port", "0", "--tls-port", "0", "--ready-file", str(file)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        told = ready(server, file)
        trusted = ssl.create_default_context(cafile=told["ca_file"])
        port = int(told["tls_url"].rpartition(":")[2])
        plain = socket.create_connection(("127.0.0.1", port))
        with trusted.wrap_socket(plain, server_hostname="localhost") as caller:
            caller.sendall(b"GET /_fakefal/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert caller.recv(15) == b"HTTP/1.1 200 OK"
            server.send_signal(signal.SIGTERM)
            _, errors = server.communicate(timeout=60)
    assert (server.returncode, errors) == (0, ""), "uvicorn would tell of a grace that ran out"
