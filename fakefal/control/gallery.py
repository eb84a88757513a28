"""The media of jobs and the uploads, with their URLs on this server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from fakefal.control.api import Key
from fakefal.control.guard import guard
from fakefal.engine.emulator import Emulator
from fakefal.files.datauris import DATA_FOLDER
from fakefal.files.media_types import MEDIA_TYPES, OCTETS
from fakefal.state import jsonio
from fakefal.state.endings import CDN_MARK, ending_of
from fakefal.state.requests import Snapshot
from fakefal.wire.answers import Json
from fakefal.wire.context import TheEmulator
from fakefal_contracts.hosts import Part

router = APIRouter(prefix="/_fakefal", tags=["control"], dependencies=[Depends(guard)])

MOST_MEDIA = 200
MOST_SEARCHED = 1000
"""How many of the newest jobs are searched for media."""

LARGEST_LISTED = 1024 * 1024
"""The gallery does not search larger arguments and results for media."""

Loc = tuple[str | int, ...]
Limit = Annotated[int, Query(ge=1, le=MOST_MEDIA, description="Return at most this many of each, newest first.")]


class MediaInfo(BaseModel):
    """A file.  `href` is its URL path on this server; `loc` is its place in the arguments or the result."""

    href: str
    name: str
    content_type: str
    role: Literal["upload", "argument", "result"]
    loc: list[str | int]
    request_id: str
    endpoint_id: str


@router.get("/media", response_model=list[MediaInfo])
async def media(emulator: TheEmulator, key: Key = None, limit: Limit = 60) -> Json:
    """List the files of results and the uploads, newest first."""
    looks = reversed(await emulator.all(key, MOST_SEARCHED))
    found = [*islice((one for look in looks for one in media_of_result(emulator, look)), limit)]
    stored = [one for one in reversed(emulator.files.all()) if one.whole and key in (None, one.key)]
    found += [_info(emulator, one.url_path, "upload") for one in stored[:limit]]
    return Json([one.model_dump() for one in found])


def media_of_result(emulator: Emulator, look: Snapshot) -> Iterator[MediaInfo]:
    """The files of ours that a job's result names."""
    ending = ending_of(look)
    if ending is None or not ending.ok or ending.text or len(ending.body) > LARGEST_LISTED or look.erased:
        return
    for loc, text in _placed_texts(jsonio.load(ending.body)):
        if text.startswith(CDN_MARK):
            yield _info(emulator, text.removeprefix(CDN_MARK), "result", loc, look)


def media_of_arguments(emulator: Emulator, look: Snapshot, arguments: Any) -> Iterator[MediaInfo]:
    """The files of ours that a job's arguments name; those elsewhere are never opened."""
    for loc, text in _placed_texts(arguments):
        kept = text if text.startswith(DATA_FOLDER) else emulator.cdn.path_of(text, look.record.base_url)
        if kept is not None:
            yield _info(emulator, kept, "argument", loc, look)


def _placed_texts(value: Any) -> Iterator[tuple[Loc, str]]:
    """Every text in a JSON value with its place, in its order."""
    waiting: list[tuple[Loc, Any]] = [((), value)]
    while waiting:
        loc, one = waiting.pop()
        if isinstance(one, str):
            yield loc, one
            continue
        inner: Iterable[tuple[str | int, Any]] = ()
        if isinstance(one, dict):
            inner = one.items()
        elif isinstance(one, list):
            inner = enumerate(one)
        waiting.extend([((*loc, at), item) for at, item in inner][::-1])


def _info(
    emulator: Emulator,
    path: str,
    role: Literal["upload", "argument", "result"],
    loc: Loc = (),
    look: Snapshot | None = None,
) -> MediaInfo:
    stored = emulator.files.get(path)
    ending = path.rpartition(".")[2].lower()
    return MediaInfo(
        href=f"/{Part.CDN}{quote(path, safe='/')}",
        name=path.rpartition("/")[2],
        content_type=stored.content_type if stored else MEDIA_TYPES.get(ending, OCTETS),
        role=role,
        loc=list(loc),
        request_id=look.record.id if look else "",
        endpoint_id=look.record.endpoint_id if look else "",
    )
