"""``/stream`` of fal.run: the events of a run, as server-sent events.

Both official clients (2026) read events of ``data:`` and JSON, the last one with the whole result.  Inferred, because
no capture of a stream exists: the times of events, the content of all but the last event, and that a failed run
answers as `synchronous.run` does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Any

from starlette.responses import Response, StreamingResponse

from fakefal.core.effects import Effect
from fakefal.core.errors import UnknownRequest
from fakefal.engine.emulator import Stopping
from fakefal.state import jsonio
from fakefal.state.endings import ending_of, result_value
from fakefal.state.requests import Record, Snapshot
from fakefal.state.submission import Submission
from fakefal.wire.answers import REQUEST_ID
from fakefal.wire.call import Call
from fakefal.wire.faults import abort
from fakefal.wire.queue import ending_answer, event, hint_header

PIECES = 4
"""The number of events of a growing text."""


async def stream(call: Call, submission: Submission) -> Response:
    """Run the model and answer with its events, or with its error if it fails."""
    look = await call.emulator.begin(submission)
    call.emulator.witness.accepted(call.state["sending"], look)
    if not _has_events(look):  # it fails, or its media are being downloaded
        async with aclosing(call.emulator.pieces(look.record, 1)) as pieces:
            async for _, look in pieces:
                if _has_events(look):
                    break
    if look.plan is None or not _has_events(look):
        if (ending := ending_of(look)) is None:
            raise Stopping
        return ending_answer(ending, look.record, call.base_url)
    ending = look.plan.ending
    events = _events(submission.effect, result_value(ending, call.base_url))
    headers = {REQUEST_ID: look.record.id, "cache-control": "no-store"} | hint_header(ending)
    return StreamingResponse(_paced(call, look.record, events), media_type="text/event-stream", headers=headers)


def _has_events(look: Snapshot) -> bool:
    """Whether the run is known to end with a result in JSON."""
    return look.plan is not None and look.plan.ending.ok and not look.plan.ending.text


async def _paced(call: Call, record: Record, events: list[Any]) -> AsyncIterator[bytes]:
    """The events, evenly over the run; if the run ends otherwise, the connection is dropped before the last event."""
    sent = 0
    with suppress(UnknownRequest):  # it was reset meanwhile
        async with aclosing(call.emulator.pieces(record, len(events))) as pieces:
            async for over, look in pieces:
                if look.view.cut is not None:
                    break
                for one in events[sent:over]:
                    yield event(jsonio.dump(one))
                sent = over
    if sent < len(events):
        abort(call.scope)


def _events(effect: Effect | None, result: Any) -> list[Any]:
    """The events: the user's own, or a growing text if the result of the model has one."""
    if effect is not None and "events" in effect.arguments:
        return list(effect.arguments["events"])
    text = result.get("output") if isinstance(result, dict) else None
    if not isinstance(text, str) or "partial" not in result:
        return [result]
    words = text.split()
    ends = sorted({len(words) * part // PIECES for part in range(1, PIECES)} - {0, len(words)})
    return [*({**result, "output": " ".join(words[:end]), "partial": True} for end in ends), result]
