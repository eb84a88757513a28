"""The OpenAPI documents that the contracts make, against those that fal published."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis

from fakefal_contracts import BUILT_IN, FOUNDING, KLING, examples, judge
from fakefal_contracts.example import example_input
from fakefal_contracts.model import spots, wire_fields
from fakefal_contracts.openapi import input_schema, openapi, schema_names
from fakefal_contracts.record import Source
from fakefal_contracts.rule import Requirement
from support.endpoints import I2V, O1, O3, STANDARD
from support.machine import SHARED, required_in_ci

pytestmark = [pytest.mark.quick, pytest.mark.versions]


def published(endpoint_id: str) -> dict[str, Any]:
    """fal's own document of 2026-06-11."""
    path = SHARED / "reference" / "openapi" / "2026-06-11" / f"{endpoint_id.replace('/', '--')}.json"
    if not path.is_file():
        required_in_ci("fal's OpenAPI documents are not beside the project (../shared)")
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))["openapi"]
    return document


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Every place where two documents differ, words left out: our descriptions are our own."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs} - {"description", "about"}):
            place = f"{path}.{key}".lstrip(".")
            if key not in theirs:
                yield f"+ {place}"
            elif key not in ours:
                yield f"- {place}"
            else:
                yield from differences(ours[key], theirs[key], place)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif ours != theirs:
        yield f"! {path}"


THUMBNAIL = {"! info.x-fal-metadata.thumbnailUrl": "the emulator shows a picture that its CDN has"}
UI = {
    "+ components.schemas.OmniVideoElementInput.properties.reference_image_urls.items.ui": (
        "fal prints it for every list of pictures but this one"
    )
}
UI_FIELD = {
    f"- components.schemas.KlingVideoO3ProReferenceToVideoInput.properties.{name}.anyOf[0]._fal_ui_field": (
        "an inner twin of ui.field, which fal prints for some pictures and not for others"
    )
    for name in ("start_image_url", "end_image_url")
}
LAUNCH_SECONDS = "the first documents allow 5 and 10 seconds only"
OLDER = {
    O1: {"! components.schemas.KlingVideoO1ReferenceToVideoInput.properties.duration.enum": LAUNCH_SECONDS},
    I2V: {"! components.schemas.KlingVideoO1ImageToVideoInput.properties.duration.enum": LAUNCH_SECONDS},
    STANDARD: {},
    O3: {
        "- components.schemas.KlingVideoO3ProReferenceToVideoInput.properties.shot_type.enum": (
            "the founding document has any string"
        )
    },
}
KNOWN: dict[str, dict[str, str]] = {
    O1: THUMBNAIL | UI,
    I2V: THUMBNAIL,
    STANDARD: THUMBNAIL,
    O3: THUMBNAIL | UI_FIELD,
}


@pytest.mark.parametrize("endpoint_id", FOUNDING)
class TestAgainstFal:
    def test_the_newest_contract_says_what_fal_says(self, endpoint_id: str) -> None:
        document = openapi(BUILT_IN.find(endpoint_id).edition("latest"))
        assert set(differences(document, published(endpoint_id))) == set(KNOWN[endpoint_id])

    def test_the_documented_contract_is_older_in_what_is_listed(self, endpoint_id: str) -> None:
        document = openapi(BUILT_IN.find(endpoint_id).edition("documented"))
        listed = KNOWN[endpoint_id] | OLDER[endpoint_id]
        assert set(differences(document, published(endpoint_id))) == set(listed)

    def test_paths_and_parts_come_in_fals_order(self, endpoint_id: str) -> None:
        ours, theirs = openapi(BUILT_IN.find(endpoint_id).edition("latest")), published(endpoint_id)
        assert list(ours) == list(theirs)
        assert list(ours["paths"]) == list(theirs["paths"])


