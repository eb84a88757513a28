"""The base of every input model, and the walk over its fields that rules and media are read from."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from functools import cache, lru_cache
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.fields import FieldInfo

from fakefal_contracts.evidence import Evidence, observed
from fakefal_contracts.media import Facts
from fakefal_contracts.rule import Requirement, Stage

Loc = tuple[str | int, ...]

_LENGTHS = ("duration", "seconds_total", "duration_seconds", "length_seconds", "music_duration", "total_seconds")
_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?s?(?:ec|econds)?")

#: Width and height behind fal's names of sizes, as its clients and pages give them (2026).
IMAGE_SIZES = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}


@dataclass(frozen=True)
class Caution:
    """A rule that refuses nothing: what the service accepts and the caller probably did not mean."""

    code: str
    says: str
    evidence: Evidence


@dataclass(frozen=True)
class Advice:
    """One warning about a request: where, and what to change."""

    caution: Caution
    loc: Loc
    msg: str
    hint: str

    @property
    def code(self) -> str:
        """The last part of the name of the warning."""
        return self.caution.code


UNKNOWN_KEY = Caution(
    "unknown_key",
    "keys that the endpoint does not have are ignored",
    observed("negative_prompt sent to o3/pro/reference-to-video without effect", "2026-09-16"),
)


class Output(BaseModel):
    """A result, or an object in one; its validator is built when it is first asked for."""

    model_config = ConfigDict(defer_build=True)


T = TypeVar("T")


class LazyAttribute(Generic[T]):
    """A `cached_property` without the lock that this has before Python 3.12, which takes longer than a small search."""

    def __init__(self, find: Callable[[Any], T]) -> None:
        self._find, self._name, self.__doc__ = find, find.__name__, find.__doc__

    def __get__(self, instance: Any, owner: type[Any]) -> T:
        if instance is None:
            return self  # type: ignore[return-value]
        found = instance.__dict__[self._name] = self._find(instance)
        return found


class Model(BaseModel):
    """An object of a request body.  Unknown keys are ignored, as fal does (observed September 2026)."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, defer_build=True, protected_namespaces=(), ignored_types=(LazyAttribute,)
    )

    requirements: ClassVar[tuple[Requirement, ...]] = ()
    """Rules about the whole object, judged in this order; like pydantic, the first failure ends it."""

    printed_in: ClassVar[Evidence | None] = None
    """Where this object's schema is printed, if not where its endpoint's is."""

    def argument(self, *keys: str) -> Any:
        """The first of these arguments that the model has and that is not null."""
        given = self.given
        for key in keys:
            if key in given:
                return given[key]
        return None

    @LazyAttribute
    def given(self) -> dict[str, Any]:
        """The arguments that are not null, under their names on the wire."""
        values = self.__dict__
        return {
            key: one.value if isinstance(one, Enum) else one
            for key, name in field_names(type(self)).items()
            if (one := values[name]) is not None
        }


class RuledModel(Model):
    """An object with rules about the whole of it.

    Not every `Model` is one: pydantic shows a validator's name where the object is a branch of a union.
    """

    @model_validator(mode="after")
    def _whole_object(self) -> Self:
        for requirement in self.requirements:
            if requirement.stage is Stage.SCHEMA:
                requirement.enforce(self)
        return self


