"""From the schemas of a document to pydantic models whose refusals are those of fal's own runtime, byte for byte.

fal prints what pydantic makes of its authors' classes; this makes classes of it again.  What pydantic's
messages show has to come back the same: the order of the fields, the names of classes (they stand for the
branches of a union), whether a choice was a ``Literal`` or an ``Enum``.
"""

from __future__ import annotations

import datetime as dt
import json
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Literal, Union

from pydantic import (
    UUID4,
    AnyUrl,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    HttpUrl,
    create_model,
)
from pydantic_core import CoreSchema, PydanticKnownError, SchemaError, SchemaValidator, core_schema

from fakefal_contracts.evidence import Evidence
from fakefal_contracts.media import Limits
from fakefal_contracts.model import Input, Model
from fakefal_contracts.record import Record, Schema
from fakefal_contracts.rule import Requirement

HTTP_URL_LENGTH = 2083
"""The longest text that pydantic's ``HttpUrl`` takes, which tells it from ``AnyUrl`` in a schema."""

FieldLimits = Callable[[str, Schema], Limits | None]
"""The media limits of a field by its name and its schema; None for a field that takes no media."""

_SCALARS: dict[str, Any] = {"string": str, "integer": int, "number": float, "boolean": bool, "null": None}
_FORMATS: dict[str, Any] = {"uuid": UUID4, "uuid4": UUID4, "date-time": dt.datetime, "date": dt.date}
_BOUNDS = {
    "minimum": "ge",
    "exclusiveMinimum": "gt",
    "maximum": "le",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
}
_LENGTHS = {"minLength": "min_length", "maxLength": "max_length", "pattern": "pattern"}
_COUNTS = {"minItems": "min_length", "maxItems": "max_length"}
_LIMITS = (*_BOUNDS, *_LENGTHS, *_COUNTS)
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Overlay:
    """What is known of a model beyond its document, laid over the models that are built from it.

    `base` is the class of the arguments, with their rules and their meaning.  `objects` are the classes of objects
    inside them by the names of their schemas.  `values` are rules about single arguments, or why the document is
    believed about one; `limits` replace what it says of their files.  `example` has the arguments without which the
    rules refuse what the document requires, and `output` is the class of the result, if it has a name.
    """

    base: type[Input] = Input
    objects: Mapping[str, type[Model]] = field(default_factory=dict)
    values: Mapping[str, Requirement | Evidence] = field(default_factory=dict)
    limits: Mapping[str, Limits] = field(default_factory=dict)
    example: Mapping[str, Any] = field(default_factory=dict)
    output: type[BaseModel] | None = None


NO_OVERLAY = Overlay()


