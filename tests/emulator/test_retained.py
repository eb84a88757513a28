"""What callers send is counted by its whole size while it is kept, and nothing remembers it once it is dropped."""

from __future__ import annotations

import asyncio
import base64
import gc
import secrets
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from fakefal.core.plan import Ending, Plan
from fakefal.core.webhook import MOST_KEPT, Delivery, DeliveryAttempt
from fakefal.settings import Settings
from fakefal.state.account import JobAccount
from fakefal.state.journal import LONGEST_TEXT
from fakefal.state.requests import Record, planned_bytes, stored_bytes
from fakefal.store.deliveries import Deliveries
from fakefal.store.memory import MemoryQueueStore
from fakefal_contracts.hosts import BaseUrl
from support.endpoints import I2V, O1
from support.server import KEY, Server, emulator_with, served
from support.waiting import LIMIT

TIMES = 12
LENGTH = 300_000
LONGEST_PATH = 50_000
PICTURE = "/cdn/files/b/rabbit/NaslJIC7F2WodS6DFZRRJ.png"
ANY = BaseUrl("http://127.0.0.1:8710")


def drawn(length: int = LENGTH) -> str:
    """A text that nobody sent before."""
    return secrets.token_hex(length // 2)


def media(server: Server, address: str) -> None:
    """Submit a request with this picture."""
    server.submit(I2V, {"prompt": "x", "start_image_url": address})


def padded(server: Server) -> str:
    """A picture that nobody sent before, as a data: URI."""
    content = base64.b64encode(server.http.get(PICTURE).content + secrets.token_bytes(LENGTH)).decode()
    return f"data:image/png;base64,{content}"


def call(server: Server, method: str, path: str, **headers: str) -> None:
    """Make a call by a client that remembers nothing itself."""
    with closing(HTTPConnection(urlsplit(server.url).netloc, timeout=LIMIT)) as connection:
        connection.request(method, path, b"{}", KEY | headers)
        connection.getresponse().read()


SENT: dict[str, Callable[[Server], object]] = {
    "a data: URI": lambda server: media(server, f"data:image/png;base64,{drawn()}"),
    "a picture": lambda server: media(server, padded(server)),
    "a foreign address": lambda server: media(server, f"https://example.com/{drawn()}#\N{SNOWMAN}"),
    "an address of the emulator's": lambda server: media(server, f"{server.url}/cdn/files/b/{drawn()}"),
    "an address of no kind": lambda server: media(server, f"ftp://{drawn()}"),
    "a prompt": lambda server: server.submit(O1, {"prompt": drawn()}),
    "a test prompt": lambda server: server.http.post(f"/queue/{O1}", json={"prompt": f"fakefal:{drawn()}"}),
    "a key": lambda server: server.submit(O1, {"prompt": "x", drawn(): 1}),
    "an application": lambda server: call(server, "POST", f"/queue/fal-ai/{drawn(LONGEST_PATH)}"),
    "a path of an application": lambda server: call(server, "POST", f"/queue/{O1}/{drawn(LONGEST_PATH)}"),
    "a path of the CDN": lambda server: call(server, "GET", f"/cdn/files/b/{drawn(LONGEST_PATH)}"),
    "a webhook": lambda server: call(server, "POST", f"/queue/{O1}?fal_webhook=https://x/{drawn(LONGEST_PATH)}"),
    "an Authorization": lambda server: call(server, "GET", "/queue/x", Authorization=f"Key {drawn(LONGEST_PATH)}"),
    "a Host": lambda server: call(server, "GET", "/queue/x", Host=drawn(LONGEST_PATH)),
}


@pytest.fixture
def measured() -> Iterator[Server]:
    with served(emulator_with(Settings(profile="instant"))) as server:
        yield server
        tracemalloc.stop()


@pytest.mark.parametrize("kind", SENT)
def test_nothing_remembers_what_was_dropped(measured: Server, kind: str) -> None:
    def kept() -> int:
        measured.http.post("/_fakefal/reset")
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    for _ in range(2):  # what is imported and built once
        SENT[kind](measured)
    tracemalloc.start()
    before = kept()
    for _ in range(TIMES):
        SENT[kind](measured)
    assert kept() - before < LONGEST_PATH * TIMES / 2


def test_jobs_are_freed_without_a_search_for_garbage(measured: Server) -> None:
    """Such a search holds everybody up, the longer the more is kept; so nothing of a job may wait for one."""
    gc.collect()
    gc.disable()
    try:
        for prompt in ("once", "twice", "twice"):
            job = measured.submit(O1, {"prompt": prompt})
            measured.http.get(job["status_url"]).raise_for_status()
            measured.http.get(job["response_url"]).raise_for_status()
        measured.http.post("/_fakefal/reset").raise_for_status()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found = {type(one).__name__ for one in gc.garbage if type(one).__module__.startswith("fakefal")}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert not found


def record(number: int = 0, path: str = "p", arguments: bytes = b"{}", webhook: str | None = None) -> Record:
    return Record(f"id{number}", "key", "fal-ai/app", path, arguments, float(number), ANY, webhook=webhook)


def plan(body: bytes = b"{}", hint: str = "", log: str = "") -> Plan:
    return Plan(Ending(200, body, 1.0, ok=True, hint=hint), logs=((0.0, log),))


LONG, LONG_BYTES = "x" * LENGTH, b"x" * LENGTH


@pytest.mark.parametrize(
    ("asked", "planned"),
    [
        (record(path=LONG), plan()),
        (record(arguments=LONG_BYTES), plan()),
        (record(webhook=LONG), plan()),
        (record(), plan(body=LONG_BYTES)),
        (record(), plan(hint=LONG)),
        (record(), plan(log=LONG)),
        (record(path="\N{SNOWMAN}" * (LENGTH // 2)), plan()),
    ],
)
def test_all_that_may_be_long_counts(asked: Record, planned: Plan) -> None:
    assert stored_bytes(asked, planned) > LENGTH
    assert stored_bytes(asked, planned) == stored_bytes(asked, None) + planned_bytes(planned)


def test_sums_are_kept_of_the_beginning_of_long_paths() -> None:
    account = JobAccount()
    store = MemoryQueueStore(runners=1, max_requests=10, max_bytes=10**9, account=account)
    asyncio.run(store.add(record(path=LONG), plan(), 0.0))
    ((_, endpoint_id),) = account._totals
    assert len(endpoint_id) == LONGEST_TEXT


def test_the_newest_tries_of_a_webhook_are_kept() -> None:
    delivery = Delivery("id", "https://example.com", 0.0, 0.0)
    for number in range(MOST_KEPT + 5):
        delivery = delivery.replayed(DeliveryAttempt(float(number), 500))
    assert [one.at for one in delivery.attempts] == [float(number) for number in range(5, MOST_KEPT + 5)]


def test_a_key_whose_webhooks_are_forgotten_leaves_nothing() -> None:
    deliveries = Deliveries()
    deliveries.add("key", Delivery("id", "https://example.com", 0.0, 0.0))
    assert [one.request_id for one in deliveries.claim("key", 0.0, most=1)] == ["id"]
    deliveries.forget("id")
    assert not deliveries._due
    assert deliveries.tried("id", DeliveryAttempt(0.0, 200)) is None
