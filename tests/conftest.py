"""Fixtures and hooks of all tests: servers on real sockets, and what this machine must have."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import fakefal.server.documented  # noqa: F401 - pytester drops what its runs import first, and FastAPI must not be twice
from fakefal.engine.emulator import Emulator
from fakefal.settings import Settings
from support.draws import load_profile
from support.endpoints import O1
from support.machine import SHARED, required_in_ci
from support.namespaces import StandIn, namespace
from support.server import Serve, Server, emulator_with, served
from support.uploads import upload
from support.waiting import be_patient

pytest_plugins = [
    "pytester",
    "support.browser",
    "support.clients",
    "support.programs",
    "support.receivers",
    "support.site",
]
collect_ignore = ["together/project"]  # a project of its own, for the wheel


load_profile()
be_patient()
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background ignores Ctrl-C, and so would all children
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the store: memory, and Redis for what is marked `both_stores`; or for all what TEST_STORE says."""
    if "store" not in metafunc.fixturenames or metafunc.definition.path.parent.name != "emulator":
        return
    marked = metafunc.definition.get_closest_marker
    usual = "memory redis" if marked("both_stores") else "memory"
    stores = "memory" if marked("memory_only") else os.environ.get("TEST_STORE", usual)
    if stores != "memory":
        metafunc.parametrize("store", stores.split(), indirect=True, scope="module")


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Redis for the whole session."""
    from support.redis_server import redis_server

    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running.url


@pytest.fixture(scope="module")
def store(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Give the setting `store` of one server: memory, or an empty database of Redis."""
    if getattr(request, "param", "memory") == "memory":
        return lambda: "memory"
    from support.redis_server import empty_databases

    return partial(next, empty_databases(request.getfixturevalue("redis_url")))


@pytest.fixture(scope="module")
def kept(store: Callable[[], str]) -> Iterator[Server]:
    """The server that the tests of a module share."""
    with served(Emulator(Settings(profile="instant", store=store()))) as server:
        yield server


@pytest.fixture
def server(kept: Server) -> Server:
    """A server with the instant profile, as empty as a fresh one."""
    kept.http.post("/_fakefal/reset").raise_for_status()
    return kept


@pytest.fixture
def serve(store: Callable[[], str]) -> Iterator[Serve]:
    """Start servers with stores of their own: keyword arguments are settings; or an emulator, or its `parts`."""
    with ExitStack() as stack:

        def start(*, emulator: Emulator | None = None, parts: dict[str, Any] | None = None, **settings: Any) -> Server:
            if emulator is None:
                given = Settings(**{"profile": "instant", "store": store(), **settings})
                emulator = emulator_with(given, **(parts or {}))
            return stack.enter_context(served(emulator))

        yield start


@pytest.fixture
def victim(server: Server) -> Iterator[Server]:
    """A server with one request and one file, which must both still be there in the end."""
    request_id = server.submit(O1, {"prompt": "x"})["request_id"]
    url = upload(server)
    yield server
    assert server.control("health")["status"] == "ok"
    assert server.control(f"requests/{request_id}")["status"] == "COMPLETED"
    assert server.http.get(url).content == b"hello"


@pytest.fixture
def anyio_backend() -> str:
    """What runs tests that are coroutines and marked so."""
    return "asyncio"


@pytest.fixture(scope="session")
def offline() -> list[str]:
    """A command prefix that gives a program a network with nothing but loopback in it."""
    return namespace("-rn", "loopback_only.py", "true")


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    """A network in which fal's names lead to a server that writes down what arrives."""
    log = tmp_path / "arrived.jsonl"
    return StandIn(namespace("-rnm", "stand_in.py", str(log), "true"), log)


@pytest.fixture(scope="session")
def seeds() -> dict[str, str]:
    """The first documents of this project, if they are in the folder beside it."""
    folder = SHARED / "reference" / "seeds"
    if not folder.is_dir():
        required_in_ci("the first documents are not beside the project (../shared)")
    return {path.name[:3]: path.read_text("utf-8") for path in sorted(folder.glob("*.txt"))}
