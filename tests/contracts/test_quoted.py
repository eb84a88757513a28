"""Refusals whose exact words a source quotes, and the examples that fal's documents print."""

from __future__ import annotations

from typing import Any

import pytest

from fakefal_contracts import FOUNDING, check, examples
from support.endpoints import I2V, O1, O3

pytestmark = pytest.mark.quick

LONG, LONG_SHOT = "x" * 2501, "y" * 513
PICTURES = {"frontal_image_url": "https://a.example/f.png", "reference_image_urls": ["https://a.example/r.png"]}


def value_error(loc: list[Any], message: str, given: Any) -> dict[str, Any]:
    return {
        "type": "value_error",
        "loc": ["body", *loc],
        "msg": f"Value error, {message}",
        "input": given,
        "ctx": {"error": message},
    }


def body_of(endpoint_id: str, arguments: Any, contract: str = "documented") -> list[dict[str, Any]]:
    return [error.wire() for error in check(endpoint_id, arguments, contract=contract).errors]


def test_a_missing_field() -> None:
    assert body_of(I2V, {"start_image_url": "https://a.example/b.png"}) == [
        {
            "type": "missing",
            "loc": ["body", "prompt"],
            "msg": "Field required",
            "input": {"start_image_url": "https://a.example/b.png"},
        }
    ]


def test_a_long_prompt() -> None:
    assert body_of(O1, {"prompt": LONG}) == [
        {
            "type": "string_too_long",
            "loc": ["body", "prompt"],
            "msg": "String should have at most 2500 characters",
            "input": LONG,
            "ctx": {"max_length": 2500},
        }
    ]


@pytest.mark.parametrize("sent", ["3", 5, None])
def test_a_duration_outside_the_launch_choices(sent: Any) -> None:
    assert body_of(O1, {"prompt": "x", "duration": sent}) == [
        {
            "type": "literal_error",
            "loc": ["body", "duration"],
            "msg": "Input should be '5' or '10'",
            "input": sent,
            "ctx": {"expected": "'5' or '10'"},
        }
    ]


def test_long_shot_prompts_are_reported_one_by_one() -> None:
    shots = [{"prompt": LONG_SHOT}, {"prompt": "short"}, {"prompt": LONG_SHOT}]
    message = "Prompt must not exceed 512 characters."
    assert body_of(O3, {"multi_prompt": shots}) == [
        value_error(["multi_prompt", 0, "prompt"], message, LONG_SHOT),
        value_error(["multi_prompt", 2, "prompt"], message, LONG_SHOT),
    ]


def test_a_last_frame_with_shots() -> None:
    body = {"multi_prompt": [{"prompt": "x"}], "end_image_url": "https://a.example/b.png"}
    assert body_of(O3, body) == [value_error([], "End Image Url is not supported with Multi Prompt", body)]


def test_neither_prompt_nor_shots() -> None:
    assert body_of(O3, {}) == [value_error([], "Either 'prompt' or 'multi_prompt' must be provided.", {})]


def test_an_element_with_half_its_pictures() -> None:
    element = {"frontal_image_url": "https://a.example/f.png"}
    message = "Either frontal_image_url and reference_image_urls or video_url must be provided."
    assert body_of(O3, {"prompt": "x", "elements": [element]}) == [value_error(["elements", 0], message, element)]


def test_an_element_of_o1_without_references() -> None:
    frontal = {"frontal_image_url": "https://a.example/f.png"}
    empty = body_of(O1, {"prompt": "x", "elements": [frontal | {"reference_image_urls": []}]})
    assert empty == [
        value_error(["elements", 0, "reference_image_urls"], "At least one image from different angles is required", [])
    ]
    (absent,) = body_of(O1, {"prompt": "x", "elements": [frontal]})
    assert absent["msg"] == "elementReferList: size must be between 1 and 3"


def test_unknown_keys_are_ignored() -> None:
    report = check(O3, {"prompt": "x", "negative_prompt": "y", "aspect_ration": "1:1"})
    assert report.ok
    assert [(advice.loc, advice.hint) for advice in report.warnings] == [
        (("negative_prompt",), "remove it: this model has no such argument"),
        (("aspect_ration",), 'did you mean "aspect_ratio"?'),
    ]


@pytest.mark.parametrize("endpoint_id", FOUNDING)
@pytest.mark.parametrize("which", ["required", "full"])
@pytest.mark.parametrize("contract", ["documented", "latest"])
def test_the_documents_examples_are_accepted(endpoint_id: str, which: str, contract: str) -> None:
    report = check(endpoint_id, examples(endpoint_id)[which], contract=contract)
    assert report.ok, report.errors


@pytest.mark.parametrize("endpoint_id", FOUNDING)
def test_the_documents_outputs_are_of_the_output_model(endpoint_id: str) -> None:
    output = examples(endpoint_id)["output"]
    assert FOUNDING[endpoint_id].output.model_validate(output).model_dump(exclude_unset=True) == output
