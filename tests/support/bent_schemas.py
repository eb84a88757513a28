"""Documents that are wrong on purpose: of one rule at a time the schema that it is read from is changed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from fakefal_contracts import Endpoint, Rule
from fakefal_contracts.endpoint import Edition
from fakefal_contracts.media import PUBLISHED
from fakefal_contracts.record import Record
from fakefal_contracts.strategies.broken import breaches

Schema = dict[str, Any]
Edit = Callable[[Schema], object]

#: The keys of a schema by the kind of the rule that is read from them.
LIMITS = {
    "minimum": ("minimum", "exclusiveMinimum", "ge", "gt"),
    "maximum": ("maximum", "exclusiveMaximum", "le", "lt"),
    "multiple_of": ("multipleOf",),
    "min_length": ("minLength",),
    "max_length": ("maxLength",),
    "pattern": ("pattern",),
    "min_items": ("minItems",),
    "max_items": ("maxItems",),
    "address": ("format",),
    "no_other_keys": ("additionalProperties",),
    "one_of": ("enum", "const"),
    "min_pixels": ("min_width", "min_height"),
    "max_pixels": ("max_width", "max_height"),
    "ratio": ("min_aspect_ratio", "max_aspect_ratio"),
    "max_bytes": ("max_file_size",),
    **{ours: (theirs,) for theirs, (ours, _) in PUBLISHED.items() if ours.endswith(("seconds", "fps"))},
}
#: Kinds of which no key of a schema decides; `support.bent` has their mutants.
KEYLESS = ("reachable", "readable")


def bent_schemas(edition: Edition) -> Iterator[tuple[Rule, str, Edition]]:
    """Every rule of a document switched off or moved: the rule, how, and the edition that is wrong."""
    record = edition.record
    for rule in dict.fromkeys(breach.rule for breach in breaches(edition)):
        if rule.field and rule.kind not in KEYLESS:
            for how, edit in _edits(rule):
                yield rule, how, replace(edition, model=_bent(record, rule, edit))


def _edits(rule: Rule) -> Iterator[tuple[str, Edit]]:
    keys = LIMITS.get(rule.kind, ())
    if rule.kind == "required":
        yield "off", lambda owner: owner["required"].remove(rule.field.rpartition(".")[2])
    elif rule.kind == "type":
        yield "off", _clear
    else:
        yield "off", lambda schema: [_holder(schema, key).pop(key) for key in keys if key in _holder(schema, key)]
    if rule.kind == "one_of":
        yield (
            "without its last choice",
            lambda schema: schema["enum"].pop() if len(schema.get("enum", ())) > 1 else None,
        )
        yield "with one choice more", lambda schema: schema.setdefault("enum", []).append("one more")
    elif rule.kind in ("minimum", "maximum", "min_length", "max_length", "min_items", "max_items"):
        for step in (1, -1):
            yield f"moved by {step}", lambda schema, step=step: _move(schema, keys, step)  # type: ignore[misc]


def _clear(schema: Schema) -> None:
    for key in ("type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "properties", "items", "format"):
        schema.pop(key, None)


def _holder(schema: Schema, key: str) -> Schema:
    """Where a limit of media stands: beside the field's type, or in its block."""
    block: Schema = schema.get("x-fal", {})
    return block if key in block else schema


def _move(schema: Schema, keys: tuple[str, ...], step: int) -> None:
    for key in keys:
        if isinstance(schema.get(key), int | float):
            schema[key] += step


def _bent(record: Record, rule: Rule, edit: Edit) -> Any:
    """The model of a document with the schemas at the place of a rule edited."""
    schemas = copy.deepcopy(dict(record.schemas))
    steps = _steps(rule.field)
    nodes = [schemas[record.input]]
    for step in steps[:-1] if rule.kind == "required" else steps:
        nodes = [inner for node in nodes for one in _every(node, schemas) for inner in _inside(one, step)]
    for node in nodes:
        for one in _every(node, schemas) if rule.kind != "type" else [node]:
            if rule.kind != "required" or steps[-1] in one.get("required", ()):
                edit(one)
    return Endpoint.of_record(replace(record, schemas=schemas)).input


def _steps(path: str) -> list[str]:
    parts = (part for part in path.replace("[]", ".[]").split(".") if part)
    return list(parts)


def _every(node: Schema, schemas: dict[str, Schema]) -> Iterator[Schema]:
    """A schema, what it names, and the branches of its union."""
    yield node
    if "$ref" in node and (name := node["$ref"].rpartition("/")[2]) in schemas:
        yield from _every(schemas[name], schemas)
    for inner in (*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())):
        yield from _every(inner, schemas)


def _inside(node: Schema, step: str) -> Iterator[Schema]:
    if step == "[]":
        yield from node.get("prefixItems", [node["items"]] if isinstance(node.get("items"), dict) else [])
    elif step == "*":
        if isinstance(node.get("additionalProperties"), dict):
            yield node["additionalProperties"]
    elif step in node.get("properties", {}):
        yield node["properties"][step]
