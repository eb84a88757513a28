"""Objects that several Kling endpoints share beside those of the founding ones: in their arguments, and as results."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from fakefal_contracts.kling.o3 import REFERENCE_LIMIT
from fakefal_contracts.kling.requirements import PICTURES_OF_ELEMENT
from fakefal_contracts.kling.shared import FROM_FRONT, OPENAPI, OTHER_SIDES, File, Picture
from fakefal_contracts.media import PictureLimits
from fakefal_contracts.model import Model, RuledModel


class ImageElement(RuledModel):
    """A character or object, by pictures only."""

    model_config = ConfigDict(title="KlingV3ImageElementInput")
    printed_in = OPENAPI
    frontal_image_url: Picture | None = Field(default=None, description=FROM_FRONT)
    reference_image_urls: list[Picture] | None = Field(default=None, description=OTHER_SIDES)
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


class TimedVideoOutput(BaseModel):
    """The result of an avatar: a clip and its length in seconds."""

    video: File
    duration: float


class AudioOutput(BaseModel):
    """The result of speech."""

    audio: File


class VideoAndAudioOutput(BaseModel):
    """The result of sound for a clip: the clip with it, and the sound alone."""

    video: File
    audio: File


class VoiceOutput(BaseModel):
    """The result of a voice: the id under which other endpoints take it."""

    voice_id: str
