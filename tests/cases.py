"""For every rule of every endpoint: a body that this rule alone refuses.

Media stand under addresses of fal's CDN; `Case.media` says what lies there.
"""

from __future__ import annotations

import copy
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from fakefal_contracts import ENDPOINTS, Edition, Rule, rulebook
from fakefal_contracts.media import Missing
from fakefal_contracts.model import choices, spots
from media import clip, picture

CDN = "https://v3b.fal.media"
FOLDER = "/files/cases/"
GOOD_PICTURE, GOOD_CLIP = f"{CDN}{FOLDER}good.png", f"{CDN}{FOLDER}good.mp4"
Content = bytes | Path


@dataclass(frozen=True)
class Case:
    """A body that breaks one rule, and the media it names."""

    edition: Edition
    rule: Rule
    body: Any
    media: dict[str, Content] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.edition.contract}:{self.rule.id}"

    def opener(self, address: str) -> Content:
        """Opens what the case and the good body name."""
        found = (good_media() | self.media).get(address)
        if found is None:
            raise Missing(address)
        return found


@cache
def _workshop() -> Path:
    return Path(tempfile.mkdtemp(prefix="fakefal-cases-"))


@cache
def good_media() -> dict[str, Content]:
    """The picture and the clip that good bodies name."""
    return {GOOD_PICTURE: picture(), GOOD_CLIP: clip(_workshop() / "good.mp4")}


def good_body(edition: Edition, *, shots: bool = False, element: str = "") -> dict[str, Any]:
    """A body that all rules accept, with every field that can stand beside the others."""
    fields = edition.model.model_fields
    pictures = {"frontal_image_url": GOOD_PICTURE, "reference_image_urls": [GOOD_PICTURE]}
    every: dict[str, Any] = {
        "prompt": "a cat",
        "start_image_url": GOOD_PICTURE,
        "end_image_url": GOOD_PICTURE,
        "image_urls": [GOOD_PICTURE],
        "elements": [{"video_url": GOOD_CLIP, "voice_id": "v"} if element == "clip" else pictures],
        "duration": "5",
        "aspect_ratio": "16:9",
        "generate_audio": True,
        "shot_type": "customize",
        "multi_prompt": [{"prompt": "a cat", "duration": "5"}],
    }
    for name in ("prompt", "end_image_url") if shots else ("multi_prompt",):
        every.pop(name)
    return {name: value for name, value in every.items() if name in fields}


def cases() -> list[Case]:
    """One case for every rule of every endpoint under both contracts."""
    return [
        _case(edition, rule)
        for endpoint in ENDPOINTS.values()
        for edition in (endpoint.edition("documented"), endpoint.edition("latest"))
        for rule in rulebook(edition)
    ]


def _case(edition: Edition, rule: Rule) -> Case:
    if make := CROSS.get((rule.field, rule.kind)) or CROSS.get((f"{edition.endpoint.name}:{rule.field}", rule.kind)):
        return Case(edition, rule, make(edition))
    if rule.field == "":
        return Case(edition, rule, None if rule.kind == "required" else ["not", "an", "object"])
    in_clip = rule.field.endswith(("video_url", "voice_id"))
    body = good_body(edition, shots="multi_prompt" in rule.field, element="clip" if in_clip else "")
    if rule.kind in MEDIA_KINDS:
        content = _bad_media(rule.kind, of_clip=rule.field.endswith("video_url"))
        address = f"{CDN}{FOLDER}{rule.kind}-{'clip' if in_clip else 'picture'}"
        if content is None:
            return Case(edition, rule, _put(body, rule.field, "/not/an/address.png"))
        return Case(edition, rule, _put(body, rule.field, address), {address: content})
    if rule.kind == "required":
        return Case(edition, rule, _put(body, rule.field, None, delete=True))
    kind = next(spot.kind for spot in spots(edition.model) if spot.path == rule.field)
    return Case(edition, rule, _put(body, rule.field, _bad_value(rule.kind, kind)))


def _bad_value(kind: str, annotation: Any) -> Any:
    if kind == "max_length":
        return "x" * 2501
    if kind == "one_of":
        assert choices(annotation)
        return "nope"
    return "maybe" if annotation is bool else 5


