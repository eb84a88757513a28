"""fal.run: the synchronous call.  No queue, no retry by the server; the model's answer at once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from starlette.responses import Response

from fakefal.wire.call import Call
from fakefal.wire.faults import with_fault
from fakefal.wire.incoming import read_submission
from fakefal.wire.queue import ending_answer


async def run(call: Call) -> Response:
    """Run the model and answer with its output; 429 when all runners of the key are taken."""
    submission = await read_submission(call)

    async def accept() -> Response:
        # that the form of a start timeout is checked here, too, is inferred: what starts at once never waits
        direct = replace(submission, start_seconds=None, retry=False)
        accepted = partial(call.emulator.witness.accepted, call.request.state.sending)
        look, ending = await call.emulator.run(direct, accepted)
        return ending_answer(ending, look.record, call.base_url)

    return await with_fault(call.emulator, submission.effect, call.request, accept)
