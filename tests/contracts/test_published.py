"""What the readers make of fal's documents, of its client's types and of our editions."""

from __future__ import annotations

from typing import Any

import pytest

from fakefal_contracts import FOUNDING
from fakefal_contracts.drift import compare
from fakefal_contracts.errors import UnreadableContract
from fakefal_contracts.published import ABSENT, UNSAID, Place
from fakefal_contracts.published.edition import read_edition
from fakefal_contracts.published.endpoint_document import read_openapi
from fakefal_contracts.published.typescript import read_typescript
from support.published_document import ENDPOINT, document

pytestmark = pytest.mark.quick

TYPES = """
import type { Nothing } from "elsewhere";
export type Shape = "16:9" | "9:16" | "1:1";
export type Shot = {
    /**
     * What this shot shows.
     */
    text: string;
    /**
     * Default value: `"5"`
     */
    length?: "5" | "10";
};
/* a comment with a { brace and export type Shot = string; */
export interface File {
    url: string,
    file_size?: number,
    [key: string]: unknown,
}
type Sized = { readonly width?: 1 | 2; 'quoted name': true };
export type Arguments = {
    /**
     * A text.
     * It's in two lines. Default value: `"none"`
     */
    text?: string;
    picture: string | Blob | File;
    pictures: Array<string | Blob | File>;
    shape?: Shape;
    shots?: (Shot)[] | null;
    sized?: Sized & { height: number };
    free?: Record<string, Array<unknown>>;
    unheard?: SomethingElse<string, number>;
    // a comment
    loud?: boolean;
    /** Default value: `true` */
    grand?: boolean;
    /** Default value: `square` */
    size?: Sized | "square" | "round";
};
export type EndpointTypeMap = {
    "tests/drift/clip": { input: Arguments; output: { video: File; seeds: number[] } };
    "tests/other": { input: Arguments };
};
"""
WRITTEN_OUT = '{ /** What this shot shows. */ text: string; /** Default value: `"5"` */ length?: "5" | "10" }'


def typed(text: str = TYPES, endpoint: str = ENDPOINT) -> dict[str, Place]:
    return dict(read_typescript(text, endpoint, "types").places)


@pytest.mark.parametrize(
    ("path", "types", "required", "choices", "default"),
    [
        ("input", "object", True, None, UNSAID),
        ("input.text", "string", False, None, "none"),
        ("input.picture", "string", True, None, ABSENT),
        ("input.pictures", "array", True, None, UNSAID),
        ("input.pictures[]", "string", True, None, ABSENT),
        ("input.shape", "string", False, ("16:9", "9:16", "1:1"), ABSENT),
        ("input.shots", "array", False, None, UNSAID),
        ("input.shots[].text", "string", True, None, ABSENT),
        ("input.shots[].length", "string", False, ("5", "10"), "5"),
        ("input.sized.width", "numeric", False, (1, 2), UNSAID),
        ("input.sized.height", "numeric", True, None, UNSAID),
        ("input.sized.quoted name", "boolean", True, (True,), UNSAID),
        ("input.free", "object", False, None, UNSAID),
        ("input.unheard", "", False, None, UNSAID),
        ("input.loud", "boolean", False, None, UNSAID),
        ("input.grand", "boolean", False, None, True),
        ("input.size", "object string", False, None, "square"),
        ("output.video.file_size", "numeric", False, None, UNSAID),
        ("output.seeds", "array", True, None, UNSAID),
        ("output.seeds[]", "numeric", True, None, UNSAID),
    ],
)
def test_types_of_the_client_are_read(
    path: str, types: str, required: bool, choices: tuple[Any, ...] | None, default: Any
) -> None:
    place = typed()[path]
    assert place.types == frozenset(types.split())
    assert (place.required, place.choices, place.default) == (required, choices, default)
    assert place.nullable is UNSAID
    assert place.limits is UNSAID


