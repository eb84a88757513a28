"""What a model that inspects a file says of it: the facts that were read from it."""

from __future__ import annotations

import math
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from fakefal.files.media_types import MEDIA_TYPES, OCTETS
from fakefal_contracts.media import Facts
from fakefal_contracts.probe import AudioFacts, ClipFacts, FileFacts, PictureFacts


def description_of(address: str, facts: Facts) -> dict[str, Any]:
    """The facts of a file under the names that schemas have for them, as far as they are known."""
    path = urlsplit(address)
    name = PurePosixPath(unquote(path.path)).name if path.scheme.startswith("http") else ""
    known: dict[str, Any] = {
        "url": address,
        "content_type": MEDIA_TYPES.get(facts.format, OCTETS),
        "file_name": name or f"media.{facts.format}",
        "file_size": facts.bytes,
        "container": facts.format,
        "media_type": "audio" if isinstance(facts, AudioFacts) else "video",
    }
    if not isinstance(facts, FileFacts | PictureFacts) and facts.seconds:
        known |= {"duration": facts.seconds, "bitrate": round(8 * facts.bytes / facts.seconds)}
    if isinstance(facts, PictureFacts):
        known |= {"duration": 0.0, "bitrate": 0, "fps": 0, "frame_count": 1, "audio": None}
    if isinstance(facts, ClipFacts) and facts.fps:
        known |= {"fps": round(facts.fps), "frame_count": round(facts.fps * facts.seconds)}
    if isinstance(facts, ClipFacts) and not facts.sound:
        known["audio"] = None
    if isinstance(facts, AudioFacts) and facts.channels and facts.rate:
        known |= {"channels": facts.channels, "sample_rate": facts.rate}
    if isinstance(facts, PictureFacts | ClipFacts) and facts.width and facts.height:
        known["resolution"] = _resolution(facts.width, facts.height)
    return known


def _resolution(width: int, height: int) -> dict[str, Any]:
    common = math.gcd(width, height)
    return {"aspect_ratio": f"{width // common}:{height // common}", "width": width, "height": height}
