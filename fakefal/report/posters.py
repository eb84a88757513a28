"""Small pictures of results, for reports without external files."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from functools import lru_cache

from PIL import Image

from fakefal.core.plan import Ending
from fakefal.files.made import MadeFile, made_at
from fakefal.files.making import MadeFiles, content_of
from fakefal.files.media_types import MediaFamily
from fakefal.state import jsonio
from fakefal.state.endings import CDN_MARK

SIDE = 160
"""The longest side of a poster, in pixels."""

MOST_PIXELS = 9_000_000
"""Larger pictures have no poster: drawing them takes long."""

FAMILIES = (MediaFamily.CLIP, MediaFamily.PICTURE)


def poster_of(ending: Ending, files: MadeFiles) -> str | None:
    """A small JPEG of the first picture or clip of a result, as a ``data:`` URI; None without one."""
    if not ending.ok or ending.text or CDN_MARK.encode() not in ending.body:
        return None
    for text in jsonio.texts_in(jsonio.load(ending.body)):
        made = made_at(text.removeprefix(CDN_MARK)) if text.startswith(CDN_MARK) else None
        if made is not None and made.family in FAMILIES and made.width * made.height <= MOST_PIXELS:
            shown = made.first_frame if made.family is MediaFamily.CLIP else replace(made, ending="jpg", seconds=0.0)
            return _small(files.get(shown).source.read_bytes()) if shown.rendered else _poster(shown)
    return None


@lru_cache(maxsize=256)
def _poster(made: MadeFile) -> str:
    return _small(content_of(made))


def _small(content: bytes) -> str:
    written = io.BytesIO()
    with Image.open(io.BytesIO(content)) as picture:
        picture.thumbnail((SIDE, SIDE))
        picture.convert("RGB").save(written, "jpeg", quality=60)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"
