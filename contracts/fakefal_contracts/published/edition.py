"""Our own contract: what an edition's models say, read off their annotations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from fakefal_contracts.endpoint import Edition
from fakefal_contracts.media import Limits
from fakefal_contracts.model import bare_type, choices
from fakefal_contracts.published import ABSENT, INPUT, OUTPUT, Place, Published, SourceKind
from fakefal_contracts.published.endpoint_document import read_record
from fakefal_contracts.record import Record

_TYPES: dict[Any, tuple[str, ...]] = {
    str: ("string",),
    bool: ("boolean",),
    int: ("integer",),
    float: ("integer", "number"),
}
_BOUNDS = {Ge: ("minimum", "ge"), Gt: ("exclusiveMinimum", "gt"), Le: ("maximum", "le"), Lt: ("exclusiveMaximum", "lt")}


def read_edition(edition: Edition) -> Published:
    """What one edition publishes: its schema and its media limits, without the hand-written rules."""
    source = f"contract {edition.contract}"
    if isinstance(edition.endpoint.source, Record):
        return replace(read_record(edition.endpoint.source), source=source)
    found = {**dict(_body(INPUT, edition.model)), **dict(_body(OUTPUT, edition.endpoint.output))}
    return Published(SourceKind.CONTRACT, source, edition.endpoint.id, edition.evidence.date, found)


def _body(path: str, model: type[BaseModel]) -> Iterator[tuple[str, Place]]:
    yield path, Place(frozenset(("object",)), words={"order": tuple(model.model_fields)})
    yield from _fields(path, model)


def _fields(path: str, model: type[BaseModel]) -> Iterator[tuple[str, Place]]:
    for name, field in model.model_fields.items():
        yield from _places(f"{path}.{name}", field.annotation, tuple(field.metadata), field)


def _places(
    path: str, kind: Any, metadata: tuple[Any, ...], field: FieldInfo | None = None
) -> Iterator[tuple[str, Place]]:
    bare, inner = bare_type(kind)
    allowed = choices(bare)
    is_model = isinstance(bare, type) and issubclass(bare, BaseModel)
    default = ABSENT if field is None or field.is_required() or field.default_factory else field.default
    yield (
        path,
        Place(
            types=_types(bare, allowed),
            required=field is None or field.is_required(),
            nullable=_takes_null(kind),
            choices=allowed,
            default=ABSENT if default is None else default,
            limits=limits_of(metadata + inner, listed=get_origin(bare) is list),
            words={"order": tuple(bare.model_fields)} if is_model else {},
        ),
    )
    if get_origin(bare) is list:
        yield from _places(f"{path}[]", get_args(bare)[0], ())
    elif is_model:
        yield from _fields(path, bare)


def _types(bare: Any, allowed: tuple[Any, ...] | None) -> frozenset[str]:
    if allowed:
        return frozenset(name for value in allowed for name in _TYPES[type(value)])
    if get_origin(bare) is list:
        return frozenset(("array",))
    return frozenset(_TYPES.get(bare, ("object",)))


def _takes_null(kind: Any) -> bool:
    if get_origin(kind) is Annotated:
        return _takes_null(get_args(kind)[0])
    return get_origin(kind) in (Union, UnionType) and NoneType in get_args(kind)


def limits_of(metadata: tuple[Any, ...], *, listed: bool = False) -> dict[str, Any]:
    """The limits in the metadata of an annotation, which may be a list's, under their published names."""
    return dict(_limits(metadata, listed=listed))


def _limits(metadata: tuple[Any, ...], *, listed: bool) -> Iterator[tuple[str, Any]]:
    noun = "Items" if listed else "Length"
    for extra in metadata:
        if isinstance(extra, MaxLen):
            yield f"max{noun}", extra.max_length
        elif isinstance(extra, MinLen):
            yield f"min{noun}", extra.min_length
        elif isinstance(extra, Limits):
            yield from extra.published().items()
        elif bound := _BOUNDS.get(type(extra)):
            yield bound[0], getattr(extra, bound[1])
