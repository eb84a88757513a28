"""The client's suite against the emulator: over a socket, and in this process."""

from __future__ import annotations

from typing import Any

import pytest

from fakefal.testing import Fakefal
from support.clients import MakeClient
from support.server import Serve
from support.suite import Suite

pytestmark = pytest.mark.quick


@pytest.mark.versions
class TestSocket(Suite):
    @pytest.fixture
    def client(self, make_client: MakeClient, serve: Serve) -> Any:
        return make_client(serve(profile="stepped").url, budget=10, poll_seconds=0.005)


class TestInProcess(Suite):
    @pytest.fixture
    def client(self, make_client: MakeClient) -> Any:
        with Fakefal(profile="stepped"):
            yield make_client(budget=10, poll_seconds=0.005)


class TestInProcessAsFal(Suite):
    """A program that says fal meets the fake all the same."""

    @pytest.fixture
    def client(self, make_client: MakeClient) -> Any:
        with Fakefal(profile="stepped"):
            yield make_client("fal", budget=10, poll_seconds=0.005)
