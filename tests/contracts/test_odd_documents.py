"""Documents of users' own may hold any schema: what no model is made of is left open, and never an exception."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakefal.settings import Settings
from fakefal.testing import Fakefal
from fakefal_contracts import Catalogue, judge, rulebook
from fakefal_contracts.example import example_input
from fakefal_contracts.llms import llms_txt
from fakefal_contracts.openapi import openapi
from fakefal_contracts.own_documents import read_models

pytestmark = pytest.mark.quick

MINE = "me/odd"
TOLD = {"propertyName": "kind"}
CAT = {"$ref": "#/components/schemas/Cat"}
TREE = {"$ref": "#/components/schemas/Tree"}
TRUNK = {"$ref": "#/components/schemas/Trunk"}
COMPONENTS = {
    "Tree": {"type": "object", "properties": {"kids": {"type": "array", "items": TREE}, "left": TREE}},
    "Trunk": {"type": "object", "properties": {"on": {"$ref": "#/components/schemas/Trunk"}}, "required": ["on"]},
    "Cat": {"type": "object", "properties": {"kind": {"const": "cat"}}, "required": ["kind"]},
    "Dog": {"type": "object", "properties": {"kind": {"const": "dog"}}, "required": ["kind"]},
}  # fmt: skip
ANYTHING = "any value is accepted there"
NOT_JUDGED = "is not a limit that pydantic accepts, and is not judged"
ODD: dict[str, tuple[Any, str]] = {
    "not": ({"not": {"type": "string"}}, ""),
    "true": (True, ""),
    "items that are true": ({"type": "array", "items": True}, ""),
    "an array of anything": ({"type": "array"}, ""),
    "several types": ({"type": ["string", "integer", "null"]}, ""),
    "no type": ({"type": []}, ""),
    "an unknown type": ({"type": "file"}, f"In.odd has the type 'file': {ANYTHING}"),
    "null": ({"type": "null"}, ""),
    "a tuple": ({"type": "array", "prefixItems": [{"type": "integer"}, True]}, ""),
    "an empty tuple": ({"type": "array", "prefixItems": []}, ""),
    "an empty union": ({"anyOf": []}, ""),
    "a union told by a field": ({"oneOf": [CAT, {"$ref": "#/components/schemas/Dog"}]}, ""),
    "a union that no field tells": ({"oneOf": [{"type": "string"}, CAT], "discriminator": TOLD}, ""),
    "itself": (TREE, f"the schema Tree holds itself: {ANYTHING}"),
    "itself, without an end": (TRUNK, f"the schema Trunk holds itself: {ANYTHING}"),
    "nowhere": ({"$ref": "#/components/schemas/X"}, f"the document does not hold the schema X: {ANYTHING}"),
    "all of two": ({"allOf": [CAT, {"type": "object"}]}, f"In.odd is all of several schemas: {ANYTHING}"),
    "a choice of objects": ({"enum": [{"a": 1}, [1]]}, f"In.odd is a choice of lists or objects: {ANYTHING}"),
    "a choice of nothing": ({"enum": []}, f"In.odd is a choice of nothing: {ANYTHING}"),
    "a choice of null": ({"enum": [None]}, ""),
    "a mixed choice": ({"enum": [1, "a", None, 2.5]}, ""),
    "a constant list": ({"const": [1, 2]}, f"In.odd is a choice of lists or objects: {ANYTHING}"),
    "draft 4": ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, ""),
    "a pattern that looks ahead": ({"type": "string", "pattern": "(?!a)"}, f"pattern of In.odd {NOT_JUDGED}: '(?!a)'"),
    "a broken pattern": ({"type": "string", "pattern": "["}, f"pattern of In.odd {NOT_JUDGED}: '['"),
    "a limit in words": ({"type": "integer", "minimum": "3"}, f"minimum of In.odd {NOT_JUDGED}: '3'"),
    "half an integer": ({"type": "integer", "minimum": 0.5}, f"minimum of In.odd {NOT_JUDGED}: 0.5"),
    "a negative length": ({"type": "string", "maxLength": -1}, f"maxLength of In.odd {NOT_JUDGED}: -1"),
    "a multiple of nothing": ({"type": "number", "multipleOf": 0}, f"multipleOf of In.odd {NOT_JUDGED}: 0"),
    "a limit of another type": ({"type": "integer", "maxLength": 3}, ""),
    "an unknown limit": ({"type": "array", "contains": {"type": "integer"}, "minContains": 2}, ""),
    "an unknown format": ({"type": "string", "format": "email"}, ""),
    "a mapping": ({"type": "object", "additionalProperties": {"type": "integer"}}, ""),
}  # fmt: skip
VALUES = (None, 1, -1, 2.5, "a", "", True, [], [1, "a"], ["a", "a"], {}, {"kind": "cat"}, {"kids": [{}]}, [[[]]])


def write(schema: Any, path: Path) -> Path:
    """The openapi.json of an application whose argument and result have this schema."""
    body = {"type": "object", "properties": {"odd": schema}, "required": ["odd"]}

    def content(name: str) -> dict[str, Any]:
        return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}

    call = {"requestBody": content("In"), "responses": {"200": content("Out")}}
    components = {"schemas": {**COMPONENTS, "In": body, "Out": body}}
    path.write_text(json.dumps({"openapi": "3.1.0", "paths": {"/": {"post": call}}, "components": components}))
    return path


@pytest.mark.parametrize(("schema", "note"), ODD.values(), ids=ODD.keys())
def test_any_schema_is_read_and_what_is_left_open_is_noted(schema: Any, note: str, tmp_path: Path) -> None:
    endpoint = Catalogue(read_models(write(schema, tmp_path / "odd.json"), MINE)).find(MINE)
    edition = endpoint.edition("latest")
    assert endpoint.unread[:1] == ((note,) if note else ())
    assert judge(edition, example_input(endpoint)).ok
    for value in VALUES:
        report = judge(edition, {"odd": value})
        assert all(error.rule.says and error.rule.kind for error in report.errors)
    assert [rule.field for rule in rulebook(edition)]
    assert "odd" in llms_txt(edition)
    assert json.loads(json.dumps(openapi(edition)))


def test_each_runs_through_the_queue(tmp_path: Path) -> None:
    ids = [f"{MINE}/number-{number}" for number in range(len(ODD))]
    records = [
        record.as_json()
        for endpoint_id, (schema, _) in zip(ids, ODD.values(), strict=True)
        for record in read_models(write(schema, tmp_path / "odd.txt"), endpoint_id)
    ]
    (tmp_path / "all.jsonl").write_text("\n".join(map(json.dumps, records)))
    catalogue = Settings(models=(tmp_path / "all.jsonl",)).catalogue()
    with Fakefal(models=(tmp_path / "all.jsonl",)), httpx.Client(headers={"Authorization": "Key a:b"}) as http:
        for endpoint_id in ids:
            body = example_input(catalogue.find(endpoint_id))
            submitted = http.post(f"https://queue.fal.run/{endpoint_id}", json=body).json()
            assert http.get(submitted["response_url"]).status_code == 200, endpoint_id
