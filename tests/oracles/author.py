"""Python source of pydantic classes as an author of fal's would write it, from the schemas of one model.

Run by the environment of the oracle.  It shares nothing with `fakefal_contracts.schema_models`, which makes classes
without source: limits stand in `Field` beside a default, choices with a name are an `Enum` of texts or numbers,
what may be null is `Optional`.
"""

from __future__ import annotations

import json
import keyword
import re
from pathlib import Path
from typing import Any

MODELS = Path(__file__).parent.parent.parent / "contracts" / "fakefal_contracts" / "models.jsonl"
HEAD = """\
import datetime
import enum
from typing import Annotated, Any, Dict, List, Literal, Optional, Set, Tuple, Union

from pydantic import UUID4, AnyUrl, BaseModel, ConfigDict, Field, HttpUrl
"""
_LIMITS = {
    "minimum": "ge",
    "exclusiveMinimum": "gt",
    "maximum": "le",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
    "minLength": "min_length",
    "maxLength": "max_length",
    "pattern": "pattern",
    "minItems": "min_length",
    "maxItems": "max_length",
}
_PLAIN = {"any": "Any", "string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_FORMATS = {"uuid": "UUID4", "uuid4": "UUID4", "date-time": "datetime.datetime", "date": "datetime.date"}
_URL_LENGTH = 2083


def records(wanted: set[str]) -> dict[str, dict[str, Any]]:
    """The shipped models with these ids, as they are written down."""
    with MODELS.open(encoding="utf-8") as lines:
        found = (json.loads(line) for line in lines)
        return {one["id"]: one for one in found if one["id"] in wanted}


class Author:
    """Writes the classes of one model."""

    def __init__(self, record: dict[str, Any]) -> None:
        self._schemas = record["schemas"]
        self._written: list[str] = []
        self._names: dict[str, str] = {}
        self._classes: set[str] = set()
        self._knows_null = "null" in _types(self._schemas)

    def source(self, name: str) -> tuple[str, str]:
        """The source of a schema and of all that it names, and the name of its class."""
        schema = self._schemas.get(name, {})
        while "$ref" in schema or schema.get("allOf"):
            schema = schema["allOf"][0] if schema.get("allOf") else self._schemas[_last(schema["$ref"])]
        made = self._class(schema, name)
        return "\n\n".join([HEAD, *self._written]), made

    def _class(self, schema: dict[str, Any], name: str) -> str:
        title = schema.get("title") or name
        python = self._free(title)
        lines = [f"class {python}(BaseModel):"]
        if schema.get("additionalProperties") is False:
            lines.append('    model_config = ConfigDict(extra="forbid")')
        fields = schema.get("properties", {})
        order = [one for one in schema.get("x-fal-order-properties", []) if one in fields]
        for number, key in enumerate([*order, *(one for one in fields if one not in order)]):
            required = key in schema.get("required", [])
            lines.append(f"    {self._field(key, fields[key], required=required, owner=name, number=number)}")
        self._written.append("\n".join(lines if len(lines) > 1 else [*lines, "    pass"]) + _named(python, title))
        return python

    def _field(self, key: str, schema: dict[str, Any], *, required: bool, owner: str, number: int) -> str:
        kind, limits = self._kind(schema, f"{owner} {key}")
        unsaid = not self._knows_null and not required and "default" not in schema
        if unsaid and not kind.startswith("Optional["):
            kind = f"Optional[{kind}]"
        default = "..." if required and "default" not in schema else repr(schema.get("default"))
        given = [default, *(f"{name}={value!r}" for name, value in limits.items())]
        name = key
        if not key.isidentifier() or keyword.iskeyword(key) or key.startswith("_"):
            name = f"renamed_{number}"
            given.append(f"alias={key!r}")
        return f"{name}: {kind} = Field({', '.join(given)})"

    def _annotation(self, schema: Any, where: str) -> str:
        """The type of an item or of a branch, its limits with it."""
        kind, limits = self._kind(schema, where)
        if not limits:
            return kind
        return f"Annotated[{kind}, Field({', '.join(f'{name}={value!r}' for name, value in limits.items())})]"

    def _kind(self, schema: Any, where: str) -> tuple[str, dict[str, Any]]:
        """The type, and the limits that stand in `Field` beside it."""
        kind, limits = self._unwrapped(schema, where)
        nullable = isinstance(schema, dict) and schema.get("nullable") and not kind.startswith("Optional[")
        return (f"Optional[{kind}]" if nullable else kind), limits

    def _unwrapped(self, schema: Any, where: str) -> tuple[str, dict[str, Any]]:
        """The same, but for null where a key beside the type allows it."""
        if schema is True or not schema or "$ref" in schema:
            return self._component(_last(schema["$ref"])) if isinstance(schema, dict) and schema else "Any", {}
        if schema.get("allOf"):
            return self._kind(schema["allOf"][0], where)
        if branches := schema.get("anyOf") or schema.get("oneOf"):
            return self._union(schema, branches, where)
        if "const" in schema or "enum" in schema:
            return _literal([schema["const"]] if "const" in schema else schema["enum"]), {}
        if isinstance(schema.get("type"), list):
            return self._union({}, [{**schema, "type": one} for one in schema["type"]], where)
        return self._single(schema, where)

    def _union(self, schema: dict[str, Any], branches: list[Any], where: str) -> tuple[str, dict[str, Any]]:
        real = [one for one in branches if one.get("type") != "null"]
        if len(real) == 1 and len(branches) == 2:
            kind, limits = self._kind(real[0], where)
            return f"Optional[{kind}]", limits | _limits(schema)
        kinds = [self._annotation(one, where) for one in branches]
        limits = _limits(schema)
        if told := schema.get("discriminator"):
            limits["discriminator"] = told["propertyName"]
        return f"Union[{', '.join(kinds)}]", limits

    def _single(self, schema: dict[str, Any], where: str) -> tuple[str, dict[str, Any]]:
        limits, form = _limits(schema), schema.get("format")
        match schema.get("type", "object" if "properties" in schema else "any"):
            case "array" if "prefixItems" in schema:
                kind = f"Tuple[{', '.join(self._annotation(one, where) for one in schema['prefixItems'])}]"
            case "array":
                items = self._annotation(schema.get("items"), f"{where} item")
                return f"{'Set' if schema.get('uniqueItems') else 'List'}[{items}]", limits
            case "object":
                kind = self._object(schema, where)
            case "string" if form == "uri":
                kind = "HttpUrl" if limits.get("max_length") == _URL_LENGTH else "AnyUrl"
            case "string" if form in _FORMATS:
                kind = _FORMATS[form]
            case name:
                return _PLAIN[name], limits
        return kind, {}

    def _object(self, schema: dict[str, Any], where: str) -> str:
        more = schema.get("additionalProperties")
        if schema.get("properties") or more is False:
            return self._class(schema, schema.get("title") or where)
        if more is None and where in self._schemas:  # a class without fields
            return self._class(schema, where)
        return f"Dict[str, {'Any' if more in (None, True) else self._annotation(more, f'{where} value')}]"

    def _component(self, name: str) -> str:
        if name not in self._schemas:
            return "Any"
        if name not in self._names:
            schema = self._schemas[name]
            self._names[name] = self._enum(schema, name) if "enum" in schema else self._annotation(schema, name)
        return self._names[name]

    def _enum(self, schema: dict[str, Any], name: str) -> str:
        title = schema.get("title") or name
        python = self._free(title)
        texts = all(isinstance(one, str) for one in schema["enum"])
        lines = [f"class {python}({'str, ' if texts else ''}enum.Enum):"]
        lines += [f"    CHOICE_{number} = {value!r}" for number, value in enumerate(schema["enum"])]
        self._written.append("\n".join(lines) + _named(python, title))
        return python

    def _free(self, title: str) -> str:
        """A name for a class that none has yet; Python's words and typing's names are taken."""
        name = re.sub(r"\W", "_", title)
        while name in self._classes or keyword.iskeyword(name) or name in HEAD or name[0].isdigit():
            name = f"_{name}"
        self._classes.add(name)
        return name


def _named(python: str, title: str) -> str:
    """The line that gives a class the name it has at fal, where Python's rules or another class forbid it."""
    return "" if python == title else f"\n\n{python}.__name__ = {title!r}"


def _literal(values: list[Any]) -> str:
    some = f"Literal[{', '.join(repr(one) for one in values if one is not None)}]"
    return f"Optional[{some}]" if None in values else some


def _limits(schema: dict[str, Any]) -> dict[str, Any]:
    found = {ours: schema[theirs] for theirs, ours in _LIMITS.items() if schema.get(theirs) is not None}
    # beside a union pydantic prints them under its own names
    return found | {name: schema[name] for name in ("ge", "gt", "le", "lt", "multiple_of") if name in schema}


def _types(value: Any) -> set[str]:
    """Every type that a document says anywhere, and null where it says nullable."""
    if isinstance(value, list):
        return set().union(*map(_types, value))
    if not isinstance(value, dict):
        return set()
    named = value.get("type")
    own = set(named) if isinstance(named, list) else {named} if isinstance(named, str) else set()
    return own.union({"null"} if value.get("nullable") is True else set(), *map(_types, value.values()))


def _last(reference: str) -> str:
    return reference.rsplit("/", 1)[-1]
