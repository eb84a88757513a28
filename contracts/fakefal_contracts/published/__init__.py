"""What a source says of an endpoint's bodies, in one form for every source.

A source is fal's OpenAPI document (`openapi`), the types of fal's JavaScript client (`typescript`) or
an edition of our own contract (`edition`).  Where a source cannot say something, that is written down
as unsaid, so that its silence is never taken for a difference.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

INPUT, OUTPUT = "input", "output"
"""The first parts of every path: the body that is sent, and the result."""


class Silence(Enum):
    """Why there is no value."""

    ABSENT = "absent"
    """The source says that there is none."""
    UNSAID = "unsaid"
    """The source has no way of saying it."""


ABSENT, UNSAID = Silence.ABSENT, Silence.UNSAID


class SourceKind(StrEnum):
    """The kinds of sources."""

    OPENAPI = "openapi"
    TYPESCRIPT = "typescript"
    CONTRACT = "contract"


@dataclass(frozen=True)
class Place:
    """What a source says of one place: a body, a field, or the items of a list.

    `types` are JSON's types without null (empty: anything goes; ``number`` includes ``integer``;
    ``numeric`` is one of the two, unsaid which).  `limits` have the names of JSON schema and of fal's
    ``x-fal`` blocks.  `words` bind nobody: descriptions, examples, the order of fields.
    """

    types: frozenset[str] = frozenset()
    required: bool = True
    nullable: bool | Silence = False
    choices: tuple[Any, ...] | None = None
    default: Any = ABSENT
    limits: Mapping[str, Any] | Silence = field(default_factory=dict)
    words: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Published:
    """One endpoint as one source has it.

    `places` maps paths to places, parents first: ``input``, ``input.elements[].video_url``,
    ``output.video``.  `day` is when the source was last changed, where it says so.
    """

    kind: SourceKind
    source: str
    endpoint_id: str
    day: dt.date | None
    places: Mapping[str, Place]


def parent(path: str) -> str | None:
    """The place that holds a place: ``input.elements`` for ``input.elements[]``; None for a body."""
    if path.endswith("[]"):
        return path.removesuffix("[]")
    return path.rpartition(".")[0] or None
