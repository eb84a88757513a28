"""The calls of the control API, as the emulator's own OpenAPI document has them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fakefal.document.build import document
from fakefal.engine.emulator import Emulator
from fakefal.server.documented import routes
from fakefal.settings import Settings

PREFIX = "/_fakefal/"


def control_calls() -> str:
    """Every call with its parameters, body and answers."""
    whole = document(routes(), Emulator(Settings()))
    schemas = whole["components"]["schemas"]
    calls = [
        (f"{method.upper()} {path}", item)
        for path, methods in sorted(whole["paths"].items())
        if path.startswith(PREFIX)
        for method, item in methods.items()
    ]
    return "\n\n".join("\n".join(_call(name, item, schemas)) for name, item in calls)


def _call(name: str, item: dict[str, Any], schemas: dict[str, Any]) -> Iterator[str]:
    yield f"### `{name}`\n"
    yield f"{item.get('description') or item.get('summary', '')}\n"
    for parameter in item.get("parameters", ()):
        needed = ", required" if parameter.get("required") else ""
        yield f"- `{parameter['name']}` ({parameter['in']}{needed}): {parameter.get('description', '')}"
    body = item.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    for field, schema in _fields(body, schemas):
        yield f"- `{field}` (body): {_kind(schema)}{_said(schema)}"
    good: dict[str, Any] = next((one for status, one in item["responses"].items() if status.startswith("2")), {})
    for media, content in good.get("content", {}).items():
        fields = [f"`{field}`" for field, _ in _fields(content.get("schema", {}), schemas)]
        if fields:
            yield f"\nAnswers `{media}`: {', '.join(fields)}."


def _fields(schema: dict[str, Any], schemas: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The fields of an object, or of the objects of a list."""
    schema = _named(schema.get("items", schema), schemas)
    yield from schema.get("properties", {}).items()


def _named(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = schemas[name] if name else schema
    return found


def _kind(schema: dict[str, Any]) -> str:
    kinds = [one.get("type", "object") for one in schema.get("anyOf", [schema])]
    if "enum" in schema:
        return "one of " + ", ".join(f"`{json.dumps(one)}`" for one in schema["enum"])
    return " or ".join(kinds)


def _said(schema: dict[str, Any]) -> str:
    return f"; {schema['description']}" if schema.get("description") else ""
