"""What holds for a file: how long it lives, and who may read it, as its upload says it at first."""

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
    """What the header says that both clients send with uploads (Python 1.0.3, JavaScript 1.10.1).

    Raises:
        WireError: 422, it says something else (inferred).
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
    """What the token of an upload has to say, so that `remember` knows it at the end."""
    return {"owner": owner, "lifecycle": lifecycle.model_dump(exclude_defaults=True)}


async def remember(emulator: Emulator, path: str, claims: Mapping[str, Any]) -> None:
    """A file lies at this path now, and was its owner's only: from now on holds what was asked for it."""
    await emulator.access.uploaded(path, claims["owner"], UploadLifecycle.model_validate(claims["lifecycle"]))


async def said_of(emulator: Emulator, file: StoredFile) -> FileRecord:
    """What is known of a file; an upload of which nothing is known, yet or any more, is its owner's only."""
    said = await emulator.access.look(file.url_path)
    unknown = said.owner is None and file.key and not file.url_path.startswith(DATA_FOLDER)
    return FileRecord(file.key, CLOSED) if unknown else said
