"""Downloads of media from foreign addresses, if the user allowed them.

Each host name is resolved once, and the connection goes to exactly that address. Private, link-local and other special
addresses are refused; redirects are checked again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from fakefal.files.pinned import (
    Allow,
    Resolve,
    TargetRefused,
    pinned_client,
    pinned_request,
    resolve,
    send_unlogged,
)
from fakefal_contracts import Unreadable
from fakefal_contracts.addresses import is_public
from fakefal_contracts.media import Limits, Missing

if TYPE_CHECKING:
    import httpx  # imported late elsewhere, because few emulators ever download

MAX_REDIRECTS = 5
MOST_SECONDS = 60.0
MOST_BYTES = 1024 * 1024 * 1024
"""The default limits for seconds and bytes of a download, if the field has none."""


@dataclass(frozen=True)
class Fetcher:
    """Downloads one address into a file.

    `resolve` and `allow` decide which address is called; `transport` is httpx's transport.
    """

    resolve: Resolve = resolve
    allow: Allow = is_public
    transport: httpx.AsyncBaseTransport | None = None

    async def fetch(self, address: str, limits: Limits, into: BinaryIO) -> Path | Unreadable:
        """Download within the time limit, and at most one byte more than the size limit.

        Returns the written file, or the reason why there is none.
        """
        import httpx

        seconds = MOST_SECONDS if limits.timeout_seconds is None else limits.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._follow(address, limits, into)
        except TimeoutError:
            return Missing(f"{address} did not answer within {seconds:g} s")
        except Unreadable as error:
            return error
        except TargetRefused as error:
            return Missing(str(error))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return Missing(f"{address} could not be downloaded: {error or type(error).__name__}")

    async def _follow(self, address: str, limits: Limits, into: BinaryIO) -> Path:
        import httpx

        url = httpx.URL(address)
        async with pinned_client(self.transport) as client:
            for _ in range(MAX_REDIRECTS + 1):
                request = await pinned_request(
                    client, "GET", url, resolve=self.resolve, allow=self.allow, headers={"Accept-Encoding": "identity"}
                )
                response = await send_unlogged(client, request)
                try:
                    if response.has_redirect_location:
                        url = url.join(response.headers["location"])
                        continue
                    return await _save(response, limits, into)
                finally:
                    await response.aclose()
        raise Missing(f"{address} redirects more than {MAX_REDIRECTS} times")


async def _save(response: httpx.Response, limits: Limits, into: BinaryIO) -> Path:
    if response.status_code != HTTPStatus.OK:
        raise Missing(f"it answered {response.status_code}")
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        into.write(chunk)
        if size > limits.most_bytes:
            break
        if size > MOST_BYTES:
            raise Missing(f"it has more than {MOST_BYTES:,} bytes, as many as fakefal downloads")
    into.flush()
    return Path(into.name)
