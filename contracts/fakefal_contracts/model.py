"""The base of every input model, and the walk over its fields that rules and media are read from."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, model_validator

from fakefal_contracts.evidence import Evidence, observed
from fakefal_contracts.media import Facts
from fakefal_contracts.rule import Requirement, Stage

Loc = tuple[str | int, ...]


@dataclass(frozen=True)
class Caution:
    """A rule that refuses nothing: what the service accepts and the caller probably did not mean."""

    code: str
    says: str
    evidence: Evidence


@dataclass(frozen=True)
class Advice:
    """One occasion for a caution: where, and what to change."""

    caution: Caution
    loc: Loc
    msg: str
    hint: str

    @property
    def code(self) -> str:
        """The last part of the caution's name."""
        return self.caution.code


UNKNOWN_KEY = Caution(
    "unknown_key",
    "keys that the endpoint does not have are ignored",
    observed("negative_prompt sent to o3/pro/reference-to-video without effect", "2026-09-16"),
)


class Model(BaseModel):
    """An object of a request body.  Unknown keys are ignored, as fal does (observed September 2026)."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    requirements: ClassVar[tuple[Requirement, ...]] = ()
    """Rules about the whole object, judged in this order; like pydantic, the first failure ends it."""

    printed_in: ClassVar[Evidence | None] = None
    """Where this object's schema is printed, if not where its endpoint's is."""

    @model_validator(mode="after")
    def _whole_object(self) -> Self:
        for requirement in self.requirements:
            if requirement.stage is Stage.SCHEMA:
                requirement.enforce(self)
        return self


class Input(Model):
    """The arguments of one endpoint, and what they mean for the clip and the bill.

    Each endpoint has a class of its own, whose `output_type` names the model of its result: so a class
    stands for its endpoint, in the catalogue and for type checkers.
    """

    cautions: ClassVar[tuple[Caution, ...]] = (UNKNOWN_KEY,)
    """Every caution that `advice`, `media_advice` and the validator can give for this endpoint."""

    output_title: ClassVar[str]
    """fal's own name for the schema of the result."""

    @classmethod
    def output_type(cls) -> type[BaseModel]:
        """The model of the result."""
        raise NotImplementedError

    def seconds(self) -> int:
        """The seconds that are billed."""
        raise NotImplementedError

    def clip_seconds(self) -> int:
        """The seconds of the clip that comes back."""
        return self.seconds()

    def audio(self) -> bool:
        """Whether the clip has a sound track."""
        return False

    def uses_clip(self) -> bool:
        """Whether the request brings a clip of its own."""
        return False

    def ratio(self) -> str | None:
        """The frame shape, for example ``16:9``; None where it follows the first picture."""
        return None

    def first_frame(self) -> str | None:
        """The address of the picture that the clip starts with."""
        return None

    def advice(self) -> Iterator[Advice]:
        """Warnings: what the service accepts and the caller probably did not mean."""
        return iter(())

    def media_advice(self, loc: Loc, facts: Facts) -> Iterator[Advice]:  # noqa: ARG002 - others need them
        """Warnings about one of the media, of which this is known; it broke no limit."""
        return iter(())


@dataclass(frozen=True)
class Spot:
    """One place in a model: a field, or the items of a list field.

    `path` writes list items as ``[]``; `kind` is the bare type; `metadata` is what the annotation
    carries there; `required` tells whether the key must be present; `owner` is the model it is in.
    """

    path: str
    kind: Any
    metadata: tuple[Any, ...]
    owner: type[Model]
    required: bool = False


def spots(model: type[Model]) -> Iterator[Spot]:
    """Every place of a model, outermost first; the model itself comes first with an empty path."""
    yield Spot("", model, (), model, required=True)
    yield from _fields(model, "")


def _fields(model: type[Model], prefix: str) -> Iterator[Spot]:
    for name, field in model.model_fields.items():
        path = f"{prefix}.{name}" if prefix else name
        spot = Spot(path, field.annotation, tuple(field.metadata), model, field.is_required())
        yield from _annotation(spot)


def _annotation(spot: Spot) -> Iterator[Spot]:
    """The spot with its bare type, and what lies inside it."""
    bare, inner = bare_type(spot.kind)
    yield replace(spot, kind=bare, metadata=spot.metadata + inner)
    if get_origin(bare) is list:
        yield from _annotation(Spot(f"{spot.path}[]", get_args(bare)[0], (), spot.owner))
    elif isinstance(bare, type) and issubclass(bare, Model):
        yield from _fields(bare, spot.path)


def bare_type(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    """An annotation without ``| None`` and without its metadata, and that metadata."""
    metadata: tuple[Any, ...] = ()
    while True:
        if get_origin(kind) is Annotated:
            kind, *more = get_args(kind)
            metadata += tuple(more)
        elif get_origin(kind) in (Union, types.UnionType):
            (kind,) = (part for part in get_args(kind) if part is not type(None))
        else:
            return kind, metadata


def path_of(loc: Loc) -> str:
    """A location as the path of its spot: ``("elements", 0, "video_url")`` is ``elements[].video_url``."""
    path = ""
    for part in loc:
        path += "[]" if isinstance(part, int) else f".{part}" if path else part
    return path


def choices(kind: Any) -> tuple[str, ...] | None:
    """The values of a ``Literal``, else None."""
    return get_args(kind) if get_origin(kind) is Literal else None