class Input(RuledModel):
    """The arguments of one endpoint, and what they mean for the clip and the bill.

    Each endpoint has a class of its own, whose `output_type` names the model of its result: so a class
    stands for its endpoint, in the catalogue and for type checkers.
    """

    cautions: ClassVar[tuple[Caution, ...]] = (UNKNOWN_KEY,)
    """Every caution that `advice`, `media_advice` and the validator can give for this endpoint."""

    follows: ClassVar[str] = ""
    """The argument whose file is as long as the result, where the arguments say no seconds."""

    endpoint_id: ClassVar[str] = ""
    """The endpoint that takes them; empty for a class that is no endpoint's."""

    @classmethod
    def output_type(cls) -> type[BaseModel]:
        """The model of the result."""
        raise NotImplementedError

    def seconds(self) -> Decimal | None:
        """The seconds that are billed; None where the arguments do not tell (they may follow an input file)."""
        duration = self.argument(*_LENGTHS)
        if duration is not None and not isinstance(duration, bool):
            found = _NUMBER.fullmatch(str(duration))
            return Decimal(found[1]) if found else None
        if isinstance(milliseconds := self.argument("music_length_ms"), int):
            return Decimal(milliseconds) / 1000
        if self.argument("use_calculated_fps") is not None:  # its frames are those between two of the input
            return None
        frames, rate = self.argument("num_frames"), self.argument("frames_per_second", "fps")
        if isinstance(frames, int) and isinstance(rate, int | float) and rate > 0:
            return round(Decimal(frames) / Decimal(str(rate)), 3)
        return None

    def clip_seconds(self) -> Decimal | None:
        """The seconds of the clip that comes back."""
        return self.seconds()

    def pictures(self) -> int:
        """How many pictures come back where the result is pictures."""
        count = self.argument("num_images", "num_samples", "batch_size", "max_images")
        return count if isinstance(count, int) and count > 0 else 1

    def pixels(self) -> int | None:
        """The pixels of one picture; None where the arguments do not tell."""
        size = self.argument("image_size")
        if isinstance(size, Model):
            wide, high = size.argument("width"), size.argument("height")
        else:
            wide, high = IMAGE_SIZES.get(str(size), (self.argument("width"), self.argument("height")))
        return wide * high if isinstance(wide, int) and isinstance(high, int) else None

    def characters(self) -> int:
        """The characters of the text that is spoken or read."""
        return len(str(self.argument("text", "prompt", "input") or ""))

    def audio(self) -> bool:
        """Whether the clip has a sound track."""
        return self.argument("generate_audio") is True

    def uses_clip(self) -> bool:
        """Whether the request brings a clip of its own."""
        return False

    def uses_voice(self) -> bool:
        """Whether the request names voices that were made before."""
        return False

    def ratio(self) -> str | None:
        """The frame shape, for example ``16:9``; None where it follows the first picture."""
        shape = self.argument("aspect_ratio")
        return shape if isinstance(shape, str) else None

    def first_frame(self) -> str | None:
        """The address of the picture that the clip starts with."""
        return None

    def advice(self) -> Iterable[Advice]:
        """Warnings: what the service accepts and the caller probably did not mean."""
        return ()

    def media_advice(self, loc: Loc, facts: Facts) -> Iterator[Advice]:  # noqa: ARG002 - others need them
        """Warnings about one of the media, of which this is known; it broke no limit."""
        return iter(())


@dataclass(frozen=True)
class Spot:
    """One place in a model: a field, the items of a list, or the values of a dictionary.

    `path` writes list items as ``[]`` and values of a dictionary as ``.*``; the branches of a union share one
    path.  `kind` is the type without null and metadata, perhaps a union; `metadata` is what the annotation
    carries there; `required` tells whether the key must be present; `owner` is the model it is in.
    """

    path: str
    kind: Any
    metadata: tuple[Any, ...]
    owner: type[Model]
    required: bool = False
    nullable: bool = False

    @property
    def key(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]

    def inside(self) -> Iterator[Spot]:
        """The places directly inside this one."""
        for branch in branches(self.kind):
            bare, _ = bare_type(branch)
            if is_model(bare):
                prefix = f"{self.path}." if self.path else ""
                for key, _, field in wire_fields(bare):
                    metadata = tuple(field.metadata)
                    yield _spot(f"{prefix}{key}", field.annotation, metadata, bare, required=field.is_required())
            elif held := _held(bare):
                suffix = ".*" if get_origin(bare) is dict else "[]"
                yield _spot(self.path + suffix, held, (), self.owner)


def _spot(path: str, kind: Any, metadata: tuple[Any, ...], owner: type[Model], *, required: bool = False) -> Spot:
    bare, inner = bare_type(kind)
    return Spot(path, bare, metadata + inner, owner, required, takes_null(kind))


def _held(bare: Any) -> Any:
    """The annotation of what a list, a set, a tuple or a dictionary holds; None for everything else."""
    if get_origin(bare) in (list, set, tuple, dict):
        return get_args(bare)[-1]
    return None


