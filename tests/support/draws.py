"""How many examples Hypothesis draws: as many as a test says, and no more than TEST_DRAWS."""

from __future__ import annotations

import os

from hypothesis import settings

MOST = int(os.environ.get("TEST_DRAWS", "1000000"))
USUAL = 100


def draws(examples: int) -> int:
    """So many examples, or fewer in a hurry."""
    return min(examples, MOST)


def load_profile() -> None:
    """Let no test fail because an example took long: the machine may be busy."""
    settings.register_profile("tests", deadline=None, max_examples=draws(USUAL))
    settings.load_profile("tests")
