"""From a JSON schema to places.  fal's documents are OpenAPI 3.0 with ``null`` as in 3.1."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import reduce
from typing import Any

from fakefal_contracts.errors import UnreadableContract
from fakefal_contracts.published import ABSENT, Place

Schema = dict[str, Any]
Resolve = Callable[[str], Any]

_ALTERNATIVES = ("anyOf", "oneOf")
_OUTER_FIRST = ("description", "examples", "default")
_WORDS = {"examples", "example", "deprecated", "$comment"}
#: Hints for fal's own pages, and the sentence that fal makes from an ``x-fal`` block.
_UNHEARD = {"ui", "_fal_ui_field", "limit_description", "title", "description", "nullable", "x-fal-order-properties"}
_STRUCTURE = {"type", "properties", "required", "items", "enum", "const", "default", "x-fal"}
#: fal appended that sentence to the description until early 2026.
_LIMITS_IN_WORDS = re.compile(r"(?:^|\n\n)Max file size: [^\n]*\Z")


def places(path: str, schema: Any, resolve: Resolve) -> dict[str, Place]:
    """Every place of a schema, under the path of its body.

    ``resolve`` gives the schema behind a ``$ref``.  Of types that hold themselves, the inner ones are
    left out.
    """
    found: dict[str, Place] = {}
    for where, place in _visit(path, schema, resolve, required=True, above=frozenset()):
        found[where] = _either(found[where], place) if where in found else place
    return found


def _visit(
    path: str, schema: Any, resolve: Resolve, *, required: bool, above: frozenset[str]
) -> Iterator[tuple[str, Place]]:
    alternatives = list(_alternatives(schema, resolve, above))
    solid = [(flat, refs) for flat, refs in alternatives if flat.get("type") != "null"]
    nullable = len(solid) < len(alternatives) or any(_takes_null(flat) for flat, _ in solid)
    place = reduce(_either, [_place(flat) for flat, _ in solid] or [Place()])
    yield path, replace(place, required=required, nullable=nullable)
    for flat, refs in solid:
        if "array" in _types(flat):
            yield from _visit(f"{path}[]", flat.get("items", {}), resolve, required=True, above=refs)
        for name, inner in flat.get("properties", {}).items():
            must = name in flat.get("required", ())
            yield from _visit(f"{path}.{name}", inner, resolve, required=must, above=refs)


def _alternatives(schema: Any, resolve: Resolve, above: frozenset[str]) -> Iterator[tuple[Schema, frozenset[str]]]:
    """The schemas without references and compositions, one of which must hold; and what they refer to."""
    if not isinstance(schema, dict):
        raise UnreadableContract(f"a schema is {str(schema)[:60]!r}, not an object")
    outer = {key: value for key, value in schema.items() if key not in ("$ref", "allOf", *_ALTERNATIVES)}
    choice = next((schema[key] for key in _ALTERNATIVES if key in schema), None)
    if (ref := schema.get("$ref")) is not None:
        inner = {"type": "object"} if ref in above else resolve(ref)
        found = _alternatives(inner, resolve, above | {ref})
    elif choice is not None:
        found = (one for branch in choice for one in _alternatives(branch, resolve, above))
    else:
        found = iter([({}, above)])
    for flat, refs in found:
        yield from _all_of(_under(outer, flat), schema.get("allOf", []), resolve, refs)


def _all_of(
    flat: Schema, parts: list[Any], resolve: Resolve, above: frozenset[str]
) -> Iterator[tuple[Schema, frozenset[str]]]:
    if not parts:
        yield flat, above
        return
    for one, refs in _alternatives(parts[0], resolve, above):
        yield from _all_of(_under(flat, one), parts[1:], resolve, refs)


def _under(outer: Schema, inner: Schema) -> Schema:
    """An inner schema with what is said around it: the words of the outer one, the fields of both."""
    merged = {**outer, **inner, **{key: outer[key] for key in _OUTER_FIRST if key in outer}}
    if "properties" in outer and "properties" in inner:
        merged["properties"] = {**outer["properties"], **inner["properties"]}
        merged["required"] = [*outer.get("required", ()), *inner.get("required", ())]
    return merged


def _place(flat: Schema) -> Place:
    choices = (flat["const"],) if "const" in flat else flat.get("enum")
    default = flat.get("default")
    return Place(
        types=_types(flat),
        choices=None if choices is None else tuple(value for value in choices if value is not None),
        default=ABSENT if default is None else default,
        limits=_limits(flat),
        words=_words(flat),
    )


def _types(flat: Schema) -> frozenset[str]:
    given = flat.get("type", "object" if "properties" in flat else [])
    named = {given} if isinstance(given, str) else set(given)
    return frozenset(named - {"null"} | ({"integer"} if "number" in named else set()))


def _takes_null(flat: Schema) -> bool:
    given = flat.get("type")
    return bool(flat.get("nullable")) or (isinstance(given, list) and "null" in given) or None in flat.get("enum", ())


def _limits(flat: Schema) -> Schema:
    """The ``x-fal`` block, and every keyword that has no place of its own: it may be a limit."""
    named = _STRUCTURE | _UNHEARD | _WORDS
    return {
        **{key: value for key, value in flat.items() if key not in named and not key.startswith("x-")},
        **flat.get("x-fal", {}),
    }


def _words(flat: Schema) -> Schema:
    words = {key: flat[key] for key in flat if key in _WORDS}
    words |= {key: flat[key] for key in flat if key.startswith("x-") and key not in _STRUCTURE | _UNHEARD}
    if text := _LIMITS_IN_WORDS.sub("", flat.get("description", "").strip()):
        words["description"] = " ".join(text.split())
    if "properties" in flat and "title" in flat:
        words["title"] = flat["title"]
    if "x-fal-order-properties" in flat:
        words["order"] = tuple(flat["x-fal-order-properties"])
    return words


def _either(one: Place, other: Place) -> Place:
    """What holds of a place that may be either of two; limits that disagree stand beside each other."""
    choices = None if one.choices is None or other.choices is None else (*one.choices, *other.choices)
    assert isinstance(one.limits, dict)
    assert isinstance(other.limits, dict)
    limits = {**one.limits, **other.limits}
    for name in one.limits.keys() & other.limits.keys():
        if one.limits[name] != other.limits[name]:
            limits[name] = (one.limits[name], other.limits[name])
    return replace(
        one,
        types=one.types | other.types if one.types and other.types else frozenset(),
        required=one.required and other.required,
        nullable=one.nullable or other.nullable,
        choices=choices and tuple(dict.fromkeys(choices)),
        limits=limits,
    )
