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


class Parts:
    """An upload in parts, as fal's Python client makes it."""

    def __init__(self, server: Server, **headers: str) -> None:
        self._http, self._headers = server.http, bearer(server) | headers
        begun = self._http.post("/cdn/files/upload/multipart", headers=self._headers).json()
        self.url = str(begun["access_url"])
        self._base = f"{self.url}/multipart/{begun['uploadId']}"

    def put(self, number: int, content: bytes) -> httpx.Response:
        return self._http.put(f"{self._base}/{number}", content=content, headers=self._headers)

    def complete(self, *numbers: Any) -> httpx.Response:
        parts = {"parts": [{"partNumber": number} for number in numbers]}
        return self._http.post(f"{self._base}/complete", json=parts, headers=self._headers)
