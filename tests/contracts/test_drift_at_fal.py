"""The sweep over everything that fal has published and we hold: two dates of OpenAPI documents, and its npm package."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from fakefal_contracts import BUILT_IN, FOUNDING
from fakefal_contracts.drift import Level, compare
from fakefal_contracts.errors import UnreadableContract
from fakefal_contracts.explanation import examine
from fakefal_contracts.known_differences import KNOWN_DIFFERENCES
from fakefal_contracts.published import Published
from fakefal_contracts.published.endpoint_document import read_openapi
from fakefal_contracts.published.typescript import read_typescript
from support.machine import ROOT, SHARED, required_in_ci

JANUARY, JUNE = "2026-01-28", "2026-06-11"
PREFIX = "fal-ai/kling-video/"
#: Every limit in those documents; another one must be looked at, and given a direction.
LIMITS = {"maxLength", "minimum", "maximum", "max_file_size", "timeout", "format"} | {
    f"{bound}_{of}" for bound in ("min", "max") for of in ("width", "height", "aspect_ratio", "duration", "fps")
}


def documents(day: str) -> dict[str, Any]:
    folder = SHARED / "reference" / "openapi" / day
    if not folder.is_dir():
        required_in_ci(f"fal's OpenAPI documents of {day} are not beside the project (../shared)")
    return {path.name: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}


def published(day: str) -> dict[str, Published]:
    found = (read_openapi(one, name) for name, one in documents(day).items())
    return {one.endpoint_id.removeprefix(PREFIX): one for one in found}


@pytest.fixture(scope="module")
def january() -> dict[str, Published]:
    return published(JANUARY)


@pytest.fixture(scope="module")
def june() -> dict[str, Published]:
    return published(JUNE)


@pytest.fixture(scope="module")
def types() -> str:
    path = ROOT / "tests" / "js" / "node_modules" / "@fal-ai" / "client" / "src" / "types" / "endpoints.d.ts"
    if not path.is_file():
        required_in_ci("fal's JavaScript client is not installed (make js)")
    return path.read_text("utf-8")


def test_every_document_is_read_whole(january: dict[str, Published], june: dict[str, Published]) -> None:
    assert (len(january), len(june)) == (6, 65)
    assert {PREFIX + name for name in june} <= {*BUILT_IN}
    for one in (*january.values(), *june.values()):
        assert compare(one, one) == ()
        assert {"input", "output"} < one.places.keys()
        for place in one.places.values():
            assert place.types, one.source
            assert isinstance(place.limits, dict)
            assert place.limits.keys() <= LIMITS


def test_between_the_two_dates_it_finds_what_changed_and_nothing_else(
    january: dict[str, Published], june: dict[str, Published]
) -> None:
    file_data = ("output.video.file_data", "field", "removed", Level.BREAKS)
    elements = ("input.elements[].reference_image_urls", "description", "changed", Level.COSMETIC)
    for name, before in january.items():
        findings = compare(before, june[name])
        seen = {(one.place, one.aspect, one.change, one.level) for one in findings}
        assert seen == ({file_data, elements} if "image-to-video" not in name else {file_data}), name
        for one in findings:
            if one.aspect == "description":
                assert one.before.replace("1-4 images", "1-3 images") == one.after


def sources(january: dict[str, Published], june: dict[str, Published], types: str) -> dict[tuple[str, str], Published]:
    found = {}
    for endpoint_id in FOUNDING:
        name = endpoint_id.removeprefix(PREFIX)
        found |= {(name, day): one[name] for day, one in ((JANUARY, january), (JUNE, june)) if name in one}
        found[name, "npm"] = read_typescript(types, endpoint_id, "npm")
    return found


FILE_DATA = ("output.video.file_data", "known difference")
SHOT_TYPE = ("input.shot_type", "revision of 2026-02-04")
LONGER = ("input.duration", "revision of 2026-01-28")
STRICTER = ("input.shot_type", "revision of 2026-06-11")
EXPLAINED = {
    ("o1/reference-to-video", JANUARY): [FILE_DATA],
    ("o1/reference-to-video", JUNE): [],
    ("o1/reference-to-video", "npm"): [FILE_DATA],
    ("o1/image-to-video", JANUARY): [FILE_DATA],
    ("o1/image-to-video", JUNE): [],
    ("o1/image-to-video", "npm"): [FILE_DATA],
    ("o1/standard/image-to-video", JANUARY): [FILE_DATA],
    ("o1/standard/image-to-video", JUNE): [],
    ("o1/standard/image-to-video", "npm"): [FILE_DATA],
    ("o3/pro/reference-to-video", JUNE): [],
    ("o3/pro/reference-to-video", "npm"): [SHOT_TYPE, FILE_DATA],
}
DOCUMENTED = {  # where the first documents differ
    "o1/reference-to-video": {JANUARY: [LONGER], JUNE: [LONGER], "npm": [LONGER]},
    "o1/image-to-video": {JANUARY: [LONGER], JUNE: [LONGER], "npm": [LONGER]},
    "o1/standard/image-to-video": {JANUARY: [], JUNE: [], "npm": []},
    "o3/pro/reference-to-video": {JUNE: [STRICTER], "npm": []},
}


def test_every_finding_about_our_endpoints_is_explained(
    january: dict[str, Published], june: dict[str, Published], types: str
) -> None:
    every = sources(january, june, types)
    assert every.keys() == EXPLAINED.keys()
    for (name, source), theirs in every.items():
        endpoint = FOUNDING[PREFIX + name]
        for contract in ("latest", "documented"):
            found = examine(endpoint.edition(contract), theirs)
            assert found.drift() == (), (name, source, contract)
            assert found.stale == ()
            expected = EXPLAINED[name, source]
            if contract == "documented":
                expected = DOCUMENTED[name][source] + [one for one in expected if one is FILE_DATA]
            reasons = [(one.finding.place, one.why or "") for one in found.findings]
            assert [place for place, _ in reasons] == [place for place, _ in expected]
            for (_, why), (_, start) in zip(reasons, expected, strict=True):
                assert why.startswith(start), why


def test_every_known_difference_is_still_seen_of_every_endpoint_that_it_names(
    january: dict[str, Published], june: dict[str, Published], types: str
) -> None:
    every = sources(january, june, types).values()
    for known in KNOWN_DIFFERENCES:
        concerned = {one.endpoint_id for one in every if known.concerns(one)}
        assert concerned == set(known.endpoints), known


def test_every_endpoint_of_the_package_is_read(types: str) -> None:
    every = re.findall(r'^    "([\w./-]+)": \{$', types[types.index("EndpointTypeMap = {") :], re.MULTILINE)
    assert len(every) > 1000
    for endpoint_id in every:
        places = read_typescript(types, endpoint_id, "npm").places
        assert places["input"].types == places["output"].types == {"object"}, endpoint_id


def test_the_package_and_the_documents_differ_where_a_reader_found_that_they_do(
    june: dict[str, Published], types: str
) -> None:
    """A comparison by hand found three things: shot_type, the effects' scenes, and endpoints that are absent."""
    differ, absent = set(), set()
    for name, document in june.items():
        try:
            package = read_typescript(types, PREFIX + name, "npm")
        except UnreadableContract:
            absent.add(name)
            continue
        found = (one for one in compare(package, document) if one.level is not Level.COSMETIC)
        differ |= {(name, one.place, one.change) for one in found if not one.place.endswith(".file_data")}
    o3 = {name for name in june if name.startswith("o3/") and "/4k/" not in name}
    v3 = {f"v3/{tier}/image-to-video" for tier in ("pro", "standard")}
    effects = {f"{version}/effects" for version in ("v1/standard", "v1.5/pro", "v1.6/pro", "v1.6/standard")}
    assert differ == {(name, "input.shot_type", "narrowed") for name in o3 | v3} | {
        (name, "input.effect_scene", "widened") for name in effects
    }
    assert absent == {name for name in june if "/4k/" in name} | {"v2.1/pro/image-to-video"}
