"""The OpenAPI document of an endpoint, in the form in which fal publishes it, made from the contract.

Form as read on 2026-06-11: fal takes pydantic's own JSON schema, drops defaults of null, names input and
output after the endpoint, keeps the order of fields in ``x-fal-order-properties``, and prints paths that
carry the whole id, though the live queue answers 405 there.  The words are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from fakefal_contracts.catalogue import FOUNDING, about, examples
from fakefal_contracts.endpoint import Edition, Endpoint
from fakefal_contracts.model import Model, spots
from fakefal_contracts.record import Record, with_titles
from fakefal_contracts.rule import Requirement

QUEUE = "https://queue.fal.run"
SITE = "https://fal.ai"
Json = dict[str, Any]
KEY_SCHEME: Json = {"type": "apiKey", "in": "header", "name": "Authorization", "description": "Fal Key"}


def openapi(edition: Edition, *, server: str = QUEUE) -> Json:
    """The document of one endpoint under one contract.

    Args:
        edition: the endpoint and the contract.
        server: the base of the queue's addresses.
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
    if isinstance(endpoint.source, Record):
        return endpoint.source.input, endpoint.source.output
    words = endpoint.id.partition("/")[2].replace("/", "-").split("-")
    name = "".join(word[:1].upper() + word[1:] for word in words)
    return f"{name}Input", f"{name}Output"


def page_url(endpoint: Endpoint) -> str:
    """Where fal shows the endpoint to people."""
    return f"{SITE}/models/{endpoint.id}"


def thumbnail_url(endpoint: Endpoint) -> str:
    """The first picture of the endpoint's example; for models without examples of ours, of another's."""
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
    """Input, output and what they refer to, under fal's names."""
    endpoint = edition.endpoint
    if isinstance(endpoint.source, Record):
        return {name: with_titles(schema) for name, schema in endpoint.source.schemas.items()}
    models: list[tuple[type[BaseModel], Literal["validation"]]] = [
        (edition.model, "validation"),
        (endpoint.output, "validation"),
    ]
    refs, document = models_json_schema(models, ref_template="{model}")
    found: Json = document["$defs"]
    names = {key: schema["title"] for key, schema in found.items()}
    own = [refs[model]["$ref"] for model in models]
    names |= dict(zip(own, schema_names(endpoint), strict=True))
    shown = {names[key]: _in_fals_form(found[key], names) for key in (*own, *(key for key in found if key not in own))}
    shown[schema_names(endpoint)[1]]["title"] = edition.model.output_title
    _say_rules(shown, edition)
    _show_examples(shown, endpoint)
    return shown


def _in_fals_form(schema: Json, names: dict[str, str]) -> Json:
    """An object's schema as fal prints it."""
    properties: Json = {name: _property(one, names) for name, one in schema["properties"].items()}
    required = {"required": schema["required"]} if "required" in schema else {}
    order = {"x-fal-order-properties": list(properties)}
    texts = {key: schema[key] for key in ("description", "title")}
    return {**required, "type": "object", "properties": properties, **order, **texts}


def _property(schema: Json, names: dict[str, str]) -> Json:
    """One property: null is no default, and limits of a bare property stand in its description."""
    shown: Json = _with_names(schema, names)
    if shown.get("default", ...) is None:
        del shown["default"]
    if "$ref" in shown:
        shown.pop("title", None)
    if limits := shown.pop("limit_description", None):
        del shown["ui"]
        shown["description"] += f"\n\n{limits}"
    for branch in (shown, *shown.get("anyOf", ())):
        if "ui" in branch.get("items", ()):
            branch["items"]["_fal_ui_field"] = branch["items"]["ui"]["field"]
    return shown


def _with_names(node: Any, names: dict[str, str]) -> Any:
    if isinstance(node, dict):
        return {
            key: f"#/components/schemas/{names[value]}" if key == "$ref" else _with_names(value, names)
            for key, value in node.items()
        }
    return [_with_names(one, names) for one in node] if isinstance(node, list) else node


def _say_rules(schemas: Json, edition: Edition) -> None:
    """Say in words what JSON schema cannot, beside what it is about."""
    for owner in dict.fromkeys(spot.owner for spot in spots(edition.model)):
        title = schema_names(edition.endpoint)[0] if owner is edition.model else owner.model_config.get("title")
        schema = schemas[title or owner.__name__]
        for rule, field in _rules_of(owner):
            place = schema["properties"][field] if field else schema
            place["description"] += f"\n\nRule: {rule.says}."


def _rules_of(owner: type[Model]) -> Iterator[tuple[Requirement, str]]:
    """The hand-written rules of an object, each with the field that it is about."""
    for name, field in owner.model_fields.items():
        yield from ((one, name) for one in field.metadata if isinstance(one, Requirement))
    yield from ((one, one.at) for one in owner.requirements)


def _show_examples(schemas: Json, endpoint: Endpoint) -> None:
    """Show the example's values; those that repeat a default are not shown."""
    shown = examples(endpoint.id)
    for name, whole in zip(schema_names(endpoint), (shown["full"], shown["output"]), strict=True):
        for field, schema in schemas[name]["properties"].items():
            if field in whole and whole[field] != schema.get("default", ...):
                schema["examples"] = [whole[field]]


def _queue_status() -> Json:
    """Fal's schema of a status.  It calls logs an object; the live queue sends a list or null."""
    texts = {
        "request_id": "The id of the request.",
        "response_url": "Where its result is read.",
        "status_url": "Where its status is read.",
        "cancel_url": "Where it is cancelled.",
    }
    return {
        "type": "object",
        "properties": {
            "status": {"type": "string", "enum": ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]},
            **{name: {"type": "string", "description": text} for name, text in texts.items()},
            "logs": {"type": "object", "description": "What it logged.", "additionalProperties": True},
            "metrics": {"type": "object", "description": "How long it ran.", "additionalProperties": True},
            "queue_position": {"type": "integer", "description": "How many requests wait before it."},
        },
        "required": ["status", "request_id"],
    }


def _paths(endpoint: Endpoint) -> Json:
    """The four calls, in fal's order."""
    given, made = (f"#/components/schemas/{name}" for name in schema_names(endpoint))
    status = _answer("Where the request stands.", {"$ref": "#/components/schemas/QueueStatus"})
    success = {"success": {"type": "boolean", "description": "Whether the request was cancelled."}}
    request = f"/{endpoint.id}/requests/{{request_id}}"
    one = _parameter("request_id", "path", "string", "The id of the request.")
    logs = _parameter("logs", "query", "number", "1 asks for log lines, 0 leaves them out.")
    body = {"required": True, "content": {"application/json": {"schema": {"$ref": given}}}}
    cancelled = _answer("The request was cancelled.", {"type": "object", "properties": success})
    return {
        f"{request}/status": {"get": {"parameters": [one, logs], "responses": status}},
        f"{request}/cancel": {"put": {"parameters": [one], "responses": cancelled}},
        f"/{endpoint.id}": {"post": {"requestBody": body, "responses": status}},
        request: {"get": {"parameters": [one], "responses": _answer("What the model made.", {"$ref": made})}},
    }


def _parameter(name: str, place: str, kind: str, text: str) -> Json:
    schema = {"type": kind, "description": text}
    return {"name": name, "in": place, "required": place == "path", "schema": schema}


def _answer(text: str, schema: Json) -> Json:
    return {"200": {"description": text, "content": {"application/json": {"schema": schema}}}}
