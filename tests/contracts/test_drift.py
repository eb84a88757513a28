"""Mutate a document in one way: exactly that finding comes out, at the right level."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published_document import document, schemas

from fakefal_contracts.drift import DriftFinding, Level, compare
from fakefal_contracts.published.endpoint_document import read_openapi

BODIES = {"Arguments": "input", "Shot": "input.shots[]", "Result": "output", "File": "output.video"}
FIELDS = [(name, field) for name in BODIES for field in schemas(document())[name]["properties"]]
BREAKS, WIDENS, COSMETIC = Level

Field = dict[str, Any]
Expected = tuple[str, str, Level, Level]
"""Aspect, change, and the level in a body that is sent and in a result that comes back."""
Mutation = Callable[[Field, str, random.Random], Expected | None]
"""Change one field of an object schema in place; None where this cannot be done to it."""


def core(owner: Field, name: str) -> Field:
    """The part of a field that is not null."""
    field = owner["properties"][name]
    found: Field = field["anyOf"][0] if "anyOf" in field else field
    return found


def takes_null(owner: Field, name: str) -> bool:
    return "anyOf" in owner["properties"][name]


def removed(owner: Field, name: str, _: random.Random) -> Expected:
    del owner["properties"][name]
    if name in owner["required"]:
        owner["required"].remove(name)
    return "field", "removed", BREAKS, BREAKS


def required(owner: Field, name: str, _: random.Random) -> Expected | None:
    if name in owner["required"]:
        return None
    owner["required"].append(name)
    return "required", "narrowed", BREAKS, WIDENS


def optional(owner: Field, name: str, _: random.Random) -> Expected | None:
    if name not in owner["required"]:
        return None
    owner["required"].remove(name)
    return "required", "widened", WIDENS, BREAKS


def null_allowed(owner: Field, name: str, _: random.Random) -> Expected | None:
    if takes_null(owner, name):
        return None
    owner["properties"][name] = {"anyOf": [owner["properties"][name], {"type": "null"}]}
    return "nullable", "widened", WIDENS, BREAKS


def null_refused(owner: Field, name: str, _: random.Random) -> Expected | None:
    if not takes_null(owner, name):
        return None
    (kept, _null) = owner["properties"][name].pop("anyOf")
    owner["properties"][name] |= kept
    return "nullable", "narrowed", BREAKS, WIDENS


def another_type(owner: Field, name: str, rng: random.Random) -> Expected | None:
    kind = core(owner, name).get("type")
    if kind is None:
        return None
    others = {"string", "boolean", "integer", "array"} - {kind} - ({"integer"} if kind == "number" else set())
    core(owner, name)["type"] = rng.choice(sorted(others))
    return "types", "changed", BREAKS, BREAKS


def whole_numbers_only(owner: Field, name: str, _: random.Random) -> Expected | None:
    if core(owner, name).get("type") != "number":
        return None
    core(owner, name)["type"] = "integer"
    return "types", "narrowed", BREAKS, WIDENS


def fractions_too(owner: Field, name: str, _: random.Random) -> Expected | None:
    if core(owner, name).get("type") != "integer":
        return None
    core(owner, name)["type"] = "number"
    return "types", "widened", WIDENS, BREAKS


def choice_more(owner: Field, name: str, rng: random.Random) -> Expected | None:
    if "enum" not in core(owner, name):
        return None
    choices = core(owner, name)["enum"]
    choices.insert(rng.randint(0, len(choices)), "new")
    return "choices", "widened", WIDENS, BREAKS


def choice_less(owner: Field, name: str, rng: random.Random) -> Expected | None:
    if "enum" not in core(owner, name):
        return None
    choices = core(owner, name)["enum"]
    choices.remove(rng.choice(choices))
    return "choices", "narrowed", BREAKS, WIDENS


def choice_instead(owner: Field, name: str, rng: random.Random) -> Expected | None:
    if "enum" not in core(owner, name):
        return None
    choices = core(owner, name)["enum"]
    choices[rng.randrange(len(choices))] = "new"
    return "choices", "changed", BREAKS, BREAKS


def choices_gone(owner: Field, name: str, _: random.Random) -> Expected | None:
    return ("choices", "widened", WIDENS, BREAKS) if core(owner, name).pop("enum", None) else None


def choices_only(owner: Field, name: str, _: random.Random) -> Expected | None:
    field = core(owner, name)
    if field.get("type") != "string" or "enum" in field:
        return None
    field["enum"] = ["a", "b"]
    return "choices", "narrowed", BREAKS, WIDENS


def one_choice_by_const(owner: Field, name: str, _: random.Random) -> Expected | None:
    field = core(owner, name)
    if "enum" not in field:
        return None
    field["const"] = field.pop("enum")[0]
    return "choices", "narrowed", BREAKS, WIDENS


def another_default(owner: Field, name: str, _: random.Random) -> Expected | None:
    field = owner["properties"][name]
    if name in owner["required"]:
        return None
    field["default"] = {"5": "10", 5: 6}.get(field.get("default"), "other")
    return "default", "changed", BREAKS, COSMETIC


def no_default(owner: Field, name: str, _: random.Random) -> Expected | None:
    if name in owner["required"] or owner["properties"][name].pop("default", None) is None:
        return None
    return "default", "changed", BREAKS, COSMETIC


def limits_of(field: Field) -> list[tuple[Field, str]]:
    """Every limit of a field, and of its items, as a key in a dictionary."""
    found = [(field, key) for key in field if key.startswith("m")]
    return found + [(field["x-fal"], key) for key in field.get("x-fal", ())]


def limit_moved(owner: Field, name: str, rng: random.Random) -> Expected | None:
    if not (limits := limits_of(core(owner, name))):
        return None
    where, key = rng.choice(limits)
    up = rng.random() < 0.5
    where[key] += 1 if up else -1
    lower = key.startswith("min")
    change = "narrowed" if up is lower else "widened"
    return key, change, *((BREAKS, WIDENS) if change == "narrowed" else (WIDENS, BREAKS))


def limit_gone(owner: Field, name: str, rng: random.Random) -> Expected | None:
    if not (limits := limits_of(core(owner, name))):
        return None
    where, key = rng.choice(limits)
    del where[key]
    return key, "widened", WIDENS, BREAKS


def limit_more(owner: Field, name: str, rng: random.Random) -> Expected | None:
    field = core(owner, name)
    key = rng.choice(["max_fps", "min_height", "pattern", "multipleOf", "uniqueItems"])
    where = field.setdefault("x-fal", {}) if "_" in key else field
    where[key] = 7
    return key, "narrowed", BREAKS, WIDENS


def other_words(owner: Field, name: str, _: random.Random) -> Expected | None:
    if "description" not in owner["properties"][name]:
        return None
    owner["properties"][name]["description"] += " And more."
    return "description", "changed", COSMETIC, COSMETIC


def deprecated(owner: Field, name: str, _: random.Random) -> Expected:
    core(owner, name)["deprecated"] = True
    return "deprecated", "changed", COSMETIC, COSMETIC


def choices_reversed(owner: Field, name: str, _: random.Random) -> Expected | None:
    if "enum" not in core(owner, name):
        return None
    core(owner, name)["enum"].reverse()
    return "order of choices", "changed", COSMETIC, COSMETIC


MUTATIONS: list[Mutation] = [
    removed,
    required,
    optional,
    null_allowed,
    null_refused,
    another_type,
    whole_numbers_only,
    fractions_too,
    choice_more,
    choice_less,
    choice_instead,
    choices_gone,
    choices_only,
    one_choice_by_const,
    another_default,
    no_default,
    limit_moved,
    limit_gone,
    limit_more,
    other_words,
    deprecated,
    choices_reversed,
]


def found(before: Any, after: Any) -> tuple[DriftFinding, ...]:
    return compare(read_openapi(before, "before"), read_openapi(after, "after"))


def seen(findings: tuple[DriftFinding, ...]) -> set[tuple[str, str, str, Level]]:
    return {(one.place, one.aspect, one.change, one.level) for one in findings}


def mutate(
    given: Any, mutation: Mutation, body: str, field: str, seed: int = 0
) -> set[tuple[str, str, str, Level]] | None:
    """Mutate a document; what must be found, or None where the mutation does not fit."""
    expected = mutation(schemas(given)[body], field, random.Random(seed))
    if expected is None:
        return None
    aspect, change, sent, returned = expected
    level = sent if BODIES[body].startswith("input") else returned
    return {(f"{BODIES[body]}.{field}", aspect, change, level)}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_every_mutation_is_found_at_every_field_that_it_fits_and_nothing_else_is(mutation: Mutation) -> None:
    tried = 0
    for body, field in FIELDS:
        for seed in range(12):
            changed = document()
            expected = mutate(changed, mutation, body, field, seed)
            if expected is not None:
                tried += 1
                assert seen(found(document(), changed)) == expected, (body, field)
    assert tried


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(FIELDS), st.sampled_from(MUTATIONS), st.integers(0, 99)), max_size=4))
def test_several_mutations_are_found_each(chosen: list[tuple[tuple[str, str], Mutation, int]]) -> None:
    changed, expected = document(), set()
    touched: set[str] = set()
    for (body, field), mutation, seed in chosen:
        place = f"{BODIES[body]}.{field}"
        if any(place.startswith(one) or one.startswith(place) for one in touched):
            continue
        touched.add(place)
        expected |= mutate(changed, mutation, body, field, seed) or set()
    assert seen(found(document(), changed)) == expected


@settings(deadline=None)
@given(st.sampled_from(FIELDS), st.sampled_from(MUTATIONS), st.integers(0, 99))
def test_backwards_every_change_is_its_opposite(where: tuple[str, str], mutation: Mutation, seed: int) -> None:
    changed = document()
    mutate(changed, mutation, *where, seed)
    opposite = {"added": "removed", "widened": "narrowed", "changed": "changed"}
    opposite |= {there: here for here, there in opposite.items()}
    there, back = found(document(), changed), found(changed, document())
    assert {(one.place, one.aspect, opposite[one.change]) for one in there} == {
        (one.place, one.aspect, one.change) for one in back
    }
    assert {(one.before, one.after) for one in map(_texts, there)} == {
        (one.after, one.before) for one in map(_texts, back)
    }


def _texts(finding: DriftFinding) -> DriftFinding:
    """The finding with values that can be in a set."""
    return DriftFinding(
        finding.level, finding.place, finding.aspect, finding.change, str(finding.before), str(finding.after)
    )


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("must", [False, True])
def test_a_new_field_widens_unless_it_must_be_sent(body: str, *, must: bool) -> None:
    changed = document()
    owner = schemas(changed)[body]
    owner["properties"] = {"new": {"type": "object", "properties": {"inner": {"type": "string"}}}} | owner["properties"]
    if "x-fal-order-properties" in owner:
        owner["x-fal-order-properties"].insert(0, "new")
    if must:
        owner["required"].append("new")
    level = BREAKS if must and BODIES[body].startswith("input") else WIDENS
    assert seen(found(document(), changed)) == {(f"{BODIES[body]}.new", "field", "added", level)}


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ({"type": "string"}, {("max_file_size", WIDENS), ("min_width", WIDENS), ("timeout", WIDENS)}),
        (
            {"type": "integer"},
            {("types", BREAKS), ("max_file_size", WIDENS), ("min_width", WIDENS), ("timeout", WIDENS)},
        ),
        ({}, {("types", WIDENS), ("max_file_size", WIDENS), ("min_width", WIDENS), ("timeout", WIDENS)}),
    ],
)
def test_items_are_places_of_their_own(items: Field, expected: set[tuple[str, Level]]) -> None:
    changed = document()
    schemas(changed)["Arguments"]["properties"]["pictures"]["items"] = items
    findings = found(document(), changed)
    assert {one.place for one in findings} == {"input.pictures[]"}
    assert {(one.aspect, one.level) for one in findings} == expected


def test_the_order_of_fields_is_cosmetic() -> None:
    changed = document()
    schemas(changed)["Arguments"]["x-fal-order-properties"].reverse()
    assert seen(found(document(), changed)) == {("input", "order", "changed", COSMETIC)}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"type": "integer", "default": 5}, {"type": "integer", "required": True}, ("required", "narrowed", BREAKS)),
        (
            {"type": "string", "enum": ["5", "10"], "default": "5"},
            {"type": "integer", "enum": [5, 10], "default": "5"},
            ("types", "changed", BREAKS),
        ),
        ({"enum": [1, 2]}, {"enum": ["1", 2]}, ("choices", "changed", BREAKS)),
        ({"enum": [0, 1]}, {"enum": [0, True, 1]}, ("choices", "widened", WIDENS)),
        ({"maximum": 5}, {"maximum": "five"}, ("maximum", "changed", BREAKS)),
        ({"exclusiveMaximum": 5}, {"exclusiveMaximum": 6}, ("exclusiveMaximum", "widened", WIDENS)),
        ({"exclusiveMinimum": 5}, {"exclusiveMinimum": 6}, ("exclusiveMinimum", "narrowed", BREAKS)),
        ({"pattern": "a"}, {"pattern": "b"}, ("pattern", "changed", BREAKS)),
    ],
)
def test_one_field_for_another_is_one_finding(old: Field, new: Field, expected: tuple[str, str, Level]) -> None:
    documents = []
    for field in (old, dict(new)):
        documents.append(document())
        if field.pop("required", False):
            schemas(documents[-1])["Arguments"]["required"].append("seconds")
        schemas(documents[-1])["Arguments"]["properties"]["seconds"] = field
    assert seen(found(*documents)) == {("input.seconds", *expected)}


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda field: {"anyOf": [{"type": "null"}, field]},
        lambda field: {"oneOf": [field, {"type": "null"}]},
        lambda field: field | {"nullable": True},
        lambda field: field | {"type": [field["type"], "null"]},
        lambda field: {"anyOf": [{"allOf": [field]}, {"type": "null"}]},
    ],
)
def test_the_ways_of_writing_one_thing_are_one_thing(rewrite: Callable[[Field], Field]) -> None:
    changed = document()
    fields = schemas(changed)["Arguments"]["properties"]
    fields["picture"] = rewrite(fields["picture"]["anyOf"][0]) | {
        "description": "The first frame.\n\nMax file size: 0.1MB, Min width: 300px, Timeout: 20.0s",
        "examples": ["https://example.com/a.png"],
    }
    assert found(document(), changed) == ()


def test_a_document_in_which_nothing_takes_null_says_nothing_about_it() -> None:
    changed = document()
    for body, field in FIELDS:
        null_refused(schemas(changed)[body], field, random.Random(0))
    assert found(document(), changed) == found(changed, document()) == ()


def test_a_type_that_holds_itself_is_read_once() -> None:
    changed = document()
    schemas(changed)["Shot"]["properties"]["inner"] = {"$ref": "#/components/schemas/Shot"}
    schemas(changed)["Arguments"]["properties"]["alias"] = {"$ref": "#/components/schemas/Alias"}
    schemas(changed)["Alias"] = {"$ref": "#/components/schemas/Alias"}
    assert {one.place for one in found(document(), changed)} == {"input.shots[].inner", "input.alias"}


def test_levels_have_an_order() -> None:
    assert [level for level in Level if level.counts(WIDENS)] == [BREAKS, WIDENS]
