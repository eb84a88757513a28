"""What the calls of fal's Platform API (https://api.fal.ai/v1) share: errors, keys, ids, pages.

Forms as its OpenAPI document of August 2026 has them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fakefal.state.requests import NO_KEY
from fakefal.wire.answers import ANSWERS, HINT, SEND_KEY, WireError, header_text
from fakefal.wire.auth import read_key
from fakefal.wire.context import Authorization, TheEmulator
from fakefal.wire.json_route import JsonRoute
from fakefal_contracts.hosts import Part

T = TypeVar("T")
PREFIX = f"/{Part.PLATFORM}/v1"
MOST_IDS = 50

_TYPES = {
    400: "validation_error",
    401: "authorization_error",
    403: "authorization_error",
    404: "not_found",
    405: "validation_error",
    409: "validation_error",
    413: "validation_error",
    422: "validation_error",
    429: "rate_limited",
    501: "not_implemented",
}


def platform_refusal(status: int, message: str, *, hint: str = "") -> WireError:
    """An answer in the Platform API's own form."""
    body = {"error": {"type": _TYPES.get(status, "server_error"), "message": message}}
    return WireError(status, body, {HINT: header_text(hint)} if hint else {})


class PlatformRoute(JsonRoute):
    """A call whose every refusal has the Platform API's form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, with errors brought into that form."""
        answer = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await answer(request)
            except RequestValidationError as error:
                raise platform_refusal(400, _in_words(error)) from error
            except HTTPException as error:  # FastAPI's, about a body that is not even text
                hint = (error.headers or {}).get(HINT, "")
                raise platform_refusal(error.status_code, str(error.detail), hint=hint) from error
            except tuple(ANSWERS) as error:
                raise _in_form(ANSWERS[type(error)](error)) from error

        return handler


def _in_form(error: WireError) -> WireError:
    if "error" in error.body:
        return error
    message = error.body.get("detail") or "Resource not found"
    return WireError(error.status, platform_refusal(error.status, str(message)).body, error.headers)


def _in_words(error: RequestValidationError) -> str:
    items = (f"{'.'.join(map(str, one['loc'][1:])) or one['loc'][0]}: {one['msg']}" for one in error.errors())
    return f"Invalid request parameters: {'; '.join(items)}"


def _maybe_key(emulator: TheEmulator, authorization: Authorization = None) -> str:
    return read_key(authorization, emulator.settings.keys)


def _platform_key(key: Annotated[str, Depends(_maybe_key)]) -> str:
    if key == NO_KEY:
        raise platform_refusal(401, "Authentication required", hint=SEND_KEY)
    return key


MaybeKey = Annotated[str, Depends(_maybe_key)]
"""The caller's key id, or `NO_KEY`."""

PlatformKey = Annotated[str, Depends(_platform_key)]
"""The caller's key id; without one the answer is 401."""

Texts = list[str] | None
Ids = Annotated[
    Texts, Query(alias="endpoint_id", description="Endpoint ids, repeated or separated by commas; at most 50.")
]
Expand = Annotated[Texts, Query(description="Optional parts of the answer, repeated or separated by commas.")]
Cursor = Annotated[str | None, Query(description="The next_cursor of the previous page.")]


def split(values: Texts) -> list[str]:
    """The single values of a parameter that is repeated or separated by commas, each once."""
    every = (one.strip() for value in values or () for one in value.split(","))
    return list(dict.fromkeys(one for one in every if one))


def few_ids(values: Texts, name: str = "endpoint_id") -> list[str]:
    """The ids of a filter, which may have none.

    Raises:
        WireError: 400, there are more than 50.
    """
    ids = split(values)
    if len(ids) > MOST_IDS:
        raise platform_refusal(400, f"{name}: give at most {MOST_IDS} ids, not {len(ids)}")
    return ids


def some_ids(values: Texts) -> list[str]:
    """The endpoint ids of a call that needs 1 to 50 of them.

    Raises:
        WireError: 400, there are none or too many, or one is empty.
    """
    if any(not one.strip() for value in values or () for one in value.split(",")):
        raise platform_refusal(400, "endpoint_id: an id is empty")
    ids = split(values)
    if not 1 <= len(ids) <= MOST_IDS:
        raise platform_refusal(400, f"endpoint_id: give 1 to {MOST_IDS} endpoint ids, not {len(ids)}")
    return ids


def expanded(values: Texts, known: Sequence[str]) -> list[str]:
    """What a call asks to have shown.

    Raises:
        WireError: 400, one of it is not known.
    """
    wanted = split(values)
    for one in wanted:
        if one not in known:
            raise platform_refusal(400, f"expand: {one} is not known; use {' or '.join(known)}")
    return wanted


def page(items: Sequence[T], cursor: str | None, limit: int) -> tuple[Sequence[T], dict[str, Any]]:
    """One page of a list, and the members that lead to the next; a cursor is the page's number.

    Raises:
        WireError: 400, the cursor is none.
    """
    number = 1 if cursor is None else _number(cursor)
    first, after = (number - 1) * limit, number * limit
    more = after < len(items)
    following = base64.b64encode(str(number + 1).encode()).decode() if more else None
    return items[first:after], {"next_cursor": following, "has_more": more}


def _number(cursor: str) -> int:
    try:
        number = int(base64.b64decode(cursor, validate=True)[:9])
    except (binascii.Error, ValueError):
        number = 0
    if number < 1:
        raise platform_refusal(400, "cursor: it is not the next_cursor of an earlier page")
    return number
