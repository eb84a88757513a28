"""Example bodies of a model: those that fal's documents print, or the plainest that its schema accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from fakefal_contracts.catalogue import FOUNDING, examples
from fakefal_contracts.endpoint import Endpoint
from fakefal_contracts.media import AudioLimits, ClipLimits, PictureLimits
from fakefal_contracts.record import Record, Schema
from fakefal_contracts.schema_media import limits_of
from fakefal_contracts.schema_models import ordered

TEXT = "A cat walks through the rain"
_ADDRESS = "https://v3b.fal.media/files/b/0a8c1d2e/example"
_ENDINGS = {PictureLimits: "png", ClipLimits: "mp4", AudioLimits: "mp3"}


def example_input(endpoint: Endpoint, *, full: bool = False) -> dict[str, Any]:
    """Arguments that the endpoint accepts: the required ones, or all that its document has examples for."""
    if endpoint.id in FOUNDING:
        return {**examples(endpoint.id)["full" if full else "required"]}
    maker = Maker(endpoint.record)
    schema = endpoint.record.schemas.get(endpoint.record.input, {})
    body = maker.object(schema, full=full)
    body |= endpoint.overlay.example if endpoint.overlay else {}
    for name in _refused(endpoint, body):  # not each printed example is one that the model takes
        body[name] = maker.made_up(name, maker.resolve(schema)["properties"][name])
    return body


def _refused(endpoint: Endpoint, body: dict[str, Any]) -> set[str]:
    try:
        endpoint.input.model_validate(body, from_attributes=True)
    except ValidationError as error:
        return {str(one["loc"][0]) for one in error.errors() if one["loc"] and one["loc"][0] in body}
    return set()


class Maker:
    """Makes values of a record's schemas."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._above: list[Schema] = []

    def resolve(self, schema: Schema) -> Schema:
        """A schema without references; of several branches the first that is not null."""
        while True:
            if "$ref" in schema:
                schema = self._record.schemas.get(str(schema["$ref"]).rsplit("/", 1)[-1], {})
            elif inner := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
                real = [one for one in inner if one.get("type") != "null"]
                schema = {**{key: schema[key] for key in ("examples",) if key in schema}, **(real or [{}])[0]}
            else:
                return schema

    def object(self, schema: Schema, *, full: bool = False) -> dict[str, Any]:
        """An object with its required fields, or all that have an example."""
        schema = self.resolve(schema)
        if any(one is schema for one in self._above):
            return {}  # it holds itself
        self._above.append(schema)
        required = schema.get("required", ())
        wanted = [(name, one) for name, one in ordered(schema) if name in required or (full and one.get("examples"))]
        made = {name: self._value(name, one) for name, one in wanted}
        self._above.pop()
        return made

    def _value(self, name: str, schema: Schema) -> Any:
        examples_ = schema.get("examples")
        if isinstance(examples_, list) and examples_ and examples_[0] is not None:
            return examples_[0]
        return self.made_up(name, schema)

    def made_up(self, name: str, schema: Schema) -> Any:
        """The plainest value that a field takes."""
        if schema.get("default") is not None:
            return schema["default"]
        limits = limits_of(name, schema, self._record.evidence, category=self._record.category)
        inner = self.resolve(schema)
        if "const" in inner:
            return inner["const"]
        if "enum" in inner:
            return next((value for value in inner["enum"] if value is not None), None)
        if inner.get("type") == "string" and (limits is not None or inner.get("format") == "uri"):
            return f"{_ADDRESS}.{_ENDINGS.get(type(limits), 'bin')}"
        return self.plainest(name, inner)

    def plainest(self, name: str, schema: Schema) -> Any:
        """The plainest value of a schema without references, choices and defaults."""
        match schema.get("type", "object" if "properties" in schema else None):
            case "string":
                return self._text(schema)
            case "integer" | "number" as kind:
                number = self._number(schema)
                return int(number) if kind == "integer" else number
            case "boolean" | "null" as kind:
                return False if kind == "boolean" else None
            case "array":
                least = max(schema.get("minItems", 0), 1)
                return [
                    self.made_up(name, one) for one in schema.get("prefixItems") or [schema.get("items", {})] * least
                ]
            case "object":
                return self.object(schema)
        return TEXT

    @staticmethod
    def _text(schema: Schema) -> str:
        if schema.get("format") in ("uuid", "uuid4"):
            return "6f1f3f0e-6c43-4c5e-9d0b-0d7c2f1b4a11"
        if schema.get("format") == "date-time":
            return "2026-06-11T00:00:00Z"
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        return str((TEXT * (least // len(TEXT) + 1))[: most if most is not None else None])

    @staticmethod
    def _number(schema: Mapping[str, Any]) -> float:
        step = schema.get("multipleOf") or 1
        if schema.get("exclusiveMinimum") is True:  # as in JSON schema's draft 4
            schema = {**schema, "exclusiveMinimum": schema["minimum"]}
            del schema["minimum"]
        least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        most = schema.get("maximum", schema.get("exclusiveMaximum"))
        if "minimum" in schema:
            number = -(-least // step) * step if "multipleOf" in schema else least
        else:
            number = (least // step + 1) * step
        return float((least + most) / 2 if most is not None and number > most else number)
