"""The stream of events, as server-sent events."""

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
"""How long a browser waits before it reconnects."""

RECENT = TypeAdapter[int](Annotated[int, Interval(ge=0, le=MOST_EVENTS)])
FOLLOW = TypeAdapter[str](Literal["0", "1"])
KEEP_ALIVE = b": nothing new\n\n"


async def events(call: Call) -> Response:
    """Stream events as server-sent events, until the server stops; with `follow=0`, only past events.

    Each event is a JSON object; `kind` says which event it is.  After a reconnect with `Last-Event-ID`, the missed
    events come first; the event `lost` means that some of them are gone.  While nothing happens, comments keep the
    connection open.  Each replica sends only its own events.
    """
    check_caller(call.request, call.emulator.settings)
    key, recent = call.read("key", TEXT), call.read("recent", RECENT)
    follow = call.read("follow", FOLLOW) != "0"
    after = call.header(b"last-event-id") or None
    happened = call.emulator.events

    async def stream() -> AsyncIterator[bytes]:
        # so that a client that is cut off before the first event reconnects to this place
        yield b"retry: %d\nid: %s\n\n" % (RETRY_MILLISECONDS, (after or happened.place()).encode("latin-1"))
        async with aclosing(happened.stream(after, key, recent=recent or 0, follow=follow)) as news:
            async for some in news:
                yield b"".join(_written(happened.place(one), one) for one in some) or KEEP_ALIVE

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"cache-control": "no-store"})


def _written(place: str, event: Event) -> bytes:
    return b"id: %s\ndata: %s\n\n" % (place.encode(), jsonio.dump(plain(event)))
