"""One model as data: its schemas, and its entry in fal's catalogue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fakefal_contracts.evidence import Evidence, Grade

Schema = dict[str, Any]


class Source(StrEnum):
    """The kind of document that a record was read from."""

    DOCUMENT = "document"
    """fal's OpenAPI document: complete."""
    TYPES = "types"
    """The types of fal's JavaScript client: no limits, no null, no order of fields."""
    OWN = "own"
    """A document that the user gave."""


_WORDS = {
    Source.DOCUMENT: "fal's OpenAPI document",
    Source.TYPES: "the types of fal's JavaScript client",
    Source.OWN: "your document",
}


@dataclass(frozen=True)
class Record:
    """One model as one document has it.

    `input` and `output` name schemas; `seen` is the day of the copy, `UNDATED` where it names none; `listed`
    is whether fal's catalogue still had the model when it was last read.  `metadata` has fal's own keys
    (``display_name``, ``date``, ``updated_at``, ``license_type``, ``kind``, ``tags``, ``group``, ``streams``).
    """

    id: str
    category: str | None
    seen: dt.date
    source: Source
    input: str
    output: str
    schemas: Mapping[str, Schema]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    listed: bool = True
    file: str = ""

    def __hash__(self) -> int:
        return hash((self.id, self.file))

    @property
    def title(self) -> str:
        """The title of the model."""
        return str(self.metadata.get("display_name") or self.id)

    @property
    def evidence(self) -> Evidence:
        """The evidence of this record."""
        words = f"{_WORDS[self.source]} {self.file}".rstrip()
        return Evidence(Grade.DOCUMENTED, words, self.seen)

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> Record:
        """A record from one line of a catalogue."""
        return cls(
            id=line["id"],
            category=line["category"],
            seen=dt.date.fromisoformat(line["seen"]),
            source=Source(line["source"]),
            input=line["input"],
            output=line["output"],
            schemas=line["schemas"],
            metadata=line["metadata"],
            listed=line.get("listed", True),
        )

    def as_json(self) -> dict[str, Any]:
        """The record as one line of a catalogue, its id first."""
        return {
            "id": self.id,
            "category": self.category,
            "seen": self.seen.isoformat(),
            "source": self.source.value,
            **({} if self.listed else {"listed": False}),
            "metadata": dict(self.metadata),
            "input": self.input,
            "output": self.output,
            "schemas": {name: without_titles(schema) for name, schema in self.schemas.items()},
        }


def field_title(name: str) -> str:
    """The title that pydantic gives a field, and that a catalogue therefore leaves out."""
    return name.replace("_", " ").title()


def with_titles(schema: Any) -> Any:
    """A schema with the titles of fields that `without_titles` left out."""
    if isinstance(schema, list):
        return [with_titles(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value if key in _VALUES else with_titles(value) for key, value in schema.items()}
    if isinstance(fields := schema.get("properties"), dict):
        kept["properties"] = {name: _titled(name, with_titles(one)) for name, one in fields.items()}
    return kept


def _titled(name: str, schema: Any) -> Any:
    if not _has_title(schema):
        return schema
    given = schema.get("title", field_title(name))
    return {**{key: value for key, value in schema.items() if key != "title"}, **({"title": given} if given else {})}


def _has_title(schema: Any) -> bool:
    """Whether the schema of a field usually has a title that follows from its name."""
    return isinstance(schema, dict) and "$ref" not in schema and "properties" not in schema


_VALUES = ("default", "examples", "enum", "const")
"""The keys of a schema that hold values, not schemas."""


def without_titles(schema: Any) -> Any:
    """A schema without the titles of fields that follow from their names; null says that there is none."""
    if isinstance(schema, list):
        return [without_titles(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value if key in _VALUES else without_titles(value) for key, value in schema.items()}
    if isinstance(fields := schema.get("properties"), dict):
        kept["properties"] = {name: _untitled(name, without_titles(one)) for name, one in fields.items()}
    return kept


def _untitled(name: str, schema: Any) -> Any:
    if not _has_title(schema):
        return schema
    if schema.get("title") == field_title(name):
        return {key: value for key, value in schema.items() if key != "title"}
    return schema if "title" in schema else {**schema, "title": None}
