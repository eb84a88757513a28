"""Who may use the control API: programs on this machine, and pages of its own; no other web page.

A browser sends any page's requests to loopback, so Host, Origin and Sec-Fetch-Site are looked at, and a
body must be JSON, which no cross-site form can send without asking first.  A webhook comes from this
machine, wherever its address was given, so none may come in here.
"""

from __future__ import annotations

import hmac

from starlette.requests import Request

from fakefal.engine.webhooks import NO_TARGET
from fakefal.settings import Settings
from fakefal.wire.answers import refusal
from fakefal_contracts.addresses import is_ip, is_loopback
from fakefal_contracts.hosts import host_name

WEBHOOK_HEADERS = "x-fal-webhook-"


async def guard(request: Request) -> None:
    """Check the caller of a route, as `check_caller` does."""
    check_caller(request, request.app.state.emulator.settings)


def check_caller(request: Request, settings: Settings) -> None:
    """Let a call pass.

    Raises:
        WireError: 403 for a foreign Host or Origin and for webhooks, 415 for a body that is not JSON, 401
            without the token.
    """
    headers = request.headers
    if any(name.startswith(WEBHOOK_HEADERS) for name in headers):
        raise refusal(403, "fakefal: webhooks do not control the emulator", headers={NO_TARGET: "1"})
    host = host_name(headers.get("host", ""))
    if not (is_loopback(host) or is_ip(host) or host in settings.own_hosts):  # no page has an address as its name
        raise refusal(403, "fakefal: this Host is not allowed", hint="add it to the setting hosts")
    origin = headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{headers['host']}":
        raise refusal(403, "fakefal: this Origin is not allowed")
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise refusal(403, "fakefal: calls from other sites are not allowed")
    chunked = "transfer-encoding" in headers
    bodiless = request.method in ("GET", "HEAD") or (headers.get("content-length", "0") == "0" and not chunked)
    if not bodiless and headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise refusal(415, "fakefal: send application/json")
    if settings.control_token is not None:
        wanted = f"Bearer {settings.control_token}"
        if not hmac.compare_digest(headers.get("authorization", "").encode(), wanted.encode()):
            raise refusal(401, "fakefal: the control token is missing or wrong")
