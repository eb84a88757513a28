"""Editions that are wrong on purpose: one rule switched off, or bent a little.  For proofs that this is noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen
from pydantic import BeforeValidator, Field, create_model, model_validator

from fakefal.conform.target import Answer
from fakefal.state import jsonio
from fakefal_contracts import BUILT_IN, Depth, Rule, judge
from fakefal_contracts.endpoint import Edition
from fakefal_contracts.media import BrokenLimit, ClipLimits, Limits, Missing
from fakefal_contracts.model import Model, Spot, bare_type, choices, spots, takes_null
from fakefal_contracts.openers import open_data_uris
from fakefal_contracts.rule import Requirement
from fakefal_contracts.rulebooks import rulebook
from fakefal_contracts.strategies import Body
from fakefal_contracts.strategies.bodies import Builder
from support.bent_schemas import bent_schemas

Edit = Callable[[Any, tuple[Any, ...]], Any]
"""From a bare type and its metadata to the annotation that stands there instead."""


@dataclass(frozen=True)
class Mutant:
    """An edition with one wrong rule, and how it is wrong."""

    rule: Rule
    how: str
    edition: Edition

    def __str__(self) -> str:
        return f"{self.rule.id} {self.how}"


def mutants(edition: Edition) -> Iterator[Mutant]:
    """Every rule of an edition switched off, and every one bent that has something to bend."""
    if edition.endpoint.depth is not Depth.IN_DEPTH:
        yield from (Mutant(*one) for one in bent_schemas(edition))
        return
    for rule in rulebook(edition):
        for how, model in _wrong(edition, rule):
            yield Mutant(rule, how, replace(edition, model=model))


def _wrong(edition: Edition, rule: Rule) -> Iterator[tuple[str, Any]]:
    written = {one.id: (path, requirement) for path, one, requirement in rulebook(edition).written()}
    model: Any = edition.model
    if rule.id in written:
        path, requirement = written[rule.id]
        for how, instead in (
            ("off", ()),
            ("with other words", (replace(requirement, message="Something else is wrong."),)),
            ("always", (replace(requirement, holds=lambda _: False),)),
        ):
            yield how, _at(model, path, _swap(requirement, instead), requirement, instead)
    elif not rule.field:
        yield "off", _lenient(model, rule.kind)
    elif rule.kind == "required":
        yield "off", _at(model, rule.field, _with, required=False)
    else:
        spot = next(one for one in spots(model) if one.path == rule.field)
        for how, edit in _edits(rule, spot):
            yield how, _at(model, rule.field, edit)


def _edits(rule: Rule, spot: Spot) -> Iterator[tuple[str, Edit]]:
    """The ways to get the rule of a value wrong."""
    if rule.kind == "type":
        yield "off", lambda kind, m: _with(kind, (BeforeValidator(_coerced(kind)), *m))
    elif rule.kind == "one_of":
        yield from _wrong_choices(choices(spot.kind) or ())
    elif rule.kind == "max_length":
        yield "off", _without(MaxLen)
        for step in (1, -1):
            yield f"moved by {step}", _longer(step)
    elif rule.kind in ("minimum", "maximum"):
        bound: Any = Ge if rule.kind == "minimum" else Le
        yield "off", _without(bound)
        for number in (0.1, -0.1):
            yield f"moved by {number}", _farther(bound, number)
    else:
        limits = next((one for one in spot.metadata if isinstance(one, Limits)), None)
        assert limits is not None, rule.id
        for how, other in _wrong_limits(limits, rule.kind):
            yield how, _swap(limits, (other,))


def _wrong_choices(allowed: tuple[Any, ...]) -> Iterator[tuple[str, Edit]]:
    yield "off", lambda _, metadata: _with(str, metadata)
    if len(allowed) > 1:
        yield "without its first choice", lambda _, m: _with(Literal[allowed[1:]], m)
        yield "without its last choice", lambda _, m: _with(Literal[allowed[:-1]], m)
        yield "in another order", lambda _, m: _with(Literal[allowed[::-1]], m)


def _with(kind: Any, metadata: tuple[Any, ...]) -> Any:
    return Annotated[(kind, *metadata)] if metadata else kind


def _without(unwanted: type) -> Edit:
    return lambda kind, metadata: _with(kind, tuple(one for one in metadata if not isinstance(one, unwanted)))


def _swap(old: Any, new: tuple[Any, ...]) -> Edit:
    def edit(kind: Any, metadata: tuple[Any, ...]) -> Any:
        kept = [part for one in metadata for part in (new if one is old else (one,))]
        return _with(kind, tuple(kept))

    return edit


def _longer(step: int) -> Edit:
    def edit(kind: Any, metadata: tuple[Any, ...]) -> Any:
        moved = [MaxLen(one.max_length + step) if isinstance(one, MaxLen) else one for one in metadata]
        return _with(kind, tuple(moved))

    return edit


def _farther(bound: Any, step: float) -> Edit:
    name = bound.__name__.lower()

    def edit(kind: Any, metadata: tuple[Any, ...]) -> Any:
        moved = [bound(getattr(one, name) + step) if isinstance(one, bound) else one for one in metadata]
        return _with(kind, tuple(moved))

    return edit


def _coerced(kind: Any) -> Callable[[Any], Any]:
    """What a careless server makes of a value of the wrong type."""
    if kind is str:
        return lambda value: value if value is None or isinstance(value, str) else str(value)
    if kind is bool:
        return bool
    if kind in (int, float):
        return lambda value: value if type(value) in (kind, int) else 1
    if get_origin(kind) is list:
        return lambda value: value if value is None or isinstance(value, list) else []
    return lambda value: value if isinstance(value, dict | Model) else {}


def _lenient(model: Any, kind: str) -> Any:
    """A model that takes no body, or one of the wrong type, for a usual one."""

    usual = Builder().object(model)

    def before(_: Any, value: Any) -> Any:
        wrong = value is None if kind == "required" else not isinstance(value, dict | type(None))
        return usual if wrong else value

    validators: Any = {"_lenient": model_validator(mode="before")(classmethod(before))}
    return create_model(model.__name__, __base__=model, __validators__=validators)


def _at(
    model: Any,
    path: str,
    edit: Edit,
    requirement: Requirement | None = None,
    instead: tuple[Requirement, ...] = (),
    *,
    required: bool = True,
) -> Any:
    """A copy of the model with the annotation at a path edited, or the requirement of the object there."""
    steps = [step for part in path.split(".") if part for step in (part.rstrip("[]"), *["[]"] * part.count("[]"))]
    return _model(model, steps, _Change(edit, requirement, instead, required=required))


@dataclass(frozen=True)
class _Change:
    edit: Edit
    requirement: Requirement | None
    instead: tuple[Requirement, ...]
    required: bool


def _model(model: Any, steps: list[str], change: _Change) -> Any:
    if not steps:
        assert change.requirement in model.requirements
        kept = [
            part for one in model.requirements for part in (change.instead if one is change.requirement else (one,))
        ]
        copied = create_model(model.__name__, __base__=model)
        copied.requirements = tuple(kept)
        return copied
    field = model.model_fields[steps[0]]
    kind = _annotation(field.annotation, tuple(field.metadata), steps[1:], change)
    if not change.required and len(steps) == 1:
        return create_model(model.__name__, __base__=model, **{steps[0]: (kind | None, None)})
    default: Any = ...
    if not field.is_required():
        factory = field.default_factory
        default = Field(default_factory=factory) if factory else Field(default=field.default)
    return create_model(model.__name__, __base__=model, **{steps[0]: (kind, default)})


def _annotation(kind: Any, metadata: tuple[Any, ...], steps: list[str], change: _Change) -> Any:
    bare, inner = bare_type(kind)
    metadata += inner
    if steps and steps[0] == "[]":
        new = _with(list[_annotation(get_args(bare)[0], (), steps[1:], change)], metadata)
    elif steps or (change.requirement is not None and change.requirement not in metadata):
        new = _with(_model(bare, steps, change), metadata)
    else:
        new = change.edit(bare, metadata)
    return Union[new, None] if takes_null(kind) else new  # noqa: UP007 - `|` is for what is known before it runs


def _wrong_limits(limits: Limits, kind: str) -> Iterator[tuple[str, Limits]]:
    """Limits that do not see one kind of finding, and those that are a little too wide or too narrow."""
    yield "off", _blind(limits, kind)
    steps: dict[str, tuple[tuple[str, float], ...]] = {
        "max_bytes": (("max_bytes", 1), ("max_bytes", -1)),
        "format": (),
    }
    for side in ("min", "max"):
        steps[f"{side}_pixels"] = tuple((f"{side}_{name}", step) for name in ("width", "height") for step in (1, -1))
        steps[f"{side}_fps"] = tuple((f"{side}_fps", step) for step in (0.1, -0.1))
        steps[f"{side}_seconds"] = tuple((f"{side}_seconds", step) for step in (0.001, -0.001))
    steps["ratio"] = tuple((name, step) for name in ("min_ratio", "max_ratio") for step in (0.01, -0.01))
    for name, step in steps.get(kind, ()):
        yield f"with {name} moved by {step:g}", replace(limits, **{name: getattr(limits, name) + step})
    if kind == "format":
        yield "without its last format", replace(limits, formats=limits.formats[:-1])


def _blind(limits: Limits, kind: str) -> Limits:
    """Limits that find nothing of one kind."""
    seen = type(limits)

    class Blind(seen):  # type: ignore[valid-type, misc]
        def judge(self, facts: Any) -> Iterator[BrokenLimit]:
            if kind == "format" and isinstance(self, ClipLimits):
                facts = replace(facts, format=self.formats[0])
            return (one for one in super().judge(facts) if one.kind != kind)

        def too_large(self) -> Any:
            return None if kind == "max_bytes" else super().too_large()

        def unreachable(self, why: Any) -> Any:
            found = "reachable" if isinstance(why, Missing) else "readable"
            return None if kind == found else super().unreachable(why)

    return Blind(**vars(limits))


@dataclass(frozen=True)
class Judged:
    """Answers in this process, as an emulator of one edition would over HTTP."""

    edition: Edition
    fused: bool = False

    def check(self, endpoint_id: str, arguments: Any) -> None:
        """All may be asked."""

    def lay(self, body: Body) -> Body:
        """Media are found where they are."""
        _shelf.update(body.media)
        return body

    def ask(self, endpoint_id: str, arguments: Any) -> Answer:
        assert endpoint_id == self.edition.endpoint.id
        try:
            report = judge(self.edition, arguments, _open)
        except Exception as error:  # noqa: BLE001 - whatever a wrong edition does, a server answers something
            return Answer(500, {}, jsonio.dump({"detail": repr(error)}))
        if not report.ok:
            return Answer(422, {}, jsonio.dump({"detail": [error.wire() for error in report.errors]}))
        units = "0" if report.cost is None else str(float(report.cost.units))
        return Answer(200, {"x-fal-billable-units": units}, b"{}")


_shelf: dict[str, Any] = {}


def _open(address: str) -> Any:
    return _shelf[address].content if address in _shelf else open_data_uris(address)


def edition(endpoint_id: str, contract: str = "latest") -> Edition:
    """An edition, by the id of its endpoint."""
    return BUILT_IN.find(endpoint_id).edition(contract)
