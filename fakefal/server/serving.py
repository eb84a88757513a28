"""Listening: the same application on a plain port and, if requested, on a TLS port."""

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
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from fakefal.engine.emulator import Emulator
from fakefal.server.app import build_app
from fakefal.server.loops import SteadyLoop
from fakefal.settings import Settings, SettingsError
from fakefal.state.patience import cancel_and_wait
from fakefal.wire.faults import ABORT, ARRIVED, GONE
from fakefal.wire.own_hosts import EXPOSED, OwnHosts
from fakefal_contracts.addresses import is_loopback

logger = logging.getLogger(__name__)

GRACE_SECONDS = 2
"""How long open responses may continue once the server stops."""

TLS_GRACE_SECONDS = 0.5
"""How long a stop waits for callers to close TLS; this also limits open responses on a TLS port."""

BACKLOG = 2048
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound by this
"""The address on this machine of a server that listens on all addresses, because 0.0.0.0 is not a target."""

KEEP_ALIVE_SECONDS = 75  # longer than any poll interval, so that no poll meets a closing connection


@dataclass(frozen=True)
class Listening:
    """The addresses of a server: ``http://host:port``, and the TLS port if there is one."""

    url: str
    port: int
    tls_port: int | None


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free port.

    Raises:
        OSError: the address is in use or not allowed.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio disables Nagle's algorithm only if the protocol number is given
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


def base_url(bound: socket.socket) -> str:
    """The address of a socket's server for programs of this machine."""
    host, port = bound.getsockname()[:2]
    host = ANY_ADDRESS.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@asynccontextmanager
async def listening(
    emulator: Emulator, plain: socket.socket, tls: socket.socket | None = None, context: ssl.SSLContext | None = None
) -> AsyncIterator[Listening]:
    """Serve on bound sockets during the block.

    Raises:
        SettingsError: a socket is reachable from other machines, and the control API has no token or the key that signs
            webhooks is public.
    """
    if not is_loopback(plain.getsockname()[0]):
        if emulator.settings.control_token is None:
            plain.close()
            raise SettingsError("beyond loopback the control API needs a token: set control_token")
        if emulator.settings.development_key:
            plain.close()
            raise SettingsError("beyond loopback webhooks need a signing key of their own: set development_key = false")
        emulator.expose()
    hosts = emulator.settings.own_hosts
    async with hosting(build_app(emulator), plain, tls, context, hosts=hosts, closing=emulator.close) as where:
        emulator.reached_at(where.url)
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
    """Serve any application on bound sockets during the block.

    On loopback it answers under loopback's names, fal's names and `hosts`. `closing` ends streams at the end. With
    `own_date` this server adds a Date header to responses.
    """
    exposed = not is_loopback(plain.getsockname()[0])
    ports = _Ports(_config(app if exposed else OwnHosts(app, hosts), own_date=own_date), exposed=exposed)
    with plain, tls or contextlib.nullcontext():
        async with ports.application():
            try:
                await ports.listen(plain)
                if tls is not None:
                    await ports.listen(tls, context)
                port = plain.getsockname()[1]
                yield Listening(base_url(plain), port, tls.getsockname()[1] if tls else None)
            finally:
                closing()
                await ports.close()


def _config(app: ASGIApp, *, own_date: bool) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        interface="asgi3",
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        date_header=own_date,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        ws="none",
    )
    config.load()
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # protocol errors of callers are not logged
    return config


