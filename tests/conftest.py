"""What all tests share: servers on real sockets, and what this machine must have."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest

from fakefal.engine.emulator import Emulator
from fakefal.server.serving import serving
from fakefal.settings import Settings
from fakefal.store.opening import open_parts

pytest_plugins = ["clients", "pytester", "receivers"]
collect_ignore = ["together/project"]  # a project of its own, for the wheel
KEY = {"Authorization": "Key tester:secret"}
ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"


class Server:
    """An emulator on a socket, its address, and an HTTP client that speaks to it."""

    def __init__(self, emulator: Emulator, url: str, http: httpx.Client) -> None:
        self.emulator = emulator
        self.url = url
        self.http = http

    def submit(self, endpoint_id: str, arguments: Any, **headers: str) -> dict[str, Any]:
        """Submit to the queue; returns the answer's body."""
        answer = self.http.post(f"/queue/{endpoint_id}", json=arguments, headers=headers)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def result(self, endpoint_id: str, arguments: Any) -> httpx.Response:
        """Submit, and ask for the result at once: right for the instant profile."""
        return self.http.get(self.submit(endpoint_id, arguments)["response_url"])


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
    from redis_server import redis_server

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


def emulator_with(settings: Settings, **parts: Any) -> Emulator:
    """An emulator of which these parts are a test's own."""
    return Emulator(settings, open_parts(settings, **parts))


@pytest.fixture
def serve(store: str) -> Iterator[Callable[..., Server]]:
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
def server(serve: Callable[..., Server]) -> Server:
    """A fresh server with the instant profile."""
    return serve()


def required_in_ci(missing: str) -> None:
    """Skip loudly where this machine lacks something; fail where CI must have it."""
    message = f"NOT TESTED HERE: {missing}"
    if os.environ.get("CI"):
        pytest.fail(f"{message}, but CI must test it")
    not_tested_here(missing)


def not_tested_here(why: str) -> NoReturn:
    """Skip loudly."""
    message = f"NOT TESTED HERE: {why}"
    sys.stderr.write(f"\n*** {message} ***\n")
    pytest.skip(message)


@pytest.fixture(scope="session")
def offline() -> list[str]:
    """A command prefix that gives a program a network with nothing but loopback in it."""
    prefix = ["unshare", "-rn", sys.executable, str(ROOT / "tests" / "loopback_only.py")]
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
