"""Effects (failures and endings, by name) and the rules that choose them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from fakefal.core.grammar import rule_text
from fakefal.core.sealed import sealed


@dataclass(frozen=True)
class Effect:
    """One effect and its arguments. Its text form is defined in `fakefal.core.grammar`."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return rule_text(self.name, self.arguments, {})


@sealed
class Occasion:
    """The parts of a call that rules compare; `number` counts the calls of its key from 1.

    The prompt is empty until the body is read.
    """

    endpoint_id: str
    key: str
    prompt: str
    number: int


@dataclass(frozen=True)
class EffectRule:
    """The conditions of an effect; its text form has the same grammar. An omitted condition matches everything.

    `endpoint` is the end of an endpoint id, `prompt` a part of the prompt and `nth` the number of the request for its
    key. `probability` is a share from 0 to 1; the draw depends on the seed, the number and the rule itself.
    """

    effect: Effect
    endpoint: str = ""
    key: str | None = None
    prompt: str = ""
    nth: int | None = None
    probability: float = 1.0

    @property
    def conditions(self) -> dict[str, Any]:
        """The conditions that are set."""
        return {one.name: getattr(self, one.name) for one in fields(self)[1:] if getattr(self, one.name) != one.default}

    def __str__(self) -> str:
        return rule_text(self.effect.name, self.effect.arguments, self.conditions)

    def matches(self, occasion: Occasion, seed: str) -> bool:
        """Whether the effect applies to this request."""
        return (
            occasion.endpoint_id.endswith(self.endpoint)
            and (self.key is None or self.key == occasion.key)
            and self.prompt in occasion.prompt
            and (self.nth is None or self.nth == occasion.number)
            and (self.probability == 1 or _draw(f"{seed}/{occasion.key}/{occasion.number}/{self}") < self.probability)
        )


def _draw(seed: str) -> float:
    """A number from 0 up to, but not including, 1: the same for the same seed."""
    digest = hashlib.blake2b(seed.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
