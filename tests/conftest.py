"""Fixtures and hooks of all tests: servers on real sockets, and what this machine must have."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any

import httpx
import pytest

import fakefal.server.documented  # noqa: F401 - pytester drops what its runs import first, and FastAPI must not be twice
from fakefal.engine.emulator import Emulator
from fakefal.server.serving import serving
from fakefal.settings import Settings
from support.endpoints import O1
from support.machine import ROOT, SHARED, required_in_ci
from support.server import KEY, Serve, Server
from support.uploads import upload

pytest_plugins = ["pytester", "support.clients", "support.programs", "support.receivers", "support.site"]
collect_ignore = ["together/project"]  # a project of its own, for the wheel

REDIS_ON_OLDEST = ("test_queue_wire", "test_webhooks", "test_clock", "test_fetch", "test_ledger")
"""The modules that show the oldest versions enough of Redis."""

NEWEST_ONLY = (
    "test_bench",
    "test_conform",
    "test_contract_mutations",
    "test_effects_in_javascript",
    "test_fidelity",
    "test_hostile",
    "test_hostile_media",
    "test_retry_safety",
    "test_round_trip",
    "test_runtime_oracle",
    "test_schemathesis",
    "test_stateful",
    "test_store_histories",
    "test_testing_page",
    "test_typing",
    "test_vitest",
    "test_wheel",
)
"""The modules that say nothing of the versions of what the project builds on: `make test-lowest` leaves them out."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what older versions of dependencies need not run again."""
    for item in items:
        on_redis = isinstance(item, pytest.Function) and "redis" in item.keywords
        if item.path.stem in NEWEST_ONLY or (on_redis and item.path.stem not in REDIS_ON_OLDEST):
            item.add_marker(pytest.mark.newest)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the behaviour of a server over every store: all of tests/emulator but what says `memory_only`, and why."""
    shared = metafunc.definition.path.parent.name == "emulator"
    if shared and "store" in metafunc.fixturenames and not metafunc.definition.get_closest_marker("memory_only"):
        metafunc.parametrize("store", ["memory", "redis"], indirect=True)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Redis for the whole session."""
    from support.redis_server import redis_server

    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running.url


@pytest.fixture
def store(request: pytest.FixtureRequest) -> str:
    """The setting `store`: memory, or the address of an empty Redis."""
    if getattr(request, "param", "memory") == "memory":
        return "memory"
    import redis

    url: str = request.getfixturevalue("redis_url")
    with redis.Redis.from_url(url) as client:
        client.flushall()
    return url


@pytest.fixture
def serve(store: str) -> Iterator[Serve]:
    """Start servers: keyword arguments are settings, or an emulator of the test's own.  Each has a store of its own."""
    databases = count()
    with ExitStack() as stack:

        def start(*, emulator: Emulator | None = None, **settings: Any) -> Server:
            own = store if store == "memory" else store.removesuffix("0") + str(next(databases))
            emulator = emulator or Emulator(Settings(**{"profile": "instant", "store": own, **settings}))
            where = stack.enter_context(serving(emulator=emulator))
            http = stack.enter_context(httpx.Client(base_url=where.url, headers=KEY, trust_env=False, timeout=60))
            return Server(emulator, where.url, http)

        yield start


@pytest.fixture
def server(serve: Serve) -> Server:
    """A fresh server with the instant profile."""
    return serve()


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
    prefix = ["unshare", "-rn", sys.executable, str(ROOT / "tests" / "support" / "loopback_only.py")]
    try:
        tried = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        required_in_ci("there is no unshare")
        raise
    if tried.returncode:
        required_in_ci(f"the kernel forbids a network namespace: {tried.stderr.decode()[-200:]}")
    return prefix


@pytest.fixture(scope="session")
def seeds() -> dict[str, str]:
    """The founding documents, where they lie beside the project."""
    folder = SHARED / "reference" / "seeds"
    if not folder.is_dir():
        required_in_ci("the founding documents are not beside the project (../shared)")
    return {path.name[:3]: path.read_text("utf-8") for path in sorted(folder.glob("*.txt"))}
