"""The rules of the Kling family beyond its schemas, and the limits that fal says in words only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fakefal_contracts.evidence import documented, inferred, observed, third_party
from fakefal_contracts.failures import MODEL_ERRORS
from fakefal_contracts.media import AudioLimits, ClipLimits, PictureLimits
from fakefal_contracts.rule import Looked, Requirement, Stage

_MIB = 1_048_576
_OPENAPI = documented("fal's OpenAPI document of the endpoint; wording inferred", "2026-06-11")
_PAGE = documented("fal's llms.txt of the endpoint: in words, no limits in the schema", "2026-06-11")
_TURBO = documented("copies of fal's pages of v3/turbo; wording inferred", "2026-09-15")
_AS_V3 = inferred("v3 and o3, which share the shots; not seen on v3/turbo", "2026-09-15")

HAS_REFERENCE = Requirement(
    kind="min_items",
    says="at least one picture when the list is given",
    message="At least one image from different angles is required",
    holds=lambda pictures: len(pictures) > 0,
    hint="add one to three pictures from other angles; repeating the frontal picture is accepted",
    evidence=observed("message reported by one project that calls the endpoint; envelope inferred", "2026-09-01"),
)
REFERENCE_COUNT = Requirement(
    kind="items",
    says="one to three pictures, even though the schema lets the list be left out",
    message="elementReferList: size must be between 1 and 3",
    holds=lambda element: 1 <= len(element.reference_image_urls or ()) <= 3,
    hint="give each element one to three reference pictures; repeating the frontal picture is accepted",
    evidence=observed("message seen by two projects for none; more than three is the schema's text", "2026-09-01"),
    stage=Stage.MODEL,
    at="reference_image_urls",
    type="invalid_request",
)
SEVEN_REFERENCES = Requirement(
    kind="max_references",
    says="elements and image_urls together at most 7",
    message="The number of images and elements exceeds the limit, max number is 7",
    holds=lambda body: body.references() <= 7,
    hint="send fewer: each element counts as one, however many pictures it has",
    evidence=documented("llms.txt of o1/reference-to-video; wording from Kling's own interface", "2025-12-01"),
)
SHOT_PROMPT_LENGTH = Requirement(
    kind="max_length",
    says="at most 512 characters, though no schema says so",
    message="Prompt must not exceed 512 characters.",
    holds=lambda text: len(text) <= 512,
    hint="shorten the prompt of this shot to 512 characters",
    evidence=observed("receipt of v3/standard/image-to-video, which shares the shot type", "2026-07-16"),
)
PICTURES_OR_CLIP = Requirement(
    kind="media",
    says="a frontal picture with reference pictures, or a clip",
    message="Either frontal_image_url and reference_image_urls or video_url must be provided.",
    holds=lambda element: bool(element.frontal_image_url and element.reference_image_urls) or bool(element.video_url),
    hint="give frontal_image_url and one to three reference_image_urls, or give video_url",
    evidence=observed("reported by six projects on v3 and O3 endpoints", "2026-09-01"),
)
VOICE_NEEDS_CLIP = Requirement(
    kind="voice",
    says="voice_id only on an element that has video_url",
    message="Voice Id is only supported for video elements",
    holds=lambda element: not element.voice_id or bool(element.video_url),
    hint="remove voice_id, or give the element a video_url instead of pictures",
    evidence=documented("fal's OpenAPI document of the endpoint; wording inferred", "2026-06-11"),
)
REFERENCE_LIMIT = Requirement(
    kind="items",
    says="at most three reference pictures",
    message="elementReferList: size must be between 1 and 3",
    holds=lambda element: len(element.reference_image_urls or ()) <= 3,
    hint="keep one to three reference pictures in each element",
    evidence=documented("fal's OpenAPI document of the endpoint; wording as Kling's on O1", "2026-06-11"),
    stage=Stage.MODEL,
    at="reference_image_urls",
    type="invalid_request",
)
PROMPT_OR_SHOTS = Requirement(
    kind="prompt_or_multi_prompt",
    says="prompt or multi_prompt, one of them",
    message="Either 'prompt' or 'multi_prompt' must be provided.",
    holds=lambda body: bool(body.prompt) or bool(body.multi_prompt),
    hint="add prompt, or add multi_prompt with at least one shot",
    evidence=observed("message in its older form; that empty counts as absent is inferred", "2026-02-21"),
)
PROMPT_XOR_SHOTS = Requirement(
    kind="prompt_xor_multi_prompt",
    says="not both prompt and multi_prompt",
    message="Only one of 'prompt' or 'multi_prompt' must be provided.",
    holds=lambda body: not (body.prompt and body.multi_prompt),
    hint="remove prompt or remove multi_prompt",
    evidence=documented("API reference of o3/pro/reference-to-video; wording inferred", "2026-02-04"),
)
NO_LAST_FRAME_WITH_SHOTS = Requirement(
    kind="end_image_without_multi_prompt",
    says="no end_image_url together with multi_prompt",
    message="End Image Url is not supported with Multi Prompt",
    holds=lambda body: not (body.end_image_url and body.multi_prompt),
    hint="remove end_image_url, or use prompt instead of multi_prompt",
    evidence=inferred("receipt of v3/standard/image-to-video of 2026-07-16; not seen on O3", "2026-07-16"),
)
ONE_CLIP = Requirement(
    kind="max_clips",
    says="at most one element with video_url",
    message="Only one element with a video is supported",
    holds=lambda body: sum(bool(element.video_url) for element in body.elements or ()) <= 1,
    hint="keep video_url on one element only",
    evidence=documented("fal's OpenAPI document of the endpoint; wording inferred", "2026-06-11"),
)
FOUR_REFERENCES_WITH_CLIP = Requirement(
    kind="max_references_with_clip",
    says="elements and image_urls together at most 4 when an element has video_url",
    message="The number of images and elements exceeds the limit, max number is 4 when using video",
    holds=lambda body: not body.uses_clip() or body.references() <= 4,
    hint="send fewer elements and pictures, or replace the clip by pictures (then 7 are allowed)",
    evidence=documented("API reference of o3/pro/reference-to-video; wording inferred", "2026-02-04"),
)
SEVEN_REFERENCES_WITHOUT_CLIP = Requirement(
    kind="max_references",
    says="elements and image_urls together at most 7",
    message="The number of images and elements exceeds the limit, max number is 7",
    holds=lambda body: body.uses_clip() or body.references() <= 7,
    hint="send fewer: each element counts as one, however many pictures it has",
    evidence=third_party("Kling's own interface; fal documents it for the 4k sibling", "2026-06-11"),
)
PICTURES_OF_ELEMENT = Requirement(
    kind="media",
    says="a frontal picture with reference pictures",
    message="Both frontal_image_url and reference_image_urls must be provided.",
    holds=lambda element: bool(element.frontal_image_url and element.reference_image_urls),
    hint="give frontal_image_url and one to three reference_image_urls; repeating the frontal picture is accepted",
    evidence=inferred("the rule of elements that may be clips, seen on v3 and O3", "2026-09-01"),
)
FOUR_REFERENCES = Requirement(
    kind="max_references",
    says="elements and image_urls together at most 4",
    message="The number of images and elements exceeds the limit, max number is 4 when using video",
    holds=lambda body: body.references() <= 4,
    hint="send fewer: each element counts as one, however many pictures it has",
    evidence=_OPENAPI,
)
FOUR_PICTURES = Requirement(
    kind="max_items",
    says="at most 4 pictures",
    message="At most 4 images are supported",
    holds=lambda pictures: len(pictures) <= 4,
    hint="keep at most 4 pictures",
    evidence=_OPENAPI,
)
TWO_VOICES = Requirement(
    kind="max_items",
    says="at most 2 voices",
    message="At most 2 voices are supported",
    holds=lambda voices: len(voices or ()) <= 2,
    hint="keep at most 2 voice ids",
    evidence=_OPENAPI,
)
ONE_ELEMENT = Requirement(
    kind="max_elements",
    says="at most one element",
    message="Only one element is supported",
    holds=lambda body: len(body.elements or ()) <= 1,
    hint="keep one element",
    evidence=_OPENAPI,
)
ELEMENT_WITH_VIDEO_ORIENTATION = Requirement(
    kind="element_orientation",
    says='elements only where character_orientation is "video"',
    message="Elements are only supported when character_orientation is 'video'",
    holds=lambda body: not body.elements or body.character_orientation == "video",
    hint='remove elements, or set character_orientation to "video"',
    evidence=_OPENAPI,
)

LONGEST_FOR_IMAGE = 10.05
"""Ten seconds, and the twentieth of one that fal's schemas add to such bounds."""


