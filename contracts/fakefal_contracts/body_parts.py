"""The parts of a parsed body that are judged after its schema: the objects in it, and its media.

Which fields hold them is read off a model once: reading annotations takes longer than judging by them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_args, get_origin

from fakefal_contracts.media import Limits
from fakefal_contracts.model import Loc, Model, bare_type, branches, is_model, wire_fields


@dataclass(slots=True)
class BodyParts:
    """The objects of a body, outermost first, and its pictures and clips with their limits."""

    objects: list[tuple[Loc, Model]] = field(default_factory=list)
    media: list[tuple[Loc, str, Limits]] = field(default_factory=list)


def parts_of(arguments: Model) -> BodyParts:
    """What there is to judge in a parsed body."""
    found = BodyParts()
    _collect(arguments, (), found)
    return found


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a value may be: media with these limits, a list of such, or an object."""

    limits: Limits | None = None
    items: _Kind | None = None
    is_object: bool = False


def _kind(annotation: Any, metadata: tuple[Any, ...] = ()) -> _Kind | None:
    bare, inner = bare_type(annotation)
    limits = next((extra for extra in metadata + inner if isinstance(extra, Limits)), None)
    items, is_object = None, False
    for branch in branches(bare):
        one, inside = bare_type(branch)
        limits = limits or next((extra for extra in inside if isinstance(extra, Limits)), None)
        if get_origin(one) in (list, set):
            items = items or _kind(get_args(one)[0])
        is_object = is_object or is_model(one)
    return _Kind(limits, items, is_object) if limits or items or is_object else None


@cache
def _kinds(model: type[Model]) -> tuple[tuple[str, str, _Kind, Any], ...]:
    """The fields of a model that matter: key, attribute, kind and default."""
    kinds = (
        (key, name, _kind(one.annotation, tuple(one.metadata)), one.default) for key, name, one in wire_fields(model)
    )
    return tuple((key, name, kind, default) for key, name, kind, default in kinds if kind)


def _collect(value: Model, loc: Loc, found: BodyParts) -> None:
    found.objects.append((loc, value))
    values = value.__dict__
    for key, name, kind, default in _kinds(type(value)):
        part = values[name]
        # what the service itself fills in is not looked at: an empty address, or one of its own
        if part is not None and (kind.is_object or part != default):
            _collect_part(part, kind, (*loc, key), found)


def _collect_part(part: Any, kind: _Kind, loc: Loc, found: BodyParts) -> None:
    if isinstance(part, (list, set)):
        if kind.items is not None:
            for index, item in enumerate(part):
                _collect_part(item, kind.items, (*loc, index), found)
    elif not isinstance(part, str) and isinstance(part, Model):  # pydantic takes long to tell what is no model
        _collect(part, loc, found)
    elif kind.limits is not None and part is not None:
        found.media.append((loc, str(part), kind.limits))
