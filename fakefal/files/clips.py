"""Which canned clip a request gets, and the address that names it.

A result's address carries its clip, so that no table of results has to be kept: the eight hex digits
are a checksum of the file's random-looking name and the clip's number.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from functools import cache, lru_cache

from fakefal_contracts import Report
from fakefal_contracts.probe import PictureFacts
from fakefal_fixtures import CLIPS, RATIOS, Clip, Ratio

_ADDRESS = re.compile(r"/files/b/(?P<check>[0-9a-f]{6})(?P<number>[0-9a-f]{2})/(?P<name>[A-Za-z0-9_-]{21})_output\.mp4")
_NUMBERS = {clip: number for number, clip in enumerate(CLIPS)}
_SHAPES: dict[Ratio, float] = {"16:9": 16 / 9, "9:16": 9 / 16, "1:1": 1.0}


def clip_for(report: Report) -> Clip:
    """The canned clip that an accepted request returns: its tier, shape, length and sound.

    Where the shape follows the first picture, the nearest canned shape is taken; of a picture that
    nobody looked at, 16:9 is assumed.
    """
    arguments = report.arguments
    assert arguments is not None
    ratio = next((shape for shape in RATIOS if shape == arguments.ratio()), None) or _nearest(report)
    seconds = arguments.clip_seconds()
    assert seconds is not None, "the endpoints in depth say how long their clips are"
    return Clip("standard" if report.endpoint.tier == "standard" else "pro", ratio, int(seconds), arguments.audio())


def _nearest(report: Report) -> Ratio:
    assert report.arguments is not None
    facts = report.facts.get(report.arguments.first_frame() or "")
    if not isinstance(facts, PictureFacts):
        return "16:9"
    return _nearest_to(facts.ratio)


@lru_cache(maxsize=1024)
def _nearest_to(ratio: float) -> Ratio:
    return min(RATIOS, key=lambda shape: abs(math.log(ratio / _SHAPES[shape])))


@cache
def clip_bytes(clip: Clip) -> int:
    """The size of a canned clip; they never change."""
    return clip.path.stat().st_size


def clip_address(clip: Clip, request_id: str) -> str:
    """The CDN path of a request's clip, in the form fal's results have."""
    digest = hashlib.blake2b(request_id.encode(), digest_size=16).digest()
    name = base64.urlsafe_b64encode(digest).decode()[:21]
    return f"/files/b/{_check(name)}{_NUMBERS[clip]:02x}/{name}_output.mp4"


def clip_at(url_path: str) -> Clip | None:
    """The clip that a CDN path names, or None for any other path."""
    found = _ADDRESS.fullmatch(url_path)
    if found is None or _check(found["name"]) != found["check"]:
        return None
    number = int(found["number"], 16)
    return CLIPS[number] if number < len(CLIPS) else None


def _check(name: str) -> str:
    return hashlib.blake2b(name.encode(), digest_size=3).hexdigest()
