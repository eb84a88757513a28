"""fal.run: the synchronous road.  No queue, no retry by the server; the model's answer at once."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request
from starlette.responses import Response

from fakefal.wire.context import Authorization, SubPath, TheBaseUrl, TheEmulator
from fakefal.wire.faults import with_fault
from fakefal.wire.incoming import read_submission
from fakefal.wire.queue import ending_answer
from fakefal_contracts.hosts import Part

router = APIRouter(prefix=f"/{Part.RUN}", tags=["run"])


@router.post("/{owner}/{app}")
@router.post("/{owner}/{app}/{path:path}")
async def run(
    request: Request,
    owner: str,
    app: str,
    emulator: TheEmulator,
    base_url: TheBaseUrl,
    path: SubPath,
    authorization: Authorization = None,
) -> Response:
    """Run the model and answer with its output; 429 when all runners of the key are taken."""
    submission = await read_submission(request, emulator, base_url, f"{owner}/{app}", path, authorization)

    async def accept() -> Response:
        # that the form of a start timeout is checked here, too, is inferred: what starts at once never waits
        look, ending = await emulator.run(replace(submission, start_seconds=None, retry=False))
        return ending_answer(ending, look.record, base_url)

    return await with_fault(emulator, submission.effect, request, accept)
