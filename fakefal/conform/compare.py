"""Compares an answer with the contract's prediction for the body; parts without a source may differ."""

from __future__ import annotations

import json
from http import HTTPStatus

from fakefal.conform.results import ClaimState, Differs
from fakefal.conform.spend_guard import UNITS
from fakefal.conform.target import Answer
from fakefal_contracts import Edition, Grade, Report, Stage, Violation
from fakefal_contracts.rulebooks import rulebook

EVERYTHING = frozenset({"type", "loc", "msg", "input", "ctx", "url"})
FORM = frozenset({"type", "loc"})
PLACE = frozenset({"loc"})


def compare(edition: Edition, predicted: Report, answer: Answer, *, to_the_word: bool = False) -> ClaimState:
    """Whether the answer is as predicted, or differs only in words that are this project's own.

    With `to_the_word` those words must match too: for a target that is fakefal itself.

    Raises:
        Differs: it is not as predicted; the message describes the difference.
    """
    if predicted.ok:
        _accepted(predicted, answer)
        return ClaimState.AGREED
    if answer.status != HTTPStatus.UNPROCESSABLE_ENTITY:
        broken = ", ".join(error.rule.id for error in predicted.errors)
        raise Differs(f"expected 422 for {broken}; here {answer}")
    detail = answer.json.get("detail") if isinstance(answer.json, dict) else None
    expected = [error.wire() for error in predicted.errors]
    if not isinstance(detail, list) or len(detail) != len(expected):
        raise Differs(f"expected {len(expected)} items, {json.dumps(expected)}; here {answer}")
    worded = False
    for error, item, found in zip(predicted.errors, expected, detail, strict=True):
        if item == found:
            continue
        known = EVERYTHING if to_the_word else certain(edition, error)
        for name in sorted(known):
            if not isinstance(found, dict) or item.get(name) != found.get(name):
                raise Differs(f"{error.rule.id}: expected {json.dumps(item)}; here {json.dumps(found)}")
        worded = True
    return ClaimState.WORDED if worded else ClaimState.AGREED


def certain(edition: Edition, error: Violation) -> frozenset[str]:
    """The members of an error item that a source shows, or that are pydantic's own.

    For measured media the limit is documented, and the form of its refusal inferred.
    """
    if error.stage is Stage.SCHEMA and error.type != "value_error":
        return EVERYTHING
    if all(rule.id != error.rule.id for _, rule, _ in rulebook(edition).written()):
        return PLACE
    evidence = error.rule.evidence
    return EVERYTHING if evidence.grade is Grade.OBSERVED and "inferred" not in evidence.source else FORM


def _accepted(predicted: Report, answer: Answer) -> None:
    if answer.status != HTTPStatus.OK:
        raise Differs(f"expected to be accepted; here {answer}")
    if predicted.cost is None:
        return  # its cost is unknown
    units = answer.headers.get(UNITS)
    try:
        equal = float(units or "none") == float(predicted.cost.units)
    except ValueError:
        equal = False
    if not equal:
        raise Differs(f"expected a bill of {predicted.cost.units} ({predicted.cost.unit}); here {UNITS} is {units}")
