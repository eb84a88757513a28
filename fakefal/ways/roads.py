"""All roads of a child at once: plain and TLS port of an application, and the proxy before them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.types import ASGIApp

from fakefal.serving import bind, hosting
from fakefal.ways.authority import Authority
from fakefal.ways.child import Roads
from fakefal.ways.tunnel import Tunnel, Upstream, tunnelling


@asynccontextmanager
async def open_roads(
    app: ASGIApp, *, closing: Callable[[], None] = lambda: None, own_date: bool = True
) -> AsyncIterator[Roads]:
    """Lead everything that a child means for fal to an application while the block lasts.

    `closing` and `own_date` are those of `hosting`.
    """
    authority = Authority()
    plain, tls = bind("127.0.0.1", 0), bind("127.0.0.1", 0)
    context = authority.server_context()
    with tempfile.TemporaryDirectory(prefix="fakefal-run-") as folder:
        async with hosting(app, plain, tls, context, closing=closing, own_date=own_date) as where:
            assert where.tls_port is not None
            tunnel = Tunnel(tls_port=where.tls_port, plain_port=where.port, upstream=Upstream(dict(os.environ)))
            async with tunnelling(tunnel) as proxy_port:
                yield Roads(where.url, where.port, where.tls_port, proxy_port, Path(folder), authority.certificate)
