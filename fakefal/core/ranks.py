"""Ranks among numbers that arrive in ascending order and leave in any order."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

BLOCK = 1024
GROUP = 32
"""The bits of one block, and the blocks of one group."""


class Ranks:
    """A set of ascending numbers that counts how many of them are below a given one.

    A binary search among a million numbers touches about twenty of them, none of which is in the cache of the
    processor. This class counts instead: groups of blocks, blocks, and the bits of one block.
    """

    def __init__(self) -> None:
        self._first = 0  # before it, nothing is left
        self._blocks: list[int] = []
        self._in_blocks = array("I")
        self._in_groups = array("I")
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, number: int) -> bool:
        block, bit = divmod(number - self._first, BLOCK)
        return 0 <= block < len(self._blocks) and bool(self._blocks[block] >> bit & 1)

    def __iter__(self) -> Iterator[int]:
        for block, bits in enumerate(self._blocks):
            start = self._first + block * BLOCK
            yield from (start + bit for bit in range(bits.bit_length()) if bits >> bit & 1)

    def add(self, number: int) -> None:
        """Add a number that is not below those already in the set."""
        block, bit = divmod(number - self._first, BLOCK)
        while block >= len(self._blocks):
            if len(self._blocks) % GROUP == 0:
                self._in_groups.append(0)
            self._blocks.append(0)
            self._in_blocks.append(0)
        self._blocks[block] |= 1 << bit
        self._change(block, 1)

    def discard(self, number: int) -> None:
        """Remove a number if it is in the set."""
        if number not in self:
            return
        block, bit = divmod(number - self._first, BLOCK)
        self._blocks[block] ^= 1 << bit
        self._change(block, -1)
        while len(self._in_groups) > 1 and not self._in_groups[0]:
            del self._in_groups[0], self._in_blocks[:GROUP], self._blocks[:GROUP]
            self._first += GROUP * BLOCK

    def below(self, number: int) -> int:
        """How many numbers are below the given one."""
        block, bit = divmod(number - self._first, BLOCK)
        if not 0 <= block < len(self._blocks):
            return 0 if block < 0 else self._count
        group = block // GROUP
        up_to_block = sum(self._in_groups[:group]) + sum(self._in_blocks[group * GROUP : block + 1])
        return up_to_block - (self._blocks[block] >> bit).bit_count()

    def _change(self, block: int, by: int) -> None:
        self._count += by
        self._in_blocks[block] += by
        self._in_groups[block // GROUP] += by
