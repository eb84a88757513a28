"""What came in and what is kept: the journal, the uploads, and Prometheus metrics."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from fakefal.control.api import Key
from fakefal.control.guard import guard
from fakefal.state.files import StoredFile
from fakefal.state.journal import JournalEntry
from fakefal.wire.answers import Json
from fakefal.wire.context import TheEmulator

router = APIRouter(prefix="/_fakefal", tags=["control"], dependencies=[Depends(guard)])
Limit = Annotated[int, Query(ge=1, le=10_000)]


class CallInfo(BaseModel):
    """One call; `at` is emulated and `wall` real time, in seconds since 1970.  No bodies, queries or secrets."""

    at: float
    wall: float
    key: str
    method: str
    host: str
    part: str
    path: str
    endpoint: str
    status: int | None
    error_type: str
    request_id: str
    milliseconds: float | None
    hint: str
    effect: str


class FileInfo(BaseModel):
    """An upload; `wall` is when it came, in real seconds since 1970, and `key` whose it is, where that is known."""

    path: str
    content_type: str
    bytes: int
    wall: float
    key: str


@router.get("/journal", response_model=list[CallInfo])
async def journal(emulator: TheEmulator, key: Key = None, limit: Limit = 100) -> Json:
    """The newest calls, newest first; calls of this API are not among them."""
    return Json([call_info(one).model_dump() for one in await emulator.journal.newest(key, limit)])


@router.get("/files", response_model=list[FileInfo])
async def files(emulator: TheEmulator, key: Key = None, limit: Limit = 100) -> Json:
    """The newest uploads, newest first; parts of unfinished ones are not among them."""
    whole = [one for one in reversed(emulator.files.all()) if one.whole and (key is None or one.key == key)]
    return Json([info.model_dump() for one in whole[:limit] if (info := _file(one)) is not None])


def call_info(call: JournalEntry) -> CallInfo:
    """What is shown of a call."""
    return CallInfo(**{name: getattr(call, name) for name in CallInfo.model_fields})


def _file(file: StoredFile) -> FileInfo | None:
    """What is shown of an upload; None where another process removed it meanwhile."""
    try:
        moment = file.source.stat().st_mtime
    except FileNotFoundError:
        return None
    return FileInfo(path=file.url_path, content_type=file.content_type, bytes=file.size, wall=moment, key=file.key)
