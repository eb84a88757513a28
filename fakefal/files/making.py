"""Makes generated files on demand, and keeps the latest in a folder."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property

from fakefal.files.clips import nearest_master, opened, opened_webm, sound_of_clips
from fakefal.files.flac import make_flac
from fakefal.files.made import MadeFile
from fakefal.files.media_types import MediaFamily
from fakefal.files.ogg import make_opus
from fakefal.files.small_files import small_file
from fakefal.files.sounds import make_mp3, make_wav
from fakefal.state.bounded import Bounded
from fakefal.state.files import FileStore, StoredFile
from fakefal.state.temporary import TemporaryFolder

LONG_AGO = 1_700_000_000
MOST_BYTES = 256 * 1024 * 1024
_SIZES: Bounded[MadeFile, int] = Bounded(4096)
"""The sizes of the files made in this process; equal descriptions give equal bytes in all emulators."""


def content_of(made: MadeFile) -> bytes:
    """The bytes of a generated file; equal descriptions give equal bytes."""
    match made.family:
        case MediaFamily.PICTURE if not made.caption or made.rendered:
            return nearest_master(made.width, made.height).poster.read_bytes()
        case MediaFamily.PICTURE:
            return _drawn(made)
        case MediaFamily.CLIP if made.ending == "webm":
            return opened_webm().cut(made.seconds, sound=made.sound)
        case MediaFamily.CLIP:
            master = opened(nearest_master(made.width, made.height))
            return master.cut(made.seconds, sound=made.sound, quicktime=made.ending == "mov")
        case MediaFamily.SOUND:
            return _SOUNDS[made.ending](made.seconds)
    return small_file(made.ending, made.caption)


def place_of_rendered(made: MadeFile) -> str:
    """The place of a rendered clip or its first frame among the uploads; no CDN path leads there."""
    return f"rendered/{made.caption}.{made.ending}"


def _drawn(made: MadeFile) -> bytes:
    from fakefal.files.pictures import draw_animation, draw_picture

    if made.seconds and made.ending == "gif":
        return draw_animation(made.width, made.height, made.caption, made.seconds)
    return draw_picture(made.ending, made.width, made.height, made.caption)


_SOUNDS: dict[str, Callable[[float], bytes]] = {
    "mp3": make_mp3,
    "wav": make_wav,
    "aac": lambda seconds: sound_of_clips().adts(seconds),
    "m4a": lambda seconds: sound_of_clips().cut_sound(seconds),
    "flac": make_flac,
    "ogg": make_opus,
    "opus": make_opus,
}


class MadeFiles:
    """Generated files in a temporary folder; the least recently used are deleted first.

    Worker threads may use it while the event loop does.

    Args:
        max_bytes: the size limit for all files together.
        rendered: the rendered clips; a master clip replaces each one that is gone.
    """

    def __init__(self, max_bytes: int = MOST_BYTES, rendered: FileStore | None = None) -> None:
        self._rendered = rendered
        self._max_bytes = max_bytes
        self._kept: OrderedDict[MadeFile, StoredFile] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, made: MadeFile) -> StoredFile:
        """The file, made now if necessary. Its bytes stay readable for a caller that has opened it."""
        rendered = self._rendered if made.rendered else None
        if rendered is not None and (kept := rendered.get(place_of_rendered(made))) is not None:
            return kept
        with self._lock:
            if (kept := self._kept.get(made)) is not None:
                self._kept.move_to_end(made)
                return kept
        content = content_of(made)
        with self._lock:
            return self._kept.get(made) or self._keep(made, content)

    def size(self, made: MadeFile) -> int | None:
        """The size of the file in bytes, if it is known without making the file."""
        return None if made.rendered else _SIZES.get(made)

    def __contains__(self, made: MadeFile) -> bool:
        return made in self._kept

    def _keep(self, made: MadeFile, content: bytes) -> StoredFile:
        while self._kept and self._size + len(content) > self._max_bytes:
            _, old = self._kept.popitem(last=False)
            self._size -= old.size
            old.source.unlink(missing_ok=True)
        name = f"{hashlib.blake2b(repr(made).encode(), digest_size=16).hexdigest()}.{made.ending}"
        source = self._folder.path / name
        source.write_bytes(content)
        os.utime(source, (LONG_AGO, LONG_AGO))  # so that the ETag is the same on each replica
        kept = self._kept[made] = StoredFile(f"/made/{name}", made.media_type, len(content), source)
        self._size += kept.size
        _SIZES[made] = kept.size
        return kept

    @cached_property
    def _folder(self) -> TemporaryFolder:
        return TemporaryFolder("made")

    def close(self) -> None:
        """Remove the folder."""
        with self._lock:
            if "_folder" in self.__dict__:
                self._folder.close()
                del self._folder
            self._kept.clear()
            self._size = 0
