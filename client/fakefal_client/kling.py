"""Typed requests for the Kling endpoints: each class is an endpoint's newest input model.

Build one and submit it; type checkers know its fields and its result.
"""

from __future__ import annotations

from fakefal_contracts.kling.o1 import Element as O1Element
from fakefal_contracts.kling.o1 import ImageToVideo as O1ImageToVideo
from fakefal_contracts.kling.o1 import ReferenceToVideo as O1ReferenceToVideo
from fakefal_contracts.kling.o1 import StandardImageToVideo as O1StandardImageToVideo
from fakefal_contracts.kling.o3 import Element as O3Element
from fakefal_contracts.kling.o3 import ReferenceToVideo as O3ProReferenceToVideo
from fakefal_contracts.kling.o3 import Shot as O3Shot
from fakefal_contracts.kling.shared import File, VideoOutput

__all__ = [
    "File",
    "O1Element",
    "O1ImageToVideo",
    "O1ReferenceToVideo",
    "O1StandardImageToVideo",
    "O3Element",
    "O3ProReferenceToVideo",
    "O3Shot",
    "VideoOutput",
]