class SchemaModels:
    """The models of one record, built when they are asked for.

    `notes` says what was left open: a schema that the document names and does not hold, or a kind of schema that no
    model is made of.  Any value is taken there.
    """

    def __init__(
        self,
        record: Record,
        limits: FieldLimits = lambda _name, _schema: None,
        overlay: Overlay = NO_OVERLAY,
    ) -> None:
        self._record = record
        self._limits = limits
        self._overlay = overlay
        self._built: dict[str, Any] = {}
        self._building: set[str] = set()
        self._null_is_unsaid = not _says_null(record.schemas)
        self._output = overlay.output
        self.notes: list[str] = []

    def input(self) -> type[Input]:
        """The model of the arguments."""
        schema, output = root_schema(self._record.schemas, self._record.input), self.output

        class Arguments(self._overlay.base):  # type: ignore[misc, name-defined]
            endpoint_id = self._record.id

            @classmethod
            def output_type(cls) -> type[BaseModel]:
                return output()

        made: type[Input] = self._model(schema, self._record.input, Arguments)
        return made

    def older(self, newest: type[Input], changes: Mapping[str, Schema]) -> type[Input]:
        """The model of the arguments by a document that had other schemas of some of them."""
        schema = root_schema(self._record.schemas, self._record.input)
        changed = {"title": schema.get("title"), "required": schema.get("required", ()), "properties": changes}
        made: type[Input] = self._model(changed, self._record.input, newest)
        return made

    def output(self) -> type[BaseModel]:
        """The model of the result."""
        if self._output is None:
            self._output = self._model(
                root_schema(self._record.schemas, self._record.output), self._record.output, Model
            )
        return self._output

    def _component(self, name: str) -> Any:
        if known := self._built.get(name) or self._overlay.objects.get(name):
            return known
        if name not in self._record.schemas:
            return self._open(f"the document does not hold the schema {name}")
        if name in self._building:
            return self._open(f"the schema {name} holds itself")
        self._building.add(name)
        schema = self._record.schemas[name]
        # a choice with a name of its own is a class of the author's: pydantic says "enum" of it, not "literal_error"
        made = _enum(schema, name) if "enum" in schema else self._kind(schema, name, None)
        self._building.discard(name)
        self._built[name] = made
        return made

    def _open(self, why: str) -> Any:
        """The annotation of what is left open; the notes say why."""
        self._note(f"{why}: any value is accepted there")
        return Any

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def _model(self, schema: Schema, name: str, base: type[Model]) -> Any:
        fields: dict[str, Any] = {}
        required, is_whole = schema.get("required", ()), issubclass(base, Input)
        for number, (key, one) in enumerate(ordered(schema)):
            limits = (self._overlay.limits.get(key) if is_whole else None) or self._limits(key, one)
            kind = self._kind(one, f"{name}.{key}", limits)
            if is_whole and (known := self._overlay.values.get(key)):
                kind = Annotated[kind, known]
            if self._null_is_unsaid and key not in required and "default" not in one:
                kind = Union[kind, None]  # noqa: UP007 - not all that pydantic takes can be joined by |
            usable = _IDENTIFIER.fullmatch(key) and not hasattr(base, key)
            default = one.get("default", ... if key in required else None)
            fields[key if usable else f"field_{number}"] = (kind, Field(default, alias=None if usable else key))
        if schema.get("additionalProperties") is False:
            base = _closed(base)
        # pydantic puts the class's name into the place of a union's branch: fal's class is the schema's title
        return create_model(schema.get("title") or name, __base__=base, __module__=__name__, **fields)

    def _kind(self, schema: Any, where: str, limits: Limits | None) -> Any:
        """The annotation of a schema; `limits` are laid on each text in it."""
        if schema is True or not schema:
            return Any
        for key in [key for key in _LIMITS if key in schema and not _is_limit(key, schema[key], schema)]:
            self._note(
                f"{key} of {where} is not a limit that pydantic accepts, and is not judged: {schema[key]!r:.100}"
            )
            schema = {name: value for name, value in schema.items() if name != key}
        kind = self._bare(schema, where, limits)
        return Union[kind, None] if schema.get("nullable") else kind  # noqa: UP007

    def _bare(self, schema: Schema, where: str, limits: Limits | None) -> Any:
        if "$ref" in schema:
            return self._component(_target(schema))
        # beside a union, choices are advice: fal's own example is none of them
        if "const" in schema or ("enum" in schema and not ("anyOf" in schema or "oneOf" in schema)):
            return self._choice([schema["const"]] if "const" in schema else schema["enum"], where)
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                return self._union(schema, schema[key], where, limits)
        if "allOf" in schema:
            one, *more = schema["allOf"]
            return self._open(f"{where} is all of several schemas") if more else self._kind(one, where, limits)
        return self._typed(schema, where, limits)

    def _choice(self, values: list[Any], where: str) -> Any:
        if any(isinstance(value, list | dict) for value in values):
            return self._open(f"{where} is a choice of lists or objects")
        real = tuple(value for value in values if value is not None)
        if not real:
            return None if values else self._open(f"{where} is a choice of nothing")
        return Union[Literal[real], None] if None in values else Literal[real]  # noqa: UP007

    def _union(self, schema: Schema, branches: list[Any], where: str, limits: Limits | None) -> Any:
        kind: Any = Union[tuple(self._kind(one, where, limits) for one in branches)]  # noqa: UP007
        named = schema.get("discriminator")
        if named and all(self._has_choice(one, named["propertyName"]) for one in branches):
            kind = Annotated[kind, Field(discriminator=named["propertyName"])]
        if not (bounds := _given(schema, _BOUNDS) | {key: schema[key] for key in _BOUNDS.values() if key in schema}):
            return kind
        return Annotated[kind, UnionBounds(**bounds)]

    def _has_choice(self, branch: Schema, name: str) -> bool:
        """Whether a branch of a union is an object that names itself by the choice of one field."""
        holder = self._record.schemas.get(_target(branch), {}) if "$ref" in branch else branch
        one = holder.get("properties", {}).get(name, {})
        return "const" in one or "enum" in one

    def _typed(self, schema: Schema, where: str, limits: Limits | None) -> Any:
        match schema.get("type", "object" if "properties" in schema else None):
            case [_, *_] as types:
                kinds = tuple(self._kind({**schema, "type": one}, where, limits) for one in types)
                return Union[kinds]  # noqa: UP007
            case "object":
                return self._object(schema, where)
            case "array":
                return self._array(schema, where, limits)
            case "string":
                return _text(schema, limits)
            case str() as name if name in _SCALARS:
                return _limited(_SCALARS[name], _given(schema, _BOUNDS))
            case other:
                return self._open(f"{where} has the type {other!r}") if other else Any

    def _array(self, schema: Schema, where: str, limits: Limits | None) -> Any:
        if schema.get("prefixItems"):
            return tuple[tuple(self._kind(one, where, None) for one in schema["prefixItems"])]  # type: ignore[misc]
        holder: Any = set if schema.get("uniqueItems") else list
        kind = holder[self._kind(schema.get("items"), f"{where}[]", limits)]
        return _limited(kind, _given(schema, _COUNTS))

    def _object(self, schema: Schema, where: str) -> Any:
        if schema.get("properties"):
            return self._model(schema, where, Model)
        more = schema.get("additionalProperties", True)
        is_class = more is False or ("additionalProperties" not in schema and where in self._record.schemas)
        if is_class:
            return self._model(schema, where, Model)
        return dict[str, Any if more is True else self._kind(more, f"{where}.*", None)]  # type: ignore[misc]


