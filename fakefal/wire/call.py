"""A call that a plain function answers, with its emulator and its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, TypeVar

from annotated_types import Ge, MinLen
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.types import Receive, Scope

from fakefal.engine.emulator import Emulator
from fakefal.wire.answers import WireError
from fakefal.wire.auth import TOKEN
from fakefal_contracts.hosts import BaseUrl

T = TypeVar("T")
NO_QUERY: Mapping[str, str] = {}
COUNT = TypeAdapter[int](Annotated[int, Ge(0)])
TEXT = TypeAdapter[str](Annotated[str, MinLen(1)])


class Call:
    """One call.

    Args:
        emulator: the emulator that answers.
        scope: the ASGI scope, after the router.
        receive: the ASGI receive function.
        named: the path parameters: ``owner``, ``app``, ``path`` and ``request_id``, if the table has them.
    """

    def __init__(self, emulator: Emulator, scope: Scope, receive: Receive, named: Mapping[str, str]) -> None:
        scope["path_params"] = named  # where errors look for the request's id
        self.emulator, self.scope, self.receive = emulator, scope, receive
        self.state: dict[str, Any] = scope["state"]
        self.base_url: BaseUrl = self.state["base_url"]
        self._headers: Mapping[bytes, bytes] = self.state["headers"]
        self.query: Mapping[str, str] = QueryParams(scope["query_string"]) if scope["query_string"] else NO_QUERY
        self.app = f"{named.get('owner')}/{named.get('app')}"
        self.path = named.get("path", "")
        self.request_id = named.get("request_id", "")

    @cached_property
    def request(self) -> Request:
        """The call as a Starlette request."""
        return Request(self.scope, self.receive)

    @property
    def authorization(self) -> str | None:
        """The Authorization header, as it was sent."""
        return self.header(b"authorization")

    @property
    def token(self) -> str | None:
        """The browser token that replaces a key."""
        return self.query.get(TOKEN)

    def header(self, name: bytes) -> str | None:
        """The first header with this name, in lower case."""
        given = self._headers.get(name)
        return None if given is None else given.decode("latin-1")

    def read(self, name: str, form: TypeAdapter[T]) -> T | None:
        """A validated query parameter; None if it was not sent.

        Raises:
            WireError: 422 as FastAPI sends it, if it is invalid.
        """
        given = self.query.get(name)
        if given is None:
            return None
        try:
            return form.validate_python(given)
        except ValidationError as error:
            items: list[dict[str, Any]] = [
                {"type": item["type"], "loc": ["query", name], "msg": item["msg"]} for item in error.errors()
            ]
            raise WireError(422, {"detail": items}) from error
