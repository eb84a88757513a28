"""Listening: the same application on a plain port and, where asked for, on a TLS port."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from fakefal.engine.emulator import Emulator
from fakefal.server.app import build_app
from fakefal.settings import Settings, SettingsError
from fakefal.wire.faults import ABORT
from fakefal.wire.own_hosts import EXPOSED, OwnHosts
from fakefal_contracts.addresses import is_loopback

GRACE_SECONDS = 2
TLS_GRACE_SECONDS = 0.5
BACKLOG = 2048
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound by this
"""Where a server that listens on all addresses is reached from this machine: nobody may be sent to 0.0.0.0."""

KEEP_ALIVE_SECONDS = 75  # longer than anybody polls, so that no poll meets a closing connection


@dataclass(frozen=True)
class Listening:
    """Where a server can be reached: ``http://host:port``, and the TLS port if there is one."""

    url: str
    port: int
    tls_port: int | None


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, which lets streams go before it waits for them."""

    def __init__(self, config: uvicorn.Config, closing: Callable[[], None]) -> None:
        super().__init__(config)
        self._closing = closing

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._closing()
        if self.config.ssl is not None:
            asyncio.get_running_loop().call_later(TLS_GRACE_SECONDS, self._abort)
        await super().shutdown(sockets)

    def _abort(self) -> None:
        """Let go of connections whose other side does not answer the end of TLS."""
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        OSError: the address is in use or not allowed.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's delay off only where the protocol number is spelled out
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)  # noqa: FBT003 - the standard library's signature
    return bound


@asynccontextmanager
async def listening(
    emulator: Emulator, plain: socket.socket, tls: socket.socket | None = None, context: ssl.SSLContext | None = None
) -> AsyncIterator[Listening]:
    """Serve on bound sockets while the block lasts.

    Raises:
        SettingsError: a socket is reachable from elsewhere, and the control API has no token.
    """
    if not is_loopback(plain.getsockname()[0]):
        if emulator.settings.control_token is None:
            plain.close()
            raise SettingsError("beyond loopback the control API needs a token: set control_token")
        emulator.expose()
    hosts = emulator.settings.own_hosts
    async with hosting(build_app(emulator), plain, tls, context, hosts=hosts, closing=emulator.close) as where:
        yield where


@asynccontextmanager
async def hosting(
    app: ASGIApp,
    plain: socket.socket,
    tls: socket.socket | None = None,
    context: ssl.SSLContext | None = None,
    *,
    hosts: Collection[str] = (),
    closing: Callable[[], None] = lambda: None,
    own_date: bool = True,
) -> AsyncIterator[Listening]:
    """Serve any application on bound sockets while the block lasts.

    On loopback it answers under loopback's names, fal's and `hosts`.  `closing` lets streams go at the end;
    `own_date` is whether answers get a Date header from here.
    """
    exposed = not is_loopback(plain.getsockname()[0])
    app = app if exposed else OwnHosts(app, hosts)
    serves = partial(_server, app, closing, own_date=own_date, exposed=exposed)
    servers = [serves(lifespan=True)]
    sockets = [plain]
    if tls is not None:
        servers.append(serves(lifespan=False, context=context))
        sockets.append(tls)
    tasks = [asyncio.create_task(server.serve([bound])) for server, bound in zip(servers, sockets, strict=True)]
    try:
        while not all(server.started for server in servers):
            for task in tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.001)
        host, port = plain.getsockname()[:2]
        host = ANY_ADDRESS.get(host, host)
        name = f"[{host}]" if ":" in host else host
        yield Listening(f"http://{name}:{port}", port, tls.getsockname()[1] if tls else None)
    finally:
        for server in reversed(servers):
            server.should_exit = True
        await asyncio.gather(*tasks)


def _server(
    app: ASGIApp,
    closing: Callable[[], None],
    *,
    lifespan: bool,
    own_date: bool,
    exposed: bool,
    context: ssl.SSLContext | None = None,
) -> _Server:
    config = uvicorn.Config(
        app,
        interface="asgi3",
        log_config=None,
        access_log=False,
        lifespan="on" if lifespan else "off",
        server_header=False,
        date_header=own_date,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        ws="none",
    )
    config.load()
    config.http_protocol_class = _telling(config.http_protocol_class, exposed=exposed)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # callers' protocol errors are their own business
    config.ssl = context
    return _Server(config, closing)


def _telling(protocol: type[asyncio.Protocol], *, exposed: bool) -> type[asyncio.Protocol]:
    """A protocol of uvicorn's that tells the application how to kill its connection, and whether others can call.

    See `wire.faults.ABORT` and `wire.own_hosts.EXPOSED`.
    """
    known: dict[str, Any] = {EXPOSED: True} if exposed else {}

    class Telling(protocol):  # type: ignore[misc, valid-type]
        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            app: ASGIApp = self.app  # type: ignore[has-type]

            def answering(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
                scope["extensions"] = {**scope.get("extensions", {}), **known, ABORT: transport.abort}
                return app(scope, receive, send)

            self.app = answering

    return Telling


@contextmanager
def serving(
    settings: Settings | None = None, *, emulator: Emulator | None = None, host: str = "127.0.0.1", port: int = 0
) -> Iterator[Listening]:
    """Serve from a thread of this process while the block lasts, for tests and scripts."""
    with serving_from(lambda bound: listening(emulator or Emulator(settings), bound), host=host, port=port) as where:
        yield where


@contextmanager
def serving_from(
    serve_on: Callable[[socket.socket], AbstractAsyncContextManager[Listening]],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Iterator[Listening]:
    """Serve from a thread of this process whatever `serve_on` serves on a bound socket."""
    ready = threading.Event()
    found: list[Listening] = []
    failed: list[BaseException] = []
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        ended = asyncio.Event()
        stop.append((asyncio.get_running_loop(), ended))
        bound = bind(host, port)
        async with serve_on(bound) as where:
            found.append(where)
            ready.set()
            await ended.wait()

    def body() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=body, name="fakefal", daemon=True)
    thread.start()
    ready.wait()
    if failed:
        raise failed[0]
    try:
        yield found[0]
    finally:
        loop, ended = stop[0]
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(ended.set)
        thread.join()