def test_a_doc_comment_is_the_description_without_the_default() -> None:
    assert typed()["input.text"].words == {"description": "A text. It's in two lines."}
    assert typed()["input.shots[].length"].words == {}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            'length?: "5" | "10";',
            'length?: "5" | "10" | "15";',
            ("input.shots[].length", "choices", "widened", "widens"),
        ),
        ('length?: "5" | "10";', 'length?: "5";', ("input.shots[].length", "choices", "narrowed", "breaks")),
        ('length?: "5" | "10";', "length?: string;", ("input.shots[].length", "choices", "widened", "widens")),
        ('Default value: `"5"`', 'Default value: `"10"`', ("input.shots[].length", "default", "changed", "breaks")),
        ('Default value: `"5"`', "", ("input.shots[].length", "default", "changed", "breaks")),
        ("    text: string;", "    text?: string;", ("input.shots[].text", "required", "widened", "widens")),
        ("    text: string;", "    text: number;", ("input.shots[].text", "types", "changed", "breaks")),
        ("    text: string;", "    text: string; more: string;", ("input.shots[].more", "field", "added", "breaks")),
        ("    text: string;", "    text: string; more?: number;", ("input.shots[].more", "field", "added", "widens")),
        ("loud?: boolean;", "", ("input.loud", "field", "removed", "breaks")),
        ("url: string,", "url: string | null,", None),
        ("url: string,", "url?: string,", ("output.video.url", "required", "widened", "breaks")),
        ("What this shot shows.", "Other words.", ("input.shots[].text", "description", "changed", "cosmetic")),
        ("seeds: number[]", "seeds: Array<number>", None),
        ("(Shot)[] | null", f"null | Array<{WRITTEN_OUT}>", None),
    ],
)
def test_a_change_of_the_types_is_found(old: str, new: str, expected: tuple[str, ...] | None) -> None:
    assert TYPES.count(old) >= 1
    text = TYPES.replace(old, new, 1)
    findings = compare(read_typescript(TYPES, ENDPOINT, "old"), read_typescript(text, ENDPOINT, "new"))
    assert [(one.place, one.aspect, one.change, one.level) for one in findings] == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("text", "endpoint", "said"),
    [
        (TYPES, "tests/missing", "does not declare tests/missing"),
        (TYPES, "tests/other", "without input or output"),
        ("", ENDPOINT, "does not declare"),
        ("export type EndpointTypeMap = { a: `b`; };", ENDPOINT, "EndpointTypeMap cannot be read at '`b`"),
        ("export type EndpointTypeMap = { a: (string };", ENDPOINT, "EndpointTypeMap lacks ')' before '}'"),
        ("export type EndpointTypeMap = { a: string", ENDPOINT, "EndpointTypeMap cannot be read at ''"),
        ("export type EndpointTypeMap = ;", ENDPOINT, "EndpointTypeMap cannot be read at ';'"),
        (TYPES.replace("text: string;", "text: @;"), ENDPOINT, "the type Shot cannot be read at '@;"),
    ],
)
def test_types_that_cannot_be_read_say_so(text: str, endpoint: str, said: str) -> None:
    with pytest.raises(UnreadableContract) as refused:
        typed(text, endpoint)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        "text",
        {},
        {"openapi": "3.0.4"},
        {"openapi": {}, "endpoint_id": ENDPOINT},
        document() | {"paths": {}},
        document() | {"components": {}},
        document() | {"components": {"schemas": {"Arguments": [], "Result": {}}}},
        document() | {"components": {"schemas": {"Arguments": {"properties": []}, "Result": {}}}},
        document() | {"metadata": {"updated_at": "yesterday"}},
    ],
    ids=str,
)
def test_what_is_no_document_of_fals_is_refused(given: Any) -> None:
    with pytest.raises(UnreadableContract):
        read_openapi(given, "given")


def test_the_record_of_the_models_api_is_the_document_with_a_day() -> None:
    record = {"endpoint_id": ENDPOINT, "openapi": document(), "metadata": {"updated_at": "2026-01-26T21:42:08.754Z"}}
    wrapped, bare = read_openapi(record, "wrapped"), read_openapi(document(), "bare")
    assert compare(wrapped, bare) == ()
    assert (str(wrapped.day), bare.day) == ("2026-01-26", None)


def test_an_edition_is_read_with_its_media_limits() -> None:
    places = read_edition(FOUNDING["fal-ai/kling-video/o3/pro/reference-to-video"].edition("latest")).places
    assert places["input.prompt"] == Place(
        frozenset({"string"}), required=False, nullable=True, limits={"maxLength": 2500}
    )
    assert places["input.elements[].video_url"].limits == {
        "max_file_size": 209_715_200,
        "timeout": 30,
        "min_width": 720,
        "min_height": 720,
        "max_width": 2160,
        "max_height": 2160,
        "min_duration": 3,
        "max_duration": 10.05,
        "min_fps": 24,
        "max_fps": 60,
    }
    assert places["input.multi_prompt[].duration"].default == "5"
    assert places["output.video.url"].required
    assert next(iter(places)) == "input"


@pytest.mark.parametrize("endpoint", FOUNDING.values(), ids=FOUNDING)
def test_a_revision_differs_from_the_newest_in_the_fields_that_it_names(endpoint: Any) -> None:
    newest = read_edition(endpoint.edition("latest"))
    for edition, revision in zip(endpoint.editions, endpoint.revisions, strict=True):
        findings = compare(read_edition(edition), newest)
        assert {one.place for one in findings} == {f"input.{name}" for name in revision.changes}
