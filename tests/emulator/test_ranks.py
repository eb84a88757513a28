"""Ranks are those of a sorted list, whatever leaves."""

from __future__ import annotations

import random
from bisect import bisect_left

import pytest

from fakefal.core.ranks import BLOCK, GROUP, Ranks

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("leaving", ["first", "any", "last"])
def test_ranks_are_those_of_a_sorted_list(leaving: str) -> None:
    draw = random.Random(leaving)
    ranks, kept = Ranks(), list[int]()
    number = 0
    for _ in range(40):
        for _ in range(draw.randrange(2 * BLOCK)):
            number += draw.choice((1, 1, 1, 2, BLOCK // 3))
            ranks.add(number)
            kept.append(number)
        gone = draw.sample(kept, len(kept) // 2) if leaving == "any" else kept[: len(kept) // 2]
        gone = kept[-len(gone) :] if leaving == "last" and gone else gone
        for one in [*gone, number + 1, -1]:
            ranks.discard(one)
        kept = sorted({*kept} - {*gone})
        assert len(ranks) == len(kept)
        for one in [-1, 0, number, number + BLOCK * GROUP, *draw.sample(kept, min(20, len(kept))), *gone[:20]]:
            assert ranks.below(one) == bisect_left(kept, one)
            assert (one in ranks) == (one in kept)
    assert [*ranks] == kept


def test_what_is_left_behind_takes_no_room() -> None:
    ranks = Ranks()
    for number in range(5 * BLOCK * GROUP):
        ranks.add(number)
        ranks.discard(number - 10)
    assert len(ranks) == 10
    assert len(ranks._blocks) <= 2 * GROUP
    assert ranks.below(number) == 9
    assert ranks.below(0) == 0
