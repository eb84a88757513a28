"""How other revisions of an endpoint judge the same body, for hints, notes and warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

from pydantic import TypeAdapter
from pydantic_core import SchemaValidator

from fakefal_contracts.endpoint import Edition, Endpoint
from fakefal_contracts.evidence import documented
from fakefal_contracts.model import Advice, Caution, Input, Loc, bare_type, choices

OUTDATED = Caution(
    "outdated",
    "what an older contract accepts should be accepted today, too",
    documented("fal's OpenAPI documents of two days", "2026-06-11"),
)


Refusal = tuple[str, Edition]
"""A field, and a revision that refuses its value."""


class Note(NamedTuple):
    """Information that requires no change."""

    loc: Loc
    msg: str


def other_revisions(edition: Edition, loc: Loc, value: Any) -> str:
    """Name the contracts that accept this value in this field, if their schema of it differs."""
    if len(loc) != 1:
        return ""
    name = str(loc[0])
    accepting = [
        one.contract
        for one, field in _differing(edition.endpoint, edition.model).get(name, ())
        if field.isinstance_python(value)
    ]
    return f"; fal's schema of {', '.join(accepting)} accepts it" if accepting else ""


@lru_cache(maxsize=1024)
def _differing(endpoint: Endpoint, model: type[Input]) -> dict[str, tuple[tuple[Edition, SchemaValidator], ...]]:
    """The fields with another schema in other revisions of an endpoint: those revisions, and their validators of it."""
    found = {}
    for name, mine in model.model_fields.items():
        others = [one for one in endpoint.editions if one.model.model_fields[name].annotation != mine.annotation]
        if others:
            found[name] = tuple((one, _validator(one.model, name)) for one in others)
    return found


def accepted_since(edition: Edition, refusing: Iterable[Refusal]) -> Iterator[Note]:
    """Warnings for values that the newest schema accepts and an older page of fal's still refuses."""
    for name, other in refusing:
        if other.evidence.date < edition.evidence.date:
            allowed = choices(bare_type(other.model.model_fields[name].annotation)[0])
            only = f"allows only {' and '.join(map(str, allowed))}" if allowed else "refuses this"
            msg = f"fal's page of {other.evidence.date} {only}; accepted since {edition.evidence.date}"
            yield Note((name,), msg)


def accepted_no_more(edition: Edition, refusing: Iterable[Refusal]) -> Iterator[Advice]:
    """Warnings for values that the chosen contract accepts and the newest schema refuses."""
    newest = edition.endpoint.editions[-1]
    for name, other in refusing:
        if other is newest and other.evidence.date > edition.evidence.date:
            msg = f"fal refuses this since {other.evidence.date}"
            yield Advice(OUTDATED, (name,), msg, "choose a value that the newest schema accepts, too")


def refusing_revisions(edition: Edition, body: Any) -> list[Refusal]:
    """The fields of an accepted body whose values another revision refuses, and that revision."""
    if len(edition.endpoint.revisions) == 1 or not isinstance(body, dict):
        return []
    differing = _differing(edition.endpoint, edition.model)
    return [
        (name, other)
        for name in body
        if name in differing
        for other, field in differing[name]
        if not field.isinstance_python(body[name])
    ]


def _validator(model: type[Input], name: str) -> SchemaValidator:
    """The validator of one field."""
    field = model.model_fields[name]
    kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    return SchemaValidator(TypeAdapter(kind).core_schema)
