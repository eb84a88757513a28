"""What an upload says of its file: how long it lives, and who may read it at first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from pydantic import ValidationError

from fakefal.access import PLAIN, Lifecycle
from fakefal.emulator import Emulator
from fakefal.wire.answers import refusal

HEADER = "x-fal-object-lifecycle"


def read_lifecycle(request: Request) -> Lifecycle:
    """What the header says that both clients send with uploads (Python 1.0.3, JavaScript 1.10.1).

    Raises:
        WireError: 422, it says something else (inferred).
    """
    text = request.headers.get(HEADER)
    if not text:
        return PLAIN
    try:
        return Lifecycle.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise refusal(422, f"Invalid {HEADER} header: {place}: {first['msg']}") from error


def upload_claims(owner: str, lifecycle: Lifecycle) -> dict[str, Any]:
    """What the token of an upload has to say, so that `remember` knows it at the end."""
    return {"owner": owner, "lifecycle": lifecycle.model_dump(exclude_defaults=True)}


async def remember(emulator: Emulator, path: str, claims: Mapping[str, Any]) -> None:
    """A file is about to lie at this path: what was asked for it holds from now on."""
    await emulator.access.uploaded(path, claims["owner"], Lifecycle.model_validate(claims["lifecycle"]))
