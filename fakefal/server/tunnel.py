"""An HTTP and HTTPS proxy: what is meant for fal ends at the emulator, everything else passes unread.

Nothing for a host of fal's is ever forwarded, emulated or not: its bytes go to the emulator's TLS port,
which answers 501 for hosts that it does not know.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # in the standard library, not in its stubs

import h11

from fakefal_contracts.hosts import host_name, is_fal_host

LONGEST_HEAD = 64 * 1024
CHUNK = 64 * 1024
PLAIN_PORT = 80
HOP_HEADERS = (b"proxy-connection", b"proxy-authorization", b"connection", b"keep-alive")


class ProxyError(Exception):
    """The call cannot be passed on; `status` is what its sender is told."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class UserProxy:
    """The user's own proxy for hosts outside, as the environment names it."""

    environ: Mapping[str, str]

    def for_host(self, scheme: str, host: str, port: int) -> tuple[str, int, bytes] | None:
        """Host, port and Proxy-Authorization of the proxy for a target, or None for a direct way."""
        proxies = {name.lower()[:-6]: value for name, value in self.environ.items() if name.lower().endswith("_proxy")}
        no_proxy = {"no": proxies.get("no", "")}
        if proxy_bypass_environment(f"{host}:{port}", no_proxy):
            return None
        address = proxies.get(scheme) or proxies.get("all")
        if not address:
            return None
        parts = urlsplit(address if "://" in address else f"http://{address}")
        if parts.hostname is None or parts.scheme not in ("http", ""):
            raise ProxyError(502, f"the upstream proxy {parts.scheme}://... is not supported; use an http:// proxy")
        credentials = b""
        if parts.username:
            plain = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            credentials = b"Basic " + base64.b64encode(plain.encode())
        return parts.hostname, parts.port or PLAIN_PORT, credentials


