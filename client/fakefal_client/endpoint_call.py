"""The request of a call: a typed request, or an endpoint id and a dictionary."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Protocol, TypeGuard, TypeVar

from pydantic import BaseModel, ValidationError

from fakefal_client.errors import UnexpectedAnswer, UsageError
from fakefal_contracts.catalogue import endpoint_of
from fakefal_contracts.model import Input

Out_co = TypeVar("Out_co", covariant=True)
_ENDPOINT = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]+")


class Request(Protocol[Out_co]):
    """A typed request: the input model of an endpoint, which knows the model of its result."""

    @classmethod
    def output_type(cls) -> type[Out_co]:
        """The model of the result."""
        ...

    def seconds(self) -> Decimal | None:
        """The billed seconds; None if they depend on an input file."""
        ...


@dataclass(frozen=True)
class EndpointCall:
    """An endpoint, the JSON arguments for it, and the model of its result (None: the decoded JSON)."""

    endpoint_id: str
    arguments: Any
    output: type[BaseModel] | None = None

    def parse(self, output: Any, request_id: str | None) -> Any:
        """Parse the result into its model.

        Raises:
            UnexpectedAnswer: the result does not match the model; `body` has the result, which was paid for.
        """
        if self.output is None:
            return output
        try:
            return self.output.model_validate(output)
        except ValidationError as error:
            raise UnexpectedAnswer(
                f"the result is not a {self.output.__name__}: {error}",
                status=200,
                body=output,
                headers={},
                request_id=request_id,
                maybe_paid=True,
            ) from error


def endpoint_call(request: Request[Any] | str, arguments: Mapping[str, Any] | None) -> EndpointCall:
    """Read the request of a call.

    Raises:
        UsageError: it is neither a typed request nor an endpoint id with a dictionary.
    """
    if isinstance(request, Input):
        if arguments is not None:
            raise UsageError("a typed request contains its arguments: leave out the dictionary")
        body = request.model_dump(mode="json", exclude_unset=True)
        return EndpointCall(endpoint_of(type(request)).id, body, request.output_type())
    if not isinstance(request, str):
        raise UsageError(f"{type(request).__name__} is neither a typed request nor the id of an endpoint")
    if arguments is None:
        raise UsageError(f"give the arguments of {request} as a dictionary")
    return EndpointCall(checked_endpoint(request), arguments)


def endpoint_call_later(endpoint: type[Input] | str) -> EndpointCall:
    """The request of a job that was submitted earlier."""
    if isinstance(endpoint, str):
        return EndpointCall(checked_endpoint(endpoint), None)
    return EndpointCall(endpoint_of(endpoint).id, None, endpoint.output_type())


def checked_endpoint(endpoint_id: str) -> str:
    """Check that an endpoint id can be part of a URL.

    Raises:
        UsageError: it has invalid characters, or no owner.
    """
    if not _ENDPOINT.fullmatch(endpoint_id) or ".." in endpoint_id:
        raise UsageError(f"{endpoint_id!r} is not an endpoint id such as fal-ai/kling-video/o1/image-to-video")
    return endpoint_id


def checked_request_id(request_id: str) -> str:
    """Check that a request id can be part of a URL.

    Raises:
        UsageError: it has invalid characters.
    """
    if not is_request_id(request_id):
        raise UsageError(f"{request_id!r} is not a request id")
    return request_id


def is_request_id(said: object) -> TypeGuard[str]:
    """Whether this is a request id that can be part of a URL."""
    return isinstance(said, str) and _REQUEST_ID.fullmatch(said) is not None


def check_options(given: Collection[str], known: Collection[str], of: str) -> None:
    """Check that each option exists, so that a misspelt limit is not ignored.

    Raises:
        UsageError: an option does not exist; the message suggests the nearest one.
    """
    for name in given:
        if name not in known:
            (nearest,) = get_close_matches(name, known, n=1, cutoff=0)
            raise UsageError(f"{of} has no option {name!r}: did you mean {nearest!r}?")
