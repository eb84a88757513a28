"""What is not emulated on fal's hosts answers 501 and says what is."""

from __future__ import annotations

from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from fakefal.platform_api import analytics, apps, charges, meta, models, request_list, request_search, storage
from fakefal.platform_api.forms import PREFIX, platform_refusal
from fakefal.wire.answers import refusal
from fakefal_contracts.hosts import Part

OTHER_HOSTS = (Part.SITE, Part.WS, Part.REST)
PARTS = (models, charges, analytics, request_list, request_search, apps, storage, meta)
PLATFORM = tuple(part.router for part in PARTS)
EMULATED = dict.fromkeys(
    route.path.removeprefix(PREFIX) for part in PLATFORM for route in part.routes if isinstance(route, APIRoute)
)


async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a call that no route has: 501 on fal's hosts, where fal may have it, and 404 elsewhere.

    Raises:
        WireError: 501, in the form of its host.
    """
    part, _, path = scope["path"].lstrip("/").partition("/")
    if part == Part.PLATFORM:
        hint = f"fakefal does not emulate /{path}, and sent nothing to fal"
        raise platform_refusal(501, f"{hint}; of /v1 it emulates {', '.join(EMULATED)}", hint=hint)
    if part in OTHER_HOSTS:
        detail = f"fakefal does not emulate /{path} of this host, and sent nothing to fal"
        raise refusal(501, detail, hint=detail)
    await scope["router"].not_found(scope, receive, send)
