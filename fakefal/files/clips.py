"""Clips of results, cut from the masters of the nearest shape and size; WebM has one master."""

from __future__ import annotations

import math
from functools import lru_cache

from fakefal.files.mp4_cut import Mp4Master
from fakefal.files.webm_cut import WebmMaster
from fakefal_fixtures import MASTERS, WEBM, Master


@lru_cache(maxsize=1024)
def nearest_master(width: int, height: int) -> Master:
    """The master of the nearest shape, and among these of the nearest size."""

    def distance(master: Master) -> tuple[float, float]:
        shape = abs(math.log(width * master.height / (height * master.width)))
        return round(shape, 2), abs(math.log(width * height / (master.width * master.height)))

    return min(MASTERS, key=distance)


def size_of_clip(width: int, height: int, ending: str) -> tuple[int, int]:
    """The size of the clip that is used for this size."""
    return WEBM.size if ending == WEBM.ending else nearest_master(width, height).size


@lru_cache(maxsize=1)
def opened_webm() -> WebmMaster:
    """The WebM master, parsed."""
    return WebmMaster(WEBM.path.read_bytes())


@lru_cache(maxsize=len(MASTERS))
def opened(master: Master) -> Mp4Master:
    """A master, parsed."""
    return Mp4Master(master.path.read_bytes())


def sound_of_clips() -> Mp4Master:
    """The smallest master, from which AAC is cut."""
    return opened(MASTERS[0])
