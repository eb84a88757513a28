"""Opus in Ogg of any length: the packets of a master on new pages (RFC 3533, RFC 7845)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from itertools import cycle, islice

from fakefal_fixtures import OPUS

PACKET_SAMPLES = 960
"""The samples in a packet of 20 ms: Opus counts 48,000 per second, whatever the source."""
_PER_PAGE = 50
_FIRST, _LAST = 2, 4
_SKIPPED = slice(10, 12)
"""The offset of the number of samples that decoders skip at the start."""


def make_opus(seconds: float) -> bytes:
    """A file of this number of seconds."""
    header, tags, *sound = _packets()
    skipped = int.from_bytes(header[_SKIPPED], "little")
    samples = round(seconds * 48_000) + skipped
    packets = list(islice(cycle(sound), -(-samples // PACKET_SAMPLES)))
    pages = [_page([header], 0, 0, _FIRST), _page([tags], 0, 1, 0)]
    for start in range(0, len(packets), _PER_PAGE):
        end = start + _PER_PAGE
        last = _LAST if end >= len(packets) else 0
        pages.append(_page(packets[start:end], min(end * PACKET_SAMPLES, samples), len(pages), last))
    return b"".join(pages)


@cache
def _packets() -> tuple[bytes, ...]:
    """The packets of the master, its two headers first."""
    return tuple(_packets_in(OPUS.read_bytes()))


def _packets_in(content: bytes) -> Iterator[bytes]:
    at, packet = 0, b""
    while at < len(content):
        count = content[at + 26]
        sizes = content[at + 27 : at + 27 + count]
        at += 27 + count
        for size in sizes:
            packet += content[at : at + size]
            at += size
            if size < 255:  # noqa: PLR2004 - a full segment is followed by more of its packet
                yield packet
                packet = b""


def _page(packets: list[bytes], samples: int, number: int, flags: int) -> bytes:
    sizes = b"".join(b"\xff" * (len(one) // 255) + bytes([len(one) % 255]) for one in packets)
    head = struct.pack("<4sBBqIII", b"OggS", 0, flags, samples, 1, number, 0) + bytes([len(sizes)])
    page = head + sizes + b"".join(packets)
    return page[:22] + struct.pack("<I", _checksum(page)) + page[26:]


@cache
def _table() -> tuple[int, ...]:
    def entry(value: int) -> int:
        value <<= 24
        for _ in range(8):
            value = (value << 1) & 0xFFFFFFFF ^ (0x04C11DB7 if value >> 31 else 0)
        return value

    return tuple(map(entry, range(256)))


def _checksum(page: bytes) -> int:
    """Ogg's CRC-32, with the opposite bit order of zlib's."""
    table, found = _table(), 0
    for byte in page:
        found = (found << 8) & 0xFFFFFFFF ^ table[found >> 24 ^ byte]
    return found
