"""All rules of one edition, read off its model, and the way from an error item back to its rule."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, get_origin

from annotated_types import MaxLen

from fakefal_contracts.endpoint import Edition
from fakefal_contracts.evidence import Evidence, inferred, observed
from fakefal_contracts.media import Limits
from fakefal_contracts.model import Model, Spot, choices, spots
from fakefal_contracts.rule import Requirement, Rule

_MISSING = observed("`missing` at `prompt` quoted for an O1 endpoint", "2026-09-20")
_NO_BODY = inferred("what FastAPI 0.136 answers, on which fal's runners are built", "2026-11-20")
_JSON_NAMES = {str: "a string", bool: "a boolean"}

#: pydantic's error types by the rule they break.  Everything else that it can report about these
#: models is a wrong type.
_KINDS = {"missing": "required", "literal_error": "one_of", "string_too_long": "max_length"}


class Rulebook:
    """The rules of one edition, in the order of its fields."""

    def __init__(self, edition: Edition) -> None:
        self._rules: dict[tuple[str, str], Rule] = {}
        self._by_message: dict[tuple[str, str], tuple[Rule, Requirement]] = {}
        self._edition = edition
        for spot in spots(edition.model):
            for kind, says, evidence in _schema_rules(spot, edition.evidence):
                self._add(spot.path, kind, says, evidence)
            for requirement in _requirements(spot):
                rule = self._add(
                    _join(spot.path, requirement.at), requirement.kind, requirement.says, requirement.evidence
                )
                self._by_message[spot.path, requirement.message] = rule, requirement

    def _add(self, path: str, kind: str, says: str, evidence: Evidence) -> Rule:
        name = ".".join(part for part in (self._edition.endpoint.name, path or "body", kind) if part)
        rule = Rule(name, path, kind, says, evidence)
        assert (path, kind) not in self._rules, f"two rules named {name}"
        self._rules[path, kind] = rule
        return rule

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules.values())

    def written(self) -> Iterator[tuple[str, Rule, Requirement]]:
        """The rules that were written by hand, each behind the place of the value that it looks at."""
        for (path, _), (rule, requirement) in self._by_message.items():
            yield path, rule, requirement

    def get(self, path: str, kind: str) -> Rule:
        """The rule of this kind at this place."""
        return self._rules[path, kind]

    def of_item(self, path: str, error_type: str, ctx: dict[str, Any]) -> tuple[Rule, Requirement | None]:
        """The rule that a pydantic error breaks, and the requirement behind it if one was written by hand."""
        if error_type == "value_error":
            return self._by_message[path, ctx["error"]]
        kind = _KINDS.get(error_type, "type")
        # a text that is no Unicode is no choice either: pydantic says string_unicode of both
        return self._rules.get((path, kind)) or self._rules[path, "one_of"], None


@lru_cache(maxsize=256)
def rulebook(edition: Edition) -> Rulebook:
    """The rules of an edition; read off its model once."""
    return Rulebook(edition)


def _schema_rules(spot: Spot, evidence: Evidence) -> Iterator[tuple[str, str, Evidence]]:
    evidence = spot.owner.printed_in or evidence
    own = next((extra for extra in spot.metadata if isinstance(extra, Evidence)), evidence)
    if spot.required:
        seen = {"": _NO_BODY, "prompt": _MISSING}
        yield "required", "must be present", seen.get(spot.path, evidence)
    if allowed := choices(spot.kind):
        yield "one_of", " or ".join(f'"{value}"' for value in allowed), evidence
    else:
        yield "type", _type_name(spot.kind), evidence
    for extra in spot.metadata:
        if isinstance(extra, MaxLen):
            yield "max_length", f"at most {extra.max_length:,} characters", own
        elif isinstance(extra, Limits):
            for kind, (says, why) in extra.says().items():
                yield kind, says, why


def _requirements(spot: Spot) -> Iterator[Requirement]:
    yield from (extra for extra in spot.metadata if isinstance(extra, Requirement))
    if isinstance(spot.kind, type) and issubclass(spot.kind, Model):
        yield from spot.kind.requirements


def _type_name(kind: Any) -> str:
    if get_origin(kind) is list:
        return "a list"
    return _JSON_NAMES.get(kind, "an object")


def _join(path: str, field: str) -> str:
    return f"{path}.{field}" if path and field else path or field
