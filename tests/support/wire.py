"""Calls of any bytes, for what HTTP clients do not send."""

from __future__ import annotations

import socket

import httpx

from support.server import Server
from support.waiting import LIMIT


def connect(server: Server) -> socket.socket:
    base = httpx.URL(server.url)
    return socket.create_connection((base.host, base.port or 80), timeout=LIMIT)


def talk(server: Server, head: str | bytes, body: bytes = b"") -> bytes:
    """Send bytes as they are, and read until the server closes."""
    raw = head if isinstance(head, bytes) else head.replace("\n", "\r\n").encode("latin-1")
    with connect(server) as wire:
        wire.sendall(raw + body)
        return b"".join(iter(lambda: wire.recv(65536), b""))


def status(answer: bytes) -> int:
    assert answer.startswith(b"HTTP/1.1 ")
    return int(answer[9:12])


def headers(answer: bytes) -> list[bytes]:
    return [line.partition(b":")[0].lower() for line in answer.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]]


def ask(server: Server, line: str, *headers: str, body: bytes = b"{}") -> bytes:
    """Send a call of the tester's under the host of the server, with headers as they are."""
    host = () if any(header.startswith("Host:") for header in headers) else ("Host: 127.0.0.1",)
    key = (
        () if any(header.startswith("Authorization:") for header in headers) else ("Authorization: Key tester:secret",)
    )
    lines = [f"{line} HTTP/1.1", *host, *key, *headers, f"Content-Length: {len(body)}", "Connection: close"]
    return talk(server, "\n".join([*lines, "", ""]), body)
