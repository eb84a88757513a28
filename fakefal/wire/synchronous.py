"""fal.run: the synchronous call, and `/stream`.  No queue, no retry by the server; the answer has the output."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from starlette.responses import Response

from fakefal.effects.known import ANSWERING
from fakefal.engine.emulator import Emulator
from fakefal.state.submission import Submission
from fakefal.wire.call import Call
from fakefal.wire.faults import with_fault
from fakefal.wire.incoming import read_submission
from fakefal.wire.queue import ending_answer
from fakefal.wire.streamed import stream
from fakefal.wire.webhook_hint import run_hint
from fakefal_contracts.endpoint import STREAM


async def run(call: Call) -> Response:
    """Run the model and wait for its output.  429 if all runners of the key are busy."""
    path, call.path = call.path, _model_path(call)
    submission = await read_submission(call)
    # that the form of a start timeout is checked here, too, is inferred: what starts at once never waits
    submission = replace(submission, start_seconds=None, retry=False)
    missed = run_hint(call.query)
    if missed:
        submission = replace(submission, note=f"Warning: {missed}")
    streams = f"/{path}".endswith(STREAM) and _streams(call.emulator, submission)

    async def accept() -> Response:
        if streams:
            return await stream(call, submission)
        accepted = partial(call.emulator.witness.accepted, call.state["sending"])
        look, ending = await call.emulator.run(replace(submission, path=path), accepted)
        if missed:
            ending = replace(ending, hint="; ".join(filter(None, (missed, ending.hint))))
        return ending_answer(ending, look.record, call.base_url)

    return await with_fault(call.emulator, submission.effect, call.receive, accept)


def _model_path(call: Call) -> str:
    """The path of the model without `STREAM`, unless its id ends with it."""
    catalogue, model = call.emulator.catalogue, f"/{call.path}".removesuffix(STREAM)
    own_id = f"{call.app}/{call.path}" in catalogue
    endpoint = catalogue.get(call.app + model) if own_id else None
    return call.path if own_id and not (endpoint and endpoint.streams) else model.removeprefix("/")


def _streams(emulator: Emulator, submission: Submission) -> bool:
    """Whether the model has a stream, or an effect gives it one."""
    effect = submission.effect
    if effect is not None and ANSWERING & effect.arguments.keys():
        return True
    endpoint = emulator.catalogue.get(submission.endpoint_id)
    return endpoint.streams if endpoint is not None else emulator.settings.unknown == "accept"
