"""Strategies know every model: what they call valid is accepted, and what breaks a rule is refused by that rule."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings

from fakefal_contracts import BUILT_IN, Catalogue, Rule, check, judge, rulebook
from fakefal_contracts.record import Record, Source
from fakefal_contracts.strategies import Broken, anything, boundaries, invalid, media, valid
from fakefal_contracts.strategies.bodies import Builder
from fakefal_contracts.strategies.broken import breaches
from support.models import sample

few = settings(max_examples=6, derandomize=True, deadline=None)


@pytest.mark.parametrize("endpoint_id", sample())
def test_valid_bodies_are_accepted_and_broken_ones_refused_by_the_one_rule(endpoint_id: str) -> None:
    edition = BUILT_IN.find(endpoint_id).edition("latest")

    @few
    @given(valid(endpoint_id), invalid(endpoint_id), anything(endpoint_id))
    def drawn(arguments: dict[str, Any], broken: Broken, other: Any) -> None:
        assert judge(edition, arguments).ok
        assert broken.explains(judge(edition, broken.arguments, broken.opener).errors), broken
        judge(edition, other)  # whatever comes is judged

    drawn()
    for breach in breaches(edition):
        broken = breach.broken(edition, Builder())
        assert broken.explains(judge(edition, broken.arguments, broken.opener).errors), broken
    for boundary in boundaries(endpoint_id):
        assert judge(edition, boundary.inside.arguments, boundary.inside.opener).ok, boundary


def why_unbroken(rule: Rule) -> str:
    """Why nothing breaks a rule by itself."""
    if rule.says == "anything":
        return "any value is taken"
    if rule.kind in ("reachable", "readable"):
        return "the schema refuses the address before anything is fetched"
    return "another form of the union takes it" if rule.field.startswith("structured_prompt.") else ""


@pytest.mark.parametrize("endpoint_id", sample())
def test_every_rule_is_broken_but_where_nothing_is_wrong(endpoint_id: str) -> None:
    edition = BUILT_IN.find(endpoint_id).edition("latest")
    broken = {breach.rule.id for breach in breaches(edition)}
    unbroken = [rule for rule in rulebook(edition) if rule.id not in broken]
    assert [rule.id for rule in unbroken if not why_unbroken(rule)] == []
    for rule in unbroken:
        with pytest.raises(ValueError, match="nothing breaks"):
            invalid(endpoint_id, rules=[rule.id])


def test_every_kind_of_rule_of_the_catalogue_is_looked_at() -> None:
    looked_at = {rule.kind for one in sample() for rule in rulebook(BUILT_IN.find(one).edition("latest"))}
    assert looked_at >= {
        "required", "type", "one_of", "max_length", "min_length", "pattern", "minimum", "maximum", "multiple_of",
        "min_items", "max_items", "no_other_keys", "address", "reachable", "readable", "max_bytes",
        "min_seconds", "max_seconds", "min_pixels", "max_pixels", "ratio", "min_fps", "max_fps",
    }  # fmt: skip


def own(**fields: dict[str, Any]) -> Catalogue:
    """A catalogue with a document of the user's own."""
    schemas = {"Input": {"type": "object", "title": "Input", "properties": fields, "required": list(fields)}}
    day = dt.date(2026, 11, 1)
    return Catalogue([Record("me/mine", None, day, Source.OWN, "Input", "Output", schemas | {"Output": {}})])


@pytest.mark.parametrize(
    ("schema", "kinds"),
    [
        ({"type": "integer", "exclusiveMinimum": 0, "maximum": 30, "multipleOf": 7}, "minimum maximum multiple_of"),
        ({"type": "number", "exclusiveMinimum": 0.5, "exclusiveMaximum": 0.75}, "minimum maximum"),
        ({"type": "string", "minLength": 3, "maxLength": 3}, "min_length max_length"),
        ({"type": "string", "pattern": "^[a-f]+$"}, "pattern"),
        ({"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 2}, "min_items"),
        ({"type": "array", "items": {"type": "integer", "minimum": 5}, "minItems": 1, "maxItems": 2}, "max_items"),
        ({"type": "object", "additionalProperties": {"type": "integer", "maximum": 4}}, "maximum"),
        ({"type": "object", "properties": {"x": {"type": "null"}}, "additionalProperties": False}, "no_other_keys"),
        ({"type": "string", "format": "date-time"}, ""),
        ({"type": "string", "format": "date"}, ""),
        ({"type": "string", "format": "uri", "minLength": 1, "maxLength": 2083}, "address"),
        ({"enum": [1, 2.5, "x", None]}, "one_of"),
        ({"const": "only"}, "one_of"),
        ({"anyOf": [{"enum": ["a"]}, {"type": "array", "items": {"type": "boolean"}, "maxItems": 1}]}, "max_items"),
        ({}, ""),
    ],
    ids=str,
)
def test_a_document_of_ones_own_needs_no_strategy(schema: dict[str, Any], kinds: str) -> None:
    catalogue = own(**{"some-field": schema})
    edition = catalogue.find("me/mine").edition("latest")
    assert {one.rule.kind for one in breaches(edition)} >= {"required", *kinds.split()}

    @settings(max_examples=30, derandomize=True, deadline=None)
    @given(valid("me/mine", catalogue=catalogue), invalid("me/mine", catalogue=catalogue))
    def drawn(arguments: dict[str, Any], broken: Broken) -> None:
        assert judge(edition, arguments).ok
        assert broken.explains(judge(edition, broken.arguments, broken.opener).errors), broken

    drawn()
    for boundary in boundaries("me/mine", catalogue=catalogue):
        assert judge(edition, boundary.inside.arguments, boundary.inside.opener).ok, boundary
        assert boundary.outside.explains(judge(edition, boundary.outside.arguments).errors), boundary


def test_media_of_any_field_are_drawn() -> None:
    @settings(max_examples=30, derandomize=True, deadline=None)
    @given(media("fal-ai/whisper", "audio_url"))
    def drawn(sample: Any) -> None:
        medium, rule = sample
        report = check("fal-ai/whisper", {"audio_url": medium.address})
        assert [error.rule.id for error in report.errors] == ([rule] if rule else [])

    drawn()


class TestExplains:
    """The comparison itself, on refusals that are made up."""

    def test_outside_of_unions_only_the_one_rule_at_its_place_explains(self) -> None:
        (first,) = check("fal-ai/flux/dev", {"prompt": 1}).errors
        (second,) = check("fal-ai/flux/dev", {"prompt": "x", "seed": "x"}).errors
        broken = Broken({}, {}, first.rule.id, first.loc)
        assert broken.explains([first])
        assert not broken.explains([])
        assert not broken.explains([first, second])
        assert not broken.explains([second])
        assert not Broken({}, {}, first.rule.id, ("seed",)).explains([first])

    def test_in_a_union_the_other_forms_may_refuse_too(self) -> None:
        errors = check("fal-ai/flux/dev", {"prompt": "x", "image_size": {"width": 0}}).errors
        rules = [error.rule.id for error in errors]
        assert rules == ["flux.dev.image_size.width.minimum", "flux.dev.image_size.one_of"]
        broken = Broken({}, {}, rules[0], ("image_size", "width"), frozenset(rules))
        assert broken.explains(errors)
        assert not broken.explains(errors[1:])
        assert not Broken({}, {}, rules[0], ("image_size", "height"), frozenset(rules)).explains(errors)
        assert not Broken({}, {}, rules[0], ("image_size", "width"), frozenset(rules[:1])).explains(errors)
