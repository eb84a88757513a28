"""All rules of one edition, read from its model, and a lookup from an error item to its rule."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, get_origin

from pydantic import AnyUrl

from fakefal_contracts.endpoint import Edition
from fakefal_contracts.evidence import Evidence, inferred, observed
from fakefal_contracts.media import Limits
from fakefal_contracts.model import Spot, bare_type, branches, choices, is_model, spots, wire_fields
from fakefal_contracts.rule import Requirement, Rule

_MISSING = observed("`missing` at `prompt` quoted for an O1 endpoint", "2026-09-20")
_NO_BODY = inferred("what FastAPI 0.136 answers, on which fal's runners are built", "2026-11-20")
_SEEN = {"": _NO_BODY, "prompt": _MISSING}
_JSON_NAMES = {str: "a string", bool: "a boolean", int: "an integer", float: "a number"}

#: Bounds by their names in metadata: the kind of the rule, and its words.
_BOUNDS = {
    "ge": ("minimum", "at least"),
    "gt": ("minimum", "more than"),
    "le": ("maximum", "at most"),
    "lt": ("maximum", "less than"),
    "multiple_of": ("multiple_of", "a multiple of"),
    "pattern": ("pattern", "a text like"),
}

#: pydantic's error types by the rule they break.  Everything else that it can report is a wrong type.
_KINDS = {
    "missing": "required",
    "literal_error": "one_of",
    "enum": "one_of",
    "string_too_long": "max_length",
    "string_too_short": "min_length",
    "string_pattern_mismatch": "pattern",
    "greater_than_equal": "minimum",
    "greater_than": "minimum",
    "less_than_equal": "maximum",
    "less_than": "maximum",
    "multiple_of": "multiple_of",
    "too_short": "min_items",
    "too_long": "max_items",
    "extra_forbidden": "no_other_keys",
    "url_parsing": "address",
    "url_syntax_violation": "address",
    "url_too_long": "address",
    "url_scheme": "address",
}


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
        if (other := self._rules.get((path, kind))) is not None and says not in other.says:
            says = f"{other.says} (or, in another form, {says})"
        rule = self._rules[path, kind] = Rule(name, path, kind, says, evidence)
        return rule

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules.values())

    def written(self) -> Iterator[tuple[str, Rule, Requirement]]:
        """The hand-written rules, each after the place of the value that it checks."""
        for (path, _), (rule, requirement) in self._by_message.items():
            yield path, rule, requirement

    def get(self, path: str, kind: str) -> Rule:
        """The rule of this kind at this place."""
        return self._rules[path, kind]

    def of_item(self, path: str, error_type: str, ctx: dict[str, Any]) -> tuple[Rule, Requirement | None]:
        """The rule that a pydantic error breaks, and its hand-written requirement, if it has one."""
        if error_type == "value_error" and (path, str(ctx.get("error"))) in self._by_message:
            return self._by_message[path, str(ctx["error"])]
        for kind in (_KINDS.get(error_type, "type"), "type", "one_of"):
            if rule := self._rules.get((path, kind)):
                return rule, None
        return self._rules["", "type"], None


@lru_cache(maxsize=256)
def rulebook(edition: Edition) -> Rulebook:
    """The rules of an edition; read from its model once."""
    return Rulebook(edition)


def _schema_rules(spot: Spot, evidence: Evidence) -> Iterator[tuple[str, str, Evidence]]:
    evidence = spot.owner.printed_in or evidence
    own = next((extra for extra in spot.metadata if isinstance(extra, Evidence)), evidence)
    if spot.required:
        yield "required", "must be present", _SEEN.get(spot.path, evidence)
    found = branches(spot.kind)
    if len(found) == 1 and (allowed := choices(spot.kind)):
        yield "one_of", " or ".join(json.dumps(value, default=str) for value in allowed), evidence
    else:
        yield "type", type_name(spot.kind), evidence
    for branch in found:
        bare, metadata = bare_type(branch)
        if len(found) > 1 and (allowed := choices(bare)):
            yield "one_of", " or ".join(json.dumps(value, default=str) for value in allowed), evidence
        if is_model(bare) and bare.model_config.get("extra") == "forbid":
            yield "no_other_keys", f"no other keys than {', '.join(key for key, _, _ in wire_fields(bare))}", evidence
        if isinstance(bare, type) and issubclass(bare, AnyUrl):
            yield "address", "an address with its scheme, such as https://", evidence
        for extra in (*metadata, *(spot.metadata if branch is found[0] else ())):
            yield from _limit_rules(extra, bare, own)


def _limit_rules(extra: Any, bare: Any, evidence: Evidence) -> Iterator[tuple[str, str, Evidence]]:
    """The rules of one metadata object, by the names of its bounds in `annotated_types` and pydantic."""
    if isinstance(extra, Limits):
        yield from ((kind, says, why) for kind, (says, why) in extra.says().items())
        return
    what, noun = ("items", "item") if get_origin(bare) in (list, set, tuple) else ("length", "character")
    for name, words in (("max", "at most"), ("min", "at least")):
        if (count := getattr(extra, f"{name}_length", None)) is not None:
            yield f"{name}_{what}", f"{words} {_count(count, noun)}", evidence
    for name, (kind, words) in _BOUNDS.items():
        if (bound := getattr(extra, name, None)) is not None:
            yield kind, f"{words} {bound}", evidence


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _requirements(spot: Spot) -> Iterator[Requirement]:
    yield from (extra for extra in spot.metadata if isinstance(extra, Requirement))
    for branch in branches(spot.kind):
        bare, _ = bare_type(branch)
        if is_model(bare):
            yield from bare.requirements


def type_name(kind: Any) -> str:
    """JSON's name for the values of a type: ``a string or an object``."""
    names = dict.fromkeys(_json_name(bare_type(one)[0]) for one in branches(kind))
    return "anything" if "anything" in names else " or ".join(names)


def _json_name(bare: Any) -> str:
    if allowed := choices(bare):
        return " or ".join(dict.fromkeys(_JSON_NAMES.get(type(value), "a value") for value in allowed))
    if get_origin(bare) in (list, set, tuple):
        return "a list"
    if bare is Any:
        return "anything"
    return _JSON_NAMES.get(bare, "an object" if is_model(bare) or get_origin(bare) is dict else "a string")


def _join(path: str, field: str) -> str:
    return f"{path}.{field}" if path and field else path or field
