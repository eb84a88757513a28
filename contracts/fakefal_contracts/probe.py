"""From bytes to facts: what a picture or a clip is, without decoding its pixels."""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from fakefal_contracts.errors import Unreadable

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

#: The formats that fal's model page lists, as Pillow calls them.  Phone cameras write MPO: a JPEG
#: with further pictures behind the first.
PICTURE_FORMATS = {"JPEG": "jpeg", "MPO": "jpeg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "AVIF": "avif"}
OTHER_PICTURE_FORMATS = {"BMP": "bmp", "TIFF": "tiff", "PPM": "ppm"}
LARGEST_READ = 64 * 1024 * 1024
START_OF_SCAN, FILL = 0xDA, 0xFF
BARE_MARKERS = {0x01, *range(0xD0, 0xD9)}
"""Markers of a JPEG that no length follows."""

DEFLATE, DEFLATE_HEAD = 8, 2
"""How zlib numbers its method, and how many bytes stand before what it compressed."""

ICON = b"\0\0\1\0"
EXIF_ORIENTATION = 0x0112
SIDEWAYS = {5, 6, 7, 8}

#: MediaInfo follows playlists and references to other files and addresses.  Media of strangers must not
#: make this machine read or call anything: only what begins as MP4 or QuickTime is shown to it, without
#: a file name, to be read as nothing else.
ONLY_THIS_FILE = {"File_ForceParser": "Mpeg4"}
FIRST_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
BOX_NAME = re.compile(rb"[0-9A-Za-z ]{4}")
OTHER_CONTAINERS = {b"\x1aE\xdf\xa3": "webm", b"FLV": "flv", b"\x30\x26\xb2\x75": "wmv"}


MANY_PIXELS = 100_000_000
PIXELS_PER_BYTE = 10_000
"""What a picture may claim whatever its bytes, and what deflate's best, 1 to 1032 on single bits, could hold."""


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
    """A clip: pixels, length in seconds, and frames per second (None where the file does not say).

    Of containers other than MP4 and QuickTime only the bytes and the format are known.
    """

    bytes: int
    format: str
    width: int
    height: int
    seconds: float
    fps: float | None


def probe_picture(source: bytes | Path) -> PictureFacts:
    """Measure a picture.

    Raises:
        Unreadable: it is no picture, is cut off, or claims more pixels than its bytes can hold.
    """
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        try:
            if _is_icon(file):
                return _probe_icon(file, _size(source))
            with _open_header(file) as image:
                width, height = image.size
                if _is_sideways(image):
                    width, height = height, width
                name = (PICTURE_FORMATS | OTHER_PICTURE_FORMATS)[image.format or ""]
            whole = _is_whole(file, name, _size(source))
        except Exception as error:  # Pillow's plugins raise whatever their parsers meet in broken bytes
            raise Unreadable("it is not a picture in a known format") from error
    if not whole:
        raise Unreadable("it is cut off")
    if width * height > max(MANY_PIXELS, _size(source) * PIXELS_PER_BYTE):
        raise Unreadable(f"{width}x{height} pixels do not fit into {_size(source)} bytes")
    return PictureFacts(_size(source), name, width, height)


def _is_whole(file: IO[bytes], name: str, size: int) -> bool:
    """Whether a JPEG or PNG goes on to its end; what follows that is its own business."""
    if name not in ("jpeg", "png") or size > LARGEST_READ:
        return True  # no model takes one so large
    file.seek(0)
    content = file.read()
    return _jpeg_ends(content) if name == "jpeg" else _png_ends(content)


def _jpeg_ends(content: bytes) -> bool:
    """Whether an end of image follows a first scan that is not empty; thumbnails before it have ends of their own."""
    at = 2
    while content[at : at + 1] == b"\xff" and at + 4 <= len(content):
        marker = content[at + 1]
        bare = marker in BARE_MARKERS
        after = at + (1 if marker == FILL else 2 if bare else 2 + int.from_bytes(content[at + 2 : at + 4], "big"))
        if marker == START_OF_SCAN:
            return content.find(b"\xff\xd9", after) > after
        at = after
    return False


def _png_ends(content: bytes) -> bool:
    """Whether its chunks lead to the last one, each within the file, and the pixels begin as deflate does."""
    at, begun = 8, b""
    while at + 12 <= len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        kind = content[at + 4 : at + 8]
        if end <= len(content) and kind == b"IEND":
            return _is_deflated(begun)
        if kind == b"IDAT" and len(begun) < DEFLATE_HEAD:
            begun += content[at + 8 : min(end - 4, at + 8 + DEFLATE_HEAD)]
        at = end
    return False


def _is_deflated(begun: bytes) -> bool:
    """Whether these are the first bytes of a zlib stream (RFC 1950)."""
    head = begun[:DEFLATE_HEAD]
    return len(head) == DEFLATE_HEAD and head[0] & 0x0F == DEFLATE and int.from_bytes(head, "big") % 31 == 0


def _open_header(file: IO[bytes]) -> ImageFile:
    """What ``Image.open`` does, without its guard against many pixels: none are decoded here."""
    from PIL import Image  # late: importing the contracts must stay light

    Image.init()  # registers every plugin, once
    prefix = file.read(16)
    for name in PICTURE_FORMATS | OTHER_PICTURE_FORMATS:
        factory, accept = Image.OPEN.get(name, (None, None))
        if factory is None or (accept is not None and accept(prefix) is not True):
            continue
        file.seek(0)
        return factory(file, "")
    raise Unreadable("no known format begins so")


def _is_icon(file: IO[bytes]) -> bool:
    head = file.read(len(ICON))
    file.seek(0)
    return head == ICON


def _probe_icon(file: IO[bytes], size: int) -> PictureFacts:
    """The first picture of an icon, by its directory: opening one in Pillow decodes the pictures inside."""
    from PIL.IcoImagePlugin import IcoFile

    width, height = IcoFile(file).entry[0].dim
    return PictureFacts(size, "ico", width, height)


def _is_sideways(image: ImageFile) -> bool:
    """Whether EXIF turns the picture.  A PNG without EXIF would be decoded whole to look for more."""
    if image.format == "PNG" and "exif" not in image.info:
        return False
    return image.getexif().get(EXIF_ORIENTATION) in SIDEWAYS


def probe_clip(source: bytes | Path) -> ClipFacts:
    """Measure a clip.

    Raises:
        Unreadable: it is cut off or compressed, has no picture track, or lacks a size or a length.
    """
    from pymediainfo import MediaInfo

    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        head = file.read(16)
        if other := _other_container(head):
            return ClipFacts(_size(source), other, 0, 0, 0.0, None)
        if head[4:8] not in FIRST_BOXES:
            raise Unreadable("it is not a clip in a known format")
        _check_boxes(file, _size(source))
        file.seek(0)
        try:
            found = MediaInfo.parse(file, mediainfo_options=ONLY_THIS_FILE)
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


def _check_boxes(file: IO[bytes], size: int) -> None:
    """Refuse a file that is cut off, and one whose tables are compressed: those MediaInfo inflates without a bound.

    Raises:
        Unreadable: it is such a file.
    """
    kinds = set()
    for kind, start, end in _boxes(file, 0, size):
        kinds.add(kind)
        if kind == b"moov" and any(inner == b"cmov" for inner, *_ in _boxes(file, start, end)):
            raise Unreadable("its tables are compressed")
    if b"mdat" not in kinds:
        raise Unreadable("it has no media data")


def _boxes(file: IO[bytes], start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The name of each box from `start` to `end`, and where its content begins and ends.

    What begins as no box does is not looked at.

    Raises:
        Unreadable: a box goes on behind the end.
    """
    while end - start >= 8:  # noqa: PLR2004 - a size and a name
        file.seek(start)
        head = file.read(16)
        size, kind, content = int.from_bytes(head[:4], "big"), head[4:8], start + 8
        if not BOX_NAME.fullmatch(kind):
            return
        if size == 1:
            size, content = int.from_bytes(head[8:], "big"), start + 16
        after = start + size if size else end
        if not content <= after <= end:
            raise Unreadable("it is cut off")
        yield kind, content, after
        start = after


def _other_container(head: bytes) -> str | None:
    """The name of a common container that is no MP4 or QuickTime, by its first bytes."""
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    return next((name for magic, name in OTHER_CONTAINERS.items() if head.startswith(magic)), None)


def _container(general: Any) -> str:
    """``mov`` for QuickTime files; newer ones MediaInfo tells from MP4 by profile only."""
    described = f"{general.format or ''} {general.format_profile or ''}".lower()
    return "mov" if "quicktime" in described else "mp4"


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
    try:
        body = unquote_to_bytes(address[head.end() :])
        if head["parameters"].lower().endswith(";base64"):
            body = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable("the content of the data URI is not valid") from error
    return head["type"], body
