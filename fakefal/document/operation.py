"""The words in which the calls of a part are documented, and how they become OpenAPI."""

from __future__ import annotations

import inspect
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
    """What comes with one status.

    Attributes:
        text: when it comes.
        body: a schema of `answer_bodies` by name, or a schema, of each event of a stream; None for none.
        media: the body's media type.
        events: a schema of each event where a stream comes instead, which those addresses answer that end with
            ``/stream``.
        headers: names of `HEADERS` that it always carries.
        links: calls that it leads to.
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
    """What the routes do not say of a call themselves.

    Attributes:
        name: its id in the document.
        answers: what it answers, by status; a schema that the route has wins.
        security: the schemes of which one is needed; none for calls that everybody may make.
        anonymous: whether it may also be called without them.
        parameters: Parameter Objects beside those of the route.
        body: a Request Body Object where the route reads the body itself.
        function: what answers it, where that is no route of FastAPI's: its name and docstring are the summary and the
            description.
        tag: the part that it is listed under; for those functions.
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
        summary = self.function.__name__.replace("_", " ").title()
        return {"tags": [self.tag], "summary": summary, "description": inspect.getdoc(self.function)}


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
    texts = {"acl": "Who may read it.", "changeAcl": "Say who may read it.", "sign": "An address for anybody."}
    return {name: link(name, text, url=url) for name, text in texts.items()}


def _header(text: str, **rules: Any) -> Json:
    return {"required": True, "description": text, "schema": {"type": "string", **rules}}


_FLAG = {"enum": ["true", "false", "1"]}
HEADERS: dict[str, Json] = {
    "x-fal-request-id": _header("The id of the request, or of the call."),
    "x-fal-billable-units": _header("What is billed; 0 for refusals.", pattern=r"^[0-9]+(\.[0-9]+)?$"),
    "x-fal-needs-retry": _header("Whether to try again.", **_FLAG),
    "x-fal-retryable": _header("Whether to try again, under its older name.", **_FLAG),
    "etag": _header("Names the part when the file is put together.", pattern='^".*"$'),
    "cache-control": _header("How long it may be kept."),
    "accept-ranges": _header("That parts of it can be asked for.", enum=["bytes"]),
    "content-range": _header("Which part it is.", pattern=r"^bytes "),
}
