"""For every rule written by hand: how a value comes to keep it, and how it comes to break nothing else.

What the schema and the media limits say is read from the contracts; a lambda cannot be read, so each
`Requirement` has its recipe here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fakefal_contracts.kling import requirements as kling
from fakefal_contracts.kling.kling_input import LONGEST, MOST_SHOTS
from fakefal_contracts.rule import Requirement
from fakefal_contracts.strategies.medium import clip

PICTURE = "https://media.example/picture.png"
CLIP = "https://media.example/clip.mp4"
TEXT = "A cat walks through the rain"

Change = Callable[[Any], Any]
Mend = Callable[[Any, str], Any]

_PICTURES = {"frontal_image_url": PICTURE, "reference_image_urls": [PICTURE]}
_CLIP = {"video_url": CLIP}
_SHOT = {"prompt": TEXT}


@dataclass(frozen=True)
class Break:
    """One way to break a rule: what makes a valid value wrong, and for a limit what makes it just right."""

    outside: Change
    inside: Change | None = None


@dataclass(frozen=True)
class Recipe:
    """What to do with a value that is valid but for one rule.

    `mend` makes any value keep the rule; it gets the value and the name of a field that has to stay.
    """

    mend: Mend
    breaks: tuple[Break, ...]


def _with(**fields: Any) -> Change:
    """Set fields; None takes one away."""

    def change(given: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in (given | fields).items() if value is not None}

    return change


def _without(given: dict[str, Any], name: str) -> dict[str, Any]:
    return {other: value for other, value in given.items() if other != name}


def _at_least_one(given: list[Any], _: str) -> list[Any]:
    return given or [PICTURE]


def _one_to_three(given: dict[str, Any], _: str) -> dict[str, Any]:
    return given | {"reference_image_urls": (given.get("reference_image_urls") or [PICTURE])[:3]}


def _at_most_three(given: dict[str, Any], _: str) -> dict[str, Any]:
    return given | {"reference_image_urls": given["reference_image_urls"][:3]} if _has_references(given) else given


def _has_references(element: dict[str, Any]) -> bool:
    return bool(element.get("reference_image_urls"))


def _pictures_or_clip(given: dict[str, Any], keep: str) -> dict[str, Any]:
    if given.get("video_url") or (given.get("frontal_image_url") and _has_references(given)):
        return given
    return given | (_CLIP if keep == "voice_id" else _PICTURES | {n: v for n, v in given.items() if v})


def _voice_with_clip(given: dict[str, Any], keep: str) -> dict[str, Any]:
    if given.get("video_url"):
        return given
    return given | _CLIP if keep == "voice_id" else _without(given, "voice_id")


def _prompt_or_shots(given: dict[str, Any], keep: str) -> dict[str, Any]:
    if given.get("prompt") or given.get("multi_prompt"):
        return given
    return given | ({"multi_prompt": [_SHOT]} if keep == "multi_prompt" else {"prompt": TEXT})


def _prompt_xor_shots(given: dict[str, Any], keep: str) -> dict[str, Any]:
    if not (given.get("prompt") and given.get("multi_prompt")):
        return given
    return _without(given, "multi_prompt" if keep in ("prompt", "end_image_url") else "prompt")


def _last_frame_or_shots(given: dict[str, Any], keep: str) -> dict[str, Any]:
    if not (given.get("end_image_url") and given.get("multi_prompt")):
        return given
    if keep == "end_image_url":
        return _without(given, "multi_prompt") | {"prompt": given.get("prompt") or TEXT}
    return _without(given, "end_image_url")


def _one_clip(given: dict[str, Any], _: str) -> dict[str, Any]:
    """Keep the first element with a clip, and all without one."""
    with_clip = [element for element in given.get("elements") or () if element.get("video_url")]
    kept = [element for element in given.get("elements") or () if not any(element is one for one in with_clip[1:])]
    return given | {"elements": kept} if with_clip else given


def _at_most(most: int) -> Mend:
    """Shorten the two lists that count as one, each to a length at which the other has room."""

    def mend(given: dict[str, Any], keep: str) -> dict[str, Any]:
        counted = ("elements", "image_urls") if keep != "image_urls" else ("image_urls", "elements")
        room = most
        for name in counted:
            if given.get(name):
                given = given | {name: given[name][:room]}
                room -= len(given[name])
        return given

    return mend


def _four_with_clip(given: dict[str, Any], keep: str) -> dict[str, Any]:
    has_clip = any(element.get("video_url") for element in given.get("elements") or ())
    return _at_most(4)(given, keep) if has_clip else given


def _references(elements: list[dict[str, Any]], pictures: int) -> Change:
    return _with(elements=elements, image_urls=[PICTURE] * pictures)


_SEVEN = Recipe(
    _at_most(7),
    (
        Break(_references([_PICTURES], 7), _references([_PICTURES], 6)),
        Break(_references([_PICTURES] * 8, 0), _references([_PICTURES] * 7, 0)),
        Break(_references([], 8), _references([], 7)),
    ),
)


def _both_kinds_of_picture(given: dict[str, Any], _: str) -> dict[str, Any]:
    return given if given.get("frontal_image_url") and _has_references(given) else given | _PICTURES


def _one_element(given: dict[str, Any], _: str) -> dict[str, Any]:
    return given | {"elements": given["elements"][:1]} if given.get("elements") else given


def _orientation_of_elements(given: dict[str, Any], keep: str) -> dict[str, Any]:
    if not given.get("elements") or given.get("character_orientation") == "video":
        return given
    return given | {"character_orientation": "video"} if keep == "elements" else _without(given, "elements")


def _orientation_of_clip(given: dict[str, Any], keep: str) -> dict[str, Any]:
    """A clip that is inside the body is measured, and may be long; others are only addresses."""
    if keep != "video_url" and not given["video_url"].startswith("data:"):
        return given
    return given | ({"video_url": CLIP} if keep == "character_orientation" else {"character_orientation": "video"})


def _six_shots(given: dict[str, Any], _: str) -> dict[str, Any]:
    if given.get("multi_prompt") is None:
        return given
    return given | {"multi_prompt": given["multi_prompt"][:MOST_SHOTS] or [_SHOT]}


def _fifteen_seconds(given: dict[str, Any], _: str) -> dict[str, Any]:
    """Shorten every shot to two seconds where they are too long together."""
    shots = given.get("multi_prompt") or ()
    fits = sum(int(shot.get("duration", "5")) for shot in shots) <= LONGEST
    return given if fits else given | {"multi_prompt": [shot | {"duration": "2"} for shot in shots]}


def _clip_for_image(milliseconds: int) -> Change:
    medium = clip("mp4", 400, 400, milliseconds, milliseconds // 100)
    return _with(character_orientation="image", elements=None, video_url=medium.address)


def _shots(count: int, seconds: str) -> Change:
    return _with(prompt=None, multi_prompt=[_SHOT | {"duration": seconds}] * count)


def _list_of(most: int, item: str) -> Recipe:
    return Recipe(
        lambda given, _: given[:most] if given else given,
        (Break(lambda _: [item] * (most + 1), lambda _: [item] * most),),
    )


RECIPES: dict[Requirement, Recipe] = {
    kling.HAS_REFERENCE: Recipe(_at_least_one, (Break(lambda _: [], lambda _: [PICTURE]),)),
    kling.REFERENCE_COUNT: Recipe(
        _one_to_three,
        (
            Break(_with(reference_image_urls=[PICTURE] * 4), _with(reference_image_urls=[PICTURE] * 3)),
            Break(lambda given: _without(given, "reference_image_urls"), _with(reference_image_urls=[PICTURE])),
        ),
    ),
    kling.SEVEN_REFERENCES: _SEVEN,
    kling.SHOT_PROMPT_LENGTH: Recipe(
        lambda given, _: given[:512],
        (Break(lambda given: (given or "x").ljust(513, "x"), lambda given: (given or "x").ljust(512, "x")),),
    ),
    kling.PICTURES_OR_CLIP: Recipe(
        _pictures_or_clip,
        (
            Break(lambda _: {"frontal_image_url": PICTURE}),
            Break(lambda _: {"reference_image_urls": [PICTURE]}),
            Break(lambda _: _PICTURES | {"reference_image_urls": []}),
            Break(lambda _: {"frontal_image_url": None, "video_url": None}),
            Break(lambda _: {}),
        ),
    ),
    kling.VOICE_NEEDS_CLIP: Recipe(_voice_with_clip, (Break(lambda _: _PICTURES | {"voice_id": "voice"}),)),
    kling.REFERENCE_LIMIT: Recipe(
        _at_most_three,
        (Break(_with(reference_image_urls=[PICTURE] * 4), _with(reference_image_urls=[PICTURE] * 3)),),
    ),
    kling.PROMPT_OR_SHOTS: Recipe(
        _prompt_or_shots,
        (
            Break(_with(prompt=None, multi_prompt=None)),
            Break(_with(prompt="", multi_prompt=None)),
            Break(_with(prompt=None, multi_prompt=[])),
        ),
    ),
    kling.PROMPT_XOR_SHOTS: Recipe(
        _prompt_xor_shots, (Break(_with(prompt=TEXT, multi_prompt=[_SHOT], end_image_url=None)),)
    ),
    kling.NO_LAST_FRAME_WITH_SHOTS: Recipe(
        _last_frame_or_shots, (Break(_with(prompt=None, multi_prompt=[_SHOT], end_image_url=PICTURE)),)
    ),
    kling.ONE_CLIP: Recipe(
        _one_clip,
        (Break(_with(elements=[_CLIP, _CLIP], image_urls=None), _with(elements=[_CLIP], image_urls=None)),),
    ),
    kling.FOUR_REFERENCES_WITH_CLIP: Recipe(
        _four_with_clip,
        (
            Break(_references([_CLIP], 4), _references([_CLIP], 3)),
            Break(_references([_CLIP, *[_PICTURES] * 4], 0), _references([_CLIP, *[_PICTURES] * 3], 0)),
        ),
    ),
    kling.SEVEN_REFERENCES_WITHOUT_CLIP: _SEVEN,
    kling.PICTURES_OF_ELEMENT: Recipe(
        _both_kinds_of_picture,
        (
            Break(lambda _: {"frontal_image_url": PICTURE}),
            Break(lambda _: {"reference_image_urls": [PICTURE]}),
            Break(lambda _: _PICTURES | {"reference_image_urls": []}),
        ),
    ),
    kling.FOUR_REFERENCES: Recipe(
        _at_most(4),
        (
            Break(_references([_PICTURES], 4), _references([_PICTURES], 3)),
            Break(_references([_PICTURES] * 5, 0), _references([_PICTURES] * 4, 0)),
            Break(_references([], 5), _references([], 4)),
        ),
    ),
    kling.FOUR_PICTURES: _list_of(4, PICTURE),
    kling.TWO_VOICES: _list_of(2, "829877809978941442"),
    kling.ONE_ELEMENT: Recipe(
        _one_element,
        (
            Break(
                _with(elements=[_PICTURES] * 2, character_orientation="video"),
                _with(elements=[_PICTURES], character_orientation="video"),
            ),
        ),
    ),
    kling.ELEMENT_WITH_VIDEO_ORIENTATION: Recipe(
        _orientation_of_elements, (Break(_with(elements=[_PICTURES], character_orientation="image")),)
    ),
    kling.SHORT_FOR_IMAGE: Recipe(_orientation_of_clip, (Break(_clip_for_image(10_100), _clip_for_image(10_050)),)),
    kling.ONE_TO_SIX_SHOTS: Recipe(
        _six_shots,
        (
            Break(_shots(7, "1"), _shots(6, "1")),
            Break(_with(prompt=TEXT, multi_prompt=[]), _shots(1, "1")),
        ),
    ),
    kling.FIFTEEN_SECONDS_OF_SHOTS: Recipe(_fifteen_seconds, (Break(_shots(4, "4"), _shots(3, "5")),)),
}
RECIPES |= {
    kling.TURBO_PROMPT_OR_SHOTS: RECIPES[kling.PROMPT_OR_SHOTS],
    kling.TURBO_PROMPT_XOR_SHOTS: RECIPES[kling.PROMPT_XOR_SHOTS],
}
