"""The Platform API's calls about files: access control lists, signed URLs, and settings for uploads."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Interval
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from fakefal.engine.emulator import Emulator
from fakefal.platform_api.forms import PREFIX, PlatformKey, PlatformRoute, platform_refusal
from fakefal.state.access import Acl, Decision, NotYours, UploadLifecycle
from fakefal.wire.answers import Json, WireError
from fakefal.wire.context import TheBaseUrl, TheEmulator
from fakefal.wire.upload_lifecycle import said_of
from fakefal_contracts.hosts import BaseUrl, Part

router = APIRouter(prefix=f"{PREFIX}/storage", tags=["platform"], route_class=PlatformRoute)
WEEK_SECONDS = 604_800

Address = Annotated[str, Query(description="The URL of a file on the CDN, without query parameters.")]


class NewAcl(Acl):
    """A new access control list; `default` is required."""

    default: Decision


class SignBody(BaseModel):
    """How long a signed URL is valid, in seconds; at most a week."""

    model_config = ConfigDict(extra="forbid")

    expiration_seconds: Annotated[int, Interval(ge=1, le=WEEK_SECONDS)]


class NewSettings(UploadLifecycle):
    """New settings for uploads of a key."""

    initial_acl: NewAcl | None = None


@router.get("/files/acl")
async def acl(url: Address, emulator: TheEmulator, base_url: TheBaseUrl, key: PlatformKey) -> Response:
    """Read the access control list of a file."""
    _, kept = await _own_file(url, emulator, base_url, key)
    return Json(kept.model_dump())


@router.put("/files/acl")
async def change_acl(
    body: NewAcl, url: Address, emulator: TheEmulator, base_url: TheBaseUrl, key: PlatformKey
) -> Response:
    """Replace the access control list of a file."""
    path, _ = await _own_file(url, emulator, base_url, key)
    try:
        await emulator.access.change_acl(path, key, Acl(default=body.default, rules=body.rules))
    except NotYours as error:
        raise _not_yours() from error
    return Json(body.model_dump())


@router.post("/files/sign")
async def sign(body: SignBody, url: Address, emulator: TheEmulator, base_url: TheBaseUrl, key: PlatformKey) -> Response:
    """Create a URL that anybody can read until it expires, in real time."""
    path, _ = await _own_file(url, emulator, base_url, key)
    token = emulator.tokens.issue(body.expiration_seconds, identity=path)
    return Json({"signed_url": f"{base_url.url(Part.CDN, path)}?identity={token}"})


@router.get("/settings")
async def settings(emulator: TheEmulator, key: PlatformKey) -> Response:
    """Read the settings for uploads of the caller's key."""
    return Json((await emulator.access.settings(key)).model_dump())


@router.put("/settings")
async def change_settings(body: NewSettings, emulator: TheEmulator, key: PlatformKey) -> Response:
    """Change the settings for later uploads.  Settings that are left out keep their value (inferred)."""
    return Json((await emulator.access.change_settings(key, body)).model_dump())


async def _own_file(url: str, emulator: Emulator, base_url: BaseUrl, key: str) -> tuple[str, Acl]:
    """The path and the access control list of a stored file that belongs to the key."""
    if "?" in url or "#" in url:
        raise platform_refusal(400, "url: it must not contain query parameters")
    path = emulator.cdn.path_of(url, base_url)
    file = None if path is None else emulator.cdn.find(path)
    if file is None or (said := await said_of(emulator, file)).gone:
        raise platform_refusal(404, "File not found")
    try:
        return file.url_path, said.acl_for(key)
    except NotYours as error:
        raise _not_yours() from error


def _not_yours() -> WireError:
    return platform_refusal(403, "The file belongs to another key")
