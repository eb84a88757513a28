"""What a revision or a known difference explains is no drift; what else is found can be pasted as a revision."""

from __future__ import annotations

import datetime as dt
import importlib
from dataclasses import replace
from typing import Annotated, Any, Literal

import pytest
from annotated_types import MaxLen
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from fakefal_contracts import FOUNDING, Edition, Endpoint
from fakefal_contracts.drift import Change, DriftFinding, Level, compare
from fakefal_contracts.endpoint import Revision
from fakefal_contracts.evidence import inferred
from fakefal_contracts.explanation import examine
from fakefal_contracts.known_differences import KnownDifference
from fakefal_contracts.published import ABSENT, UNSAID, Place, Published, SourceKind
from fakefal_contracts.published.edition import read_edition
from tools.draft import draft, is_revision

pytestmark = pytest.mark.quick

EVERY = list(FOUNDING.values())
I2V = FOUNDING["fal-ai/kling-video/o1/image-to-video"]
O3 = FOUNDING["fal-ai/kling-video/o3/pro/reference-to-video"]
TODAY = dt.date(2026, 11, 20)


def published(edition: Edition, **changed: Place | None) -> Published:
    """What an edition says, as a document of fal's would say it, with some fields of the body changed."""
    ours = read_edition(edition)
    places = {**ours.places, **{f"input.{name}": place for name, place in changed.items()}}
    kept = {path: place for path, place in places.items() if place is not None}
    return replace(ours, kind=SourceKind.OPENAPI, source="a copy", day=None, places=kept)


def place(endpoint: Endpoint, name: str) -> Place:
    return read_edition(endpoint.edition("latest")).places[f"input.{name}"]


@pytest.mark.parametrize("endpoint", EVERY, ids=FOUNDING)
def test_what_an_older_revision_said_is_explained_by_it(endpoint: Endpoint) -> None:
    for old in endpoint.editions:
        found = examine(endpoint.edition("latest"), published(old))
        assert found.drift() == ()
        for one in found.findings:
            assert one.why == f"revision of {old.contract} ({old.evidence.source})"


def test_what_fal_says_now_is_not_explained_by_what_it_said_before() -> None:
    back = published(I2V.editions[0])
    (finding,) = examine(I2V.edition("latest"), back, current=True).drift()
    assert (finding.place, finding.change, finding.level) == ("input.duration", Change.NARROWED, Level.BREAKS)


def test_an_old_contract_is_explained_by_our_younger_revision() -> None:
    found = examine(I2V.edition("documented"), published(I2V.edition("latest")), current=True)
    assert [one.why for one in found.findings] == ["revision of 2026-01-28 (fal's OpenAPI document)"]


def test_a_field_that_no_revision_has_is_drift() -> None:
    more = replace(place(I2V, "duration"), choices=("5", "10", "15"))
    found = examine(I2V.edition("latest"), published(I2V.edition("latest"), duration=more))
    assert [one.aspect for one in found.drift()] == ["choices"]
    words = replace(place(I2V, "duration"), choices=tuple(reversed(place(I2V, "duration").choices or ())))
    found = examine(I2V.edition("latest"), published(I2V.edition("latest"), duration=words))
    assert [one.aspect for one in found.drift()] == ["order of choices"]
    assert found.drift(Level.WIDENS) == ()


KNOWN = KnownDifference(
    endpoints=(I2V.id,),
    kind=SourceKind.OPENAPI,
    place="input.seed",
    aspect="field",
    change=Change.ADDED,
    after="integer, optional",
    reason="for the test",
    evidence=inferred("the test", "2026-11-20"),
)
SEED = Place(frozenset({"integer"}), required=False)


def test_a_known_difference_explains_itself_only() -> None:
    theirs = published(I2V.edition("latest"), seed=SEED)
    found = examine(I2V.edition("latest"), theirs, table=[KNOWN])
    assert found.drift() == ()
    assert found.findings[0].why == "known difference: for the test (the test, 2026-11-20)"
    for other in (
        replace(KNOWN, after="string, optional"),
        replace(KNOWN, kind=SourceKind.TYPESCRIPT),
        replace(KNOWN, endpoints=()),
    ):
        assert len(examine(I2V.edition("latest"), theirs, table=[other]).drift()) == 1


