"""What a revision or a known difference explains is no drift; what else is found can be pasted as a revision."""

from __future__ import annotations

import copy
import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakefal_contracts import FOUNDING, Edition, Endpoint, evidence
from fakefal_contracts.drift import Change, DriftFinding, Level, compare
from fakefal_contracts.endpoint import Revision
from fakefal_contracts.evidence import inferred
from fakefal_contracts.explanation import examine
from fakefal_contracts.known_differences import KnownDifference
from fakefal_contracts.published import Place, Published, SourceKind
from fakefal_contracts.published.edition import read_edition
from fakefal_contracts.published.endpoint_document import read_record
from fakefal_contracts.record import Record
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
def drifted(draw: st.DrawFn) -> tuple[Endpoint, Record]:
    """An endpoint, and a document that differs in some arguments."""
    endpoint = draw(st.sampled_from(EVERY))
    names = draw(st.sets(st.sampled_from(list(endpoint.input.model_fields)), min_size=1))
    fields, required = arguments_of(endpoint), {*endpoint.record.schemas[endpoint.record.input].get("required", ())}
    changed = {name: draw(schemas_like(fields[name])) for name in names}
    required ^= draw(st.sets(st.sampled_from(sorted(fields))))
    return endpoint, document_of(endpoint, {**fields, **changed}, required=sorted(required))


def arguments_of(endpoint: Endpoint) -> dict[str, Any]:
    fields: dict[str, Any] = endpoint.record.schemas[endpoint.record.input]["properties"]
    return fields


def document_of(endpoint: Endpoint, properties: dict[str, Any], **more: Any) -> Record:
    """The document of an endpoint with other arguments."""
    record = endpoint.record
    whole = {**record.schemas[record.input], "properties": properties, **more}
    return replace(record, schemas={**record.schemas, record.input: whole})


def schemas_like(given: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The same argument with other choices, another default, or null."""
    texts = st.text("0123456789:abc\"'\\é", min_size=1, max_size=4)
    choices = st.lists(texts, min_size=1, max_size=4, unique=True)
    if given.get("type") == "string" and "x-fal" not in given:
        changed = choices.map(lambda some: {"type": "string", "enum": some, "default": some[0]})
        changed |= st.integers(1, 9000).map(lambda most: {"type": "string", "maxLength": most})
    elif given.get("type") == "boolean":
        changed = st.booleans().map(lambda default: {"type": "boolean", "default": default})
    else:
        changed = st.just({key: value for key, value in given.items() if key not in ("anyOf", "examples")})
    return changed | st.just({"anyOf": [{"type": "string"}, {"type": "null"}]})


def differences(endpoint: Endpoint, theirs: Record) -> tuple[DriftFinding, ...]:
    return compare(read_edition(endpoint.edition("latest")), read_record(theirs))


def pasted(text: str) -> tuple[Revision, ...]:
    """The revisions in a drafted text."""
    found: tuple[Revision, ...] = eval(f"(\n{text}\n)", {"Revision": Revision, **vars(evidence)})  # what is tested
    return found


def by_hand(text: str, findings: tuple[DriftFinding, ...]) -> bool:
    """Whether the comments name all that is left."""
    return all(f"# by hand: {one.place} {one.aspect} " in text for one in findings)


@given(drifted())
def test_the_pasted_revisions_keep_what_fal_said_before(given: tuple[Endpoint, Record]) -> None:
    endpoint, theirs = given
    text = draft(endpoint, theirs, differences(endpoint, theirs), TODAY)
    if not is_revision(text):
        assert by_hand(text, differences(endpoint, theirs))
        return
    new = replace(endpoint, record=theirs, revisions=pasted(text))
    assert differences(new, theirs) == ()
    assert new.edition("latest").evidence.date == TODAY
    for old in endpoint.editions:
        assert by_hand(text, compare(read_edition(old), read_edition(new.edition(old.contract))))


@given(drifted())
def test_an_older_copy_becomes_one_revision_among_the_others(given: tuple[Endpoint, Record]) -> None:
    endpoint, theirs = given
    day = dt.date(2025, 11, 1)
    text = draft(endpoint, theirs, differences(endpoint, theirs), day)
    if not is_revision(text):
        assert by_hand(text, differences(endpoint, theirs))
        return
    (revision,) = pasted(text)
    new = replace(endpoint, revisions=(revision, *endpoint.revisions))
    assert by_hand(text, compare(read_edition(new.edition(day.isoformat())), read_record(theirs)))


def test_the_draft_reads_like_the_house() -> None:
    fields = arguments_of(I2V)
    longer = {**fields["duration"], "enum": [*fields["duration"]["enum"], "15"]}
    theirs = document_of(I2V, {**fields, "duration": longer, "seed": {"type": "integer"}})
    assert draft(I2V, theirs, differences(I2V, theirs), TODAY) == (
        """\
# by hand: input.seed field added: null -> "integer, optional"
Revision(
    documented("llms.txt of o1/image-to-video", "2025-12-01"),
    {
        "duration": {"type": "string", "enum": ["5", "10"], "default": "5"},
    },
),
Revision(
    documented("fal's OpenAPI document", "2026-01-28"),
    {
        "duration": {"enum": ["3", "4", "5", "6", "7", "8", "9", "10"], "type": "string", "default": "5"},
    },
),
Revision(documented("fal's OpenAPI document", "2026-11-20")),"""
    )


def test_what_a_revision_cannot_say_stands_in_comments() -> None:
    schemas = copy.deepcopy(dict(O3.record.schemas))
    del schemas["KlingV3ComboElementInput"]["properties"]["voice_id"]
    schemas[O3.record.input]["required"] = ["prompt"]
    schemas[O3.record.output]["properties"]["seed"] = {"type": "integer"}
    theirs = replace(O3.record, schemas=schemas)
    text = draft(O3, theirs, differences(O3, theirs), TODAY)
    assert not is_revision(text)
    assert text.splitlines() == [
        "# by hand: input.prompt required narrowed: false -> true",
        '# by hand: input.elements[].voice_id field removed: "string or null, optional" -> null',
        '# by hand: output.seed field added: null -> "integer, optional"',
    ]
