"""An OpenAPI document in fal's form, of an endpoint that does not exist: what the tests of drift mutate."""

from __future__ import annotations

import copy
from typing import Any

ENDPOINT = "tests/drift/clip"
PICTURE = {"max_file_size": 1000, "min_width": 300, "timeout": 20}

_SCHEMAS: dict[str, Any] = {
    "Arguments": {
        "title": "Arguments",
        "type": "object",
        "required": ["text", "speed"],
        "x-fal-order-properties": [
            "text",
            "picture",
            "pictures",
            "shape",
            "seconds",
            "strength",
            "loud",
            "shots",
            "speed",
        ],
        "properties": {
            "text": {
                "type": "string",
                "title": "Text",
                "minLength": 1,
                "maxLength": 100,
                "description": "What to show.",
            },
            "picture": {
                "anyOf": [{"type": "string", "x-fal": {**PICTURE}, "ui": {"field": "image"}}, {"type": "null"}],
                "description": "The first frame.",
                "examples": ["https://example.com/a.png"],
            },
            "pictures": {"type": "array", "maxItems": 4, "items": {"type": "string", "x-fal": {**PICTURE}}},
            "shape": {
                "type": "string",
                "enum": ["16:9", "9:16", "1:1"],
                "default": "16:9",
                "description": "Frame.",
            },
            "seconds": {"type": "integer", "minimum": 3, "maximum": 15, "default": 5},
            "strength": {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "null"}], "default": 0.5},
            "loud": {"type": "boolean", "default": False},
            "shots": {"anyOf": [{"type": "array", "items": {"$ref": "#/components/schemas/Shot"}}, {"type": "null"}]},
            "speed": {"type": "string", "enum": ["slow", "fast"]},
        },
    },
    "Shot": {
        "title": "Shot",
        "type": "object",
        "required": ["text"],
        "x-fal-order-properties": ["text", "length"],
        "properties": {
            "text": {"type": "string", "maxLength": 50, "description": "What this shot shows."},
            "length": {"type": "string", "enum": ["5", "10"], "default": "5"},
        },
    },
    "Result": {
        "title": "Result",
        "type": "object",
        "required": ["video", "seed"],
        "properties": {
            "video": {"$ref": "#/components/schemas/File", "description": "The clip."},
            "seed": {"type": "integer"},
            "kind": {"type": "string", "enum": ["draft", "final"], "default": "final"},
        },
    },
    "File": {
        "title": "File",
        "type": "object",
        "required": ["url"],
        "properties": {
            "url": {"type": "string", "description": "Where it lies."},
            "file_size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        },
    },
}


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def document() -> dict[str, Any]:
    """A fresh copy."""
    result = f"/{ENDPOINT}/requests/{{request_id}}"
    return {
        "openapi": "3.0.4",
        "info": {"x-fal-metadata": {"endpointId": ENDPOINT}},
        "components": {"schemas": copy.deepcopy(_SCHEMAS)},
        "paths": {
            f"/{ENDPOINT}": {"post": {"requestBody": {"content": _json("Arguments")}}},
            result: {"get": {"responses": {"200": {"content": _json("Result")}}}},
        },
    }


def schemas(given: dict[str, Any]) -> dict[str, Any]:
    """The schemas of a document, to be mutated."""
    found: dict[str, Any] = given["components"]["schemas"]
    return found
