"""Rules: every constraint has a name, the field it guards and the evidence for it.

A rule comes from one of three places, and each knows how to describe itself:

* the schema (required, type, one_of, max_length): read off the model by `rulebook`;
* a `Requirement`: written by hand into the annotation or onto the model it guards;
* media limits (`fakefal_contracts.media`): written into the annotation of the field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from fakefal_contracts.evidence import Evidence

ERRORS_PAGE = "https://docs.fal.ai/errors#"
"""Where fal's own error items point; the fragment is the error type."""


@dataclass(frozen=True)
class Rule:
    """One constraint of one endpoint.

    `id` carries the endpoint's path without fal's prefix, the field and the kind, for example
    ``o1.standard.image-to-video.duration.one_of``.  `field` writes list items as ``[]``.
    """

    id: str
    field: str
    kind: str
    says: str
    evidence: Evidence


class Stage(Enum):
    """When a rule is judged; later stages run only if the earlier ones found no error."""

    SCHEMA = 1
    """fal's own validation of the body: pydantic items, `{"type","loc","msg","input","ctx"}`."""
    MODEL = 2
    """The model behind it: fal's items, `{"loc","msg","type","url","ctx","input"}`."""
    MEDIA = 3
    """The model behind it, about an argument and the file that it names: judged once the media are known."""


class Looked(NamedTuple):
    """The arguments of a request, and what is known of the file that a rule is about."""

    arguments: Any
    facts: Any


@dataclass(frozen=True)
class Requirement:
    """A hand-written rule about a value, or about the object that it is written on.

    As metadata of an annotation it guards that value; in a model's `requirements` it guards the
    whole object.  `at` moves the reported place to a field of the object.  `holds` gets the parsed
    value and returns whether all is well; in the stage of media it gets a `Looked`.  `ctx` makes what the item
    says beside its message, whose placeholders it fills.
    """

    kind: str
    says: str
    message: str
    holds: Callable[[Any], bool]
    hint: str
    evidence: Evidence
    stage: Stage = Stage.SCHEMA
    at: str = ""
    type: str = "value_error"
    ctx: Callable[[Any], dict[str, Any]] | None = None

    def enforce(self, value: Any) -> Any:
        """Return the value, or raise what pydantic reports as an item of type ``value_error``."""
        if not self.holds(value):
            raise PydanticCustomError("value_error", "Value error, {error}", {"error": self.message})
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.enforce, handler(source))


@dataclass(frozen=True)
class Violation:
    """One broken rule, with all that the error item of fal contains."""

    rule: Rule
    stage: Stage
    loc: tuple[str | int, ...]
    type: str
    msg: str
    input: Any
    ctx: dict[str, Any] | None
    hint: str

    def wire(self) -> dict[str, Any]:
        """The item of the ``detail`` list, with the keys in the order of fal."""
        loc = ["body", *self.loc]
        item: dict[str, Any]
        if self.stage is Stage.SCHEMA:
            item = {"type": self.type, "loc": loc, "msg": self.msg, "input": self.input}
            return item | ({"ctx": self.ctx} if self.ctx else {})
        item = {"loc": loc, "msg": self.msg, "type": self.type, "url": ERRORS_PAGE + self.type}
        return item | ({"ctx": self.ctx} if self.ctx else {}) | {"input": self.input}
