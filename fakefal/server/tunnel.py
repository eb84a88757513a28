"""An HTTP and HTTPS proxy: calls to fal reach the emulator, all other traffic passes unread.

A call to a fal host is never forwarded, emulated or not: its bytes go to the emulator's TLS port, which answers 501
for unknown hosts.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # in the standard library, not in its stubs

import h11

from fakefal_contracts.hosts import HUGGING_FACE, is_fal_host

logger = logging.getLogger(__name__)
LONGEST_HEAD = 64 * 1024
LONGEST_REASON = 200
CHUNK = 64 * 1024
PLAIN_PORT = 80
HOP_HEADERS = (b"connection", b"keep-alive", b"proxy-connection", b"proxy-authorization", b"upgrade", b"host")
CLOSE = (b"Connection", b"close")


class ProxyError(Exception):
    """The call cannot be passed on; `status` is the response to its sender."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Hop:
    """The next hop: the target itself, or a proxy in front of it."""

    host: str
    port: int
    is_proxy: bool = False
    credentials: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True)
class UserProxy:
    """The user's own proxy for outside hosts, as the environment names it."""

    environ: Mapping[str, str]

    def hop(self, scheme: str, host: str, port: int) -> Hop:
        """The route to a target: through the proxy, or direct."""
        proxies = {name.lower()[:-6]: value for name, value in self.environ.items() if name.lower().endswith("_proxy")}
        address = proxies.get(scheme) or proxies.get("all")
        if not address or proxy_bypass_environment(f"{host}:{port}", {"no": proxies.get("no", "")}):
            return Hop(host, port)
        try:
            parts = urlsplit(address if "://" in address else f"http://{address}")
            name, proxy_port = parts.hostname, parts.port or PLAIN_PORT
        except ValueError as error:
            raise ProxyError(502, "the upstream proxy's address is malformed") from error
        if name is None or parts.scheme != "http":
            raise ProxyError(502, f"the upstream proxy {parts.scheme}://... is not supported; use an http:// proxy")
        if not parts.username:
            return Hop(name, proxy_port, is_proxy=True)
        plain = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        credentials = (b"Proxy-Authorization", b"Basic " + base64.b64encode(plain.encode()))
        return Hop(name, proxy_port, is_proxy=True, credentials=(credentials,))


class _Peer:
    """One end of a call: its stream, and the state in h11 of our side of the exchange.

    Args:
        role: h11.SERVER towards the child, h11.CLIENT towards the target.
        reader: what that end sends.
        writer: what is sent to that end.
        name: the name of that end.
    """

    def __init__(
        self,
        role: type[h11.SERVER | h11.CLIENT],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        name: str,
    ) -> None:
        self.name = name
        self.reader = reader
        self.writer = writer
        self.http = h11.Connection(role, max_incomplete_event_size=LONGEST_HEAD)

    async def receive(self) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
        """The next event.

        Raises:
            ProxyError: the message is malformed or incomplete; 4xx if the child sent it, otherwise 502.
        """
        try:
            while (event := self.http.next_event()) is h11.NEED_DATA:
                self.http.receive_data(await self.reader.read(CHUNK))
        except h11.RemoteProtocolError as error:
            child = self.http.our_role is h11.SERVER
            raise ProxyError(
                error.error_status_hint if child else 502, f"malformed message from {self.name}: {error}"
            ) from error
        return event

    async def send(self, event: h11.Event) -> None:
        """Write an event, and wait while the other end reads slowly."""
        self.writer.write(self.http.send(event) or b"")
        await self.writer.drain()

    async def refuse(self, error: ProxyError) -> None:
        """Tell the child why its call cannot be passed on, unless a response has begun."""
        if self.http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            text = " ".join(f"fakefal: {error}".split()).encode("ascii", "replace")
            headers = [(b"Content-Type", b"text/plain"), (b"Content-Length", b"%d" % len(text)), CLOSE]
            # most clients show only the reason phrase of a refused tunnel
            await self.send(h11.Response(status_code=error.status, headers=headers, reason=text[:LONGEST_REASON]))
            await self.send(h11.Data(data=text))
            await self.send(h11.EndOfMessage())


