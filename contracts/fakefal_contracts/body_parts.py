"""One walk over a parsed body that finds what is judged after its schema: media, and objects with faults.

The parts to look for are read from a model once, because reading annotations takes longer than judging.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_args, get_origin

from fakefal_contracts.media import Limits
from fakefal_contracts.model import Loc, Model, bare_type, branches, is_model, wire_fields
from fakefal_contracts.rule import Requirement, Stage


@dataclass(slots=True)
class BodyParts:
    """The relevant parts of a body, outermost first.

    `media` are its pictures and clips with their limits. `broken` are the rules that its objects break although they
    fit the schema. `strange` are the objects that were sent with unknown keys.
    """

    media: list[tuple[Loc, str, Limits]] = field(default_factory=list)
    broken: list[tuple[Loc, Requirement]] = field(default_factory=list)
    strange: list[tuple[Loc, type[Model], dict[str, Any]]] = field(default_factory=list)


def parts_of(arguments: Model, body: Any = None) -> BodyParts:
    """The relevant parts of a parsed body; `body` is the JSON from which it was parsed."""
    found = BodyParts()
    _collect(arguments, body, (), found)
    return found


@dataclass(frozen=True, slots=True)
class _Kind:
    """The possible values of a field: media with these limits, a list of such values, or an object."""

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
def _plan(model: type[Model]) -> tuple[tuple[Requirement, ...], tuple[tuple[str, str, _Kind, Any], ...]]:
    """The relevant parts of an object: its rules, and its relevant fields with key, attribute, kind and default."""
    rules = tuple(one for one in model.requirements if one.stage is Stage.MODEL)
    kinds = (
        (key, name, _kind(one.annotation, tuple(one.metadata)), one.default) for key, name, one in wire_fields(model)
    )
    return rules, tuple((key, name, kind, default) for key, name, kind, default in kinds if kind)


def _collect(value: Model, sent: Any, loc: Loc, found: BodyParts) -> None:
    """Walk an object; `sent` is the JSON from which it was parsed. Texts are noted without a call of their own."""
    rules, fields = _plan(type(value))
    for rule in rules:
        if not rule.holds(value):
            found.broken.append((loc, rule))
    is_given = isinstance(sent, dict)
    if is_given and len(sent) != len(value.model_fields_set):
        found.strange.append((loc, type(value), sent))
    values = value.__dict__
    for key, name, kind, default in fields:
        part = values[name]
        # not checked: values that the service itself fills in, such as an empty address or one of its own
        if part is not None and (kind.is_object or part != default):
            if isinstance(part, str) and kind.limits is not None:
                found.media.append(((*loc, key), part, kind.limits))
            else:
                _collect_part(part, sent.get(key) if is_given else None, kind, (*loc, key), found)


def _collect_part(part: Any, sent: Any, kind: _Kind, loc: Loc, found: BodyParts) -> None:
    if isinstance(part, (list, set)):
        if (items := kind.items) is not None:
            is_given = isinstance(sent, (list, tuple))
            for index, item in enumerate(part):
                if isinstance(item, str) and items.limits is not None:
                    found.media.append(((*loc, index), item, items.limits))
                else:
                    _collect_part(item, sent[index] if is_given else None, items, (*loc, index), found)
    elif isinstance(part, Model):
        _collect(part, sent, loc, found)
    elif kind.limits is not None and part is not None:
        found.media.append((loc, str(part), kind.limits))
