"""Objects of the Kling endpoints, in their arguments and as results.  What fields are for is in `words.json`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from fakefal_contracts.kling.requirements import (
    HAS_REFERENCE,
    PICTURES_OF_ELEMENT,
    PICTURES_OR_CLIP,
    REFERENCE_COUNT,
    REFERENCE_LIMIT,
    SHOT_PROMPT_LENGTH,
    VOICE_NEEDS_CLIP,
)
from fakefal_contracts.kling.shared import OPENAPI, Clip, File, Picture
from fakefal_contracts.media import PictureLimits
from fakefal_contracts.model import Model, Output, RuledModel


class OmniElement(RuledModel):
    """A character or object: a frontal picture and others from more sides."""

    model_config = ConfigDict(title="OmniVideoElementInput")
    printed_in = OPENAPI
    frontal_image_url: Picture
    reference_image_urls: Annotated[list[Picture], HAS_REFERENCE] = Field(default_factory=list)
    requirements = (REFERENCE_COUNT,)


class Shot(Model):
    """One shot of a clip that is made of several."""

    model_config = ConfigDict(title="KlingV3MultiPromptElement")
    printed_in = OPENAPI
    prompt: Annotated[str, SHOT_PROMPT_LENGTH]
    duration: Literal["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"] = "5"


class ComboElement(RuledModel):
    """A character or object, by pictures or by a clip."""

    model_config = ConfigDict(title="KlingV3ComboElementInput")
    printed_in = OPENAPI
    frontal_image_url: Picture | None = None
    reference_image_urls: list[Picture] | None = None
    video_url: Clip | None = None
    voice_id: str | None = None
    requirements = (PICTURES_OR_CLIP, VOICE_NEEDS_CLIP, REFERENCE_LIMIT)


class ImageElement(RuledModel):
    """A character or object, by pictures only."""

    model_config = ConfigDict(title="KlingV3ImageElementInput")
    printed_in = OPENAPI
    frontal_image_url: Picture | None = None
    reference_image_urls: list[Picture] | None = None
    requirements = (PICTURES_OF_ELEMENT, REFERENCE_LIMIT)


class Trajectory(Model):
    """One point of the path that a masked part of the picture moves along, in pixels."""

    x: int
    y: int


class DynamicMask(Model):
    """A part of the picture that moves, and where to."""

    mask_url: Annotated[str, PictureLimits(evidence=OPENAPI)]
    trajectories: list[Trajectory] = Field(default_factory=list)


class CameraControl(Model):
    """A movement of the camera."""

    movement_type: Literal["horizontal", "vertical", "pan", "tilt", "roll", "zoom"]
    movement_value: Annotated[int, Field(ge=-10, le=10)]


class TimedVideoOutput(Output):
    """The result of an avatar: a clip and its length in seconds."""

    video: File
    duration: float


class AudioOutput(Output):
    """The result of speech."""

    audio: File


class VideoAndAudioOutput(Output):
    """The result of sound for a clip: the clip with it, and the sound alone."""

    video: File
    audio: File


class VoiceOutput(Output):
    """The result of a voice: the id under which other endpoints take it."""

    voice_id: str
