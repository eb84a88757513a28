"""Expiry and access of an uploaded file, from the header of its upload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from pydantic import ValidationError

from fakefal.engine.emulator import Emulator
from fakefal.files.datauris import DATA_FOLDER
from fakefal.state.access import CLOSED, PLAIN, FileRecord, UploadLifecycle
from fakefal.state.files import StoredFile
from fakefal.wire.answers import refusal

HEADER = "x-fal-object-lifecycle"


def read_lifecycle(request: Request) -> UploadLifecycle:
    """Read the lifecycle header of uploads of both clients (Python 1.0.3, JavaScript 1.10.1).

    Raises:
        WireError: 422, it is invalid (inferred).
    """
    text = request.headers.get(HEADER)
    if not text:
        return PLAIN
    try:
        return UploadLifecycle.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise refusal(422, f"Invalid {HEADER} header: {place}: {first['msg']}") from error


def upload_claims(owner: str, lifecycle: UploadLifecycle) -> dict[str, Any]:
    """The claims in an upload token that `remember` needs at the end."""
    return {"owner": owner, "lifecycle": lifecycle.model_dump(exclude_defaults=True)}


async def remember(emulator: Emulator, path: str, claims: Mapping[str, Any]) -> None:
    """Record a stored file: until now it was readable by its owner only, from now on as its upload asked."""
    await emulator.access.uploaded(path, claims["owner"], UploadLifecycle.model_validate(claims["lifecycle"]))


async def said_of(emulator: Emulator, file: StoredFile) -> FileRecord:
    """The record of a file; an upload without a record can be read by its owner only."""
    said = await emulator.access.look(file.url_path)
    unknown = said.owner is None and file.key and not file.url_path.startswith(DATA_FOLDER)
    return FileRecord(file.key, CLOSED) if unknown else said
