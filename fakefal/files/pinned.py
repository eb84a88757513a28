"""Calls to addresses from untrusted input: the name is resolved once, and exactly that address is called."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING

from fakefal_contracts.hosts import is_fal_host

if TYPE_CHECKING:
    import httpx  # imported late elsewhere: it takes a third of a server's start time

HIGHEST_PORT = 65535

_UNLOGGED: ContextVar[bool] = ContextVar("unlogged", default=False)
logging.getLogger("httpx").addFilter(lambda _: not _UNLOGGED.get())

Resolve = Callable[[str, int], Awaitable[str]]
Allow = Callable[[str], bool]


class TargetRefused(ValueError):
    """The address is not called; ``str()`` gives the reason."""


async def resolve(host: str, port: int) -> str:
    """The address of a host name; IPv4 is preferred, because local servers are more likely to have it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    best = min(found, key=lambda one: one[0] != socket.AF_INET)
    return str(best[4][0])


def pinned_client(transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    """A client without time limits and proxies; `transport` is httpx's transport."""
    import httpx

    return httpx.AsyncClient(transport=transport, verify=_trusted(), trust_env=False, timeout=None)  # noqa: S113


@cache
def _trusted() -> ssl.SSLContext:
    """The usual certificate authorities, read once: reading them takes 30 ms, which blocks the server."""
    import httpx

    return httpx.create_ssl_context(trust_env=False)


async def pinned_request(
    client: httpx.AsyncClient,
    method: str,
    url: httpx.URL,
    *,
    resolve: Resolve,
    allow: Allow,
    headers: Mapping[str, str],
    content: bytes | None = None,
) -> httpx.Request:
    """A request that connects to the one address that was resolved and allowed.

    Raises:
        TargetRefused: not an http(s) address, an address of fal's, or one that `allow` refuses.
        OSError: the name does not exist.
    """
    if url.scheme not in ("http", "https") or not url.host:
        raise TargetRefused(f"{url} is not an http(s) address")
    name = url.raw_host.decode("ascii")  # in wire form, with international names encoded
    if is_fal_host(name):
        raise TargetRefused(f"{name} is fal's: the emulator never calls it")
    port = url.port or (443 if url.scheme == "https" else 80)
    if port > HIGHEST_PORT:
        raise TargetRefused(f"{url} names a port above {HIGHEST_PORT}")
    ip = await resolve(name, port)
    if not allow(ip):
        raise TargetRefused(f"{name} leads to {ip}, which is not allowed here")
    sent = {"Host": url.netloc.decode("ascii"), "User-Agent": "fakefal", **headers}
    pinned = url.copy_with(host=ip)
    raw = [(label.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for label, value in sent.items()]
    return client.build_request(method, pinned, headers=raw, content=content, extensions={"sni_hostname": name})


async def send_unlogged(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """Send, and leave the body unread. httpx would log the whole address, which may hold tokens."""
    before = _UNLOGGED.set(True)
    try:
        return await client.send(request, stream=True)
    finally:
        _UNLOGGED.reset(before)
