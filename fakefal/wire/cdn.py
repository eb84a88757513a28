"""fal's CDN: uploads as both official clients send them, and downloads."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Path, Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from fakefal.core.errors import QueueError
from fakefal.engine.emulator import Emulator
from fakefal.files.cdn import new_file_path
from fakefal.state import jsonio
from fakefal.state.access import Decision, FileRecord
from fakefal.state.files import FileStore, FileTooLarge, SpoolFull, StoredFile
from fakefal.state.requests import NO_KEY
from fakefal.state.tokens import BadToken
from fakefal.wire.answers import Json, WireError, refusal
from fakefal.wire.auth import read_key
from fakefal.wire.body import decoded, limited, read_body
from fakefal.wire.context import Authorization, TheBaseUrl, TheEmulator
from fakefal.wire.incoming import rest_key
from fakefal.wire.rest import OCTETS, media_type
from fakefal.wire.upload_lifecycle import read_lifecycle, remember, said_of, upload_claims
from fakefal_contracts.hosts import CDN_DOMAIN, Part, host_name

router = APIRouter(prefix=f"/{Part.CDN}", tags=["cdn"])
CACHE = "public, max-age=5184000, immutable"  # as fal's CDN answers (capture of 2026)
MOST_PARTS = 10_000
LONGEST_NUMBER = 6


@router.post("/files/upload")
async def upload(
    request: Request, emulator: TheEmulator, base_url: TheBaseUrl, authorization: Authorization = None
) -> Response:
    """Upload a whole file, as the Python client does.

    Version 1.0.3 sends an upload token.  Versions up to 0.5.2 send an API key to fal.media.
    """
    older = host_name(request.headers.get("host", "")) == CDN_DOMAIN
    owner = await rest_key(request, emulator, authorization) if older else _bearer(request, authorization)
    claims = upload_claims(owner, read_lifecycle(request))
    path = new_file_path(request.headers.get("x-fal-file-name", "file"))
    await _keep(request, emulator, path, _media_type(request.headers), claims)
    return Json({"access_url": base_url.url(Part.CDN, path), "uploaded": True})


@router.post("/files/upload/multipart")
async def begin_multipart(
    request: Request, emulator: TheEmulator, base_url: TheBaseUrl, authorization: Authorization = None
) -> Response:
    """Start a multipart upload, as the Python client 1.0.3 does."""
    claims = upload_claims(_bearer(request, authorization), read_lifecycle(request))
    path = new_file_path(request.headers.get("x-fal-file-name", "file"))
    upload_id = emulator.tokens.issue(
        24 * 3600, path=path, type=_media_type(request.headers), nonce=secrets.token_hex(4), **claims
    )
    return Json({"access_url": base_url.url(Part.CDN, path), "uploadId": upload_id})


@router.put("/files/{path:path}/multipart/{upload_id}/{number}")
async def put_part(
    request: Request,
    path: str,
    upload_id: str,
    number: Annotated[int, Path(ge=1, le=MOST_PARTS)],
    emulator: TheEmulator,
    authorization: Authorization = None,
) -> Response:
    """Upload one part.  Its ETag is in the header, which the Python client reads, and in the body, for JavaScript."""
    _bearer(request, authorization)
    _claims(request, upload_id, f"/files/{path}")
    return await _keep_part(request, emulator, upload_id, number)


@router.post("/files/{path:path}/multipart/{upload_id}/complete")
async def complete_multipart(
    request: Request,
    path: str,
    upload_id: str,
    emulator: TheEmulator,
    base_url: TheBaseUrl,
    authorization: Authorization = None,
) -> Response:
    """Complete a multipart upload, as the Python client does."""
    _bearer(request, authorization)
    claims = _claims(request, upload_id, f"/files/{path}")
    return await _complete(request, emulator, upload_id, claims, base_url.url(Part.CDN, f"/files/{path}"))


@router.put("/files/{path:path}")
async def put_file(
    request: Request, path: str, emulator: TheEmulator, base_url: TheBaseUrl, upload_token: str = ""
) -> Response:
    """Upload a file, or a numbered part of it, to an upload_url, as the JavaScript client does."""
    claims = _claims(request, upload_token)
    whole, _, number = f"/files/{path}".rpartition("/")
    if claims.get("path") == whole and number.isdecimal():
        return await _keep_part(request, emulator, upload_token, int(number[:LONGEST_NUMBER]))
    _claims(request, upload_token, f"/files/{path}")
    await _keep(request, emulator, claims["path"], claims["type"], claims)
    return Json({"access_url": base_url.url(Part.CDN, claims["path"]), "uploaded": True})


@router.post("/files/{path:path}/complete")
async def complete_file(
    request: Request, path: str, emulator: TheEmulator, base_url: TheBaseUrl, upload_token: str = ""
) -> Response:
    """Complete a multipart upload, as the JavaScript client does."""
    claims = _claims(request, upload_token, f"/files/{path}")
    return await _complete(request, emulator, upload_token, claims, base_url.url(Part.CDN, f"/files/{path}"))


@router.head("/files/{path:path}", include_in_schema=False)
@router.get("/files/{path:path}")
async def download(
    request: Request, path: str, emulator: TheEmulator, identity: str = "", authorization: Authorization = None
) -> Response:
    """Download a file, whole or by range.  304 if the ETag in If-None-Match is current.

    Headers keep browsers from running an uploaded HTML page, which could call the control API.
    """
    url_path, cdn = f"/files/{path}", emulator.cdn
    found = await asyncio.to_thread(cdn.find, url_path) if cdn.is_slow(url_path) else cdn.find(url_path)
    said = FileRecord(gone=True) if found is None else await said_of(emulator, found)
    decision = "hide" if said.gone else _decision(emulator, said, url_path, identity, authorization)
    if found is None or decision == "hide":
        hint = "it was not uploaded to this emulator, has expired, is hidden, or was dropped for newer files"
        raise refusal(404, "File not found", hint=hint)
    if decision == "forbid":
        raise refusal(403, "Forbidden", hint="its access control list forbids it: sign its address")
    known = request.headers.get("if-none-match")
    try:
        return _serve(found, emulator.files, known)
    except FileNotFoundError:  # it was dropped for a newer one in the meantime
        found = await asyncio.to_thread(cdn.find, url_path)
        if found is None:
            raise refusal(404, "File not found", hint="it was dropped for newer files") from None
        return _serve(found, emulator.files, known)


def _decision(emulator: Emulator, said: FileRecord, path: str, identity: str, authorization: str | None) -> Decision:
    """The access of the reader.  The reader is identified only for files with their own list."""
    decision = said.decide(NO_KEY)
    if identity:
        with suppress(BadToken):
            if emulator.tokens.read(identity).get("identity") == path:
                return "allow"
    if decision == "allow" or not authorization:
        return decision
    return said.decide(read_key(authorization, emulator.settings.keys))


class _HeldFile(FileResponse):
    """A file answer that keeps its file until it was sent, even if the store evicts it."""

    def __init__(self, files: FileStore, found: StoredFile, headers: Mapping[str, str]) -> None:
        state = found.source.stat()
        super().__init__(found.source, media_type=found.content_type, headers=headers, stat_result=state)
        self._held = ExitStack()
        self._held.enter_context(files.holding(found))

    def release(self) -> None:
        """Release the file without sending it."""
        self._held.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._held:
            await super().__call__(scope, receive, send)


def _serve(found: StoredFile, files: FileStore, known: str | None) -> Response:
    headers = {
        "cache-control": CACHE,
        "access-control-allow-origin": "*",
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'; media-src 'self'; style-src 'unsafe-inline'",
    }
    answer = _HeldFile(files, found, headers)
    if known is None or not _names(known, answer.headers["etag"]):
        return answer
    answer.release()
    kept = {name: value for name, value in answer.headers.items() if name not in ("content-length", "content-type")}
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=kept)


def _names(known: str, etag: str) -> bool:
    """Whether an If-None-Match header names this version of a file (RFC 9110, section 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in known.split(",")]
    return etag in tags or tags == ["*"]


