"""Which web pages may call what is fal's: those of this machine, and those that the user names.

A browser sends the calls of any page to loopback, and not all of them with a preflight; the emulator in turn
calls webhooks on loopback.  So a page elsewhere is refused, not only denied the answer.
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
    """Whether a page of this origin may call; `named` are the further ones that the user allows."""
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
