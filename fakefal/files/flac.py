"""FLAC of any length: silence, of which a frame takes a dozen bytes (RFC 9639)."""

from __future__ import annotations

RATE = 24_000
_BLOCK = 4096
_BLOCK_CODE, _RATE_CODE, _DEPTH_CODE = 0b1100, 0b0111, 0b100
"""How a frame's header says 4,096 samples, 24 kHz, and 16 bits."""
_EXPLICIT_BLOCK = 0b0111
_BYTE = 8


def make_flac(seconds: float) -> bytes:
    """A file of one channel, 16 bits."""
    samples = round(seconds * RATE)
    info = _BLOCK << 256 | _BLOCK << 240 | RATE << 172 | 15 << 164 | samples << 128
    stream_info = b"\x80\0\0\x22" + info.to_bytes(34, "big")
    blocks = range(0, samples, _BLOCK)
    return (
        b"fLaC"
        + stream_info
        + b"".join(_frame(number, min(_BLOCK, samples - start)) for number, start in enumerate(blocks))
    )


def _frame(number: int, samples: int) -> bytes:
    """A frame of silence: a constant of 0 for all its samples."""
    whole = samples == _BLOCK
    head = bytes([0xFF, 0xF8, (_BLOCK_CODE if whole else _EXPLICIT_BLOCK) << 4 | _RATE_CODE, _DEPTH_CODE << 1])
    head += chr(number).encode()  # FLAC writes numbers as UTF-8 does
    if not whole:
        head += (samples - 1).to_bytes(2, "big")
    frame = head + bytes([_checksum(head, 0x07, 8)]) + b"\0\0\0"
    return frame + _checksum(frame, 0x8005, 16).to_bytes(2, "big")


def _checksum(content: bytes, polynomial: int, width: int) -> int:
    """FLAC's CRCs, of 8 bits for a header and 16 for a frame."""
    found = 0
    for byte in content:
        found ^= byte << width - _BYTE
        for _ in range(_BYTE):
            found = found << 1 ^ (polynomial if found >> width - 1 else 0)
            found &= (1 << width) - 1
    return found
