"""Uploads by hand, as fal's clients make them."""

from __future__ import annotations

from typing import Any

import httpx

from support.server import Server


def bearer(server: Server) -> dict[str, str]:
    token = server.http.post("/rest/storage/auth/token?storage_type=fal-cdn-v3", json={}).json()
    return {"Authorization": f"{token['token_type']} {token['token']}"}


def upload(server: Server, content: bytes = b"hello", **headers: str) -> str:
    answer = server.http.post("/cdn/files/upload", content=content, headers=bearer(server) | headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_url"])


def initiate(server: Server, **body: Any) -> httpx.Response:
    return server.http.post("/rest/storage/upload/initiate?storage_type=fal-cdn-v3", json=body)