class _Ports:
    """One application on several sockets, which stops at once if no response is open.

    It replaces `uvicorn.Server.serve`, whose stop waits for a tick of 0.1 s and then for another 0.1 s. All else is
    uvicorn's: the protocol, the driver of the lifespan, and `Server.main_loop`, which keeps the Date header current.

    Args:
        config: a loaded one.
        exposed: whether other machines can call; the application is told so (`wire.own_hosts.EXPOSED`).
    """

    def __init__(self, config: uvicorn.Config, *, exposed: bool) -> None:
        self._config = config
        self._told: dict[str, Any] = {EXPOSED: True} if exposed else {}
        self._server = uvicorn.Server(config)
        self._lifespan = config.lifespan_class(config)
        self._listeners: list[asyncio.Server] = []
        self._lost = asyncio.Event()
        self._stopping = False
        self._protocol = self._extended(config.http_protocol_class)

    @asynccontextmanager
    async def application(self) -> AsyncIterator[None]:
        """Run the lifespan of the application during the block, which outlasts its last response.

        Raises:
            RuntimeError: it did not start; its error is in the log.
        """
        await self._lifespan.startup()
        if self._lifespan.should_exit:
            raise RuntimeError("the application did not start: see the error logged before this")
        ticks = asyncio.create_task(self._server.main_loop())
        try:
            yield
        finally:
            await cancel_and_wait((ticks,))
            await self._lifespan.shutdown()

    async def listen(self, bound: socket.socket, context: ssl.SSLContext | None = None) -> None:
        """Serve on a bound socket, with TLS if there is a context."""
        loop = asyncio.get_running_loop()
        self._listeners.append(await loop.create_server(self._connection, sock=bound, ssl=context, backlog=BACKLOG))

    async def close(self) -> None:
        """Stop listening, close idle connections, and wait for open responses up to their time limit."""
        self._stopping = True
        loop = asyncio.get_running_loop()
        for bound in [one for listener in self._listeners for one in listener.sockets]:
            with contextlib.suppress(RuntimeError):  # a connection of uvloop, which has no such reader
                loop.remove_reader(bound.fileno())
        accepted = loop.create_future()
        loop.call_soon(accepted.set_result, None)
        await accepted  # otherwise asyncio never closes connections that it accepted in this turn
        for listener in self._listeners:
            listener.close()
        for connection in tuple(self._server.server_state.connections):
            connection.shutdown()
        silent = loop.call_later(TLS_GRACE_SECONDS, self._abort_tls)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS) as grace:
                await self._ended()
        silent.cancel()
        if grace.expired():
            open_answers = tuple(self._server.server_state.tasks)
            logger.error("%d open answers were cut off %g s after the order to stop", len(open_answers), GRACE_SECONDS)
            for answer in open_answers:
                answer.cancel()

    async def _ended(self) -> None:
        """Wait until every connection is closed and every call is handled."""
        while self._server.server_state.connections:
            self._lost.clear()
            await self._lost.wait()
        if tasks := tuple(self._server.server_state.tasks):
            await asyncio.wait(tasks)

    def _abort_tls(self) -> None:
        """Drop connections whose other side does not complete the TLS closure."""
        for connection in tuple(self._server.server_state.connections):
            if connection.transport.get_extra_info("sslcontext") is not None:
                connection.transport.abort()

    def _connection(self) -> asyncio.Protocol:
        return self._protocol(
            config=self._config, server_state=self._server.server_state, app_state=self._lifespan.state
        )

    def _extended(self, protocol: type[asyncio.Protocol]) -> Callable[..., asyncio.Protocol]:
        """A protocol of uvicorn's that tells the application how to abort its connection, and reports its loss."""
        ports = self

        class Extended(protocol):  # type: ignore[misc, valid-type]
            def connection_made(self, transport: asyncio.Transport) -> None:
                super().connection_made(transport)
                app: ASGIApp = self.app  # type: ignore[has-type]
                told = {**ports._told, ABORT: transport.abort, GONE: transport.is_closing}

                def answering(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
                    cycle: Any = receive.__self__  # type: ignore[attr-defined]
                    arrived = not cycle.more_body
                    scope["extensions"] = {**scope.get("extensions", {}), **told, ARRIVED: arrived}
                    return app(scope, receive, send)

                self.app = answering
                if ports._stopping:  # accepted before the stop, but reported only now
                    self.shutdown()

            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                ports._lost.set()

        return Extended


@contextmanager
def serving(
    settings: Settings | None = None, *, emulator: Emulator | None = None, host: str = "127.0.0.1", port: int = 0
) -> Iterator[Listening]:
    """Serve from a thread of this process during the block, for tests and scripts."""
    with serving_from(lambda bound: listening(emulator or Emulator(settings), bound), host=host, port=port) as where:
        yield where


@contextmanager
def serving_from(
    serve_on: Callable[[socket.socket], AbstractAsyncContextManager[Listening]],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Iterator[Listening]:
    """Serve from a thread of this process, with `serve_on` on a bound socket."""
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
            with asyncio.Runner(loop_factory=SteadyLoop) as runner:
                runner.run(serve())
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