@pytest.mark.parametrize(
    ("day", "until", "stale"),
    [
        (None, None, True),
        ("2026-01-26", None, True),
        ("2026-01-26", "2026-01-26", True),
        ("2026-01-27", "2026-01-26", False),
        (None, "2026-01-26", False),
    ],
)
def test_a_known_difference_that_no_longer_occurs_is_an_error(
    day: str | None, until: str | None, *, stale: bool
) -> None:
    def date(text: str | None) -> dt.date | None:
        return text and dt.date.fromisoformat(text)

    theirs = replace(published(I2V.edition("latest")), day=date(day))
    found = examine(I2V.edition("latest"), theirs, table=[replace(KNOWN, until=date(until))])
    assert found.stale == ((replace(KNOWN, until=date(until)),) if stale else ())


@st.composite
def drifted(draw: st.DrawFn) -> tuple[Endpoint, Published]:
    """An endpoint, and a document that differs in some fields of the body."""
    endpoint = draw(st.sampled_from(EVERY))
    names = st.sampled_from(list(endpoint.input.model_fields))
    changed = {name: draw(places_like(place(endpoint, name))) for name in draw(st.sets(names, min_size=1))}
    return endpoint, published(endpoint.edition("latest"), **changed)


def places_like(given: Place) -> st.SearchStrategy[Place]:
    """The same place with other choices, another default, and other presence."""
    if given.types == {"string"}:
        texts = st.text("0123456789:abc\"'\\é", min_size=1, max_size=4)
        choices = st.none() | st.lists(texts, min_size=1, max_size=4, unique=True).map(tuple)
        changed = choices.flatmap(
            lambda some: st.sampled_from(some or ["x"]).map(lambda one: _choosing(given, some, one))
        )
    elif given.types == {"boolean"}:
        changed = st.builds(lambda default: replace(given, default=default), st.booleans())
    else:
        changed = st.just(given)
    return st.builds(_presence, changed, required=st.booleans(), nullable=st.booleans() | st.just(UNSAID))


def _choosing(given: Place, choices: tuple[str, ...] | None, default: str) -> Place:
    return replace(given, choices=choices, default=default, limits={} if choices else given.limits)


def _presence(given: Place, *, required: bool, nullable: Any) -> Place:
    bare = required or (nullable is True and given.choices is None)
    return replace(given, required=required, nullable=nullable, default=ABSENT if bare else given.default)


def pasted(endpoint: Endpoint, text: str) -> tuple[tuple[Revision, ...], dict[str, Any]]:
    """The revisions in a drafted text, and the names it was read with."""
    names = vars(importlib.import_module(endpoint.input.__module__)).copy()
    names |= {"Any": Any, "Annotated": Annotated, "Literal": Literal, "MaxLen": MaxLen, "Field": Field}
    found: tuple[Revision, ...] = eval(f"(\n{text}\n)", names)  # the text is what is tested
    return found, names


def by_hand(text: str, findings: tuple[DriftFinding, ...]) -> bool:
    """Whether the comments name all that is left."""
    return all(f"# by hand: {one.place} {one.aspect} " in text for one in findings)


@given(drifted())
def test_the_pasted_revisions_say_what_fal_says_and_keep_what_it_said(given: tuple[Endpoint, Published]) -> None:
    endpoint, theirs = given
    findings = compare(read_edition(endpoint.edition("latest")), theirs)
    if not findings:
        return
    text = draft(endpoint, theirs, findings, TODAY)
    if not is_revision(text):
        assert by_hand(text, findings)
        return
    revisions, names = pasted(endpoint, text)
    lines = [line.removeprefix("#") for line in text.splitlines() if line.startswith("#     ")]
    names["Base"] = endpoint.input
    exec("\n".join(["class Newest(Base):", *(lines or ["    pass"])]), names)
    new = replace(endpoint, source=names["Newest"], revisions=revisions)
    assert by_hand(text, compare(read_edition(new.edition("latest")), theirs))
    assert new.edition("latest").evidence.date == TODAY
    for old in endpoint.editions:
        assert compare(read_edition(old), read_edition(new.edition(old.contract))) == ()