@pytest.mark.parametrize("endpoint_id", FOUNDING)
class TestTheDocument:
    def test_it_is_openapi(self, endpoint_id: str) -> None:
        """Like fal's own, it says 3.0.4 and has the null of 3.1."""
        document = openapi(BUILT_IN.find(endpoint_id).edition("latest"))
        schema = schemathesis.openapi.from_dict(document | {"openapi": "3.1.0"})
        schema.validate()
        assert schema.statistic.operations.total == 4

    def test_its_schemas_accept_the_examples(self, endpoint_id: str) -> None:
        endpoint = BUILT_IN.find(endpoint_id)
        for edition in endpoint.editions:
            document = openapi(edition)
            given, made = schema_names(endpoint)
            for name, example in ((given, "required"), (given, "full"), (made, "output")):
                schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
                jsonschema_rs.validate(schema, examples(endpoint_id)[example])
                with pytest.raises(jsonschema_rs.ValidationError):
                    jsonschema_rs.validate(schema, {"prompt": 5, "video": 5})


@pytest.mark.parametrize("endpoint_id", KLING)
class TestTheWordsOfTheFamily:
    def test_every_field_is_described(self, endpoint_id: str) -> None:
        for edition in BUILT_IN.find(endpoint_id).editions:
            for name, schema in openapi(edition)["components"]["schemas"].items():
                for field, one in schema.get("properties", {}).items():
                    assert one.get("description") or (name, field) == ("QueueStatus", "status")

    def test_every_reference_leads_somewhere(self, endpoint_id: str) -> None:
        document = openapi(BUILT_IN.find(endpoint_id).edition("latest"))
        names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
        assert names == set(document["components"]["schemas"])

    def test_every_hand_written_rule_is_said(self, endpoint_id: str) -> None:
        edition = BUILT_IN.find(endpoint_id).edition("latest")
        text = json.dumps(openapi(edition))
        said = [one.says for spot in spots(edition.model) for one in spot.metadata if isinstance(one, Requirement)]
        said += [one.says for spot in spots(edition.model) for one in spot.owner.requirements]
        assert all(json.dumps(says)[1:-1] in text for says in said)


DOCUMENTED = [one for one in KLING if BUILT_IN.find(one).record.source is not Source.TYPES]


@pytest.mark.parametrize("endpoint_id", DOCUMENTED)
def test_no_sentence_about_a_field_is_fals(endpoint_id: str) -> None:
    ours = openapi(BUILT_IN.find(endpoint_id).edition("latest"))["components"]["schemas"]
    theirs = published(endpoint_id)["components"]["schemas"]
    for name, schema in ours.items():
        for field, one in schema["properties"].items():
            first = one.get("description", "").partition("\n")[0]
            said = theirs[name]["properties"][field].get("description", "")
            assert not first or first != said.partition("\n")[0], field


@pytest.mark.parametrize("endpoint_id", [*FOUNDING, *list(BUILT_IN)[::40]])
def test_the_schema_for_editors_is_one_and_agrees_with_the_judge(endpoint_id: str) -> None:
    endpoint = BUILT_IN.find(endpoint_id)
    schema = input_schema(endpoint.edition("latest"))
    jsonschema_rs.meta.validate(schema)
    body = example_input(endpoint)
    jsonschema_rs.validate(schema, body)
    assert schema["properties"].keys() == {key for key, _, _ in wire_fields(endpoint.input)}
    for key in schema.get("required", ()):
        shorter = {name: value for name, value in body.items() if name != key}
        assert not jsonschema_rs.is_valid(schema, shorter)
        assert not judge(endpoint.edition("latest"), shorter).ok


def test_the_schema_for_editors_has_words_and_follows_the_contract() -> None:
    endpoint = BUILT_IN.find(O3)
    schema = input_schema(endpoint.edition("latest"))
    assert "description" in schema["properties"]["prompt"]
    assert "Rule: " in json.dumps(schema["$defs"]), "what JSON schema cannot say"
    assert input_schema(endpoint.edition("documented")) != schema


def test_a_document_is_made_afresh() -> None:
    edition = BUILT_IN.find(O3).edition("latest")
    first = openapi(edition)
    first["components"].clear()
    assert openapi(edition)["components"]["schemas"]


def test_the_server_can_be_another() -> None:
    document = openapi(BUILT_IN.find(O3).edition("latest"), server="http://127.0.0.1:8710/queue")
    assert document["servers"] == [{"url": "http://127.0.0.1:8710/queue"}]
