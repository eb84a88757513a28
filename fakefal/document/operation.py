"""Classes and functions that describe calls for the OpenAPI document."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

Json = dict[str, Any]
JSON, EVENTS = "application/json", "text/event-stream"

KEY, TOKEN, UPLOAD, CONTROL = "apiKeyAuth", "browserToken", "uploadToken", "controlToken"
"""Names of security schemes."""

_PHRASES = {499: "Client Closed Request"}


@dataclass(frozen=True)
class DocumentedAnswer:
    """The answer for one status code.

    Attributes:
        text: when the server sends it.
        body: a schema of `answer_bodies` by name, or a schema, of each event of a stream; None for none.
        media: the body's media type.
        events: a schema of each event of the stream that paths ending with ``/stream`` return instead.
        headers: names of `HEADERS` that it always has.
        links: calls that can follow, as Link Objects.
    """

    text: str
    body: str | Json | None = None
    media: str = JSON
    headers: tuple[str, ...] = ()
    links: Mapping[str, Json] = field(default_factory=dict)
    events: str | Json | None = None

    def shown(self) -> Json:
        """The answer as a Response Object."""
        answer: Json = {"description": self.text}
        if self.body is not None:
            kind = "itemSchema" if self.media == EVENTS else "schema"
            answer["content"] = {self.media: {kind: schema(self.body)}}
        if self.events is not None:
            answer.setdefault("content", {})[EVENTS] = {"itemSchema": schema(self.events)}
        if self.headers:
            answer["headers"] = {name: HEADERS[name] for name in self.headers}
        if self.links:
            answer["links"] = dict(self.links)
        return answer


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What the document says of a call beside its FastAPI route.

    Attributes:
        name: its id in the document.
        answers: its answers by status code; a schema of the route overrides them.
        security: the security schemes, one of which is required; empty for public calls.
        anonymous: whether the call also works without credentials.
        parameters: Parameter Objects beside those of the route.
        body: a Request Body Object where the route reads the body itself.
        function: the function that answers, if FastAPI does not: its docstring is the description.
        tag: the group in the document, for such a function.
    """

    name: str
    answers: Mapping[int, DocumentedAnswer]
    security: tuple[str, ...] = ()
    anonymous: bool = False
    parameters: tuple[Json, ...] = ()
    body: Json | None = None
    function: Callable[..., Any] | None = None
    tag: str = ""

    def begun(self) -> Json:
        """What FastAPI would read off a route of this function."""
        assert self.function is not None
        return {"tags": [self.tag], "description": inspect.getdoc(self.function)}


def first_sentence(description: str) -> str:
    """The summary of a description."""
    return " ".join(re.split(r"\.\s|\.$", description, maxsplit=1)[0].split())


def schema(body: str | Json) -> Json:
    """A schema, or the reference to one that is named."""
    return {"$ref": f"#/components/schemas/{body}"} if isinstance(body, str) else body


def either(*names: str) -> Json:
    """A schema that holds where one of these does."""
    return {"anyOf": [schema(one) for one in names]}


def stream_of(body: str | Json) -> Json:
    """The schema of an event of a stream whose data is JSON."""
    data = {"type": "string", "contentMediaType": JSON, "contentSchema": schema(body)}
    return {"type": "object", "properties": {"data": data}, "required": ["data"]}


def refusals(body: str | Json, *statuses: int, headers: tuple[str, ...] = ()) -> dict[int, DocumentedAnswer]:
    """Answers that say in the same form why nothing was done."""
    return {
        one: DocumentedAnswer(_PHRASES.get(one) or HTTPStatus(one).phrase, body, headers=headers) for one in statuses
    }


def parameter(name: str, place: str, text: str, /, **rest: Any) -> Json:
    """A Parameter Object; `rest` is its schema, or other members where it has one."""
    shown = rest if "schema" in rest or "content" in rest else {"schema": {"type": "string", **rest}}
    return {"name": name, "in": place, "required": place == "path", "description": text} | shown


def request_body(
    body: str | Json, media: str = JSON, *, required: bool = True, text: str = "", examples: Json | None = None
) -> Json:
    """A Request Body Object; `examples` maps names to Example Objects."""
    content = {"schema": schema(body)} | ({"examples": examples} if examples else {})
    return {"required": required, "content": {media: content}} | ({"description": text} if text else {})


def link(operation_id: str, text: str, body: Any = None, **parameters: str) -> Json:
    """A Link Object; `body` is the body of the call that it leads to."""
    shown = {"operationId": operation_id, "description": text, "parameters": parameters}
    return shown if body is None else shown | {"requestBody": body}


def file_links() -> dict[str, Json]:
    """The calls that the answer to an upload leads to."""
    url = "$response.body#/access_url"
    texts = {
        "acl": "Read its access control list.",
        "changeAcl": "Set its access control list.",
        "sign": "Create a URL that anybody can read.",
    }
    return {name: link(name, text, url=url) for name, text in texts.items()}


def _header(text: str, **rules: Any) -> Json:
    return {"required": True, "description": text, "schema": {"type": "string", **rules}}


_FLAG = {"enum": ["true", "false", "1"]}
HEADERS: dict[str, Json] = {
    "x-fal-request-id": _header("The id of the request; of the call if there is no request."),
    "x-fal-billable-units": _header(
        "The units that fal bills; 0 if the model refuses the request.", pattern=r"^[0-9]+(\.[0-9]+)?$"
    ),
    "x-fal-needs-retry": _header("Whether the client should try again.", **_FLAG),
    "x-fal-retryable": _header("The older name of x-fal-needs-retry.", **_FLAG),
    "etag": _header("The ETag of the file or part.", pattern='^".*"$'),
    "cache-control": _header("How long clients may cache the answer."),
    "accept-ranges": _header("The server accepts Range headers.", enum=["bytes"]),
    "content-range": _header("The size of the file.", pattern=r"^bytes "),
}
