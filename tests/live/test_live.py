"""The client's suite against fal itself: off, unless a key, a spend limit and the permission are given.

FAL_KEY=... FAKEFAL_ALLOW_REAL=1 FAKEFAL_LIVE_MAX_USD=0 pytest tests/live

With a limit of 0 only what fal does not bill is asked; a whole job costs $0.56, and each kind of client makes one.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from fakefal_client import Budget
from support.clients import MakeClient
from support.suite import Suite

NEEDED = ("FAL_KEY", "FAKEFAL_ALLOW_REAL", "FAKEFAL_LIVE_MAX_USD")


@pytest.fixture(scope="session")
def budget() -> Budget:
    """One limit for all tests."""
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing:
        pytest.skip(f"NOT TESTED: fal itself, since nobody set {', '.join(missing)}")
    return Budget(os.environ["FAKEFAL_LIVE_MAX_USD"])


@pytest.mark.parametrize("make_client", ["sync", "asyncio"], indirect=True)
class TestLive(Suite):
    @pytest.fixture
    def client(self, budget: Budget, make_client: MakeClient) -> Any:
        return make_client("fal", budget=budget)
