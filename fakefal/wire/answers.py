"""Answers in fal's format, and the table that maps errors to answers.

Status codes and bodies are those of fal's documentation and of both official clients in 2026.  Bodies that no source
quotes are marked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Scope

from fakefal.core.errors import (
    Busy,
    NeedsJudgement,
    QueueFull,
    RefusedMove,
    StoreFull,
    StoreUnavailable,
    UnknownRequest,
)
from fakefal.engine.accounts import NoBalance
from fakefal.engine.emulator import Emulator, Stopping
from fakefal.state import jsonio
from fakefal.state.files import FileTooLarge, SpoolFull
from fakefal.state.tags import BadTagFilter
from fakefal.wire.nearmiss import why_not_found

REQUEST_ID = "x-fal-request-id"
BILLABLE_UNITS = "x-fal-billable-units"
HINT = "x-fakefal-hint"
LONGEST_HINT = 1000
NO_HEADERS: Mapping[str, str] = {}
SEND_KEY = "send Authorization: Key ID:SECRET"
"""The hint for a call without a key."""


class Json(Response):
    """A JSON answer as fal's runners write it; `content` may be encoded already.

    Names of `headers` are in lower case.
    """

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: Mapping[str, str] = NO_HEADERS) -> None:
        self.status_code, self.background = status_code, None
        self.body = content if isinstance(content, bytes) else jsonio.dump(content)
        self.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        self.raw_headers.append((b"content-length", b"%d" % len(self.body)))
        self.raw_headers.append((b"content-type", b"application/json"))


class WireError(Exception):
    """An answer that ends the call at once."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def refusal(status: int, detail: str, *, hint: str = "", headers: Mapping[str, str] | None = None) -> WireError:
    """A flat ``{"detail": ...}`` answer, with an optional hint."""
    return WireError(status, {"detail": detail}, dict(headers or {}) | ({HINT: header_text(hint)} if hint else {}))


def no_access(app: str, hint: str = SEND_KEY) -> WireError:
    """The answer to a call of an application without a key (captures of April and September 2026)."""
    detail = f'Cannot access application "{app}". Authentication is required to access this application.'
    return refusal(401, detail, hint=hint)


def invalid_key(hint: str = "") -> WireError:
    """The answer to an unknown key (captures of October 2026)."""
    return refusal(401, "invalid key credentials", hint=hint)


def malformed_key(hint: str = "") -> WireError:
    """The answer to a malformed key (issue report of March 2025)."""
    return refusal(401, "Invalid Key Authorization header format. Expected '<key_id>:<key_secret>'.", hint=hint)


def header_text(text: str) -> str:
    """A text that is valid in a header: ASCII, one line, limited length."""
    plain = text.encode("ascii", "replace").decode()
    return "".join(letter if letter.isprintable() else " " for letter in plain)[:LONGEST_HINT].strip()


def retry_headers(*, retry: bool) -> dict[str, str]:
    """Both headers that advise whether to retry (newer documents: needs-retry, older: retryable)."""
    word = str(retry).lower()
    return {"x-fal-needs-retry": word, "x-fal-retryable": word}


def _not_found(_: UnknownRequest) -> WireError:
    return WireError(404, {"status": "NOT_FOUND"})


def _store_full(error: StoreFull) -> WireError:
    return refusal(503, f"fakefal: {error}", hint="cancel or finish requests, or raise max_requests")


def _store_unavailable(error: StoreUnavailable) -> WireError:
    hint = "nothing that was accepted is lost; try again once Redis answers"
    return refusal(503, f"fakefal: {error}", hint=hint, headers=retry_headers(retry=True))


def _busy(error: Busy) -> WireError:
    body = {"detail": str(error), "type": "concurrent_requests_limit", "data": {"limit": error.limit}}
    # the capture of the limit has 1 where other answers have true
    return WireError(429, body, retry_headers(retry=True) | {"x-fal-needs-retry": "1", BILLABLE_UNITS: "0"})


ANSWERS: dict[type[Exception], Callable[[Any], WireError]] = {
    UnknownRequest: _not_found,
    StoreFull: _store_full,
    StoreUnavailable: _store_unavailable,
    Busy: _busy,
    QueueFull: lambda error: refusal(429, "Queue is full", hint=str(error)),  # the body is inferred
    Stopping: lambda error: refusal(503, f"fakefal: {error}"),
    ClientDisconnect: lambda error: refusal(499, f"fakefal: the caller went away {error}".strip()),
    RefusedMove: lambda error: refusal(409, f"fakefal: {error}"),
    NeedsJudgement: lambda error: refusal(409, f"fakefal: {error}"),
    NoBalance: lambda error: refusal(409, f"fakefal: {error}"),
    BadTagFilter: lambda error: refusal(422, f"fakefal: {error}"),
    FileTooLarge: lambda error: refusal(413, f"fakefal: {error}", hint="raise max_upload_bytes or max_file_bytes"),
    SpoolFull: lambda error: refusal(507, f"fakefal: {error}", hint="free space, or give another folder with --spool"),
    WireError: lambda error: error,
}


def wire_answer(error: WireError, request_id: str) -> Response:
    """An error as an answer."""
    return Json(error.body, error.status, {REQUEST_ID: header_text(request_id)} | error.headers)


async def known_answer(emulator: Emulator, error: Exception, scope: Scope) -> Response:
    """The answer to an error of the table."""
    said = ANSWERS[type(error)](error)
    if isinstance(error, UnknownRequest):
        call = scope["state"].get("call")  # the control API's are not journalled
        key = call.key if call is not None else None
        said.headers[HINT] = await why_not_found(emulator, key, error.request_id)
    return wire_answer(said, scope.get("path_params", {}).get("request_id") or emulator.new_id())