@dataclass(frozen=True)
class UnionBounds:
    """Bounds of a whole union, which pydantic prints under its own names; what is no number has none.

    At fal they are bounds of a `Field`, and what is no number ends in an internal error there.
    """

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    multiple_of: float | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._within, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), **self.given()}

    def _within(self, value: Any) -> Any:
        """The value, or what pydantic reports of a number that is out of bounds."""
        for name, bound in self.given().items():
            error, holds = _BOUND_ERRORS[name]
            if isinstance(value, int | float) and not holds(value, bound):
                raise PydanticKnownError(error, {name: bound})
        return value

    def given(self) -> dict[str, float]:
        """The bounds that there are, under pydantic's names."""
        return {name: bound for name, bound in vars(self).items() if bound is not None}


_BOUND_ERRORS: dict[str, tuple[Any, Callable[[float, float], bool]]] = {
    "ge": ("greater_than_equal", operator.ge),
    "gt": ("greater_than", operator.gt),
    "le": ("less_than_equal", operator.le),
    "lt": ("less_than", operator.lt),
    "multiple_of": ("multiple_of", lambda value, step: value % step == 0),
}


def root_schema(schemas: Mapping[str, Schema], name: str) -> Schema:
    """The schema of a whole body: an object, perhaps behind references."""
    schema = schemas.get(name, {})
    while inner := (schema.get("allOf") or [schema if "$ref" in schema else None])[0]:
        schema = schemas.get(_target(inner), {}) if "$ref" in inner else inner
    return schema


def ordered(schema: Schema) -> list[tuple[str, Schema]]:
    """The fields of an object in fal's order, which the printed one is not."""
    fields: dict[str, Schema] = schema.get("properties", {})
    order = [name for name in schema.get("x-fal-order-properties", ()) if name in fields]
    return [(name, fields[name]) for name in dict.fromkeys((*order, *fields))]


def _closed(base: type[Model]) -> type[Model]:
    """The same base for an object that takes no other keys."""

    class Closed(base):  # type: ignore[misc, valid-type]
        model_config = ConfigDict(extra="forbid")

    return Closed


def _target(schema: Schema) -> str:
    return str(schema["$ref"]).rsplit("/", 1)[-1]


def _says_null(schemas: Mapping[str, Schema]) -> bool:
    """Whether a document tells which fields take null: fal's did not until early 2026."""
    text = json.dumps(schemas)
    return '"type": "null"' in text or '"nullable": true' in text


def _enum(schema: Schema, name: str) -> type[Enum]:
    values = [(f"v{number}", value) for number, value in enumerate(schema["enum"])]
    return Enum(schema.get("title") or name, values)  # type: ignore[return-value]


def _is_limit(key: str, value: Any, schema: Schema) -> bool:
    """Whether pydantic takes this limit, which need not make sense in a document of the user's own."""
    match key:
        case "pattern":
            return isinstance(value, str) and _is_pattern(value)
        case "exclusiveMinimum" | "exclusiveMaximum" if isinstance(value, bool):
            return not value or key.replace("exclusiveM", "m") in schema
        case _ if key in _BOUNDS:
            of_integer = schema.get("type") == "integer"
            whole = isinstance(value, int | float) and (value == int(value) or not of_integer)
            return whole and not isinstance(value, bool) and (key != "multipleOf" or value > 0)
        case _:
            return isinstance(value, int) and value >= 0


def _is_pattern(pattern: str) -> bool:
    """Whether pydantic's engine takes a pattern: it knows no look-around."""
    try:
        SchemaValidator(core_schema.str_schema(pattern=pattern))
    except SchemaError:
        return False
    return True


def _text(schema: Schema, limits: Limits | None) -> Any:
    if schema.get("format") == "uri":
        kind: Any = HttpUrl if schema.get("maxLength") == HTTP_URL_LENGTH else AnyUrl
    elif (kind := _FORMATS.get(schema.get("format", ""))) is None:
        kind = _limited(str, _given(schema, _LENGTHS))
    return Annotated[kind, limits] if limits else kind


def _given(schema: Schema, names: Mapping[str, str]) -> dict[str, Any]:
    """The limits of a schema under pydantic's names; exclusive bounds may be written as in JSON schema's draft 4."""
    found = {ours: schema[theirs] for theirs, ours in names.items() if schema.get(theirs) is not None}
    for exclusive, inclusive in (("gt", "ge"), ("lt", "le")):
        if found.get(exclusive) is True:
            found[exclusive] = found.pop(inclusive)
        elif found.get(exclusive) is False:
            del found[exclusive]
    return found


def _limited(kind: Any, given: dict[str, Any]) -> Any:
    return Annotated[kind, Field(**given)] if given else kind
