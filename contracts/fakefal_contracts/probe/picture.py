"""Pictures: the facts in their headers, and whether Pillow can decode their pixels."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from typing_extensions import override

from fakefal_contracts.errors import CutOff, Unreadable
from fakefal_contracts.probe.kinds import HEAD_BYTES, file_kind, not_read
from fakefal_contracts.probe.source import opened, size_of

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

#: The formats that fal's model page lists, as Pillow calls them.  Phone cameras write MPO: a JPEG
#: with further pictures behind the first.
PICTURE_FORMATS = {"JPEG": "jpeg", "MPO": "jpeg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "AVIF": "avif"}
OTHER_PICTURE_FORMATS = {"BMP": "bmp", "TIFF": "tiff", "PPM": "ppm"}

UNKNOWN = "it is not a picture in a known format"
ICON = b"\0\0\1\0"
EXIF_ORIENTATION = 0x0112
SIDEWAYS = {5, 6, 7, 8}

MOST_BYTES = 64 * 1024 * 1024
MOST_PIXELS = 50_000_000
"""Pictures with more bytes or pixels are not decoded: Pillow takes up to 20 bytes of memory for a pixel."""

MOST_OPENED = 178_956_970
"""Pillow's own limit: its ``Image.open``, with which fal's toolkit reads pictures, refuses more pixels."""

MOST_SCANNED = 10_000_000_000
"""Pixels times scans of a JPEG: a few bytes may scan all pixels, and ten megabytes hold thousands of scans."""

MOST_READS = 10_000
"""How many reads are allowed, besides two for each KiB: Pillow reads headers in pieces, some byte by byte."""

START_OF_SCAN = b"\xff\xda"
EIGHTH = 8

_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class PictureFacts:
    """A picture as a viewer sees it: width and height after its EXIF rotation.

    `undecoded` is why its pixels were not decoded; it is empty if they were.
    """

    bytes: int
    format: str
    width: int
    height: int
    undecoded: str = ""

    @property
    def unread(self) -> str:
        """What was not checked, and why; empty if everything was read."""
        return f"only its header was read: {self.undecoded}" if self.undecoded else ""

    @property
    def ratio(self) -> float:
        """Width divided by height."""
        return self.width / self.height


class _CountedReads(io.BufferedReader):
    """A picture's file with a limit on the number of reads, so that Pillow does not take seconds."""

    def __init__(self, file: io.BytesIO | io.BufferedReader, size: int) -> None:
        super().__init__(file)
        self._left = MOST_READS + size // 512

    @override
    def read(self, size: int | None = -1, /) -> bytes:
        if not self._left:
            raise Unreadable("it has more parts than a picture needs")
        self._left -= 1
        return super().read(size)


def probe_picture(source: bytes | Path) -> PictureFacts:
    """Measure a picture, and decode it unless it is too large; of an animation, the first frame.

    Raises:
        Unreadable: it is not a picture, or its pixels cannot be decoded.
    """
    size = size_of(source)
    why: Unreadable | None = None
    with opened(source) as content, _CountedReads(content, size) as file:
        try:
            if _is_icon(file):
                return _probe_icon(file, size)
            with _open_header(file) as image:
                name = (PICTURE_FORMATS | OTHER_PICTURE_FORMATS)[image.format or ""]
                width, height = image.size
                why = CutOff(
                    f"its header says {width}x{height} pixels, but they cannot be decoded; it is cut off or broken"
                )
                undecoded = _undecoded(image, name, file, size)
                if not undecoded:
                    _decode(image)
                if _is_sideways(image):
                    width, height = height, width
        except Unreadable:
            raise
        except Exception as error:  # Pillow's plugins raise any exception for broken bytes
            raise why or _unknown(content) from error
    return PictureFacts(size, name, width, height, undecoded)


def _undecoded(image: ImageFile, name: str, file: IO[bytes], size: int) -> str:
    """Why a picture is not decoded; empty if it is.

    Raises:
        Unreadable: fal would not open it either.
    """
    pixels = image.width * image.height
    if name not in PICTURE_FORMATS.values():
        return f"no endpoint takes {name}"
    if pixels > MOST_OPENED:
        raise Unreadable(f"its header says {image.width}x{image.height} pixels: more than {MOST_OPENED:,} in all")
    if pixels > MOST_PIXELS:
        return f"it has more than {MOST_PIXELS // 1_000_000} megapixels"
    if size > MOST_BYTES:
        return f"it has more than {MOST_BYTES:,} bytes"
    if name == "jpeg":
        at = file.tell()
        file.seek(0)
        scans = file.read().count(START_OF_SCAN)
        file.seek(at)
        if scans * pixels > MOST_SCANNED:
            return f"it may have {scans} scans"
    return ""


def _decode(image: ImageFile) -> None:
    """Decode a picture; a JPEG at an eighth of its size and without colours."""
    with _one_at_a_time:
        image.draft("L", (max(1, image.width // EIGHTH), max(1, image.height // EIGHTH)))
        image.load()


def _open_header(file: IO[bytes]) -> ImageFile:
    """``Image.open`` without its warning about many pixels, for which `_undecoded` has its own limit."""
    from PIL import Image  # late: importing the contracts must stay light

    Image.init()  # registers every plugin, once
    prefix = file.read(16)
    for name in PICTURE_FORMATS | OTHER_PICTURE_FORMATS:
        factory, accept = Image.OPEN.get(name, (None, None))
        if factory is None or (accept is not None and accept(prefix) is not True):
            continue
        file.seek(0)
        return factory(file, "")
    raise _unknown(file)


def _unknown(file: IO[bytes]) -> Unreadable:
    """The error for a file whose header cannot be read, by its first bytes."""
    file.seek(0)
    kind = file_kind(file.read(HEAD_BYTES))
    if kind is None:
        return Unreadable(UNKNOWN)
    if kind.as_picture:
        return Unreadable(*kind.as_picture)
    return not_read(kind)


def _is_icon(file: IO[bytes]) -> bool:
    begins = file.read(len(ICON))
    file.seek(0)
    return begins == ICON


def _probe_icon(file: IO[bytes], size: int) -> PictureFacts:
    """The first picture of an icon, by its directory; Pillow would decode all pictures inside on opening."""
    from PIL.IcoImagePlugin import IcoFile

    width, height = IcoFile(file).entry[0].dim
    return PictureFacts(size, "ico", width, height, "no endpoint takes ico")


def _is_sideways(image: ImageFile) -> bool:
    """Whether EXIF rotates the picture. A PNG without EXIF would be decoded in search of it, however large it is."""
    if image.format == "PNG" and "exif" not in image.info:
        return False
    return image.getexif().get(EXIF_ORIENTATION) in SIDEWAYS