def _bearer(request: Request, authorization: str | None) -> str:
    """The key of an upload token."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        raise refusal(401, "Authorization header is required", hint="get a token from storage/auth/token")
    claims = _claims(request, token)
    if "bearer" not in claims:
        raise refusal(401, "Invalid upload token: it is for one file, send it as upload_token")
    key = request.state.call.key = str(claims["bearer"])
    return key


def _claims(request: Request, token: str, path: str | None = None) -> dict[str, Any]:
    emulator: Emulator = request.app.state.emulator
    try:
        claims = emulator.tokens.read(token)
    except BadToken as error:
        raise refusal(401, f"Invalid upload token: {error}") from error
    if path is not None and claims.get("path") != path:
        raise refusal(403, "The upload token is for another file")
    request.state.call.key = claims.get("owner", "")
    return claims


async def _receive(request: Request, emulator: Emulator) -> BinaryIO:
    """Write the body to a new file, which is removed if the body is incomplete.

    A body without space is still read, so that the caller gets the answer.
    """
    refused: QueueError | None = None
    with emulator.files.writing() as written:
        async for part in limited(request.receive, emulator.settings.max_upload_bytes):
            if refused is None:
                try:
                    written.write(part)
                except (SpoolFull, FileTooLarge) as error:
                    refused = error
        if refused is not None:
            raise refused
    return written


async def _keep(request: Request, emulator: Emulator, path: str, content_type: str, claims: Mapping[str, Any]) -> None:
    """Store a whole file."""
    emulator.files.keep(await _receive(request, emulator), path, content_type, key=claims["owner"])
    await remember(emulator, path, claims)


async def _keep_part(request: Request, emulator: Emulator, upload_id: str, number: int) -> Response:
    if not 1 <= number <= MOST_PARTS:
        raise refusal(422, f"part numbers run from 1 to {MOST_PARTS}")
    written = await _receive(request, emulator)
    etag = f'"{await asyncio.to_thread(emulator.files.keep_part, written, upload_id, number)}"'
    return Json({"partNumber": number, "etag": etag}, headers={"etag": etag})


async def _complete(
    request: Request, emulator: Emulator, upload_id: str, claims: Mapping[str, Any], address: str
) -> Response:
    numbers = await _part_numbers(request, emulator)
    join = partial(emulator.files.join, max_bytes=emulator.settings.max_upload_bytes, key=claims["owner"])
    try:
        await asyncio.to_thread(join, upload_id, numbers, claims["path"], claims["type"])
    except KeyError as error:
        if emulator.files.get(claims["path"]) is None:  # else the answer to an earlier call was lost
            raise refusal(422, f"part {error} was not uploaded") from error
    await remember(emulator, claims["path"], claims)
    return Json({"access_url": address, "uploaded": True})


async def _part_numbers(request: Request, emulator: Emulator) -> list[int]:
    """The numbers of ``{"parts": [{"partNumber", "etag"}]}``, in ascending order."""
    wrong: WireError = refusal(422, 'the body must be {"parts": [{"partNumber": 1, "etag": "..."}]}')
    raw = await read_body(request.receive, emulator.settings.max_body_bytes)
    try:
        body = await decoded(raw, emulator.settings.max_json_bytes)
    except jsonio.InvalidJson:
        raise wrong from None
    parts = body.get("parts") if isinstance(body, dict) else None
    if not isinstance(parts, list) or not parts:
        raise wrong
    numbers = [part.get("partNumber") if isinstance(part, dict) else None for part in parts]
    if not all(_is_part_number(number) for number in numbers):
        raise wrong
    return sorted({int(number) for number in numbers if number is not None})


def _is_part_number(given: Any) -> bool:
    """Whether a JSON value is a part number: 2.0 is valid, true is not."""
    return isinstance(given, int | float) and not isinstance(given, bool) and given in range(1, MOST_PARTS + 1)


def _media_type(headers: Mapping[str, str]) -> str:
    return media_type(headers.get("content-type", OCTETS))
