"""Local media in the arguments of a request: found, judged as they lie, and uploaded only then."""

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
"""Stands in the arguments for a local file until it has an address."""


@dataclass(frozen=True)
class LocalFile:
    """A file of this machine, or a picture in its memory, with the name that it gets."""

    name: str
    content: bytes | Path


def read_source(source: object, name: str | None = None) -> LocalFile:
    """A path, bytes or PIL image as something to upload.  Reads pictures only, not files.

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
    """Whether it is a PIL image; Pillow is not imported for the answer, and another thread may be at it."""
    kind = getattr(sys.modules.get("PIL.Image"), "Image", None)
    return kind is not None and isinstance(source, kind)


def local_media(arguments: Any) -> Flow[LocalMedia]:
    """The local media of a request; pictures, which take long, are written down where they hold nobody up.

    Raises:
        UnknownMedia: one cannot be read.
    """
    if "PIL.Image" not in sys.modules:
        return LocalMedia(arguments)
    found: LocalMedia = yield Work(partial(LocalMedia, arguments))
    return found


def _as_file(picture: Image, name: str | None) -> LocalFile:
    """A picture as it is seen, turned as its EXIF says: as JPEG where it was one or gets too large, else as PNG.

    Raises:
        UnknownMedia: it cannot be read: its file is cut off, or was closed.
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
    """Arguments with their local media taken out.

    Attributes:
        arguments: a copy in which each stands as a place holder.
        files: place holder to file.

    Args:
        given: the arguments; paths, bytes and PIL images count as local, texts never do, so that a
            text from elsewhere cannot make this machine send a file.
    """

    def __init__(self, given: Any) -> None:
        self.files: dict[str, LocalFile] = {}
        self._places: dict[int, str] = {}
        self.arguments = self._take(given)

    def opener(self, others: Opener) -> Opener:
        """What the contract looks at: the local files, and what `others` opens."""
        return partial(self._open, others) if self.files else others

    def _open(self, others: Opener, address: str) -> bytes | Path | None:
        if local := self.files.get(address):
            return local.content
        if address.startswith(PLACE):
            raise Missing(f"{address[:80]} is not an address")
        return others(address)

    def check_places(self, report: Report | None) -> None:
        """See that each file stands where the endpoint takes media, before it is uploaded; None: nobody knows.

        Raises:
            UnknownMedia: one does not.
        """
        if report is None or not self.files:
            return
        found = set() if report.arguments is None else {address for _, address, _ in media_addresses(report.arguments)}
        for place, file in self.files.items():
            if place not in found:
                raise UnknownMedia(f"{file.name} stands in a field of {report.endpoint.id} that takes no media")

    def with_addresses(self, addresses: Mapping[str, str]) -> Any:
        """The arguments with each place holder replaced by the address that its file got."""
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
