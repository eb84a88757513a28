"""A user's clients that are built when the module is imported, without a key of the user's own."""

from __future__ import annotations

import os

import fal_client
import httpx
import pytest

import fakefal_client
from fakefal.testing import Fakefal, UnexpectedCall

ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
PROMPT = {"prompt": "A lighthouse at dawn"}

key = os.environ["FAL_KEY"]
http = httpx.Client(headers={"Authorization": f"Key {key}"}, base_url="https://queue.fal.run")
fals = fal_client.SyncClient(key=key)
fals_async = fal_client.AsyncClient(key=key)
ours = fakefal_client.Client()
ours_for_fal = fakefal_client.Client(target="fal")
ours_async = fakefal_client.AsyncClient()


@pytest.mark.parametrize("round_", range(2))
def test_each_test_has_its_own_fake(fakefal: Fakefal, round_: int) -> None:
    assert http.post(ENDPOINT, json=PROMPT).is_success, round_
    fals.subscribe(ENDPOINT, arguments=PROMPT)
    ours.run(ENDPOINT, PROMPT)
    ours_for_fal.run(ENDPOINT, PROMPT)
    fakefal.assert_completed(4)
    assert {request.key for request in fakefal.requests} == {"fakefal-run"}


@pytest.mark.parametrize("round_", range(2))
async def test_each_coroutine_has_its_own_fake_and_loop(fakefal: Fakefal, round_: int) -> None:
    await fals_async.subscribe(ENDPOINT, arguments=PROMPT)
    await ours_async.run(ENDPOINT, PROMPT)
    fakefal.assert_completed(2)
    assert round_ in (0, 1)


def test_outside_of_a_fake_nothing_is_called() -> None:
    for client in (ours, ours_for_fal):
        with pytest.raises(
            (fakefal_client.FakefalError, UnexpectedCall),
            match=r"outside of a test with the fixture|FAKEFAL_ALLOW_REAL=1",
        ):
            client.run(ENDPOINT, PROMPT)
