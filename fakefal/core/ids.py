"""Ids in the form of fal's, from a moment and random bits that the caller supplies."""

from __future__ import annotations

RANDOM_BITS = 74


def uuid7(now: float, random_bits: int) -> str:
    """A UUID of version 7, the form of fal's request ids since summer 2025.

    Args:
        now: seconds since 1970, kept to the millisecond.
        random_bits: `RANDOM_BITS` random bits.
    """
    milliseconds = int(now * 1000) & (2**48 - 1)
    high, low = random_bits >> 62, random_bits & (2**62 - 1)
    value = milliseconds << 80 | 0x7 << 76 | (high & 0xFFF) << 64 | 0b10 << 62 | low
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
