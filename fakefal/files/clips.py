"""Clips of results, cut from the masters: the nearest of their shapes and sizes."""

from __future__ import annotations

import math
from functools import lru_cache

from fakefal.files.mp4_cut import Mp4Master
from fakefal_fixtures import MASTERS, Master


@lru_cache(maxsize=1024)
def nearest_master(width: int, height: int) -> Master:
    """The master of the nearest shape, and of these the one whose size is nearest."""

    def distance(master: Master) -> tuple[float, float]:
        shape = abs(math.log(width * master.height / (height * master.width)))
        return round(shape, 2), abs(math.log(width * height / (master.width * master.height)))

    return min(MASTERS, key=distance)


@lru_cache(maxsize=len(MASTERS))
def opened(master: Master) -> Mp4Master:
    """A master, taken apart."""
    return Mp4Master(master.path.read_bytes())


def sound_of_clips() -> Mp4Master:
    """The smallest master, of which AAC is cut."""
    return opened(MASTERS[0])
