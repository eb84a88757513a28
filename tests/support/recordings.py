"""What a proxy records of a use of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import httpx

from fakefal.proxy.app import ValidatingProxy
from fakefal.proxy.upstream import Upstream
from fakefal.recording.exchange import Exchange
from fakefal.recording.folder import ExchangeWriter, read_folder
from fakefal.recording.spend_limit import SpendLimit
from fakefal.server.serving import hosting, serving_from
from support.server import SECRET, Server

KEY_ID = "11111111-2222-3333-4444-555555555555"
FAL_KEY = f"{KEY_ID}:{SECRET}"
DAY = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


def record(behind: Server, out: Path, use: Callable[[httpx.Client], None], **headers: str) -> list[Exchange]:
    """What is recorded of a use of the proxy by base URL."""
    recorder = ExchangeWriter(out, source="upstream", now=lambda: DAY)
    proxy = ValidatingProxy(Upstream(behind.url), SpendLimit(Decimal(100)), recorder)
    with (
        serving_from(lambda bound: hosting(proxy.app(), bound, closing=proxy.close_streams)) as where,
        httpx.Client(
            base_url=where.url, headers={"Authorization": f"Key {FAL_KEY}", **headers}, trust_env=False
        ) as http,
    ):
        use(http)
    return list(read_folder(out)) if out.exists() else []


def void(_: object) -> None:
    """For lambdas whose value is nobody's business."""
