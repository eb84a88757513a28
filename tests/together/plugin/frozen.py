"""Tests of a user that freeze time: run by `test_plugin.py` in a process of their own."""

from __future__ import annotations

import datetime as dt
import io
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import fal_client
import httpx
import pytest
import time_machine
from freezegun import freeze_time
from PIL import Image

import fakefal_client
from fakefal.testing import Fakefal

ENDPOINT = "fal-ai/kling-video/o1/image-to-video"
KEY = {"Authorization": "Key me:secret"}
FUTURE, PAST = "2031-05-04T12:00:00+00:00", "2019-02-03T04:05:06+00:00"
OURS = (
    "fakefal",
    "fakefal_contracts",
    "fastapi",
    "starlette",
    "PIL",
    "uvicorn",
    "cryptography",
    "trustme",
    "pydantic.v1",
)
"""freezegun itself touches every name of every module, and so has pydantic and anyio import what they import late."""
IMPORTED_BEFORE: set[str] = set()

FREEZERS: dict[str, Callable[[str], AbstractContextManager[Any]]] = {
    "freezegun": freeze_time,
    "freezegun that ticks": lambda moment: freeze_time(moment, tick=True),
    "time-machine": lambda moment: time_machine.travel(dt.datetime.fromisoformat(moment), tick=False),
    "time-machine that ticks": lambda moment: time_machine.travel(dt.datetime.fromisoformat(moment)),
}


@pytest.fixture(scope="module", autouse=True)
def _before() -> None:
    IMPORTED_BEFORE.update(sys.modules)


@pytest.fixture(params=FREEZERS)
def frozen(request: pytest.FixtureRequest) -> Iterator[None]:
    with FREEZERS[request.param](FUTURE):
        yield


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (512, 512), "red").save(file, "PNG")
    return file.getvalue()


def use(fake: Fakefal) -> None:
    """A whole program: an upload that is judged, a job, its webhook, and what FastAPI answers."""
    client = fal_client.SyncClient()
    image = client.upload(picture(), "image/png")
    arguments = {"prompt": "a", "start_image_url": image}
    handle = client.submit(ENDPOINT, arguments=arguments, webhook_url="https://me.example/hook")
    video = handle.get()["video"]
    assert len(httpx.get(video["url"]).content) == video["file_size"]
    assert httpx.get("https://api.fal.ai/v1/models?limit=1", headers=KEY).is_success
    for path in ("requests", "clock", "metrics", "journal"):
        assert httpx.get(f"{fake.url}/_fakefal/{path}").is_success
    assert httpx.get(f"{fake.url}/openapi.json").is_success
    fake.advance(10)
    (hook,) = fake.webhooks
    assert abs(int(hook.headers["X-Fal-Webhook-Timestamp"]) - time.time()) < 60
    with fakefal_client.Client() as own:
        assert own.verify(hook.headers, hook.body).ok
    fake.assert_completed(1)
    fake.assert_billed("0.56")


def test_time_that_was_frozen_before(frozen: None, fakefal: Fakefal) -> None:
    use(fakefal)


@pytest.mark.parametrize("moment", [PAST, FUTURE])
@pytest.mark.parametrize("freezer", FREEZERS.values(), ids=FREEZERS)
def test_time_that_is_frozen_in_the_test(fakefal: Fakefal, freezer: Callable[[str], Any], moment: str) -> None:
    with freezer(moment):
        use(fakefal)
    with freezer(FUTURE):
        assert len(fakefal.requests) == 1


@freeze_time(FUTURE)
def test_a_decorated_test(fakefal: Fakefal) -> None:
    use(fakefal)


@pytest.mark.fakefal(effects="slow_response(seconds=0.05)")
def test_a_pause_of_the_emulator_ends(frozen: None, fakefal: Fakefal) -> None:
    assert httpx.post(f"https://queue.fal.run/{ENDPOINT}", json={"prompt": "a"}, headers=KEY, timeout=None).is_success


def test_nothing_of_the_emulator_was_imported_meanwhile() -> None:
    new = set(sys.modules) - IMPORTED_BEFORE
    assert [name for name in new if f"{name}.".startswith(tuple(f"{ours}." for ours in OURS))] == []
