"""Sends calls to fal, or to another server instead."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from urllib.parse import quote

import httpx

from fakefal_contracts.addresses import is_loopback

CONNECT_SECONDS = 10.0
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.UnsupportedProtocol, httpx.PoolTimeout)
SAFE = "/:@!$&'()*+,;=~-._"
FAL = "fal"

Headers = Iterable[tuple[bytes, bytes]]
Reply = httpx.Response
"""An answer whose body is not read yet."""
Broken = httpx.TransportError
"""Errors if the connection dies during an answer."""


class NotReached(Exception):
    """Nothing was sent: there is no connection to the service."""


class AnswerLost(Exception):
    """The call was sent at least in part, and no answer came: its outcome is unknown."""


class Upstream:
    """Sends each call once.  There are no retries here, no redirects, no cookies.

    Args:
        url: a server to call instead of fal, under fal's host names; None calls fal.
        transport: an httpx transport, for tests.
    """

    def __init__(self, url: str | None = None, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url.rstrip("/") if url else None
        local = is_loopback(httpx.URL(self._url).host) if self._url else False
        self._client = httpx.AsyncClient(
            transport=transport,
            trust_env=not local,
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=None),
        )

    @property
    def is_fal(self) -> bool:
        """Whether calls reach fal itself, and cost money."""
        return self._url is None

    @property
    def name(self) -> str:
        """The name for reports: ``fal``, or the URL of the other server."""
        return self._url or FAL

    async def send(
        self, method: str, host: str, path: str, query: str, headers: Headers, content: bytes | AsyncIterator[bytes]
    ) -> Reply:
        """Send one call to a host of fal; the body of the answer is not read yet.

        Raises:
            NotReached: nothing was sent.
            AnswerLost: no answer came.
        """
        address = f"{self._url or f'https://{host}'}{quote(path, safe=SAFE)}{f'?{query}' if query else ''}"
        sent = [(b"host", host.encode("ascii")), *headers]
        # a request of its own, since the client would add its headers to one that it builds
        timeout = {"timeout": self._client.timeout.as_dict()}
        request = httpx.Request(method, address, headers=sent, content=content, extensions=timeout)
        try:
            return await self._client.send(request, stream=True)
        except UNSENT as error:
            raise NotReached(f"{type(error).__name__}: {error}") from error
        except httpx.TransportError as error:
            raise AnswerLost(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()
