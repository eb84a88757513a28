"""What a result says of a generated file: its type, size, length and frames, as the file has them."""

from __future__ import annotations

from typing import Any

from fakefal.files.made import MadeFile
from fakefal.files.media_types import MediaFamily
from fakefal.files.pictures import frames_of_animation
from fakefal_fixtures import FRAMES_PER_SECOND


def stated_of(made: MadeFile) -> dict[str, Any]:
    """The facts of a file under the names that schemas have for them."""
    stated: dict[str, Any] = {"content_type": made.media_type, "file_name": made.name}
    if made.width:
        stated |= {"width": made.width, "height": made.height}
    if made.seconds and made.ending == "gif":
        frames, hundredths = frames_of_animation(made.seconds)
        return stated | _frames(frames, round(100 / hundredths, 3)) | {"duration": frames * hundredths / 100}
    if made.seconds and made.ending != "jpg":  # otherwise it is the first frame of a clip
        stated["duration"] = made.seconds
    if made.family is MediaFamily.CLIP:
        stated |= _frames(round(made.seconds * FRAMES_PER_SECOND) + 1, FRAMES_PER_SECOND)
    return stated


def _frames(count: int, rate: float) -> dict[str, Any]:
    return {"fps": rate, "num_frames": count, "frame_count": count}