@lru_cache(maxsize=1024)
def spots(model: type[Model]) -> tuple[Spot, ...]:
    """Every place of a model, outermost first; the model itself comes first with an empty path."""

    def walk(spot: Spot) -> Iterator[Spot]:
        yield spot
        for one in spot.inside():
            yield from walk(one)

    return tuple(walk(Spot("", model, (), model, required=True)))


def spot_at(model: type[Model], loc: Loc) -> Spot:
    """The place that pydantic names, or the innermost one around it that is known.

    A location carries a step for each branch of a union that was tried, which is none in a path.
    """
    spot = Spot("", model, (), model, required=True)
    for step in loc:
        if narrowed := _branch(spot, step):
            spot = narrowed
        elif (found := _inner(spot, step)) is None:
            return spot
        else:
            spot = found
    return spot


def _branch(spot: Spot, step: str | int) -> Spot | None:
    """The place as one branch of its union, where the step is the name that pydantic has for that branch."""
    found = branches(spot.kind)
    if len(found) == 1 or not isinstance(step, str):
        return None
    for branch in found:
        bare, metadata = bare_type(branch)
        if step == _label(bare) or step.startswith(f"{_label(bare)}["):
            return replace(spot, kind=bare, metadata=spot.metadata + metadata)
    return spot if step.startswith(_LABELS) else None


_LABELS = ("constrained-", "literal[", "function-", "url", "uuid", "datetime", "date", "is-instance[", "nullable[")


def _label(bare: Any) -> str:
    if origin := get_origin(bare):
        return "literal" if origin is Literal else str(origin.__name__)
    return str(getattr(bare, "__name__", bare))


def _inner(spot: Spot, step: str | int) -> Spot | None:
    suffixes = ("[]",) if isinstance(step, int) else (f".{step}", ".*")
    wanted = {f"{spot.path}{suffix}" if spot.path else suffix.removeprefix(".") for suffix in suffixes}
    return next((one for one in spot.inside() if one.path in wanted), None)


@cache
def wire_fields(model: type[BaseModel]) -> tuple[tuple[str, str, FieldInfo], ...]:
    """The fields of an object: the key on the wire, the attribute, and the field."""
    return tuple((field.alias or name, name, field) for name, field in model.model_fields.items())


@cache
def field_names(model: type[BaseModel]) -> dict[str, str]:
    """The keys that an object has on the wire, in their order, and the attribute of each."""
    return {key: name for key, name, _ in wire_fields(model)}


def is_model(bare: Any) -> bool:
    """Whether a type is a class of ours for objects."""
    return isinstance(bare, type) and issubclass(bare, Model)


def branches(kind: Any) -> tuple[Any, ...]:
    """The branches of a union without null; of any other type, itself."""
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(part for part in get_args(kind) if part is not type(None))
    return (kind,)


def takes_null(kind: Any) -> bool:
    """Whether an annotation allows null."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, types.UnionType):
        return any(part is type(None) or takes_null(part) for part in get_args(kind))
    return kind in (None, type(None), Any)


def bare_type(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    """An annotation without ``| None`` and without its metadata, and that metadata; a real union stays one."""
    metadata: tuple[Any, ...] = ()
    while True:
        if get_origin(kind) is Annotated:
            kind, *more = get_args(kind)
            metadata += tuple(
                one for extra in more for one in (extra.metadata if isinstance(extra, FieldInfo) else [extra])
            )
        elif len(found := branches(kind)) == 1 and found[0] is not kind:
            kind = found[0]
        elif len(found) > 1 and type(None) in get_args(kind):
            kind = Union[found]  # noqa: UP007
        else:
            return kind, metadata


def path_of(loc: Loc) -> str:
    """The path of a value that was found by walking a body: ``elements[].video_url`` of the first element's clip."""
    path = ""
    for part in loc:
        path += "[]" if isinstance(part, int) else f".{part}" if path else part
    return path


def choices(kind: Any) -> tuple[Any, ...] | None:
    """The values of a ``Literal`` or an ``Enum``, else None."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return tuple(one.value for one in kind)
    return get_args(kind) if get_origin(kind) is Literal else None
