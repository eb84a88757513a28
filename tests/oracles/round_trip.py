"""The round trip: what pydantic prints of a model that was built from a document, against the document.

Compared are the order of fields, types, titles, limits, choices and defaults.  What no class holds is left out:
fal's words and examples, and its ``x-fal`` blocks, which media limits are made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fakefal_contracts import Endpoint
from fakefal_contracts.media import PUBLISHED
from fakefal_contracts.record import Record, with_titles
from fakefal_contracts.schema_models import ordered

Path = tuple[str, ...]
BESIDES = {
    *("description", "examples", "ui", "limit_description", "deprecated", "discriminator"),
    *PUBLISHED,
}
"""Keys that no class holds."""


@dataclass(frozen=True)
class Mismatch:
    """One place where both are not equal: a key of a schema, ours and the document's; None is absent."""

    path: Path
    key: str
    ours: Any
    theirs: Any


def mismatches(endpoint: Endpoint) -> Iterator[Mismatch]:
    """Every difference between a model and the document it was built from."""
    record = endpoint.source
    assert isinstance(record, Record)
    printed = endpoint.input.model_json_schema(by_alias=True)
    theirs = with_titles(dict(record.schemas))
    yield from _compare((), _Side(printed, printed.get("$defs", {})), _Side(theirs.get(record.input, {}), theirs))


@dataclass(frozen=True)
class _Side:
    """A schema, and the schemas that it may name."""

    schema: Any
    named: Mapping[str, Any]

    def resolved(self) -> _Side:
        schema = self.schema
        while isinstance(schema, dict) and ("$ref" in schema or len(schema.get("allOf", ())) == 1):
            inner = schema if "$ref" in schema else schema["allOf"][0]
            beside = {key: value for key, value in schema.items() if key not in ("$ref", "allOf", "title")}
            found = self.named.get(inner["$ref"].rpartition("/")[2], {}) if "$ref" in inner else inner
            schema = {**found, **beside}
        return _Side(schema if isinstance(schema, dict) else {}, self.named)

    def at(self, *keys: Any) -> _Side:
        schema = self.schema
        for key in keys:
            schema = schema[key]
        return _Side(schema, self.named)


def _compare(path: Path, ours: _Side, theirs: _Side) -> Iterator[Mismatch]:
    ours, theirs = ours.resolved(), theirs.resolved()
    a, b = ours.schema, theirs.schema
    for key in sorted({*a, *b} - BESIDES):
        if key.startswith(("x-", "_fal")) or key in ("$defs", "properties"):
            continue
        one, other = a.get(key), b.get(key)
        if key in ("anyOf", "oneOf", "prefixItems") and one and other and len(one) == len(other):
            for number in range(len(one)):
                yield from _compare((*path, f"{key} {number}"), ours.at(key, number), theirs.at(key, number))
        elif key in ("items", "additionalProperties") and isinstance(one, dict) and isinstance(other, dict):
            yield from _compare((*path, key), ours.at(key), theirs.at(key))
        elif key == "required":
            if set(one or ()) != set(other or ()):
                yield Mismatch(path, key, one, other)
        elif one != other or type(one) is not type(other):
            yield Mismatch(path, key, one, other)
    fields, printed = list(a.get("properties", {})), [name for name, _ in ordered(b)]
    if fields != printed:
        yield Mismatch(path, "properties", fields, printed)
    for name in fields:
        if name in b.get("properties", {}):
            yield from _compare((*path, name), ours.at("properties", name), theirs.at("properties", name))
