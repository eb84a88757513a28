"""The client's suite against fal itself: off, unless a key, a spend limit and the permission are given.

FAL_KEY=... FAKEFAL_ALLOW_REAL=1 FAKEFAL_LIVE_MAX_USD=0 pytest tests/live

With a limit of 0 only what fal does not bill is asked; a whole job costs $0.56.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from fakefal_client import Budget, Client
from suite import Suite

NEEDED = ("FAL_KEY", "FAKEFAL_ALLOW_REAL", "FAKEFAL_LIVE_MAX_USD")


@pytest.fixture(scope="session")
def budget() -> Budget:
    """One limit for all tests."""
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing:
        pytest.skip(f"NOT TESTED: fal itself, since nobody set {', '.join(missing)}")
    return Budget(os.environ["FAKEFAL_LIVE_MAX_USD"])


class TestLive(Suite):
    @pytest.fixture
    def client(self, budget: Budget) -> Iterator[Client]:
        with Client("fal", budget=budget) as client:
            yield client
