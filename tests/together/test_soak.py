"""What `make soak` says of a server's memory: a leak is noticed, and so is a plateau above what the bounds allow."""

from __future__ import annotations

import pytest

from tools.soak import ALLOWED, MEBIBYTE, Figures

START = 60 * MEBIBYTE


@pytest.mark.parametrize(
    ("grown", "bounded"),
    [
        ([0.0] * 100, True),
        ([ALLOWED * min(1.0, second / 30) for second in range(100)], True),
        ([ALLOWED * second / 100 for second in range(100)], False),
        ([0.0] * 60 + [MEBIBYTE * second for second in range(40)], False),
        ([2.0 * ALLOWED * min(1.0, second / 30) for second in range(100)], False),
        ([0.0] * 50 + [1.1 * ALLOWED] + [0.0] * 49, False),
    ],
)
def test_memory_is_judged_by_growth_and_by_the_bounds(grown: list[float], bounded: bool) -> None:
    assert Figures(memory=[START + more for more in grown]).memory_is_bounded() is bounded
