"""The OpenAPI document of an endpoint, generated from the contract in the format that fal publishes.

The format was read on 2026-06-11: fal takes pydantic's own JSON schema, drops defaults of null, names input and
output after the endpoint, keeps the order of fields in ``x-fal-order-properties``, and prints paths with
the whole endpoint id, though the live queue answers 405 there.  The descriptions are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fakefal_contracts.catalogue import FOUNDING, about, examples, words
from fakefal_contracts.endpoint import Depth, Edition, Endpoint
from fakefal_contracts.media import Limits
from fakefal_contracts.model import Model, spots
from fakefal_contracts.record import with_titles
from fakefal_contracts.rule import Requirement
from fakefal_contracts.schema_media import limits_of
from fakefal_contracts.schema_models import root_schema

QUEUE = "https://queue.fal.run"
SITE = "https://fal.ai"
Json = dict[str, Any]
KEY_SCHEME: Json = {"type": "apiKey", "in": "header", "name": "Authorization", "description": "Fal Key"}


def openapi(edition: Edition, *, server: str = QUEUE) -> Json:
    """The document of one endpoint under one contract.

    Args:
        edition: the endpoint and the contract.
        server: the base URL of the queue.
    """
    endpoint = edition.endpoint
    return {
        "openapi": "3.0.4",
        "info": _info(endpoint),
        "components": {
            "securitySchemes": {"apiKeyAuth": KEY_SCHEME},
            "schemas": {"QueueStatus": _queue_status(), **schemas(edition)},
        },
        "paths": _paths(endpoint),
        "servers": [{"url": server}],
        "security": [{"apiKeyAuth": []}],
    }


def schema_names(endpoint: Endpoint) -> tuple[str, str]:
    """The names of the input and the output, such as ``KlingVideoO1ImageToVideoInput``."""
    return endpoint.record.input, endpoint.record.output


def page_url(endpoint: Endpoint) -> str:
    """The URL of the endpoint's page on fal's website."""
    return f"{SITE}/models/{endpoint.id}"


def thumbnail_url(endpoint: Endpoint) -> str:
    """The URL of the first picture of the endpoint's example; without an example, of another endpoint's."""
    given = examples(endpoint.id if endpoint.id in FOUNDING else next(iter(FOUNDING)))["full"]
    return str(given.get("start_image_url") or given["image_urls"][0])


def _info(endpoint: Endpoint) -> Json:
    return {
        "title": f"Queue OpenAPI for {endpoint.id}",
        "version": "1.0.0",
        "description": f"The OpenAPI schema for the {endpoint.id} queue.",
        "x-fal-metadata": {
            "endpointId": endpoint.id,
            "category": endpoint.category,
            "thumbnailUrl": thumbnail_url(endpoint),
            "playgroundUrl": page_url(endpoint),
            "documentationUrl": f"{page_url(endpoint)}/api",
            "about": about(endpoint.id),
        },
    }


def schemas(edition: Edition) -> Json:
    """The schemas of input and output, and of what they contain; for a model in depth with descriptions and rules."""
    endpoint = edition.endpoint
    shown = {name: with_titles(schema) for name, schema in edition.record.schemas.items()}
    if endpoint.depth is Depth.IN_DEPTH:
        for name, schema in shown.items():
            _describe(schema, name, endpoint)
        _say_rules(shown, edition)
    if endpoint.id in FOUNDING:
        _show_examples(shown, endpoint)
    return shown


def input_schema(edition: Edition) -> Json:
    """The JSON schema that validates the arguments, for editors, with the descriptions of the document."""
    made = edition.model.model_json_schema(by_alias=True)
    told = schemas(edition)
    for title, schema in ((edition.record.input, made), *made.get("$defs", {}).items()):
        source: Json = told.get(title) or next(
            (one for one in told.values() if one.get("title") == schema.get("title")), {}
        )
        for name, field in schema.get("properties", {}).items():
            if words_of := source.get("properties", {}).get(name, {}).get("description"):
                field["description"] = words_of
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, **made, "title": f"Arguments of {edition.endpoint.id}"}


def _describe(schema: Json, name: str, endpoint: Endpoint) -> None:
    """Add descriptions to an object and its fields."""
    given, made = schema_names(endpoint)
    whole = {given: f"Arguments of {endpoint.path}.", made: f"The result of {endpoint.path}."}
    schema["description"] = whole.get(name) or words().get(name, "")
    for field, one in schema.get("properties", {}).items():
        one["description"] = words().get(f"{schema.get('title')}.{field}") or words().get(field, "")
        if limits := limits_of(field, one, endpoint.documented, category=endpoint.category):
            _say_limits(one, limits)


def _say_limits(schema: Json, limits: Limits) -> None:
    """Add the limits of a file as fal does: to a plain property's description, otherwise beside the string type."""
    text, hint = limits.published_text(), {"field": limits.kind}
    for branch in (schema, *schema.get("anyOf", ())):
        for place in (branch, branch.get("items", {})):
            if "x-fal" not in place:
                continue
            if place is schema:
                schema["description"] += f"\n\n{text}"
            else:
                place.update(limit_description=text, ui=hint)
                if place is not branch:
                    place["_fal_ui_field"] = limits.kind


