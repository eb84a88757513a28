"""fal's REST host: tokens and URLs for uploads, as both official clients request them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from fakefal.core.effects import Effect
from fakefal.effects.known import LOCKS
from fakefal.engine.emulator import Emulator
from fakefal.files.cdn import new_file_path
from fakefal.state import jsonio
from fakefal.wire.answers import Json, refusal
from fakefal.wire.auth import demand_rest_key
from fakefal.wire.body import decoded, read_body
from fakefal.wire.context import Authorization, TheBaseUrl, TheEmulator
from fakefal.wire.faults import lock_reason, refuse
from fakefal.wire.incoming import account_effect, rest_key
from fakefal.wire.upload_lifecycle import read_lifecycle, upload_claims
from fakefal_contracts.hosts import Part

router = APIRouter(prefix=f"/{Part.REST}", tags=["rest"])
TOKEN_SECONDS = 3600
STORAGE_TYPES = ("fal-cdn-v3", "gcs")
OCTETS = "application/octet-stream"
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?:;[\x20-\x7e]*)?", re.ASCII)
NEVER_EMPTY = 100
"""The balance that is shown for an account without a limit, in US dollars."""

StorageType = Annotated[
    str, Query(description="The storage: fal-cdn-v3, or gcs as the Python client uses for a fallback.")
]


@router.post("/storage/auth/token")
async def storage_token(
    request: Request, emulator: TheEmulator, base_url: TheBaseUrl, authorization: Authorization = None
) -> Response:
    """Get a token for uploads to the CDN, as the Python client 1.0.3 does."""
    key = await rest_key(request, emulator, authorization)
    expires = datetime.now(UTC) + timedelta(seconds=TOKEN_SECONDS)
    return Json(
        {
            "token": emulator.tokens.issue(TOKEN_SECONDS, bearer=key),
            "token_type": "Bearer",
            "base_url": base_url.url(Part.CDN, ""),
            "expires_at": expires.isoformat(),
        }
    )


@router.get("/.well-known/jwks.json")
async def jwks(emulator: TheEmulator) -> Response:
    """Read the public keys that verify webhook signatures.  Receivers may cache them for a day."""
    return Json(await emulator.signing.jwks(), headers={"cache-control": "public, max-age=86400"})


@router.get("/users/current")
async def current_user(request: Request, emulator: TheEmulator, authorization: Authorization = None) -> Response:
    """Read the account of the key, as fal's older REST interface shows it.  Its balance or an effect can lock it."""
    key = demand_rest_key(authorization, emulator.settings.keys)
    lock = await _account_lock(request, emulator, key)
    reason = None if lock is None else lock_reason(lock)
    names = {"full_name": key, "nickname": key, "user_id": key}
    locked = lock is not None
    return Json({**names, "is_personal": True, "is_locked": locked, "lock_reason": reason, "is_paying": True})


@router.get("/billing/user_balance")
async def user_balance(request: Request, emulator: TheEmulator, authorization: Authorization = None) -> Response:
    """Read the balance of the key in US dollars, as a JSON number.  A locked account has 0 or less."""
    # a bare number in public programs of 2026
    key = demand_rest_key(authorization, emulator.settings.keys)
    locked = await _account_lock(request, emulator, key) is not None
    balance = await emulator.accounts.balance(key)
    usd = float(NEVER_EMPTY if balance is None else balance)
    return Json(min(usd, 0.0) if locked else usd)


async def _account_lock(request: Request, emulator: Emulator, key: str) -> Effect | None:
    """The effect that has locked the account, if one has.

    Raises:
        WireError: another effect refuses all calls of the account.
    """
    effect = await account_effect(request, emulator, key)
    if effect is not None and effect.name not in LOCKS:
        refuse(effect)
    return effect


@router.post("/storage/upload/initiate")
@router.post("/storage/upload/initiate-multipart")
async def initiate(
    request: Request,
    emulator: TheEmulator,
    base_url: TheBaseUrl,
    authorization: Authorization = None,
    storage_type: StorageType = "fal-cdn-v3",
) -> Response:
    """Get URLs to upload a file, whole or in numbered parts, as the JavaScript client 1.10.1 does."""
    key = await rest_key(request, emulator, authorization)
    if storage_type not in STORAGE_TYPES:
        raise refusal(422, f"storage_type {storage_type!r} is not known; use fal-cdn-v3")
    try:
        raw = await read_body(request.receive, emulator.settings.max_body_bytes)
        body = await decoded(raw, emulator.settings.max_json_bytes)
    except jsonio.InvalidJson as error:
        raise refusal(422, f"the body is not JSON: {error}") from error
    named = body if isinstance(body, dict) else {}
    name, content_type = named.get("file_name"), named.get("content_type")
    if not isinstance(name, str) or not isinstance(content_type, str):
        raise refusal(422, 'the body must hold "file_name" and "content_type" as strings')
    path = new_file_path(name)
    claims = upload_claims(key, read_lifecycle(request))
    token = emulator.tokens.issue(TOKEN_SECONDS, path=path, type=media_type(content_type), **claims)
    return Json(
        {"file_url": base_url.url(Part.CDN, path), "upload_url": base_url.url(Part.CDN, f"{path}?upload_token={token}")}
    )


def media_type(given: str) -> str:
    """A media type that is valid in a header; anything else is served as bytes."""
    return given if _MEDIA_TYPE.fullmatch(given) else OCTETS
