"""The limits in numbers: exactly there a request is accepted, and they are those of the published documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakefal_contracts import ENDPOINTS, find_endpoint, judge
from fakefal_contracts.kling.shared import CLIP_LIMITS, PICTURE_LIMITS
from fakefal_contracts.model import choices, spots
from support.endpoints import I2V, O1, O3
from support.machine import SHARED, required_in_ci
from support.media import clip, picture

PICTURE = "https://a/b.png"
PICTURES = {"frontal_image_url": PICTURE, "reference_image_urls": [PICTURE]}


def errors(endpoint_id: str, body: Any, at_edge: Any = None) -> list[str]:
    """The rules that refuse; the address ``edge`` stands for the given content, nobody looks at others."""

    def opener(address: str) -> Any:
        return at_edge if address == "https://edge" else None

    return [error.rule.id for error in judge(find_endpoint(endpoint_id).edition("latest"), body, opener).errors]


@pytest.mark.parametrize(
    ("endpoint_id", "change"),
    [
        (O1, {"prompt": "x" * 2500}),
        (O1, {"elements": [PICTURES | {"reference_image_urls": [PICTURE] * 3}]}),
        (O1, {"elements": [PICTURES] * 3, "image_urls": [PICTURE] * 4}),
        (O3, {"elements": [PICTURES | {"reference_image_urls": [PICTURE] * 3}]}),
        (O3, {"elements": [PICTURES] * 3, "image_urls": [PICTURE] * 4}),
        (O3, {"elements": [PICTURES, {"video_url": "https://a/b.mp4"}], "image_urls": [PICTURE] * 2}),
        (O3, {"prompt": None, "multi_prompt": [{"prompt": "x" * 512}]}),
        (O3, {"duration": "3"}),
        (O3, {"duration": "15"}),
        (O1, {"duration": "10"}),
    ],
    ids=str,
)
def test_counts_and_lengths(endpoint_id: str, change: dict[str, Any]) -> None:
    assert errors(endpoint_id, {"prompt": "x"} | change) == []


@pytest.mark.parametrize(
    "content",
    [picture(300, 300), picture(400, 1000), picture(1000, 400), picture(padding=10_485_760 - len(picture()))],
    ids=["300 x 300", "0.40", "2.50", "10485760 bytes"],
)
def test_pictures(content: bytes) -> None:
    assert errors(I2V, {"prompt": "x", "start_image_url": "https://edge"}, content) == []


def _padded(path: Path) -> Path:
    clip(path)
    with path.open("ab") as file:
        file.truncate(209_715_200)
    return path


@pytest.mark.parametrize(
    "make",
    [
        lambda path: clip(path, width=2160, height=720),
        lambda path: clip(path, seconds=3),
        lambda path: clip(path, seconds=10.04, fps=25),
        lambda path: clip(path, fps=24),
        lambda path: clip(path, fps=60),
        _padded,
    ],
    ids=["2160 and 720 px", "3 s", "10.04 s", "24 fps", "60 fps", "209715200 bytes"],
)
def test_clips(make: Callable[[Path], Path], tmp_path: Path) -> None:
    body = {"prompt": "x", "elements": [{"video_url": "https://edge"}]}
    assert errors(O3, body, make(tmp_path / "edge.mp4")) == []


@pytest.mark.parametrize("endpoint_id", ENDPOINTS)
def test_the_numbers_are_those_of_fals_document(endpoint_id: str) -> None:
    """Names, enums, defaults, requiredness, nullability and limits, against the document of 2026-06-11."""
    name = f"{endpoint_id.replace('/', '--')}.json"
    path = SHARED / "reference" / "openapi" / "2026-06-11" / name
    if not path.is_file():
        required_in_ci("fal's OpenAPI documents are not beside the project (../shared)")
    schemas = json.loads(path.read_text("utf-8"))["openapi"]["components"]["schemas"]
    (top,) = (schema for key, schema in schemas.items() if key.endswith("Input") and key.startswith("KlingVideo"))
    published = dict(_published(schemas, top, ""))
    ours = {spot.path: spot for spot in spots(find_endpoint(endpoint_id).edition("latest").model) if spot.path}
    assert set(published) == set(ours)
    for place, schema in published.items():
        spot = ours[place]
        assert choices(spot.kind) == (tuple(schema["enum"]) if "enum" in schema else None), place
        assert schema["required"] == spot.required, place
        lengths = [extra.max_length for extra in spot.metadata if hasattr(extra, "max_length")]
        assert lengths == ([schema["maxLength"]] if "maxLength" in schema else []), place
        limits = schema.get("x-fal")
        expected = {"min_fps": CLIP_LIMITS, "min_aspect_ratio": PICTURE_LIMITS}
        wanted = [expected[key] for key in expected if limits and key in limits]
        assert [extra for extra in spot.metadata if hasattr(extra, "timeout_seconds")] == wanted, place
        if limits:
            _compare(limits, wanted[0])


def _published(schemas: Any, schema: Any, path: str) -> Any:
    for name, field in schema["properties"].items():
        place = f"{path}.{name}" if path else name
        yield from _place(schemas, field, place, required=name in schema.get("required", []))


def _place(schemas: Any, field: Any, place: str, *, required: bool = False) -> Any:
    bare = next((one for one in field.get("anyOf", []) if one.get("type") != "null"), field)
    if "$ref" in bare:
        bare = schemas[bare["$ref"].rpartition("/")[2]]
    yield place, bare | {"required": required}
    if bare.get("type") == "array":
        yield from _place(schemas, bare["items"], f"{place}[]")
    elif "properties" in bare:
        yield from _published(schemas, bare, place)


def _compare(limits: dict[str, Any], ours: Any) -> None:
    names = {
        "max_file_size": "max_bytes",
        "timeout": "timeout_seconds",
        "min_aspect_ratio": "min_ratio",
        "max_aspect_ratio": "max_ratio",
        "min_duration": "min_seconds",
        "max_duration": "max_seconds",
    }
    if ours is CLIP_LIMITS:
        names |= dict.fromkeys(("min_width", "min_height"), "min_pixels")
        names |= dict.fromkeys(("max_width", "max_height"), "max_pixels")
    for name, value in limits.items():
        assert getattr(ours, names.get(name, name)) == value, name