class Tunnel:
    """The proxy's handling of connections.

    Args:
        tls_port: the emulator's TLS port on loopback.
        plain_port: its port without TLS.
        upstream: the user's own proxy.
    """

    def __init__(self, *, tls_port: int, plain_port: int, upstream: UserProxy) -> None:
        self._tls_port = tls_port
        self._plain_port = plain_port
        self._upstream = upstream
        self._warned = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handle one connection to its end."""
        near = _Peer(h11.SERVER, reader, writer, "the program")
        try:
            call = await near.receive()
            if isinstance(call, h11.Request):
                await (self._connect if call.method == b"CONNECT" else self._forward)(near, call)
        except ProxyError as error:
            with suppress(OSError):
                await near.refuse(error)
        except (OSError, h11.LocalProtocolError):
            pass  # one end went away, or sent what HTTP/1.1 cannot pass on, such as trailers to HTTP/1.0
        finally:
            with suppress(OSError):
                writer.close()
                await writer.wait_closed()

    async def _connect(self, near: _Peer, call: h11.Request) -> None:
        """Open the tunnel that a CONNECT requests, and copy in both directions until both ends are done."""
        target = call.target.decode("ascii")
        _, host, port = _address(f"//{target}", 443)
        hop = self._hop("https", host, port, self._plain_port if port == PLAIN_PORT else self._tls_port)
        async with _opened(hop) as far:
            if hop.is_proxy:
                await _ask_for_tunnel(far, target, hop)
            await near.send(h11.Response(status_code=200, headers=[], reason=b"Connection established"))
            await asyncio.gather(_copy(near, far), _copy(far, near))

    async def _forward(self, near: _Peer, call: h11.Request) -> None:
        """Pass on one plain-text call and its response. Then the connection ends: the next call may go elsewhere."""
        target = call.target.decode("ascii")
        parts, host, port = _address(target, PLAIN_PORT)
        if parts.scheme != "http":
            raise ProxyError(400, "this is a proxy: send CONNECT, or a request with a whole http:// address")
        hop = self._hop("http", host, port, self._plain_port)
        if not hop.is_proxy:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        own_host = (b"Host", parts.netloc.rpartition("@")[2].encode())
        headers = [own_host, *_without_hop_headers(call), *hop.credentials, CLOSE]
        async with _opened(hop) as far:
            await far.send(h11.Request(method=call.method, target=target, headers=headers))
            await asyncio.gather(_pass_body(near, far), _pass_answer(far, near))

    def _hop(self, scheme: str, host: str, port: int, own_port: int) -> Hop:
        if host == HUGGING_FACE and not self._warned:
            self._warned = True
            logger.warning("fakefal does not emulate %s: it bills calls to fal to the hf_ key that they carry", host)
        return Hop("127.0.0.1", own_port) if is_fal_host(host) else self._upstream.hop(scheme, host, port)


@asynccontextmanager
async def tunnelling(tunnel: Tunnel, bound: socket.socket | None = None) -> AsyncIterator[int]:
    """Listen on a bound socket, or on a free port of loopback, during the block; yields the port."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await tunnel.serve(reader, writer)
        except asyncio.CancelledError:
            pass  # the run is over; the stream's own callback must not see it
        finally:
            tasks.discard(task)

    listening = asyncio.start_server(handle, sock=bound) if bound else asyncio.start_server(handle, "127.0.0.1", 0)
    server = await listening
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # closed connections release their sockets in the loop's next turn


def _address(url: str, default_port: int) -> tuple[SplitResult, str, int]:
    """A URL's parts, its host and its port."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or default_port
    except ValueError as error:
        raise ProxyError(400, f"the target is not a host and port: {error}") from error
    if not host:
        raise ProxyError(400, "the target names no host")
    return parts, host, port


def _without_hop_headers(message: h11.Request | h11.Response) -> list[tuple[bytes, bytes]]:
    """The end-to-end headers; the others are for the next hop only (RFC 9110, 7.6.1)."""
    return [(name, value) for name, value in message.headers.raw_items() if name.lower() not in HOP_HEADERS]


@asynccontextmanager
async def _opened(hop: Hop) -> AsyncIterator[_Peer]:
    try:
        reader, writer = await asyncio.open_connection(hop.host, hop.port)
    except (OSError, UnicodeError, OverflowError) as error:
        what = "the upstream proxy " if hop.is_proxy else ""
        why = getattr(error, "strerror", None) or error
        raise ProxyError(502, f"{what}{hop.host}:{hop.port} cannot be reached: {why}") from error
    try:
        yield _Peer(h11.CLIENT, reader, writer, f"{hop.host}:{hop.port}")
    finally:
        writer.close()


async def _ask_for_tunnel(far: _Peer, target: str, hop: Hop) -> None:
    """Ask the user's own proxy to open a tunnel."""
    headers = [(b"Host", target.encode()), *hop.credentials]
    await far.send(h11.Request(method=b"CONNECT", target=target, headers=headers))
    while isinstance(answer := await far.receive(), h11.InformationalResponse):
        pass
    if far.http.their_state is not h11.SWITCHED_PROTOCOL:
        status = answer.status_code if isinstance(answer, h11.Response) else "with nothing"
        raise ProxyError(502, f"the upstream proxy {far.name} answered {status} to CONNECT {target}")


async def _pass_body(near: _Peer, far: _Peer) -> None:
    """Pass on the call's body, and nothing after it."""
    while isinstance(event := await near.receive(), h11.Data | h11.EndOfMessage):
        with suppress(OSError):  # an end that answers early and leaves has answered
            await far.send(event)
        if isinstance(event, h11.EndOfMessage):
            return


async def _pass_answer(far: _Peer, near: _Peer) -> None:
    """Pass on the response as it arrives, until it is complete."""
    while isinstance(event := await far.receive(), h11.Event):
        if isinstance(event, h11.Response):
            headers = [*_without_hop_headers(event), CLOSE]
            event = h11.Response(status_code=event.status_code, headers=headers, reason=event.reason)
        await near.send(event)
        if isinstance(event, h11.EndOfMessage):
            return


async def _copy(source: _Peer, sink: _Peer) -> None:
    """Copy one direction of a tunnel, starting with the bytes that arrived together with the head."""
    try:
        sink.writer.write(source.http.trailing_data[0])
        while data := await source.reader.read(CHUNK):
            sink.writer.write(data)
            await sink.writer.drain()
        if sink.writer.can_write_eof():
            sink.writer.write_eof()
    except OSError:
        sink.writer.close()
