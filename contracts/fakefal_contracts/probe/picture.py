"""Pictures: what their heads say, which `fakefal_contracts.probe.pixels` holds against their data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from fakefal_contracts.errors import Unreadable
from fakefal_contracts.probe.pixels import check_parts, check_pixels
from fakefal_contracts.probe.source import opened, size_of

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

#: The formats that fal's model page lists, as Pillow calls them.  Phone cameras write MPO: a JPEG
#: with further pictures behind the first.
PICTURE_FORMATS = {"JPEG": "jpeg", "MPO": "jpeg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "AVIF": "avif"}
OTHER_PICTURE_FORMATS = {"BMP": "bmp", "TIFF": "tiff", "PPM": "ppm"}

ICON = b"\0\0\1\0"
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


def probe_picture(source: bytes | Path) -> PictureFacts:
    """Measure a picture.

    Raises:
        Unreadable: it is no picture, is cut off, or its data hold other pixels than its head says.
    """
    size = size_of(source)
    with opened(source) as file:
        try:
            if _is_icon(file):
                return _probe_icon(file, size)
            check_parts(file, size)
            with _open_header(file) as image:
                name = (PICTURE_FORMATS | OTHER_PICTURE_FORMATS)[image.format or ""]
                width, height = image.size
                is_sideways = _is_sideways(image)
                check_pixels(image, name, file, size)
        except Unreadable:
            raise
        except Exception as error:  # Pillow's plugins raise whatever their parsers meet in broken bytes
            raise Unreadable("it is not a picture in a known format") from error
    return PictureFacts(size, name, *((height, width) if is_sideways else (width, height)))


def _open_header(file: IO[bytes]) -> ImageFile:
    """What ``Image.open`` does, without its guard against many pixels: `check_pixels` has its own."""
    from PIL import Image  # late: importing the contracts must stay light

    Image.init()  # registers every plugin, once
    prefix = file.read(16)
    for name in PICTURE_FORMATS | OTHER_PICTURE_FORMATS:
        factory, accept = Image.OPEN.get(name, (None, None))
        if factory is None or (accept is not None and accept(prefix) is not True):
            continue
        file.seek(0)
        return factory(file, "")
    raise Unreadable("it is not a picture in a known format")


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
