"""From bytes to facts: what a picture or a clip is, without decoding its pixels."""

from __future__ import annotations

import base64
import binascii
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from fakefal_contracts.errors import Unreadable

#: The formats that fal's model page lists, as Pillow calls them.  Phone cameras write MPO: a JPEG
#: with further pictures behind the first.
PICTURE_FORMATS = {"JPEG": "jpeg", "MPO": "jpeg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "AVIF": "avif"}
OTHER_PICTURE_FORMATS = {"BMP": "bmp", "TIFF": "tiff", "ICO": "ico", "PPM": "ppm"}
EXIF_ORIENTATION = 0x0112
SIDEWAYS = {5, 6, 7, 8}


@dataclass(frozen=True)
class PictureFacts:
    """A picture as a viewer sees it: pixels are counted after its EXIF rotation."""

    bytes: int
    format: str
    width: int
    height: int

    @property
    def ratio(self) -> float:
        """Width divided by height."""
        return self.width / self.height


@dataclass(frozen=True)
class ClipFacts:
    """A clip: pixels, length in seconds, and frames per second (None where the file does not say)."""

    bytes: int
    format: str
    width: int
    height: int
    seconds: float
    fps: float | None


def probe_picture(source: bytes | Path) -> PictureFacts:
    """Measure a picture.

    Raises:
        Unreadable: it is no picture, is cut off inside its header, or claims absurd dimensions.
    """
    from PIL import Image  # late: importing the contracts must stay light

    Image.init()  # registers every plugin, once
    known = PICTURE_FORMATS | OTHER_PICTURE_FORMATS
    allowed = [name for name in known if name in Image.OPEN]
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=allowed) as image:
            width, height = image.size
            if image.getexif().get(EXIF_ORIENTATION) in SIDEWAYS:
                width, height = height, width
            return PictureFacts(_size(source), known[image.format or ""], width, height)
    except Image.DecompressionBombError as error:
        raise Unreadable("it claims more pixels than any picture in use has") from error
    except Exception as error:  # Pillow's plugins raise whatever their parsers meet in broken bytes
        raise Unreadable("it is not a picture in a known format") from error


def probe_clip(source: bytes | Path) -> ClipFacts:
    """Measure a clip.

    Raises:
        Unreadable: it has no picture track, or lacks a size or a length.
    """
    from pymediainfo import MediaInfo

    try:
        found = MediaInfo.parse(io.BytesIO(source) if isinstance(source, bytes) else str(source))
    except Exception as error:
        raise Unreadable("it is not a clip in a known format") from error
    general = found.general_tracks[0] if found.general_tracks else None
    video = found.video_tracks[0] if found.video_tracks else None
    if general is None or video is None or not video.width or not video.height:
        raise Unreadable("it has no picture track")
    milliseconds = video.duration or general.duration
    if not milliseconds:
        raise Unreadable("its length is not stated")
    return ClipFacts(
        bytes=_size(source),
        format=_container(general),
        width=int(video.width),
        height=int(video.height),
        seconds=float(milliseconds) / 1000,
        fps=float(video.frame_rate) if video.frame_rate else None,
    )


def _container(general: Any) -> str:
    """``mov`` for QuickTime files, which MediaInfo tells from MP4 by profile only."""
    name = str(general.format or "").lower()
    if name != "mpeg-4":
        return name
    return "mov" if "quicktime" in str(general.format_profile or "").lower() else "mp4"


def _size(source: bytes | Path) -> int:
    return len(source) if isinstance(source, bytes) else source.stat().st_size


_DATA_URI = re.compile(r"data:(?P<type>[^;,]*)(?P<parameters>(?:;[^;,]*)*),", re.IGNORECASE)


def is_data_uri(address: str) -> bool:
    """Whether the address carries its content itself."""
    return address[:5].lower() == "data:"


def read_data_uri(address: str) -> tuple[str, bytes]:
    """The media type and the content of a ``data:`` URI.

    Raises:
        Unreadable: the header or the base64 is malformed.
    """
    head = _DATA_URI.match(address)
    if head is None:
        raise Unreadable("the data URI has no comma after its header")
    body = address[head.end() :]
    if head["parameters"].lower().endswith(";base64"):
        try:
            return head["type"], base64.b64decode(unquote_to_bytes(body), validate=True)
        except (binascii.Error, ValueError) as error:
            raise Unreadable("the data URI is not valid base64") from error
    return head["type"], unquote_to_bytes(body)
