"""Typed requests for the Kling family, such as ``KlingV3ProImageToVideo``.  The names follow the paths of fal.

Create one and submit it.  Type checkers know its fields and its result from `kling.pyi`, which ``python -m
tools.kling_types`` writes.  Each class is the input model of its endpoint, built on first use.
"""

from __future__ import annotations

import re

from pydantic import create_model

from fakefal_contracts import BUILT_IN, KLING
from fakefal_contracts.kling.family import PREFIX
from fakefal_contracts.kling.objects import (
    AudioOutput,
    CameraControl,
    ComboElement,
    DynamicMask,
    ImageElement,
    OmniElement,
    Shot,
    TimedVideoOutput,
    Trajectory,
    VideoAndAudioOutput,
    VoiceOutput,
)
from fakefal_contracts.kling.shared import File, VideoOutput
from fakefal_contracts.model import Input


def request_name(endpoint_id: str) -> str:
    """The name of the class of an endpoint, such as ``KlingV25TurboProTextToVideo``."""
    words = re.split("[/-]", endpoint_id.removeprefix(PREFIX).replace(".", ""))
    return "Kling" + "".join(word[:1].upper() + word[1:] for word in words)


_IDS = {request_name(endpoint_id): endpoint_id for endpoint_id in KLING}

__all__ = [
    "AudioOutput",
    "CameraControl",
    "ComboElement",
    "DynamicMask",
    "File",
    "ImageElement",
    "OmniElement",
    "Shot",
    "TimedVideoOutput",
    "Trajectory",
    "VideoAndAudioOutput",
    "VideoOutput",
    "VoiceOutput",
]
__all__ += list(_IDS)


def __getattr__(name: str) -> type[Input]:
    if name not in _IDS:
        raise AttributeError(f"module {__name__} has no {name}")
    endpoint = BUILT_IN.find(_IDS[name])
    made = create_model(name, __base__=endpoint.input, __module__=__name__, __doc__=f"Arguments of {endpoint.id}.")
    globals()[name] = made
    return made


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
