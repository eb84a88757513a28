"""The stream of what happens, as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Literal

from annotated_types import Interval
from pydantic import TypeAdapter
from starlette.responses import Response, StreamingResponse

from fakefal.control.guard import check_caller
from fakefal.state import jsonio
from fakefal.state.events import MOST_EVENTS
from fakefal.state.happenings import Event, plain
from fakefal.wire.call import TEXT, Call

RETRY_MILLISECONDS = 1000
"""After so long a browser comes back whose stream was cut."""

RECENT = TypeAdapter[int](Annotated[int, Interval(ge=0, le=MOST_EVENTS)])
FOLLOW = TypeAdapter[str](Literal["0", "1"])
KEEP_ALIVE = b": nothing new\n\n"


async def events(call: Call) -> Response:
    """What happens from now on, as server-sent events; it ends when the server stops, or at once where `follow` is 0.

    Each event is one JSON object whose `kind` says which one it is.  Who comes back with `Last-Event-ID` gets what came
    meanwhile, as far as it is kept; `lost` says that something is missing.  A comment comes where nothing else does.
    With several replicas each tells what it saw itself.
    """
    check_caller(call.request, call.emulator.settings)
    key, recent = call.read("key", TEXT), call.read("recent", RECENT)
    follow = call.read("follow", FOLLOW) != "0"
    after = call.header(b"last-event-id") or None
    happened = call.emulator.events

    async def stream() -> AsyncIterator[bytes]:
        # so that who is cut off before the first event comes back to this place
        yield b"retry: %d\nid: %s\n\n" % (RETRY_MILLISECONDS, (after or happened.place()).encode("latin-1"))
        async with aclosing(happened.stream(after, key, recent=recent or 0, follow=follow)) as news:
            async for some in news:
                yield b"".join(_written(happened.place(one), one) for one in some) or KEEP_ALIVE

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"cache-control": "no-store"})


def _written(place: str, event: Event) -> bytes:
    return b"id: %s\ndata: %s\n\n" % (place.encode(), jsonio.dump(plain(event)))
