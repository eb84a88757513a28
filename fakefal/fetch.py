"""Downloading media from foreign addresses, where the user allowed it.

Each host name is resolved once and that very address is connected to; private, link-local and other
special addresses are refused, again after each redirect.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from fakefal.hosts import is_fal_host
from fakefal_contracts import Unreadable
from fakefal_contracts.media import Limits, Missing

MAX_REDIRECTS = 5
HIGHEST_PORT = 65535
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
Resolve = Callable[[str, int], Awaitable[str]]
Allow = Callable[[str], bool]


async def resolve(host: str, port: int) -> str:
    """The first address of a host name."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return str(found[0][4][0])


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet; embedded IPv4 addresses are looked into."""
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        behind = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else None
        ip = ip.ipv4_mapped or ip.sixtofour or behind or ip
    if isinstance(ip, ipaddress.IPv6Address) and ip not in GLOBAL_UNICAST:
        return False
    return ip.is_global and not ip.is_multicast


@dataclass(frozen=True)
class Fetcher:
    """Downloads one address into a file.

    `resolve` and `allow` decide which address is connected to; `transport` is httpx's seam.
    """

    resolve: Resolve = resolve
    allow: Allow = is_public
    transport: httpx.AsyncBaseTransport | None = None

    async def fetch(self, address: str, limits: Limits, into: BinaryIO) -> Path | Unreadable:
        """Download within the limits' seconds and one byte more than their bytes.

        Returns the written file, or why it cannot be had.
        """
        try:
            async with asyncio.timeout(limits.timeout_seconds):
                return await self._follow(address, limits, into)
        except TimeoutError:
            return Missing(f"{address} did not answer within {limits.timeout_seconds:g} s")
        except Unreadable as error:
            return error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return Missing(f"{address} could not be downloaded: {error or type(error).__name__}")

    async def _follow(self, address: str, limits: Limits, into: BinaryIO) -> Path:
        url = httpx.URL(address)
        async with httpx.AsyncClient(transport=self.transport, trust_env=False, timeout=None) as client:  # noqa: S113
            for _ in range(MAX_REDIRECTS + 1):
                request = await self._request(client, url)
                response = await client.send(request, stream=True)
                try:
                    if response.has_redirect_location:
                        url = url.join(response.headers["location"])
                        continue
                    return await _save(response, limits, into)
                finally:
                    await response.aclose()
        raise Missing(f"{address} redirects more than {MAX_REDIRECTS} times")

    async def _request(self, client: httpx.AsyncClient, url: httpx.URL) -> httpx.Request:
        """A request that connects to the one address that was resolved and allowed."""
        if url.scheme not in ("http", "https") or not url.host:
            raise Missing(f"{url} is not an http(s) address")
        name = url.raw_host.decode("ascii")  # as it goes over the wire, international names encoded
        if is_fal_host(name):
            raise Missing(f"{name} is fal's: the emulator never calls it")
        port = url.port or (443 if url.scheme == "https" else 80)
        if port > HIGHEST_PORT:
            raise Missing(f"{url} names a port above {HIGHEST_PORT}")
        ip = await self.resolve(name, port)
        if not self.allow(ip):
            raise Missing(f"{name} leads to {ip}, which is not on the public internet")
        pinned = url.copy_with(host=ip)
        headers = {"Host": url.netloc.decode("ascii"), "User-Agent": "fakefal", "Accept-Encoding": "identity"}
        return client.build_request("GET", pinned, headers=headers, extensions={"sni_hostname": name})


async def _save(response: httpx.Response, limits: Limits, into: BinaryIO) -> Path:
    if response.status_code != httpx.codes.OK:
        raise Missing(f"it answered {response.status_code}")
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        into.write(chunk)
        if size > limits.max_bytes:
            break
    into.flush()
    return Path(into.name)
