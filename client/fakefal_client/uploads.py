"""Uploads to fal's CDN, as fal's Python client 1.0.3 sends them: whole, or in parts above 100 MiB."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fakefal_client.local_media import LocalFile
from fakefal_client.parsing import unexpected
from fakefal_client.retry import Deadline
from fakefal_client.session import Session
from fakefal_client.steps import Emit, Flow, Reply, Work
from fakefal_contracts.hosts import Part

MEBIBYTE = 1024 * 1024
LARGEST_WHOLE = 100 * MEBIBYTE
PART_BYTES = 10 * MEBIBYTE
OCTETS = "application/octet-stream"


@dataclass(frozen=True)
class Progress:
    """How much of a file was transferred, in bytes; `total` is None if unknown."""

    done: int
    total: int | None


def upload_all(session: Session, files: Mapping[str, LocalFile], deadline: Deadline) -> Flow[dict[str, str]]:
    """Upload files; returns the URL of each."""
    addresses = {}
    for place, file in files.items():
        addresses[place] = yield from upload(session, file, deadline)
    return addresses


def upload(
    session: Session, file: LocalFile, deadline: Deadline, content_type: str | None = None, *, tell: bool = False
) -> Flow[str]:
    """Upload one file; returns its URL.  With `tell`, emits `Progress`.

    A failed call is repeated: an upload costs nothing.
    """
    kind = content_type or mimetypes.guess_type(file.name)[0] or OCTETS
    size = len(file.content) if isinstance(file.content, bytes) else file.content.stat().st_size
    token, base = yield from _token(session, deadline)
    headers = {"authorization": token, "content-type": kind, "x-fal-file-name": _header(file.name)}
    if size > LARGEST_WHOLE:
        return (yield from _in_parts(session, file.content, size, base, headers, deadline, tell=tell))
    content = yield Work(partial(_read, file.content, 0, size))
    url = session.target.url(Part.CDN, "/files/upload")
    reply = yield from session.read(session.bare_call("POST", url, headers, content), deadline)
    if tell:
        yield Emit(Progress(size, size))
    return session.target.own(_text(reply, "access_url"), Part.CDN)


def _token(session: Session, deadline: Deadline) -> Flow[tuple[str, str]]:
    """The Authorization header for uploads, and the CDN's URL for multipart uploads."""
    url = session.target.url(Part.REST, "/storage/auth/token?storage_type=fal-cdn-v3")
    reply = yield from session.read(session.call("POST", url, b"{}"), deadline)
    base = session.target.own(_text(reply, "base_url"), Part.CDN)
    return f"{_text(reply, 'token_type')} {_text(reply, 'token')}", base.rstrip("/")


def _in_parts(
    session: Session,
    content: bytes | Path,
    size: int,
    base: str,
    headers: Mapping[str, str],
    deadline: Deadline,
    *,
    tell: bool,
) -> Flow[str]:
    begun = yield from session.read(session.bare_call("POST", f"{base}/files/upload/multipart", headers), deadline)
    address = session.target.own(_text(begun, "access_url"), Part.CDN)
    parts_url = f"{address}/multipart/{_text(begun, 'uploadId')}"
    parts: list[dict[str, Any]] = []
    bearer = {"authorization": headers["authorization"]}
    for number, start in enumerate(range(0, size, PART_BYTES), 1):
        piece = yield Work(partial(_read, content, start, PART_BYTES))
        call = session.bare_call("PUT", f"{parts_url}/{number}", bearer | {"content-type": OCTETS}, piece)
        reply = yield from session.read(call, deadline)
        parts.append({"partNumber": number, "etag": reply.headers.get("etag", "")})
        if tell:
            yield Emit(Progress(min(start + PART_BYTES, size), size))
    whole = json.dumps({"parts": parts}).encode()
    done = session.bare_call("POST", f"{parts_url}/complete", bearer | {"content-type": "application/json"}, whole)
    yield from session.read(done, deadline)
    return address


def _read(content: bytes | Path, start: int, size: int) -> bytes:
    if isinstance(content, bytes):
        return content[start : start + size]
    with content.open("rb") as file:
        file.seek(start)
        return file.read(size)


def _text(reply: Reply, name: str) -> str:
    """A string of a JSON answer."""
    body = reply.json()
    said = body.get(name) if isinstance(body, dict) else None
    if not isinstance(said, str):
        raise unexpected(reply, f"answer with {name}")
    return said


def _header(name: str) -> str:
    """A file name that is valid in a header."""
    return "".join(letter if letter.isascii() and letter.isprintable() else "_" for letter in name.strip())
