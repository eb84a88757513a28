"""Mutate a document in one way: exactly that finding comes out, at the right level."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakefal_contracts.drift import DriftFinding, Level, compare
from fakefal_contracts.published.endpoint_document import read_openapi
from support.published_document import document, schemas

pytestmark = pytest.mark.quick

BODIES = {"Arguments": "input", "Shot": "input.shots[]", "Result": "output", "File": "output.video"}
FIELDS = [(name, field) for name in BODIES for field in schemas(document())[name]["properties"]]
BREAKS, WIDENS, COSMETIC = Level

Field = dict[str, Any]
Expected = tuple[str, str, Level, Level]
"""Aspect, change, and the level in a body that is sent and in a result that comes back."""
Fits = Callable[[Field, str], object]
Change = Callable[[Field, str, random.Random], Expected | None]
"""Change one field of an object schema in place; returns what must be found where each time is another."""


class Mutation(NamedTuple):
    """What can be done to which fields, and what must be found then."""

    fits: Fits
    expected: tuple[Any, ...]
    apply: Change


MUTATIONS: list[Mutation] = []


def mutation(fits: Fits, *expected: Any) -> Callable[[Change], Change]:
    """List a change as a mutation."""

    def listed(apply: Change) -> Change:
        MUTATIONS.append(Mutation(fits, expected, apply))
        return apply

    return listed


def core(owner: Field, name: str) -> Field:
    """The part of a field that is not null."""
    field = owner["properties"][name]
    found: Field = field["anyOf"][0] if "anyOf" in field else field
    return found


def is_optional(owner: Field, name: str) -> bool:
    return name not in owner["required"]


def takes_null(owner: Field, name: str) -> bool:
    return "anyOf" in owner["properties"][name]


def has_choices(owner: Field, name: str) -> bool:
    return "enum" in core(owner, name)


def limits_of(owner: Field, name: str) -> list[tuple[Field, str]]:
    """Every limit of a field, and of its items, as a key in a dictionary."""
    field = core(owner, name)
    found = [(field, key) for key in field if key.startswith("m")]
    return found + [(field["x-fal"], key) for key in field.get("x-fal", ())]


@mutation(lambda *_: True, "field", "removed", BREAKS, BREAKS)
def removed(owner: Field, name: str, _: random.Random) -> None:
    del owner["properties"][name]
    if name in owner["required"]:
        owner["required"].remove(name)


@mutation(is_optional, "required", "narrowed", BREAKS, WIDENS)
def required(owner: Field, name: str, _: random.Random) -> None:
    owner["required"].append(name)


@mutation(lambda *field: not is_optional(*field), "required", "widened", WIDENS, BREAKS)
def optional(owner: Field, name: str, _: random.Random) -> None:
    owner["required"].remove(name)


@mutation(lambda *field: not takes_null(*field), "nullable", "widened", WIDENS, BREAKS)
def null_allowed(owner: Field, name: str, _: random.Random) -> None:
    owner["properties"][name] = {"anyOf": [owner["properties"][name], {"type": "null"}]}


@mutation(takes_null, "nullable", "narrowed", BREAKS, WIDENS)
def null_refused(owner: Field, name: str, _: random.Random) -> None:
    (kept, _null) = owner["properties"][name].pop("anyOf")
    owner["properties"][name] |= kept


@mutation(lambda *field: core(*field).get("type"), "types", "changed", BREAKS, BREAKS)
def another_type(owner: Field, name: str, rng: random.Random) -> None:
    kind = core(owner, name)["type"]
    others = {"string", "boolean", "integer", "array"} - {kind} - ({"integer"} if kind == "number" else set())
    core(owner, name)["type"] = rng.choice(sorted(others))


@mutation(lambda *field: core(*field).get("type") == "number", "types", "narrowed", BREAKS, WIDENS)
def whole_numbers_only(owner: Field, name: str, _: random.Random) -> None:
    core(owner, name)["type"] = "integer"


@mutation(lambda *field: core(*field).get("type") == "integer", "types", "widened", WIDENS, BREAKS)
def fractions_too(owner: Field, name: str, _: random.Random) -> None:
    core(owner, name)["type"] = "number"


@mutation(has_choices, "choices", "widened", WIDENS, BREAKS)
def choice_more(owner: Field, name: str, rng: random.Random) -> None:
    choices = core(owner, name)["enum"]
    choices.insert(rng.randint(0, len(choices)), "new")


@mutation(has_choices, "choices", "narrowed", BREAKS, WIDENS)
def choice_less(owner: Field, name: str, rng: random.Random) -> None:
    choices = core(owner, name)["enum"]
    choices.remove(rng.choice(choices))


@mutation(has_choices, "choices", "changed", BREAKS, BREAKS)
def choice_instead(owner: Field, name: str, rng: random.Random) -> None:
    choices = core(owner, name)["enum"]
    choices[rng.randrange(len(choices))] = "new"


@mutation(has_choices, "choices", "widened", WIDENS, BREAKS)
def choices_gone(owner: Field, name: str, _: random.Random) -> None:
    del core(owner, name)["enum"]


@mutation(
    lambda *field: core(*field).get("type") == "string" and not has_choices(*field),
    *("choices", "narrowed", BREAKS, WIDENS),
)
def choices_only(owner: Field, name: str, _: random.Random) -> None:
    core(owner, name)["enum"] = ["a", "b"]


@mutation(has_choices, "choices", "narrowed", BREAKS, WIDENS)
def one_choice_by_const(owner: Field, name: str, _: random.Random) -> None:
    core(owner, name)["const"] = core(owner, name).pop("enum")[0]


@mutation(is_optional, "default", "changed", BREAKS, COSMETIC)
def another_default(owner: Field, name: str, _: random.Random) -> None:
    field = owner["properties"][name]
    field["default"] = {"5": "10", 5: 6}.get(field.get("default"), "other")


@mutation(
    lambda owner, name: is_optional(owner, name) and owner["properties"][name].get("default") is not None,
    *("default", "changed", BREAKS, COSMETIC),
)
def no_default(owner: Field, name: str, _: random.Random) -> None:
    del owner["properties"][name]["default"]


@mutation(limits_of)
def limit_moved(owner: Field, name: str, rng: random.Random) -> Expected:
    where, key = rng.choice(limits_of(owner, name))
    up = rng.random() < 0.5
    where[key] += 1 if up else -1
    narrower = up is key.startswith("min")
    return (key, "narrowed", BREAKS, WIDENS) if narrower else (key, "widened", WIDENS, BREAKS)


@mutation(limits_of)
def limit_gone(owner: Field, name: str, rng: random.Random) -> Expected:
    where, key = rng.choice(limits_of(owner, name))
    del where[key]
    return key, "widened", WIDENS, BREAKS


@mutation(lambda *_: True)
def limit_more(owner: Field, name: str, rng: random.Random) -> Expected:
    field = core(owner, name)
    key = rng.choice(["max_fps", "min_height", "pattern", "multipleOf", "uniqueItems"])
    where = field.setdefault("x-fal", {}) if "_" in key else field
    where[key] = 7
    return key, "narrowed", BREAKS, WIDENS


@mutation(lambda owner, name: "description" in owner["properties"][name], "description", "changed", COSMETIC, COSMETIC)
def other_words(owner: Field, name: str, _: random.Random) -> None:
    owner["properties"][name]["description"] += " And more."


@mutation(lambda *_: True, "deprecated", "changed", COSMETIC, COSMETIC)
def deprecated(owner: Field, name: str, _: random.Random) -> None:
    core(owner, name)["deprecated"] = True


@mutation(has_choices, "order of choices", "changed", COSMETIC, COSMETIC)
def choices_reversed(owner: Field, name: str, _: random.Random) -> None:
    core(owner, name)["enum"].reverse()


def found(before: Any, after: Any) -> tuple[DriftFinding, ...]:
    return compare(read_openapi(before, "before"), read_openapi(after, "after"))


def seen(findings: tuple[DriftFinding, ...]) -> set[tuple[str, str, str, Level]]:
    return {(one.place, one.aspect, one.change, one.level) for one in findings}


def mutate(
    given: Any, mutation: Mutation, body: str, field: str, seed: int = 0
) -> set[tuple[str, str, str, Level]] | None:
    """Mutate a document; what must be found, or None where the mutation does not fit."""
    owner = schemas(given)[body]
    if not mutation.fits(owner, field):
        return None
    aspect, change, sent, returned = mutation.apply(owner, field, random.Random(seed)) or mutation.expected
    level = sent if BODIES[body].startswith("input") else returned
    return {(f"{BODIES[body]}.{field}", aspect, change, level)}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.apply.__name__)
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
        if takes_null(schemas(changed)[body], field):
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
