"""All servers of a child: the plain port and the TLS port of an application, and the proxy in front of them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from fakefal.server.authority import Authority
from fakefal.server.child import ChildAddresses
from fakefal.server.serving import bind, hosting
from fakefal.server.tunnel import Tunnel, UserProxy, tunnelling
from fakefal.state.temporary import TemporaryFolder


@asynccontextmanager
async def serving_child(
    app: ASGIApp, *, closing: Callable[[], None] = lambda: None, own_date: bool = True
) -> AsyncIterator[ChildAddresses]:
    """Lead all calls of a child to fal to an application during the block.

    `closing` and `own_date` are those of `hosting`.
    """
    authority = Authority()
    plain, tls = bind("127.0.0.1", 0), bind("127.0.0.1", 0)
    context = authority.server_context()
    with TemporaryFolder("run") as folder:
        async with hosting(app, plain, tls, context, closing=closing, own_date=own_date) as where:
            assert where.tls_port is not None
            tunnel = Tunnel(tls_port=where.tls_port, plain_port=where.port, upstream=UserProxy(dict(os.environ)))
            async with tunnelling(tunnel) as proxy_port:
                yield ChildAddresses(
                    where.url, where.port, where.tls_port, proxy_port, folder.path, authority.certificate
                )
