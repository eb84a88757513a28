"""A generated file as its address describes it: kind, size, length and caption.

The address holds everything that the file is made from. So no table of results is stored, and each replica makes the
same bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from dataclasses import dataclass
from functools import cached_property, lru_cache

from fakefal.files.media_types import FAMILIES, MEDIA_TYPES, MediaFamily

LONGEST_SIDE = 14_142
"""The longest side of a picture that fal's models take (``ImageSize``, 2026)."""
MOST_PIXELS = 64_000_000
"""Larger pictures are scaled down, because Pillow warns above 89 million pixels."""
LONGEST_SECONDS = 600
LONGEST_CAPTION = 120
"""In bytes of UTF-8, without the number of one of several files; the rest of an address has about 70 characters."""

_FACTS = struct.Struct(">HHH?")
_UNIQUE = 11
_ADDRESS = re.compile(r"/files/b/([0-9a-f]{8})/([A-Za-z0-9_-]{11})([A-Za-z0-9_-]{10,200})_output\.([a-z0-9]{2,11})")


@dataclass(frozen=True)
class MadeFile:
    """The description of a generated file.

    `width` and `height` belong to pictures and clips, `seconds` (in whole hundredths) to clips and sounds. `sound` is
    whether a clip has a sound track. `caption` is written into a picture; for a rendered clip it is the digest of its
    scene. The first frame of a clip has the clip's length and digest.
    """

    ending: str
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    sound: bool = False
    caption: str = ""

    @property
    def media_type(self) -> str:
        """Its media type."""
        return MEDIA_TYPES[self.ending]

    @property
    def family(self) -> MediaFamily:
        """Its family: picture, clip, sound or other."""
        return FAMILIES[self.ending]

    @property
    def name(self) -> str:
        """The file's name in a result."""
        return f"output.{self.ending}"

    @cached_property
    def _facts(self) -> str:
        facts = _FACTS.pack(self.width, self.height, round(self.seconds * 100), self.sound)
        return _text(facts + self.caption.encode())

    @property
    def rendered(self) -> bool:
        """Whether it is a rendered clip, or the first frame of one."""
        first_frame = self.ending == "jpg" and self.seconds > 0
        return bool(self.caption) and (first_frame or self.family is MediaFamily.CLIP)

    @property
    def first_frame(self) -> MadeFile:
        """The first frame of a clip, as a picture."""
        return MadeFile("jpg", self.width, self.height, self.seconds if self.caption else 0.0, caption=self.caption)

    def path(self, request_id: str, number: int) -> str:
        """Its CDN path as file number `number` of a request, in the form of fal's results."""
        unique = _text(hashlib.blake2b(f"{request_id}/{number}".encode(), digest_size=9).digest())[:_UNIQUE]
        token = unique + self._facts
        return f"/files/b/{_checksum(token, self.ending)}/{token}_{self.name}"


def picture(ending: str, width: int, height: int, caption: str) -> MadeFile:
    """The size of a picture within the bounds; a larger one is scaled down in the same shape."""
    width, height = max(1, width), max(1, height)
    too_large = max(1.0, width / LONGEST_SIDE, height / LONGEST_SIDE, (width * height / MOST_PIXELS) ** 0.5)
    short = caption.encode("utf-8", "replace")[:LONGEST_CAPTION].decode("utf-8", "ignore")
    return MadeFile(ending, max(1, int(width / too_large)), max(1, int(height / too_large)), caption=short)


def made_at(url_path: str) -> MadeFile | None:
    """The generated file that a CDN path describes, or None for any other path."""
    found = _ADDRESS.fullmatch(url_path)  # other paths may have any length, so they are not cached
    return _read(*found.groups()) if found else None


@lru_cache(maxsize=4096)
def _read(checksum: str, unique: str, facts: str, ending: str) -> MadeFile | None:
    if ending not in MEDIA_TYPES or checksum != _checksum(unique + facts, ending):
        return None
    try:
        content = base64.urlsafe_b64decode(facts + "=" * (-len(facts) % 4))
        width, height, hundredths, sound = _FACTS.unpack_from(content)
        made = MadeFile(ending, width, height, hundredths / 100, sound, content[_FACTS.size :].decode())
    except (binascii.Error, struct.error, UnicodeDecodeError):
        return None
    fits = made.seconds <= LONGEST_SECONDS and max(width, height) <= LONGEST_SIDE and width * height <= MOST_PIXELS
    return made if fits else None


def _checksum(token: str, ending: str) -> str:
    return hashlib.blake2b(f"{token}.{ending}".encode(), digest_size=4).hexdigest()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
