"""Access control of the control API: programs and the server's own page may call it, other web pages may not.

A browser lets any web page send requests to loopback.  So the headers Host, Origin and Sec-Fetch-Site are checked, and
a body must be JSON, which a cross-site form cannot send without a preflight request.  Webhooks are refused, because
the emulator itself sends them and their URL can be anything.

If a token is set, programs send it as a header.  A browser gets a cookie instead, after the token was typed once.
The cookie allows reading; other calls also need an Origin header, which is checked.
"""

from __future__ import annotations

import hmac
from http import HTTPStatus

from starlette.requests import Request

from fakefal.engine.webhooks import NO_TARGET
from fakefal.settings import Settings
from fakefal.wire.answers import refusal
from fakefal_contracts.addresses import is_ip, is_loopback
from fakefal_contracts.hosts import host_name

WEBHOOK_HEADERS = "x-fal-webhook-"
SESSION = "fakefal_session"


async def guard(request: Request) -> None:
    """Check the caller of a route, as `check_caller` does."""
    check_caller(request, request.app.state.emulator.settings)


def check_caller(request: Request, settings: Settings) -> None:
    """Let a call pass.

    Raises:
        WireError: 403 for a foreign Host or Origin and for webhooks, 415 for a body that is not JSON, 401
            without the token.
    """
    check_place(request, settings)
    if settings.control_token is None or _has_session(request, settings):
        return
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    check_token(given if scheme == "Bearer" else "", settings)


def check_place(request: Request, settings: Settings) -> None:
    """Let a call pass that needs no token.

    Raises:
        WireError: as `check_caller`, but for the token.
    """
    headers = request.headers
    if any(name.startswith(WEBHOOK_HEADERS) for name in headers):
        raise refusal(403, "fakefal: webhooks do not control the emulator", headers={NO_TARGET: "1"})
    check_host(request, settings)
    origin = headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{headers['host']}":
        raise refusal(403, "fakefal: this Origin is not allowed")
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise refusal(403, "fakefal: calls from other sites are not allowed")
    chunked = "transfer-encoding" in headers
    bodiless = _only_reads(request) or (headers.get("content-length", "0") == "0" and not chunked)
    if not bodiless and headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise refusal(415, "fakefal: send application/json")


def check_host(request: Request, settings: Settings) -> None:
    """See that a call came by a name of this server.

    Raises:
        WireError: 403, it came by another.
    """
    host = host_name(request.headers.get("host", ""))
    if not (is_loopback(host) or is_ip(host) or host in settings.own_hosts):  # no page has an address as its name
        raise refusal(403, "fakefal: this Host is not allowed", hint="add it to the setting hosts")


def check_token(given: str, settings: Settings) -> None:
    """See that this is the control token, where one is needed.

    Raises:
        WireError: 401, it is not.
    """
    wanted = settings.control_token
    if wanted is not None and not hmac.compare_digest(given.encode(), wanted.encode()):
        raise refusal(HTTPStatus.UNAUTHORIZED, "fakefal: the control token is missing or wrong")


def session_cookie(request: Request, settings: Settings) -> tuple[str, str]:
    """The name and the value of the cookie that stands for the token.

    Cookies are shared by all ports of a host, so the name has the port.
    """
    port = request.url.port or ""
    value = hmac.new((settings.control_token or "").encode(), SESSION.encode(), "sha256").hexdigest()
    return f"{SESSION}_{port}", value


def _has_session(request: Request, settings: Settings) -> bool:
    """Whether a browser calls that was told the token, for what its cookie is good for."""
    name, value = session_cookie(request, settings)
    known = hmac.compare_digest(request.cookies.get(name, "").encode(), value.encode())
    return known and (_only_reads(request) or "origin" in request.headers)


def _only_reads(request: Request) -> bool:
    return request.method in ("GET", "HEAD")
