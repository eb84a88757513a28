"""The parts of a parsed body that are judged after its schema: the objects in it, and its media.

Which fields hold them is read off a model once: reading annotations takes longer than judging by them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_args, get_origin

from fakefal_contracts.media import Limits
from fakefal_contracts.model import Loc, Model, bare_type


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


@cache
def field_names(model: type[Model]) -> frozenset[str]:
    """The keys that an object has."""
    return frozenset(model.model_fields)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a value is: media with these limits, a list of such, or an object."""

    limits: Limits | None = None
    items: _Kind | None = None


_OBJECT = _Kind()


def _kind(annotation: Any, metadata: tuple[Any, ...] = ()) -> _Kind | None:
    bare, inner = bare_type(annotation)
    if limits := next((extra for extra in metadata + inner if isinstance(extra, Limits)), None):
        return _Kind(limits)
    if get_origin(bare) is list:
        items = _kind(get_args(bare)[0])
        return _Kind(items=items) if items else None
    return _OBJECT if isinstance(bare, type) and issubclass(bare, Model) else None


@cache
def _kinds(model: type[Model]) -> tuple[tuple[str, _Kind, Any], ...]:
    """The fields of a model that matter, each with its default."""
    fields = model.model_fields.items()
    kinds = ((name, _kind(one.annotation, tuple(one.metadata)), one.default) for name, one in fields)
    return tuple((name, kind, default) for name, kind, default in kinds if kind)


def _collect(value: Model, loc: Loc, found: BodyParts) -> None:
    found.objects.append((loc, value))
    for name, kind, default in _kinds(type(value)):
        part = getattr(value, name)
        # what the service itself fills in is not looked at: an empty address, or one of its own
        if part is not None and (kind is _OBJECT or part != default):
            _collect_part(part, kind, (*loc, name), found)


def _collect_part(part: Any, kind: _Kind, loc: Loc, found: BodyParts) -> None:
    if kind.limits is not None:
        found.media.append((loc, part, kind.limits))
    elif kind.items is None:
        _collect(part, loc, found)
    elif (limits := kind.items.limits) is not None:
        found.media += [((*loc, index), address, limits) for index, address in enumerate(part)]
    else:
        for index, item in enumerate(part):
            _collect_part(item, kind.items, (*loc, index), found)
