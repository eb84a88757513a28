"""Local media in the arguments of a request: found, checked as local files, and then uploaded."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from fakefal_client.errors import UnknownMedia
from fakefal_client.steps import Flow, Work
from fakefal_contracts import Opener, Report
from fakefal_contracts.judgement import media_addresses
from fakefal_contracts.media import Missing

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST_PNG = 10 * 1024 * 1024
JPEG_QUALITY = 95

PLACE = "fakefal-local:"
"""The placeholder of a local file in the arguments until it is uploaded."""


@dataclass(frozen=True)
class LocalFile:
    """A local file, or a picture in memory, with the name for its upload."""

    name: str
    content: bytes | Path


def read_source(source: object, name: str | None = None) -> LocalFile:
    """Turn a path, bytes or a PIL image into a `LocalFile`.  Encodes pictures; does not read files.

    Raises:
        UnknownMedia: it is none of these, there is no such file, or the picture cannot be read.
    """
    if isinstance(source, Path):
        if not source.is_file():
            raise UnknownMedia(f"there is no file {source}")
        return LocalFile(name or source.name, source)
    if isinstance(source, bytes | bytearray | memoryview):
        return LocalFile(name or "file", bytes(source))
    if is_picture(source):
        return _as_file(source, name)
    raise UnknownMedia(f"{type(source).__name__} is neither a path, nor bytes, nor a PIL image")


def is_picture(source: object) -> TypeGuard[Image]:
    """Whether this is a PIL image.  Does not import Pillow."""
    kind = getattr(sys.modules.get("PIL.Image"), "Image", None)
    return kind is not None and isinstance(source, kind)


def local_media(arguments: Any) -> Flow[LocalMedia]:
    """Find the local media of a request.  PIL images are encoded in a worker thread, because it is slow.

    Raises:
        UnknownMedia: a file or picture cannot be read.
    """
    if "PIL.Image" not in sys.modules:
        return LocalMedia(arguments)
    found: LocalMedia = yield Work(partial(LocalMedia, arguments))
    return found


def _as_file(picture: Image, name: str | None) -> LocalFile:
    """Encode a picture, rotated as its EXIF says: as JPEG if it was a JPEG or the PNG is too large, otherwise as PNG.

    Raises:
        UnknownMedia: it cannot be read, because its file is cut off or closed.
    """
    try:
        return _written(picture, name)
    except (OSError, SyntaxError, ValueError) as error:
        raise UnknownMedia(f"the picture cannot be read: {error}") from error


def _written(picture: Image, name: str | None) -> LocalFile:
    from PIL import ImageOps

    seen = ImageOps.exif_transpose(picture)
    if picture.format != "JPEG":
        fits = seen.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")
        written = _saved(seen if fits else seen.convert("RGB"), "PNG")
        if len(written) <= LARGEST_PNG or seen.mode in ("LA", "RGBA"):
            return LocalFile(name or "picture.png", written)
    return LocalFile(name or "picture.jpg", _saved(seen.convert("RGB"), "JPEG", quality=JPEG_QUALITY))


def _saved(picture: Image, form: str, **options: Any) -> bytes:
    written = io.BytesIO()
    picture.save(written, form, **options)
    return written.getvalue()


class LocalMedia:
    """Arguments with placeholders instead of local media.

    Attributes:
        arguments: a copy of the arguments with placeholders.
        files: the file of each placeholder.

    Args:
        given: the arguments.  Paths, bytes and PIL images are local media.  Strings never are, so a string from
            an untrusted source cannot make this machine send a file.
    """

    def __init__(self, given: Any) -> None:
        self.files: dict[str, LocalFile] = {}
        self._places: dict[int, str] = {}
        self.arguments = self._take(given)

    def opener(self, others: Opener) -> Opener:
        """An opener for the contract: opens the local files, and passes other URLs to `others`."""
        return partial(self._open, others) if self.files else others

    def _open(self, others: Opener, address: str) -> bytes | Path | None:
        if local := self.files.get(address):
            return local.content
        if address.startswith(PLACE):
            raise Missing(f"{address[:80]} is not an address")
        return others(address)

    def check_places(self, report: Report | None) -> None:
        """Check, before uploads, that each file is in a field that takes media.  Without a report, do nothing.

        Raises:
            UnknownMedia: a file is in another field.
        """
        if report is None or not self.files:
            return
        found = set() if report.arguments is None else {address for _, address, _ in media_addresses(report.arguments)}
        for place, file in self.files.items():
            if place not in found:
                raise UnknownMedia(f"{file.name} is in a field of {report.endpoint.id} that takes no media")

    def with_addresses(self, addresses: Mapping[str, str]) -> Any:
        """The arguments with the URLs of the uploaded files instead of placeholders."""
        return _replaced(self.arguments, addresses)

    def _take(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: self._take(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._take(item) for item in value]
        if isinstance(value, Path | bytes | bytearray | memoryview) or is_picture(value):
            return self._place(value)
        return value

    def _place(self, value: Any) -> str:
        if id(value) not in self._places:
            place = self._places[id(value)] = f"{PLACE}{len(self._places)}"
            self.files[place] = read_source(value)
        return self._places[id(value)]


def _replaced(value: Any, addresses: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(item, addresses) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, addresses) for item in value]
    return addresses.get(value, value) if isinstance(value, str) else value
