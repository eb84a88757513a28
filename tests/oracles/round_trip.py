"""The round trip: what pydantic prints of a model that was built from a document, against the document.

Compared are order, types, titles, limits, choices and defaults.  Words, examples and ``x-fal`` blocks are left out,
which no class holds.  `DIFFERENCES` lists what may differ, each with its reason.

Usage: PYTHONPATH=tests python -m oracles.round_trip > tests/oracles/round_trip.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fakefal_contracts import BUILT_IN, Endpoint
from fakefal_contracts.media import PUBLISHED
from fakefal_contracts.record import Record, Source, with_titles
from fakefal_contracts.schema_models import ordered

BESIDES = {"$defs", "properties", "description", "examples", "ui", "limit_description", "discriminator", *PUBLISHED}
"""Keys that no class holds, and those that are followed instead of compared."""
_LISTS = ("anyOf", "oneOf", "prefixItems")
_SCHEMAS = ("items", "additionalProperties")


@dataclass(frozen=True)
class Mismatch:
    """One place where both are not equal: the key of a schema, ours and the document's; None is absent."""

    path: tuple[str, ...]
    key: str
    ours: Any
    theirs: Any
    record: Record


@dataclass(frozen=True)
class Difference:
    """A known difference: why it is there, and how it is recognized."""

    reason: str
    matches: Callable[[Mismatch], bool]


DIFFERENCES: dict[str, Difference] = {
    "null is unsaid": Difference(
        "The types of fal's client, and older documents, say null nowhere; a field that may be left out takes it.",
        lambda one: one.key == "null" and one.theirs is None,
    ),
    "nullable": Difference(
        "Documents of OpenAPI 3.0 say null by a key of their own; pydantic prints a union.",
        lambda one: one.key == "nullable" or (one.key == "null" and one.theirs is True),
    ),
    "the title of a field": Difference(
        "Titles of fields stand in the document, which fal's answers never quote; built are those of objects.",
        lambda one: one.key == "title",
    ),
    "one choice": Difference(
        "An older pydantic printed a choice of one value as an enum, today's prints a const.",
        lambda one: (
            (one.key == "const" and one.theirs is None)
            or (one.key == "enum" and one.ours is None and len(one.theirs) == 1)
        ),
    ),
    "choices beside a union": Difference(
        "They are advice: the document's own example is none of them.",
        lambda one: one.key == "enum" and one.ours is None and "voice" in one.path,
    ),
    "a dictionary of anything": Difference(
        "An older pydantic left additionalProperties out where any value is taken.",
        lambda one: one.key == "additionalProperties" and {one.ours, one.theirs} == {True, None},
    ),
    "an author's own key": Difference(
        "What pydantic does not know it prints and does not judge: hints for fal's pages.",
        lambda one: one.key in ("step", "min", "max", "max_pixels", "deprecated") and one.ours is None,
    ),
    "bytes": Difference(
        "fal's uploaded bytes come as text: nothing judges their format.",
        lambda one: (one.key, one.theirs) == ("format", "binary"),
    ),
    "the order of shots": Difference(
        "Types have no order of fields: the shots of v3/turbo are those of v3.",
        lambda one: one.record.source is Source.TYPES and one.key == "properties" and set(one.ours) == set(one.theirs),
    ),
    "an empty document": Difference(
        "The schema of the arguments is empty: any object is taken.",
        lambda one: not one.record.schemas.get(one.record.input) and one.key in ("type", "additionalProperties"),
    ),
}


def explained(mismatch: Mismatch) -> str | None:
    """The name of the known difference that a mismatch is."""
    return next((name for name, one in DIFFERENCES.items() if one.matches(mismatch)), None)


def mismatches(endpoint: Endpoint) -> Iterator[Mismatch]:
    """Every difference between a model and the document it was built from."""
    record = endpoint.record
    printed = endpoint.input.model_json_schema(by_alias=True)
    theirs = with_titles(dict(record.schemas))
    trip = _RoundTrip(record, printed.get("$defs", {}), theirs)
    yield from trip.compare((), printed, theirs.get(record.input, {}))


@dataclass(frozen=True)
class _RoundTrip:
    """Both sides of a comparison: the schemas that each of them names."""

    record: Record
    ours: Mapping[str, Any]
    theirs: Mapping[str, Any]

    def compare(self, path: tuple[str, ...], printed: Any, document: Any) -> Iterator[Mismatch]:
        ours, theirs = _resolved(printed, self.ours), _resolved(document, self.theirs)
        if _is_nullable(ours) and not _is_nullable(theirs):
            yield Mismatch(path, "null", "taken", theirs.get("nullable"), self.record)
            beside = {key: value for key, value in ours.items() if key != "anyOf"}
            ours = _resolved(_without_null(ours) | beside, self.ours)
        is_object = "properties" in ours and "properties" in theirs
        for key in sorted({*ours, *theirs} - BESIDES):
            if not key.startswith(("x-", "_fal")):
                named = "class" if key == "title" and is_object else key
                yield from self._key(path, named, ours.get(key), theirs.get(key))
        fields = ours.get("properties", {})
        order = [name for name, _ in ordered(theirs)]
        if list(fields) != order:
            yield Mismatch(path, "properties", list(fields), order, self.record)
        for name in fields.keys() & set(order):
            yield from self.compare((*path, name), fields[name], theirs["properties"][name])

    def _key(self, path: tuple[str, ...], key: str, one: Any, other: Any) -> Iterator[Mismatch]:
        if key in _LISTS and one and other and len(one) == len(other):
            for number, (ours, theirs) in enumerate(zip(one, other, strict=True)):
                yield from self.compare((*path, f"{key} {number}"), ours, theirs)
        elif key in _SCHEMAS and isinstance(one, dict) and isinstance(other, dict):
            yield from self.compare((*path, key), one, other)
        elif key == "required":
            if set(one or ()) != set(other or ()):
                yield Mismatch(path, key, one, other, self.record)
        elif one != other:
            yield Mismatch(path, key, one, other, self.record)


def _resolved(schema: Any, named: Mapping[str, Any]) -> dict[str, Any]:
    """A schema with what it names; the title of a field stands before that of the object it names."""
    while isinstance(schema, dict) and ("$ref" in schema or len(schema.get("allOf", ())) == 1):
        inner = schema if "$ref" in schema else schema["allOf"][0]
        beside = {key: value for key, value in schema.items() if key not in ("$ref", "allOf", "title")}
        found = named.get(inner["$ref"].rpartition("/")[2], {}) if "$ref" in inner else inner
        schema = {**found, **beside}
    return schema if isinstance(schema, dict) else {}


def _is_nullable(schema: Mapping[str, Any]) -> bool:
    return any(one.get("type") == "null" for one in schema.get("anyOf", ()))


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The one form of a union with null, or the union of the others."""
    others = [one for one in schema["anyOf"] if one.get("type") != "null"]
    if len(others) > 1:
        return {"anyOf": others}
    inner: dict[str, Any] = others[0]
    return inner


def summary() -> dict[str, Any]:
    """The differences by their names, of every model that has some."""
    found = {
        one: {explained(mismatch) or "unexplained" for mismatch in mismatches(BUILT_IN.find(one))} for one in BUILT_IN
    }
    return {
        "oracle": "round trip",
        "reasons": {name: one.reason for name, one in DIFFERENCES.items()},
        "models": {one: sorted(names) for one, names in found.items() if names},
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(summary(), indent=1) + "\n")
