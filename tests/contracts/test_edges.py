"""The limits in numbers: exactly there a request is accepted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakefal_contracts import BUILT_IN, judge
from support.endpoints import I2V, O1, O3
from support.media import clip, picture

pytestmark = pytest.mark.quick

PICTURE = "https://a.example/b.png"
PICTURES = {"frontal_image_url": PICTURE, "reference_image_urls": [PICTURE]}


def errors(endpoint_id: str, body: Any, at_edge: Any = None) -> list[str]:
    """The rules that refuse; the address ``edge`` stands for the given content, nobody looks at others."""

    def opener(address: str) -> Any:
        return at_edge if address == "https://edge.example/" else None

    return [error.rule.id for error in judge(BUILT_IN.find(endpoint_id).edition("latest"), body, opener).errors]


@pytest.mark.parametrize(
    ("endpoint_id", "change"),
    [
        (O1, {"prompt": "x" * 2500}),
        (O1, {"elements": [PICTURES | {"reference_image_urls": [PICTURE] * 3}]}),
        (O1, {"elements": [PICTURES] * 3, "image_urls": [PICTURE] * 4}),
        (O3, {"elements": [PICTURES | {"reference_image_urls": [PICTURE] * 3}]}),
        (O3, {"elements": [PICTURES] * 3, "image_urls": [PICTURE] * 4}),
        (O3, {"elements": [PICTURES, {"video_url": "https://a.example/b.mp4"}], "image_urls": [PICTURE] * 2}),
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
    assert errors(I2V, {"prompt": "x", "start_image_url": "https://edge.example/"}, content) == []


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
    body = {"prompt": "x", "elements": [{"video_url": "https://edge.example/"}]}
    assert errors(O3, body, make(tmp_path / "edge.mp4")) == []
