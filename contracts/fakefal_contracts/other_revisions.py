"""What other revisions of an endpoint make of a body that one of them judged: for hints, notes and warnings."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from fakefal_contracts.endpoint import Edition
from fakefal_contracts.evidence import documented
from fakefal_contracts.model import Advice, Caution, Input, Loc, bare_type, choices

OUTDATED = Caution(
    "outdated",
    "what an older contract accepts should be accepted today, too",
    documented("fal's OpenAPI documents of two days", "2026-06-11"),
)


class Note(NamedTuple):
    """Something that is good to know and asks for no change."""

    loc: Loc
    msg: str


def other_revisions(edition: Edition, loc: Loc, value: Any) -> str:
    """Name the contracts that accept this value in this field, where their schema differs there."""
    if len(loc) != 1:
        return ""
    name = str(loc[0])
    accepting = [one.contract for one in _different(edition, name) if _accepts(_validator(one.model, name), value)]
    return f"; accepted under contract {', '.join(accepting)}" if accepting else ""


def _different(edition: Edition, name: str) -> tuple[Edition, ...]:
    """The other revisions of an endpoint in which a field has another schema."""
    return _differing(edition, name) if name in edition.model.model_fields else ()


@lru_cache(maxsize=1024)
def _differing(edition: Edition, name: str) -> tuple[Edition, ...]:
    mine = edition.model.model_fields[name].annotation
    return tuple(one for one in edition.endpoint.editions if one.model.model_fields[name].annotation != mine)


def accepted_since(edition: Edition, body: Any) -> Iterator[Note]:
    """What the newest schema accepts and an older page of fal's still refuses."""
    for name, other in _refusing(edition, body):
        if other.evidence.date < edition.evidence.date:
            allowed = choices(bare_type(other.model.model_fields[name].annotation)[0])
            only = f"allows only {' and '.join(map(str, allowed))}" if allowed else "refuses this"
            msg = f"fal's page of {other.evidence.date} {only}; accepted since {edition.evidence.date}"
            yield Note((name,), msg)


def accepted_no_more(edition: Edition, body: Any) -> Iterator[Advice]:
    """What the chosen contract accepts and the newest schema refuses."""
    newest = edition.endpoint.editions[-1]
    for name, other in _refusing(edition, body):
        if other is newest and other.evidence.date > edition.evidence.date:
            msg = f"fal refuses this since {other.evidence.date}"
            yield Advice(OUTDATED, (name,), msg, "choose a value that contract latest accepts, too")


def _refusing(edition: Edition, body: Any) -> Iterator[tuple[str, Edition]]:
    """The fields of an accepted body whose values another revision refuses, and that revision."""
    for name, value in body.items() if isinstance(body, dict) and len(edition.endpoint.revisions) > 1 else ():
        for other in _different(edition, name):
            if not _accepts(_validator(other.model, name), value):
                yield name, other


@lru_cache(maxsize=1024)
def _validator(model: type[Input], name: str) -> TypeAdapter[Any]:
    """The validator of one field."""
    field = model.model_fields[name]
    kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    return TypeAdapter(kind)


def _accepts(field: TypeAdapter[Any], value: Any) -> bool:
    try:
        field.validate_python(value)
    except ValidationError:
        return False
    return True