def _provided(looked: Looked) -> dict[str, Any]:
    return {"max_duration": LONGEST_FOR_IMAGE, "provided_duration": round(looked.facts.seconds, 3)}


SHORT_FOR_IMAGE = Requirement(
    kind="max_seconds_for_image",
    says=f'at most {LONGEST_FOR_IMAGE} s long where character_orientation is "image"',
    message=MODEL_ERRORS["video_duration_too_long"].template,
    holds=lambda looked: looked.arguments.character_orientation != "image" or looked.facts.seconds <= LONGEST_FOR_IMAGE,
    hint='cut the clip to 10 s, or set character_orientation to "video"',
    evidence=documented("fal's OpenAPI document says 10 s; the tolerance is that of its other bounds", "2026-06-11"),
    stage=Stage.MEDIA,
    at="video_url",
    type="video_duration_too_long",
    ctx=_provided,
)

TURBO_PROMPT_OR_SHOTS = replace(PROMPT_OR_SHOTS, evidence=_AS_V3)
TURBO_PROMPT_XOR_SHOTS = replace(PROMPT_XOR_SHOTS, evidence=_AS_V3)
ONE_TO_SIX_SHOTS = Requirement(
    kind="items",
    says="one to 6 shots",
    message="Multi Prompt must have between 1 and 6 shots",
    holds=lambda body: body.multi_prompt is None or 1 <= len(body.multi_prompt) <= 6,
    hint="give one to 6 shots, or use prompt instead of multi_prompt",
    evidence=_TURBO,
    stage=Stage.MODEL,
    at="multi_prompt",
    type="invalid_request",
)
FIFTEEN_SECONDS_OF_SHOTS = Requirement(
    kind="max_seconds",
    says="the shots together at most 15 s",
    message="The total duration of Multi Prompt must not exceed 15 seconds",
    holds=lambda body: sum(int(shot.duration) for shot in body.multi_prompt or ()) <= 15,
    hint="shorten the shots: together they may last 15 s",
    evidence=_TURBO,
    stage=Stage.MODEL,
    at="multi_prompt",
    type="invalid_request",
)

TURBO_PICTURE = PictureLimits(max_bytes=50 * _MIB, evidence=_TURBO)


def _spoken_clip(most_seconds: float) -> ClipLimits:
    return ClipLimits(
        max_bytes=100 * _MIB,
        formats=("mp4", "mov"),
        min_width=720,
        min_height=720,
        max_width=1920,
        max_height=1920,
        min_seconds=2,
        max_seconds=most_seconds,
        evidence=_PAGE,
    )


LIPSYNC_CLIP = _spoken_clip(10)
LIPSYNC_CLIP_FOR_TEXT = _spoken_clip(60)
LIPSYNC_AUDIO = AudioLimits(max_bytes=5 * _MIB, min_seconds=2, max_seconds=60, evidence=_PAGE)
VOICE_SAMPLE = AudioLimits(formats=("mp3", "wav", "mp4", "mov"), min_seconds=5, max_seconds=30, evidence=_PAGE)
SILENT_CLIP = ClipLimits(max_bytes=100 * _MIB, formats=("mp4", "mov"), min_seconds=3, max_seconds=20, evidence=_PAGE)
