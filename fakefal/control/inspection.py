"""Calls of the control API for the journal, the uploads and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from fakefal.control.api import Key
from fakefal.control.guard import guard
from fakefal.engine.overview import verdict_of
from fakefal.state.files import StoredFile
from fakefal.state.journal import JournalEntry
from fakefal.state.ledger import Dollars
from fakefal.verdict.findings import Finding
from fakefal.verdict.mistakes import FindingGrade, Kind
from fakefal.wire.answers import Json
from fakefal.wire.context import TheEmulator

router = APIRouter(prefix="/_fakefal", tags=["control"], dependencies=[Depends(guard)])
Limit = Annotated[int, Query(ge=1, le=10_000, description="Return at most this many, newest first.")]
Allow = Annotated[Sequence[Kind], Query(description="Leave out findings of this kind; repeat it for more.")]


class CallInfo(BaseModel):
    """A call in the journal, without body, query and secrets.

    `at` is emulated and `wall` is real time, in seconds since 1970.
    """

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
    agent: str


class FileInfo(BaseModel):
    """An uploaded file.  `wall` is its time in real seconds since 1970; `key` is empty if the owner is unknown."""

    path: str
    content_type: str
    bytes: int
    wall: float
    key: str


@router.get("/journal", response_model=list[CallInfo])
async def journal(emulator: TheEmulator, key: Key = None, limit: Limit = 100) -> Json:
    """List calls to the emulator, newest first, without calls of the control API."""
    return Json([call_info(one).model_dump() for one in await emulator.journal.newest(key, limit)])


@router.get("/files", response_model=list[FileInfo])
async def files(emulator: TheEmulator, key: Key = None, limit: Limit = 100) -> Json:
    """List complete uploads, newest first."""
    whole = [one for one in reversed(emulator.files.all()) if one.whole and (key is None or one.key == key)]
    return Json([info.model_dump() for one in whole[:limit] if (info := _file(one)) is not None])


def call_info(call: JournalEntry) -> CallInfo:
    """A call, as the API shows it."""
    return CallInfo(**{name: getattr(call, name) for name in CallInfo.model_fields})


class FindingInfo(BaseModel):
    """One mistake of a program, and the calls that show it.  `usd` is what it would have cost; null if unknown.

    `at_end` is true if the finding holds only if the program ends now.
    """

    kind: Kind
    grade: FindingGrade
    at_end: bool
    key: str
    endpoint_id: str
    usd: Dollars | None
    seconds: float | None
    request_ids: list[str]
    webhook_status: int | None
    evidence: str
    calls: list[CallInfo]


class KindInfo(BaseModel):
    """The findings of one kind and grade: their number, what they would have cost, the rule, and what to do."""

    kind: Kind
    grade: FindingGrade
    count: int
    usd: Dollars | None
    rule: str
    advice: str


class VerdictInfo(BaseModel):
    """The findings on a program.  `usd` counts proven findings only; `more` findings were too many to keep.

    `text` is the verdict as a table, as ``fakefal run --careful`` prints it.
    """

    text: str
    proven: int
    possible: int
    more: int
    usd: Dollars
    kinds: list[KindInfo]
    findings: list[FindingInfo]


@router.get("/verdict")
async def verdict(emulator: TheEmulator, key: Key = None, limit: Limit = 100, allow: Allow = ()) -> VerdictInfo:
    """Read the mistakes of the programs of a key, or of all keys, as if they ended now; newest first."""
    found = (await verdict_of(emulator, key)).without(allow)
    rows = found.rows()
    return VerdictInfo(
        text=str(found),
        proven=len(found.proven),
        possible=len(found.findings) - len(found.proven),
        more=found.more,
        usd=found.usd,
        kinds=[
            KindInfo(
                kind=row.kind, grade=row.grade, count=row.count, usd=row.usd, rule=row.kind.rule, advice=row.kind.advice
            )
            for row in rows
        ],
        findings=[_finding(one) for one in found.findings[::-1][:limit]],
    )


def _finding(one: Finding) -> FindingInfo:
    return FindingInfo(
        kind=one.kind,
        grade=one.grade,
        at_end=one.kind.at_end,
        key=one.key,
        endpoint_id=one.endpoint_id,
        usd=one.usd,
        seconds=one.seconds,
        request_ids=list(one.request_ids),
        webhook_status=one.webhook_status,
        evidence=one.evidence,
        calls=[call_info(call) for call in one.calls],
    )


def _file(file: StoredFile) -> FileInfo | None:
    """An upload, as the API shows it; None if another process has removed it."""
    try:
        moment = file.source.stat().st_mtime
    except FileNotFoundError:
        return None
    return FileInfo(path=file.url_path, content_type=file.content_type, bytes=file.size, wall=moment, key=file.key)