@given(drifted())
def test_an_older_copy_becomes_one_revision_among_the_others(given: tuple[Endpoint, Published]) -> None:
    endpoint, theirs = given
    findings = compare(read_edition(endpoint.edition("latest")), theirs)
    if not findings:
        return
    day = dt.date(2025, 11, 1)
    text = draft(endpoint, theirs, findings, day)
    if not is_revision(text):
        assert by_hand(text, findings)
        return
    (revision,), _ = pasted(endpoint, text)
    new = replace(endpoint, revisions=(revision, *endpoint.revisions))
    assert by_hand(text, compare(read_edition(new.edition(day.isoformat())), theirs))


def test_the_draft_reads_like_the_house() -> None:
    choices = (*(place(I2V, "duration").choices or ()), "15")
    theirs = published(I2V.edition("latest"), duration=replace(place(I2V, "duration"), choices=choices), seed=SEED)
    findings = compare(read_edition(I2V.edition("latest")), theirs)
    assert draft(I2V, theirs, findings, TODAY) == (
        """\
# class ImageToVideo now says:
#     duration: Literal["3", "4", "5", "6", "7", "8", "9", "10", "15"] = "5"
#     seed: int | None = None
# by hand: revisions cannot leave a field out, so that the older ones have seed, too
Revision(
    documented("llms.txt of o1/image-to-video", "2025-12-01"),
    {
        "duration": (Literal["5", "10"], "5"),
    },
),
Revision(
    documented("fal's OpenAPI document", "2026-01-28"),
    {
        "duration": (Literal["3", "4", "5", "6", "7", "8", "9", "10"], "5"),
    },
),
Revision(documented("fal's OpenAPI document", "2026-11-20")),"""
    )


def test_what_a_revision_cannot_say_stands_in_comments() -> None:
    latest = read_edition(O3.edition("latest"))
    places: dict[str, Place] = dict(latest.places)
    del places["input.elements[].voice_id"]
    places["input.prompt"] = replace(places["input.prompt"], limits={"maxLength": 5000})
    places["output.seed"] = SEED
    theirs = replace(latest, kind=SourceKind.OPENAPI, places=places)
    text = draft(O3, theirs, compare(latest, theirs), TODAY)
    assert not is_revision(text)
    assert text.splitlines() == [
        "# by hand: input.prompt maxLength widened: 2500 -> 5000",
        '# by hand: input.elements[].voice_id field removed: "string or null, optional" -> null',
        '# by hand: output.seed field added: null -> "integer, optional"',
    ]


@pytest.mark.parametrize(
    ("added", "line"),
    [
        (replace(SEED, limits={"minimum": 0, "maximum": 9}, default=1), "Annotated[int, Field(ge=0, le=9)] = 1"),
        (replace(SEED, required=True), "int"),
        (replace(SEED, types=frozenset({"string"}), nullable=True, limits={"maxLength": 9}),
         "Annotated[str, MaxLen(9)] | None = None"),
        (replace(SEED, types=frozenset({"string"}), choices=("a", "b"), default="a"), 'Literal["a", "b"] = "a"'),
    ],
)  # fmt: skip
def test_a_field_that_came_is_a_line_of_the_class(added: Place, line: str) -> None:
    theirs = published(I2V.edition("latest"), seed=added)
    text = draft(I2V, theirs, compare(read_edition(I2V.edition("latest")), theirs), TODAY)
    assert f"#     seed: {line}" in text.splitlines()
    revisions, names = pasted(I2V, text)
    names["Base"] = I2V.input
    exec(compile(f"class Newest(Base):\n    seed: {line}", "pasted", "exec", dont_inherit=True), names)
    new = replace(I2V, source=names["Newest"], revisions=revisions)
    assert compare(read_edition(new.edition("latest")), theirs) == ()
    older = dt.date(2025, 11, 1)
    assert "#     seed" not in draft(I2V, theirs, compare(read_edition(I2V.edition("latest")), theirs), older)