def _put(body: dict[str, Any], path: str, value: Any, *, delete: bool = False) -> dict[str, Any]:
    """A copy of the body with the value at a path such as ``elements[].video_url``."""
    body = copy.deepcopy(body)
    steps: list[Any] = []
    for part in path.split("."):
        steps += [part.removesuffix("[]"), *([0] if part.endswith("[]") else [])]
    place: Any = body
    for step in steps[:-1]:
        place = place[step]
    if delete:
        del place[steps[-1]]
    else:
        place[steps[-1]] = value
    return body


MEDIA_KINDS = {
    "reachable", "readable", "format", "max_bytes", "min_pixels", "max_pixels",
    "ratio", "min_seconds", "max_seconds", "min_fps", "max_fps",
}  # fmt: skip


@cache
def _bad_media(kind: str, *, of_clip: bool) -> Content | None:
    """Content that breaks one limit only; None where the address itself is what is wrong."""
    if kind == "reachable":
        return None
    if kind == "readable":
        return b"hello, I am a text"
    return _bad_clip(kind) if of_clip else _bad_picture(kind)


def _bad_picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 360)).save(out, "BMP")
    return {
        "format": out.getvalue(),
        "max_bytes": picture(padding=10_485_760),
        "min_pixels": picture(299, 400),
        "ratio": picture(300, 800),
    }[kind]


def _bad_clip(kind: str) -> Path:
    path = _workshop() / f"{kind}.mp4"
    if kind == "max_bytes":
        clip(path)
        with path.open("ab") as file:
            file.truncate(209_715_201)
        return path
    bent: dict[str, dict[str, Any]] = {
        "format": {"form": "webm"},
        "min_pixels": {"width": 718},
        "max_pixels": {"width": 2162},
        "min_seconds": {"seconds": 2.5},
        "max_seconds": {"seconds": 10.5},
        "min_fps": {"fps": 20},
        "max_fps": {"fps": 61},
    }
    return clip(path, **bent[kind])


def _elements(edition: Edition, *elements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return good_body(edition) | {"elements": list(elements), **more}


PICTURES = {"frontal_image_url": GOOD_PICTURE, "reference_image_urls": [GOOD_PICTURE]}
CLIP = {"video_url": GOOD_CLIP}
O1, O3 = "o1.reference-to-video", "o3.pro.reference-to-video"

#: Bodies for the rules across fields, by field (with the endpoint where two differ) and kind.
CROSS: dict[tuple[str, str], Callable[[Edition], Any]] = {
    (f"{O1}:elements[].reference_image_urls", "min_items"): lambda edition: _elements(
        edition, PICTURES | {"reference_image_urls": []}
    ),
    ("elements[].reference_image_urls", "items"): lambda edition: _elements(
        edition, PICTURES | {"reference_image_urls": [GOOD_PICTURE] * 4}
    ),
    ("elements[]", "media"): lambda edition: _elements(edition, {"frontal_image_url": GOOD_PICTURE}),
    ("elements[]", "voice"): lambda edition: _elements(edition, PICTURES | {"voice_id": "v"}),
    ("", "prompt_or_multi_prompt"): lambda edition: {
        name: value for name, value in good_body(edition).items() if name != "prompt"
    },
    ("", "prompt_xor_multi_prompt"): lambda edition: good_body(edition, shots=True) | {"prompt": "a cat"},
    ("", "end_image_without_multi_prompt"): lambda edition: (
        good_body(edition, shots=True) | {"end_image_url": GOOD_PICTURE}
    ),
    ("", "max_clips"): lambda edition: _elements(edition, CLIP, CLIP),
    ("", "max_references_with_clip"): lambda edition: _elements(edition, CLIP, image_urls=[GOOD_PICTURE] * 4),
    ("", "max_references"): lambda edition: _elements(edition, PICTURES, image_urls=[GOOD_PICTURE] * 7),
    ("multi_prompt[].prompt", "max_length"): lambda edition: (
        good_body(edition, shots=True) | {"multi_prompt": [{"prompt": "x" * 513}]}
    ),
}
