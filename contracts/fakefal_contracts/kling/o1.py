"""Kling O1: reference-to-video, and first frame (last frame) to video in two tiers."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from typing_extensions import override

from fakefal_contracts.endpoint import Endpoint, Revision
from fakefal_contracts.evidence import documented, observed
from fakefal_contracts.kling.kling_input import KlingInput
from fakefal_contracts.kling.shared import (
    ELEMENTS,
    FIRST_FRAME,
    FORMAT,
    FRAME_SHAPE,
    FROM_FRONT,
    LAST_FRAME,
    NAMES_IN_PROMPTS,
    OPENAPI,
    OTHER_SIDES,
    REFERENCE_CAUTIONS,
    REFERENCE_PICTURES,
    SECONDS,
    UNKNOWN_REFERENCE,
    Picture,
    Prompt,
    Ratio,
)
from fakefal_contracts.model import UNKNOWN_KEY, RuledModel
from fakefal_contracts.price import Price
from fakefal_contracts.rule import Requirement, Stage

Duration = Literal["3", "4", "5", "6", "7", "8", "9", "10"]
LaunchDuration = Literal["5", "10"]

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
    holds=lambda body: len(body.elements or ()) + len(body.image_urls or ()) <= 7,
    hint="send fewer: each element counts as one, however many pictures it has",
    evidence=documented("llms.txt of o1/reference-to-video; wording from Kling's own interface", "2025-12-01"),
)


class Element(RuledModel):
    """A character or object: a frontal picture and others from more sides."""

    model_config = ConfigDict(title="OmniVideoElementInput")
    printed_in = OPENAPI
    frontal_image_url: Picture = Field(description=FROM_FRONT)
    reference_image_urls: Annotated[list[Picture], HAS_REFERENCE] = Field(default_factory=list, description=OTHER_SIDES)
    requirements = (REFERENCE_COUNT,)


class ReferenceToVideo(KlingInput):
    """Arguments of o1/reference-to-video."""

    model_config = ConfigDict(title="OmniVideoReferenceToVideoInput")
    endpoint_id = "fal-ai/kling-video/o1/reference-to-video"
    output_title = "OmniVideoReferenceToVideoOutput"
    prompt: Prompt = Field(description=f"What happens in the clip. {NAMES_IN_PROMPTS}")
    image_urls: list[Picture] | None = Field(default=None, description=REFERENCE_PICTURES)
    elements: list[Element] | None = Field(default=None, description=ELEMENTS)
    duration: Duration = Field(default="5", description=SECONDS)
    aspect_ratio: Ratio = Field(default="16:9", description=FRAME_SHAPE)
    requirements = (SEVEN_REFERENCES,)
    cautions = REFERENCE_CAUTIONS


class ImageToVideo(KlingInput):
    """Arguments of o1/image-to-video."""

    model_config = ConfigDict(title="OmniVideoImageToVideoInput")
    endpoint_id = "fal-ai/kling-video/o1/image-to-video"
    output_title = "OmniVideoImageToVideoOutput"
    prompt: Prompt = Field(
        description="What happens between the frames. @Image1 names the first frame, @Image2 the last."
    )
    start_image_url: Picture = Field(description=FIRST_FRAME)
    end_image_url: Picture | None = Field(default=None, description=LAST_FRAME)
    duration: Duration = Field(default="5", description=SECONDS)
    cautions = (UNKNOWN_KEY, UNKNOWN_REFERENCE, FORMAT)

    @override
    def _named(self) -> dict[str, tuple[str, int]]:
        """The frames: the prompt names them by their order."""
        return {"Image": ("end_image_url", 2) if self.end_image_url else ("start_image_url", 1)}


class StandardImageToVideo(ImageToVideo):
    """Arguments of o1/standard/image-to-video, the same as of the dearer tier."""

    endpoint_id = "fal-ai/kling-video/o1/standard/image-to-video"


_LAUNCH = dt.date(2025, 12, 1)
#: The newer copy of 2026-06-11 differs in nothing but nullability, which the older form cannot express.
_WIDENED = documented("fal's OpenAPI document", "2026-01-28")

ENDPOINTS = (
    Endpoint(
        id=ReferenceToVideo.endpoint_id,
        title="Kling O1 Reference Image to Video [Pro]",
        tier="pro",
        source=ReferenceToVideo,
        documented=documented("llms.txt of o1/reference-to-video", "2025-12-01"),
        revisions=(
            Revision(
                documented("llms.txt of o1/reference-to-video", "2025-12-01"), {"duration": (LaunchDuration, "5")}
            ),
            Revision(_WIDENED),
        ),
        prices=(Price(_LAUNCH, Decimal("0.112"), documented("model page of o1/reference-to-video", "2025-12-01")),),
    ),
    Endpoint(
        id=ImageToVideo.endpoint_id,
        title="Kling O1 First Frame Last Frame to Video [Pro]",
        tier="pro",
        source=ImageToVideo,
        documented=documented("llms.txt of o1/image-to-video", "2025-12-01"),
        revisions=(
            Revision(documented("llms.txt of o1/image-to-video", "2025-12-01"), {"duration": (LaunchDuration, "5")}),
            Revision(_WIDENED),
        ),
        prices=(Price(_LAUNCH, Decimal("0.112"), documented("a newer llms.txt of the endpoint", "2025-12-01")),),
    ),
    Endpoint(
        id=StandardImageToVideo.endpoint_id,
        title="Kling O1 First Frame Last Frame to Video [Standard]",
        tier="standard",
        run_seconds=120,
        source=StandardImageToVideo,
        documented=documented(
            "API reference of o1/standard/image-to-video; the day its schema was first seen", "2026-01-28"
        ),
        revisions=(Revision(_WIDENED),),
        prices=(
            Price(
                dt.date(2025, 12, 15),
                Decimal("0.084"),
                documented("llms.txt of o1/standard/image-to-video", "2025-12-15"),
            ),
        ),
    ),
)
