"""Cuts the first seconds of the WebM master into a new file by rewriting its blocks, without a codec.

Layout of the elements: RFC 8794 (EBML) and RFC 9559 (Matroska). The master is as `fixtures/make_masters.py` writes it:
each second starts with a key frame, a packet of sound lasts 20 ms, and times are milliseconds.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from itertools import accumulate, groupby

from fakefal_fixtures import FRAMES_PER_SECOND

_HEADER, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_INFO, _DURATION = b"\x15\x49\xa9\x66", b"\x44\x89"
_TRACKS, _TRACK, _NUMBER, _TYPE = b"\x16\x54\xae\x6b", b"\xae", b"\xd7", b"\x83"
_CLUSTER, _TIME, _BLOCK = b"\x1f\x43\xb6\x75", b"\xe7", b"\xa3"
_GROUP, _BLOCK_OF_GROUP = b"\xa0", b"\xa1"
_CUES, _CUE, _CUE_TIME, _CUE_PLACE = b"\x1c\x53\xbb\x6b", b"\xbb", b"\xb3", b"\xb7"
_CUE_TRACK, _CUE_CLUSTER = b"\xf7", b"\xf1"
_PICTURES = b"\1"
"""The type of a track of pictures."""
_PACKETS_PER_SECOND = 50
_NEEDS_NO_OTHER = b"\x80"
_LONG = 1 << 56
"""Marks a size of eight bytes."""

Timed = tuple[int, bytes]
"""A time in milliseconds, and the rest of a block after its time: flags and content."""


class WebmMaster:
    """The parsed master clip.

    Args:
        content: the whole file.
    """

    def __init__(self, content: bytes) -> None:
        (_, self._header), (_, segment) = _elements(content)
        parts = list(_elements(segment))
        self._info = [one for one in _elements(dict(parts)[_INFO]) if one[0] != _DURATION]
        self._tracks = {dict(_elements(one))[_NUMBER]: one for _, one in _elements(dict(parts)[_TRACKS])}
        self._pictures = next(name for name, one in self._tracks.items() if dict(_elements(one))[_TYPE] == _PICTURES)
        self._shown: list[bytes] = []
        self._heard: list[bytes] = []
        for cluster in (one for kind, one in parts if kind == _CLUSTER):
            for block in _blocks(cluster):  # a number of one byte, a time of two, flags, content
                (self._shown if block[0] & 0x7F == self._pictures[0] else self._heard).append(block[3:])
        self._shown.pop()  # the last picture starts a second without further pictures

    def cut(self, seconds: float, *, sound: bool) -> bytes:
        """Its first seconds; after its end it starts again."""
        count = round(seconds * FRAMES_PER_SECOND) + 1
        lasts = count / FRAMES_PER_SECOND
        duration = _element(_DURATION, struct.pack(">d", lasts * 1000))
        info = _element(_INFO, *(_element(*one) for one in self._info), duration)
        kept = [name for name in self._tracks if sound or name == self._pictures]
        tracks = _element(_TRACKS, *(_element(_TRACK, self._tracks[name]) for name in kept))
        clusters = list(self._clusters(count, lasts if sound else 0.0))
        first = len(info) + len(tracks) + len(self._cues([0] * len(clusters)))
        places = list(accumulate(map(len, clusters[:-1]), initial=first))
        segment = _element(_SEGMENT, info, tracks, self._cues(places), *clusters)
        return _element(_HEADER, self._header) + segment

    def _clusters(self, count: int, sounds: float) -> Iterator[bytes]:
        """This number of pictures and seconds of sound, in a cluster for each second."""
        shown = _repeated(self._shown, count, 1000 / FRAMES_PER_SECOND)
        heard = _repeated(self._heard, math.ceil(sounds * _PACKETS_PER_SECOND), 1000 / _PACKETS_PER_SECOND)
        named = [(time, self._pictures, one) for time, one in shown]
        named += [(time, name, one) for name in self._tracks if name != self._pictures for time, one in heard]
        for second, blocks in groupby(sorted(named, key=lambda one: one[0]), lambda one: one[0] // 1000):
            start = second * 1000
            written = (
                _element(_BLOCK, bytes([0x80 | name[0]]), struct.pack(">h", time - start), one)
                for time, name, one in blocks
            )
            yield _element(_CLUSTER, _element(_TIME, struct.pack(">I", start)), *written)

    def _cues(self, places: list[int]) -> bytes:
        """The position of each second, for players that seek."""
        return _element(
            _CUES,
            *(
                _element(
                    _CUE,
                    _element(_CUE_TIME, struct.pack(">I", second * 1000)),
                    _element(
                        _CUE_PLACE,
                        _element(_CUE_TRACK, self._pictures),
                        _element(_CUE_CLUSTER, struct.pack(">Q", place)),
                    ),
                )
                for second, place in enumerate(places)
            ),
        )


def _repeated(contents: list[bytes], count: int, milliseconds: float) -> list[Timed]:
    return [(round(at * milliseconds), contents[at % len(contents)]) for at in range(count)]


def _elements(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The elements in this content: ids and contents."""
    at = 0
    while at < len(content):
        begin = at + _length(content[at])
        length = _length(content[begin])
        end = begin + length
        size = int.from_bytes(content[begin:end]) & (1 << 7 * length) - 1
        yield content[at:begin], content[end : end + size]
        at = end + size


def _length(first: int) -> int:
    """The length in bytes of an id or a size with this first byte."""
    return 9 - first.bit_length()


def _element(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return kind + (_LONG | len(content)).to_bytes(8) + content


def _blocks(cluster: bytes) -> Iterator[bytes]:
    """The blocks of a cluster; blocks in groups get the flag that they lack there."""
    for kind, content in _elements(cluster):
        if kind == _BLOCK:
            yield content
        elif kind == _GROUP:
            block = dict(_elements(content))[_BLOCK_OF_GROUP]
            yield block[:3] + _NEEDS_NO_OTHER + block[4:]
