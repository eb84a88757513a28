"""Nobody waits long for others, however much is stored: work on very much is done in turns, or in a thread."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest

from fakefal.control import job_list
from fakefal.core.effects import EffectRule, Occasion
from fakefal.core.plan import Ending, Plan
from fakefal.core.webhook import DeliveryAttempt
from fakefal.effects.known import parse_rule
from fakefal.effects.rules import LONGEST_SEARCHED, Effects, MemoryRules, prompts
from fakefal.engine import overview
from fakefal.engine.emulator import Emulator
from fakefal.platform_api import analytics, charges
from fakefal.settings import Settings
from fakefal.state.patience import A_TURN
from fakefal.state.queue import CLAIM
from fakefal.state.requests import Record
from fakefal.store.memory import MemoryQueueStore
from fakefal_contracts.hosts import BaseUrl
from support.endpoints import O1
from support.server import served

pytestmark = [pytest.mark.quick, pytest.mark.memory_only("counts the steps of the store in memory")]
PLAN = Plan(Ending(200, b"{}", 5.0, ok=True))


async def filled(count: int, *, keys: int = 1, webhook: str | None = None) -> MemoryQueueStore:
    """A store with so many finished requests."""
    store = MemoryQueueStore(runners=1, max_requests=count, max_bytes=1 << 30)
    for number in range(count):
        key = f"key-{number % keys}"
        record = Record(f"id-{number}", key, "fal-ai/x", "", b"{}", 0.0, BaseUrl(), webhook=webhook)
        await store.add(record, PLAN, 0.0)
    return store


async def turns_beside(work: Any) -> tuple[Any, int]:
    """What something answers, and how often others had their turn meanwhile."""
    turns, over = 0, asyncio.Event()

    async def other() -> None:
        nonlocal turns
        while not over.is_set():
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    answer = await work
    over.set()
    await task
    return answer, turns


@pytest.mark.parametrize("keys", [1, 3 * A_TURN])
def test_others_get_their_turn_while_very_many_requests_are_looked_at(keys: int) -> None:
    async def story() -> None:
        store = await filled(3 * A_TURN, keys=keys)
        looks, turns = await turns_beside(store.all(None, lambda _: 1.0))
        assert [look.record.id for look in looks] == [f"id-{number}" for number in range(3 * A_TURN)]
        assert turns >= 2
        states, turns = await turns_beside(store.states(lambda _: 1.0))
        assert len(states) == keys
        assert turns >= min(2, keys - 1)

    asyncio.run(story())


def test_what_is_forgotten_meanwhile_is_left_out() -> None:
    async def story() -> None:
        store = await filled(2 * A_TURN)
        task = asyncio.create_task(store.all(None, lambda _: 1.0))
        gone = asyncio.create_task(store.reset(None))  # comes after the first of them
        assert len(await task) == A_TURN
        assert await gone == 2 * A_TURN
        assert await store.all(None, lambda _: 1.0) == []
        assert store._bytes == 0

    asyncio.run(story())


def test_a_webhook_that_is_tried_while_its_request_is_forgotten_leaves_nothing() -> None:
    async def scenario() -> None:
        store = await filled(A_TURN * 2, webhook="http://127.0.0.1:9/")
        forgetting = asyncio.create_task(store.reset(None))
        while not forgetting.done():
            await asyncio.sleep(0)
            late = f"id-{A_TURN * 2 - 1}"
            assert await store.claim_webhooks("key-0", 0.0) == []
            await store.webhook_tried(late, DeliveryAttempt(0.0, 200, ""))
        record = Record("new", "key-0", "fal-ai/x", "", b"{}", 0.0, BaseUrl())
        for number in range(A_TURN * 2 + 1):
            await store.add(replace(record, id=f"new-{number}"), PLAN, 0.0)

    asyncio.run(scenario())


def test_a_step_claims_few_webhooks_however_many_are_due() -> None:
    async def story() -> None:
        store = await filled(2 * CLAIM + 1, webhook="http://127.0.0.1:9/")
        assert [len(await store.claim_webhooks("key-0", 1.0)) for _ in range(4)] == [CLAIM, CLAIM, 1, 0]

    asyncio.run(story())


def test_a_moved_clock_takes_turns_between_keys() -> None:
    async def story() -> None:
        emulator = Emulator(Settings())
        for number in range(3 * A_TURN):
            record = Record(f"id-{number}", f"key-{number}", "fal-ai/x", "", b"{}", 0.0, BaseUrl())
            await emulator.queue.add(record, PLAN, 0.0)
        async with emulator.running():
            _, turns = await turns_beside(emulator.move_clock(None, advance=1))
            assert turns >= 6  # the line of each, then its webhooks

    asyncio.run(story())


def test_rules_search_the_beginning_of_a_prompt() -> None:
    """A thousand rules search each body, of which a prompt of four megabytes may come."""
    assert prompts({"prompt": "a" * LONGEST_SEARCHED + "crown"}) == "a" * LONGEST_SEARCHED
    assert prompts({"prompt": "x", "multi_prompt": [{"prompt": "y"}]}) == "x\ny"


def test_rules_with_a_probability_cost_each_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal rules are told apart by their number, which takes no comparison of all with all."""
    compared = 0

    def equal(self: EffectRule, other: object) -> bool:
        nonlocal compared
        compared += 1
        return self is other

    monkeypatch.setattr(EffectRule, "__eq__", equal)
    rules = MemoryRules(["webhook_lost when probability=0.5 and prompt='nowhere'"] * 200)
    assert Effects(rules, "seed").choose(Occasion("fal-ai/x", "key", "a lighthouse", 1), None) is None
    assert compared <= 200


def test_equal_rules_draw_each_for_itself() -> None:
    text = "webhook_lost when probability=0.5"
    one, two = (Effects(MemoryRules([text] * count), "seed") for count in (1, 2))
    occasions = [Occasion("fal-ai/x", "key", "", number) for number in range(200)]
    hits = [sum(effects.choose(occasion, None) is not None for occasion in occasions) for effects in (one, two)]
    assert 70 < hits[0] < 130
    assert 130 < hits[1] < 180
    assert str(parse_rule(text)) == text


@pytest.mark.parametrize(
    ("module", "name", "address"),
    [
        (job_list, "entries", "/_fakefal/jobs"),
        (overview, "entries", "/_fakefal/ledger"),
        (charges, "ending_of", "/platform/v1/models/usage"),
        (charges, "ending_of", "/platform/v1/models/billing-events"),
        (analytics, "_lines", f"/platform/v1/models/analytics?endpoint_id={O1}&expand=summary&expand=request_count"),
    ],
)
def test_a_list_is_made_in_a_thread(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, address: str) -> None:
    taken, threads = getattr(module, name), set()

    def noting(*arguments: Any) -> Any:
        threads.add(threading.current_thread().name)
        made = taken(*arguments)
        return made if not hasattr(made, "__next__") else noted(made)

    def noted(items: Any) -> Any:
        for one in items:
            threads.add(threading.current_thread().name)
            yield one

    with served(Emulator(Settings(profile="instant"))) as server:
        server.submit(O1, {"prompt": "a lighthouse"})
        monkeypatch.setattr(module, name, noting)
        server.http.get(address).raise_for_status()
    assert any(one.startswith("asyncio_") for one in threads), threads
