"""Pictures, clips and audio: real bytes, made when they are asked for."""

from __future__ import annotations

import base64
import io
import tempfile
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from PIL import Image

from fakefal_contracts.probe import OTHER_PICTURE_FORMATS, PICTURE_FORMATS
from fakefal_contracts.strategies.audiofile import audio_padding, write_audio
from fakefal_contracts.strategies.clipfile import padding_box, write_clip

LARGE = 16 * 1024 * 1024
"""From how many bytes on a medium is written to a file, with a hole for its padding."""

CLIP_TYPES = {"mov": "video/quicktime", "mp4": "video/mp4", "avi": "video/x-msvideo"}
AUDIO_TYPES = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "m4a": "audio/mp4",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "amr": "audio/amr",
}
MANY_PIXELS = 10_000_000
"""From how many on a picture is made without colours: those take three times the memory."""


@dataclass(frozen=True)
class Medium:
    """A picture, a clip, or another file.  `padding` zero bytes follow its `head`; both are its content."""

    name: str
    content_type: str
    head: bytes
    padding: int = 0

    def __repr__(self) -> str:
        return f"<{self.name}, {self.size:,} bytes>"

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.head) + self.padding

    @property
    def content(self) -> bytes | Path:
        """Its bytes, or a file of them where they are many: what an `Opener` returns."""
        return self.head + bytes(self.padding) if self.size < LARGE else _file(self)

    def save(self, path: Path) -> Path:
        """Write it to a file; the padding stays a hole, so that large ones cost no room."""
        with path.open("wb") as file:
            file.write(self.head)
            file.truncate(self.size)
        return path

    @property
    def address(self) -> str:
        """It as a ``data:`` URI."""
        return _data_uri(self)


@lru_cache(maxsize=64)
def _data_uri(medium: Medium) -> str:
    whole = medium.head + bytes(medium.padding)
    return f"data:{medium.content_type};base64,{base64.b64encode(whole).decode()}"


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fakefal-media-")


@cache
def _file(medium: Medium) -> Path:
    return medium.save(Path(_folder().name) / f"{medium.name.replace(' ', '-')}-{medium.size}")


@cache
def picture(form: str, width: int, height: int, size: int = 0) -> Medium:
    """A flat picture in one of Pillow's formats, padded to `size` bytes where that is more."""
    out = io.BytesIO()
    flat = Image.new("RGB" if width * height < MANY_PIXELS else "L", (width, height), "teal")
    more = {"save_all": True, "append_images": [flat]} if form == "MPO" else {}  # with one picture it is a JPEG
    flat.save(out, form, **more)
    head = out.getvalue()
    name = (PICTURE_FORMATS | OTHER_PICTURE_FORMATS)[form]
    return Medium(f"{form.lower()} {width}x{height}", f"image/{name}", head, max(0, size - len(head)))


@cache
def clip(form: str, width: int, height: int, milliseconds: int, frames: int, size: int = 0) -> Medium:
    """A grey clip, padded to `size` bytes where that is more."""
    head = write_clip(form, width, height, milliseconds, frames)
    padding = max(0, size - len(head) - len(padding_box(0)))
    name = f"{form} {width}x{height} {milliseconds} ms {frames} frames"
    return Medium(name, CLIP_TYPES[form], head + padding_box(padding) if padding else head, padding)


@cache
def audio(form: str, milliseconds: int, size: int = 0) -> Medium:
    """Silence, padded to `size` bytes where that is more."""
    head = write_audio(form, milliseconds)
    padding = max(0, size - len(head) - len(audio_padding(form, 0)))
    whole = head + audio_padding(form, padding) if padding else head
    return Medium(f"{form} {milliseconds} ms", AUDIO_TYPES[form], whole, padding)


@cache
def any_file(size: int = 0) -> Medium:
    """A file of no kind, padded to `size` bytes where that is more."""
    head = b"file"
    return Medium("file", "application/octet-stream", head, max(0, size - len(head)))