def _say_rules(schemas: Json, edition: Edition) -> None:
    """Add the rules that JSON schema cannot express to the descriptions."""
    for owner in dict.fromkeys(spot.owner for spot in spots(edition.model)):
        title = edition.record.input if owner is edition.model else owner.model_config.get("title")
        for rule, field in _rules_of(owner):
            schema = root_schema(schemas, title or owner.__name__)
            place = schema["properties"][field] if field else schema
            place["description"] += f"\n\nRule: {rule.says}."


def _rules_of(owner: type[Model]) -> Iterator[tuple[Requirement, str]]:
    """The hand-written rules of an object, each with its field."""
    for name, field in owner.model_fields.items():
        yield from ((one, name) for one in field.metadata if isinstance(one, Requirement))
    yield from ((one, one.at) for one in owner.requirements)


def _show_examples(schemas: Json, endpoint: Endpoint) -> None:
    """Add the values of the example, except those that equal the default."""
    shown = examples(endpoint.id)
    for name, whole in zip(schema_names(endpoint), (shown["full"], shown["output"]), strict=True):
        for field, schema in schemas[name]["properties"].items():
            if field in whole and whole[field] != schema.get("default", ...):
                schema["examples"] = [whole[field]]


def _queue_status() -> Json:
    """Fal's schema of a status.  It declares logs as an object; the live queue sends a list or null."""
    texts = {
        "request_id": "The id of the request.",
        "response_url": "The URL of its result.",
        "status_url": "The URL of its status.",
        "cancel_url": "The URL to cancel it.",
    }
    return {
        "type": "object",
        "properties": {
            "status": {"type": "string", "enum": ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]},
            **{name: {"type": "string", "description": text} for name, text in texts.items()},
            "logs": {"type": "object", "description": "The log lines.", "additionalProperties": True},
            "metrics": {"type": "object", "description": "How long it ran, in seconds.", "additionalProperties": True},
            "queue_position": {"type": "integer", "description": "The number of requests before it in the queue."},
        },
        "required": ["status", "request_id"],
    }


def _paths(endpoint: Endpoint) -> Json:
    """The four calls, in fal's order."""
    given, made = (f"#/components/schemas/{name}" for name in schema_names(endpoint))
    status = _answer("The status of the request.", {"$ref": "#/components/schemas/QueueStatus"})
    success = {"success": {"type": "boolean", "description": "Whether the request was cancelled."}}
    request = f"/{endpoint.id}/requests/{{request_id}}"
    one = _parameter("request_id", "path", "string", "The id of the request.")
    logs = _parameter("logs", "query", "number", "1: include log lines; 0: leave them out.")
    body = {"required": True, "content": {"application/json": {"schema": {"$ref": given}}}}
    cancelled = _answer("The request was cancelled.", {"type": "object", "properties": success})
    return {
        f"{request}/status": {"get": {"parameters": [one, logs], "responses": status}},
        f"{request}/cancel": {"put": {"parameters": [one], "responses": cancelled}},
        f"/{endpoint.id}": {"post": {"requestBody": body, "responses": status}},
        request: {"get": {"parameters": [one], "responses": _answer("The output of the model.", {"$ref": made})}},
    }


def _parameter(name: str, place: str, kind: str, text: str) -> Json:
    schema = {"type": kind, "description": text}
    return {"name": name, "in": place, "required": place == "path", "schema": schema}


def _answer(text: str, schema: Json) -> Json:
    return {"200": {"description": text, "content": {"application/json": {"schema": schema}}}}
