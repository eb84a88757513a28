"""Kling O3: reference-to-video."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from fakefal_contracts.endpoint import Endpoint, Revision
from fakefal_contracts.evidence import documented, inferred, observed, upstream
from fakefal_contracts.kling.kling_input import (
    END_WITH_PICTURES,
    END_WITHOUT_START,
    SHOTS_COUNT,
    SHOTS_RANGE,
    SHOTS_SUM,
    KlingInput,
)
from fakefal_contracts.kling.shared import (
    ELEMENTS,
    FIRST_FRAME,
    FRAME_SHAPE,
    FROM_FRONT,
    LAST_FRAME,
    NAMES_IN_PROMPTS,
    OPENAPI,
    OTHER_SIDES,
    REFERENCE_CAUTIONS,
    REFERENCE_PICTURES,
    SECONDS,
    Clip,
    Picture,
    Prompt,
    Ratio,
)
from fakefal_contracts.model import Model, RuledModel
from fakefal_contracts.price import Price
from fakefal_contracts.rule import Requirement, Stage

Duration = Literal["3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"]
ShotDuration = Literal["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"]

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
SEVEN_REFERENCES = Requirement(
    kind="max_references",
    says="elements and image_urls together at most 7",
    message="The number of images and elements exceeds the limit, max number is 7",
    holds=lambda body: body.uses_clip() or body.references() <= 7,
    hint="send fewer: each element counts as one, however many pictures it has",
    evidence=upstream("Kling's own interface; fal documents it for the 4k sibling", "2026-06-11"),
)


class Shot(Model):
    """One shot of a clip that is made of several."""

    model_config = ConfigDict(title="KlingV3MultiPromptElement")
    printed_in = OPENAPI
    prompt: Annotated[str, SHOT_PROMPT_LENGTH] = Field(description="What happens in this shot.")
    duration: ShotDuration = Field(default="5", description="How many seconds this shot lasts.")


class Element(RuledModel):
    """A character or object, by pictures or by a clip."""

    model_config = ConfigDict(title="KlingV3ComboElementInput")
    printed_in = OPENAPI
    frontal_image_url: Picture | None = Field(default=None, description=FROM_FRONT)
    reference_image_urls: list[Picture] | None = Field(default=None, description=OTHER_SIDES)
    video_url: Clip | None = Field(default=None, description="A clip that shows the element.")
    voice_id: str | None = Field(
        default=None,
        description="The voice that the element speaks with, as fal-ai/kling-video/create-voice returns it.",
    )
    requirements = (PICTURES_OR_CLIP, VOICE_NEEDS_CLIP, REFERENCE_LIMIT)


class ReferenceToVideo(KlingInput):
    """Arguments of o3/pro/reference-to-video.

    The schema requires nothing; the rules demand exactly one of prompt and multi_prompt.
    """

    model_config = ConfigDict(title="O3ProReferenceVideoI2VInput")
    endpoint_id = "fal-ai/kling-video/o3/pro/reference-to-video"
    output_title = "O3ProImageR2VOutput"
    prompt: Prompt | None = Field(default=None, description=f"What happens in the clip. {NAMES_IN_PROMPTS}")
    multi_prompt: list[Shot] | None = Field(default=None, description="The shots of the clip, one after the other.")
    start_image_url: Picture | None = Field(default=None, description=FIRST_FRAME)
    end_image_url: Picture | None = Field(default=None, description=LAST_FRAME)
    image_urls: list[Picture] | None = Field(default=None, description=REFERENCE_PICTURES)
    elements: list[Element] | None = Field(default=None, description=ELEMENTS)
    generate_audio: bool = Field(default=False, description="Whether the clip has a sound track.")
    duration: Duration = Field(default="5", description=SECONDS)
    shot_type: Literal["customize", "intelligent"] = Field(
        default="customize", description="Who divides the clip into shots: the caller, or (intelligent) the model."
    )
    aspect_ratio: Ratio = Field(default="16:9", description=FRAME_SHAPE)
    requirements = (
        PROMPT_OR_SHOTS,
        PROMPT_XOR_SHOTS,
        NO_LAST_FRAME_WITH_SHOTS,
        ONE_CLIP,
        FOUR_REFERENCES_WITH_CLIP,
        SEVEN_REFERENCES,
    )
    cautions = (
        *REFERENCE_CAUTIONS,
        END_WITHOUT_START,
        END_WITH_PICTURES,
        SHOTS_SUM,
        SHOTS_RANGE,
        SHOTS_COUNT,
    )


_LAUNCH = dt.date(2026, 2, 4)
_PAGE = documented("API reference of o3/pro/reference-to-video, older than the enum of shot_type", "2026-02-04")

ENDPOINTS = (
    Endpoint(
        id=ReferenceToVideo.endpoint_id,
        title="Kling O3 Reference to Video [Pro]",
        tier="pro",
        run_seconds=318,
        source=ReferenceToVideo,
        documented=_PAGE,
        revisions=(
            Revision(_PAGE, {"shot_type": (str, "customize")}),
            Revision(documented("fal's OpenAPI document", "2026-06-11")),
        ),
        prices=(
            Price(
                _LAUNCH,
                Decimal("0.224"),
                inferred("launch price, from the older llms.txt as a third party quotes it", "2026-02-04"),
                usd_with_audio=Decimal("0.28"),
            ),
            Price(
                dt.date(2026, 4, 1),
                Decimal("0.112"),
                inferred(
                    "two third-party price lists (April and autumn 2026); the clip tier is Kling's own", "2026-04-01"
                ),
                usd_with_audio=Decimal("0.14"),
                usd_with_clip=Decimal("0.168"),
            ),
        ),
    ),
)
