"""Which web pages may call the emulated hosts of fal: those of this machine, and those in the settings.

Browsers let any page send calls to loopback, some without a preflight, and the emulator calls webhooks on
loopback.  So calls of other pages are refused, not only their answers hidden.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send

from fakefal.settings import ANY_ORIGIN
from fakefal.wire.answers import HINT, Json, header_text
from fakefal_contracts.addresses import is_loopback
from fakefal_contracts.hosts import host_name


def is_allowed(origin: str, named: Collection[str]) -> bool:
    """Whether a page of this origin may call; `named` are further allowed origins."""
    if ANY_ORIGIN in named or origin in named:
        return True
    try:
        return is_loopback(host_name(urlsplit(origin).netloc))
    except ValueError:
        return False


async def refuse_page(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a page that may not call."""
    hint = "only web pages of this machine may call the emulator; name others in the setting origins"
    await Json({"detail": f"fakefal: this Origin is not allowed: {hint}"}, 403, {HINT: header_text(hint)})(
        scope, receive, send
    )
