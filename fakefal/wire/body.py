"""Reading request bodies, with a limit and without losing the caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from zlib import crc32

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from fakefal.state import jsonio
from fakefal.wire.answers import WireError, refusal

LARGE_BODY = 64 * 1024
"""Longer bodies are decoded in a worker thread, so that other calls do not wait."""

DRAIN_FACTOR = 16
"""Up to this many times the limit is read and discarded, so that the caller gets the answer."""


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole body.

    Raises:
        WireError: 413, it has more bytes than the limit (the body of the answer is inferred).
    """
    first = await receive()
    whole: bytes = first.get("body", b"")
    if first["type"] == "http.request" and not first.get("more_body") and len(whole) <= limit:
        return whole  # nearly every body comes in one piece
    return b"".join([part async for part in limited(receive, limit, first)])


async def decoded(raw: bytes, max_json_bytes: int = jsonio.MAX_BYTES) -> Any:
    """Decode the JSON of a body.

    Raises:
        WireError: 413, beside its media it has more bytes or values than are decoded (inferred).
        InvalidJson: it is malformed.
    """
    try:
        if len(raw) > LARGE_BODY:
            return await asyncio.to_thread(jsonio.parse, raw, max_json_bytes)
        return jsonio.parse(raw, max_json_bytes)
    except jsonio.JsonTooLarge as error:
        raise too_large(f"{error}: upload files instead, or raise max_json_bytes") from error


async def limited(receive: Receive, limit: int, first: Message | None = None) -> AsyncIterator[bytes]:
    """The parts of the body, after a first message; a body above the limit is read and refused.

    Raises:
        WireError: 413, it has more bytes than the limit.
        ClientDisconnect: the caller went away.
    """
    size = 0
    message = first or await receive()
    while message["type"] == "http.request":
        part = message.get("body", b"")
        size += len(part)
        if size <= limit:
            yield part
        if not message.get("more_body") or size > limit * DRAIN_FACTOR:
            break
        message = await receive()
    else:
        raise ClientDisconnect
    if size > limit:
        raise too_large(f"at most {limit} bytes are accepted: upload files instead")


async def skip(receive: Receive, size: float) -> int | None:
    """Read and discard this many bytes of the body; returns its checksum if that was all."""
    checksum = 0
    while size > 0:
        message = await receive()
        part = message.get("body", b"")
        size, checksum = size - len(part), crc32(part, checksum)
        if not message.get("more_body"):
            return checksum if message["type"] == "http.request" else None
    return None


def too_large(hint: str = "") -> WireError:
    """The 413 answer."""
    return refusal(413, "Request body is too large", hint=hint)