class Tunnel:
    """The proxy's behaviour for one connection after the other.

    Args:
        tls_port: where the emulator listens with TLS, on loopback.
        plain_port: where it listens without.
        upstream: the user's own proxy.
    """

    def __init__(self, *, tls_port: int, plain_port: int, upstream: UserProxy) -> None:
        self._tls_port = tls_port
        self._plain_port = plain_port
        self._upstream = upstream

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handle one connection to its end."""
        try:
            parser, head = await _read_head(reader)
            if head.method == b"CONNECT":
                ahead = await self._connect(head)
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await _splice(reader, writer, *ahead, parser.trailing_data[0])
            else:
                ahead, opening = await self._forward(head)
                await _exchange(_Side(reader, parser), writer, ahead, head, opening)
        except ValueError as error:
            _refuse(writer, ProxyError(400, f"the target is no host and port: {error}"))
        except ProxyError as error:
            _refuse(writer, error)
        except h11.RemoteProtocolError as error:
            _refuse(writer, ProxyError(502, f"malformed message: {error}"))
        except (OSError, asyncio.IncompleteReadError):
            pass  # one of both ends went away
        finally:
            with suppress(OSError):
                writer.close()
                await writer.wait_closed()

    async def _connect(self, head: h11.Request) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        target = head.target.decode("ascii", "replace")
        host, port = _host_and_port(target, 443)
        if is_fal_host(host):
            own = self._plain_port if port == PLAIN_PORT else self._tls_port
            return await asyncio.open_connection("127.0.0.1", own)
        proxy = self._upstream.for_host("https", host, port)
        if proxy is None:
            return await _open(host, port)
        return await _connect_through(proxy, target)

    async def _forward(self, head: h11.Request) -> tuple[tuple[asyncio.StreamReader, asyncio.StreamWriter], bytes]:
        """The way ahead of a plain-text call, and its head as it goes on."""
        target = urlsplit(head.target.decode("ascii", "replace"))
        if target.scheme != "http" or not target.hostname:
            raise ProxyError(400, "this is a proxy: send CONNECT, or a request with a whole http:// address")
        host, port = target.hostname, target.port or PLAIN_PORT
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        if is_fal_host(host):
            return await asyncio.open_connection("127.0.0.1", self._plain_port), _head_bytes(head, path)
        proxy = self._upstream.for_host("http", host, port)
        if proxy is None:
            return await _open(host, port), _head_bytes(head, path)
        name, proxy_port, credentials = proxy
        return await _open(name, proxy_port), _head_bytes(head, head.target.decode("ascii"), credentials)


@asynccontextmanager
async def tunnelling(tunnel: Tunnel, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """Listen on a free port while the block lasts; gives the port."""
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

    server = await asyncio.start_server(handle, host, 0, limit=LONGEST_HEAD)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _read_head(reader: asyncio.StreamReader) -> tuple[h11.Connection, h11.Request]:
    """The head of a call, and the parser that goes on with its body."""
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)
    try:
        while (event := parser.next_event()) is h11.NEED_DATA:
            data = await reader.read(CHUNK)
            if not data:
                raise asyncio.IncompleteReadError(b"", None)
            parser.receive_data(data)
    except h11.RemoteProtocolError as error:
        raise ProxyError(400, f"malformed request: {error}") from error
    assert isinstance(event, h11.Request)
    return parser, event


def _host_and_port(netloc: str, default: int) -> tuple[str, int]:
    parts = urlsplit(f"//{netloc}")
    return parts.hostname or host_name(netloc), parts.port or default


def _head_bytes(head: h11.Request, target: str, credentials: bytes = b"") -> bytes:
    """The head with one target only: the connection ends after it, since the next may go elsewhere."""
    lines = [head.method + b" " + target.encode("ascii") + b" HTTP/1.1"]
    lines += [name + b": " + value for name, value in head.headers.raw_items() if name.lower() not in HOP_HEADERS]
    if credentials:
        lines.append(b"Proxy-Authorization: " + credentials)
    return b"\r\n".join([*lines, b"Connection: close", b"", b""])


async def _open(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        return await asyncio.open_connection(host, port)
    except (OSError, UnicodeError, OverflowError) as error:
        raise ProxyError(502, f"{host}:{port} cannot be reached: {error}") from error


async def _connect_through(
    proxy: tuple[str, int, bytes], target: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port, credentials = proxy
    reader, writer = await _open(host, port)
    lines = [f"CONNECT {target} HTTP/1.1".encode(), f"Host: {target}".encode()]
    if credentials:
        lines.append(b"Proxy-Authorization: " + credentials)
    writer.write(b"\r\n".join([*lines, b"", b""]))
    try:
        answer = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise ProxyError(502, "the upstream proxy closed the connection") from error
    status = answer.split(b" ", 2)[1:2]
    if status != [b"200"]:
        writer.close()
        raise ProxyError(502, f"the upstream proxy answered {b''.join(status).decode('ascii', 'replace')}")
    return reader, writer


def _refuse(writer: asyncio.StreamWriter, error: ProxyError) -> None:
    """Tell the sender why the call cannot be passed on."""
    reason = f"fakefal: {error}".encode("ascii", "replace")
    head_line = f"HTTP/1.1 {error.status} fakefal\r\n".encode()
    lengths = b"Content-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(reason)
    writer.write(head_line + lengths + reason)


@dataclass(frozen=True)
class _Side:
    """One end of a plain-text exchange, and the parser that knows where its message ends."""

    reader: asyncio.StreamReader
    parser: h11.Connection

    async def copy_body(self, sink: asyncio.StreamWriter, *, chunked: bool) -> None:
        """Pass one message's body on, and nothing that comes behind it."""
        while not isinstance(event := self.parser.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                self.parser.receive_data(await self.reader.read(CHUNK))
            elif isinstance(event, h11.Data):
                data = bytes(event.data)
                sink.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
                await sink.drain()
        if chunked:
            sink.write(b"0\r\n\r\n")


async def _exchange(
    near: _Side,
    writer: asyncio.StreamWriter,
    ahead: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    head: h11.Request,
    opening: bytes,
) -> None:
    """One plain-text call and its answer.  The connection ends with it: the next may go elsewhere."""
    far_reader, far_writer = ahead
    chunked = any(name.lower() == b"transfer-encoding" for name, _ in head.headers)
    try:
        far_writer.write(opening)
        await asyncio.gather(near.copy_body(far_writer, chunked=chunked), _copy_answer(head, far_reader, writer))
    finally:
        far_writer.close()


async def _copy_answer(head: h11.Request, far_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy the answer as it comes, until its message is whole."""
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
    parser.send(h11.Request(method=head.method, target=head.target, headers=head.headers))
    while True:
        event = parser.next_event()
        if event is h11.NEED_DATA:
            data = await far_reader.read(CHUNK)
            writer.write(data)
            await writer.drain()
            parser.receive_data(data)
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed) or event is h11.PAUSED:
            return


async def _splice(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    far_reader: asyncio.StreamReader,
    far_writer: asyncio.StreamWriter,
    first: bytes,
) -> None:
    """Copy both ways until both ends are done."""
    try:
        far_writer.write(first)
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
    finally:
        far_writer.close()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(CHUNK):
            sink.write(data)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()
    except OSError:
        sink.close()
