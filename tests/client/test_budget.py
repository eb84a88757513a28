"""Money: never exceeded, never lost, whoever calls and whatever fails."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakefal_client import (
    AsyncClient,
    Budget,
    Client,
    FakefalError,
    Money,
    OverBudget,
    RequestWarning,
    UnknownPrice,
    UsageError,
)
from fakefal_client.kling import KlingO1ReferenceToVideo
from support.clients import TRIO, MakeClient
from support.endpoints import I2V, O1
from support.media import picture
from support.server import Serve, Server

REQUEST = KlingO1ReferenceToVideo(prompt="a lighthouse")
PRICE = Decimal("0.56")
EDIT = "fal-ai/kling-video/o3/pro/video-to-video/edit"


@pytest.mark.quick
class TestArithmetic:
    @given(
        st.decimals(0, 10, places=2),
        st.lists(st.tuples(st.decimals(0, 3, places=2), st.sampled_from(["settle", "refund", "leave", "twice"]))),
    )
    def test_spent_and_pending_never_exceed_the_limit_by_what_was_reserved(
        self, limit: Decimal, jobs: list[tuple[Decimal, str]]
    ) -> None:
        budget = Budget(limit)
        spent = pending = Decimal(0)
        for usd, end in jobs:
            if spent + pending + usd > limit:
                with pytest.raises(OverBudget) as caught:
                    budget.reserve(O1, usd)
                assert (caught.value.wanted, caught.value.left) == (usd, limit - spent - pending)
                continue
            reserved = budget.reserve(O1, usd)
            if end == "leave":
                pending += usd
                continue
            reserved.refund() if end == "refund" else reserved.settle(usd)
            if end == "twice":
                reserved.refund()
                reserved.settle(usd)
            spent += 0 if end == "refund" else usd
            assert (budget.spent, budget.pending, budget.left) == (spent, pending, limit - spent - pending)
        assert spent + pending <= limit

    def test_without_a_limit_there_is_a_ledger(self) -> None:
        budget = Budget()
        budget.reserve(O1, None).settle(Decimal(2))
        assert (budget.left, budget.spent, [one.money for one in budget]) == (None, Decimal(2), [Money.SPENT])

    def test_a_limit_needs_to_know_the_price(self) -> None:
        with pytest.raises(UnknownPrice, match="reserve_usd"):
            Budget(1).reserve("fal-ai/flux/dev", None)

    def test_or_the_length_of_the_file_that_tells_it(self) -> None:
        with pytest.raises(
            UnknownPrice, match=r"depends on audio_url, which was not read: send a local file, or give reserve"
        ):
            Budget(1).reserve("fal-ai/kling-video/v1/pro/ai-avatar", None, unmeasured="audio_url")

    @pytest.mark.parametrize("limit", [0.1, "0.1", Decimal("0.1")])
    def test_a_tenth_is_a_tenth(self, limit: Any) -> None:
        assert Budget(limit).limit == Decimal("0.1")

    @pytest.mark.parametrize("usd", [-10, "NaN", "Infinity", "abc"])
    def test_what_is_no_amount(self, usd: Any) -> None:
        with pytest.raises(UsageError):
            Budget(usd)


class TestCalls:
    def test_reserved_at_submit_and_settled_by_the_billed_units(self, make_client: MakeClient, server: Server) -> None:
        client = make_client(server.url, budget=1, poll_seconds=0.005)
        job = client.submit(REQUEST)
        assert (client.budget.pending, client.budget.spent) == (PRICE, 0)
        with pytest.raises(OverBudget):
            client.submit(REQUEST)
        assert len(server.http.get("/_fakefal/requests").json()) == 1, "it was never sent"
        job.result()
        assert (client.budget.pending, client.budget.spent) == (0, PRICE)
        assert [(one.money, one.request_id) for one in client.budget] == [(Money.SPENT, job.request_id)]

    @pytest.mark.parametrize(
        "effect", ["face_detection_error", "internal_server_error", "request_timeout", "runner_disconnected"]
    )
    def test_refunded_on_refusal(self, make_client: MakeClient, server: Server, effect: str) -> None:
        client = make_client(server.url, budget=1, poll_seconds=0.005)
        for call in (client.subscribe, client.run):
            with pytest.raises(FakefalError) as caught:
                call(KlingO1ReferenceToVideo(prompt=f"fakefal:{effect}"))
            assert not caught.value.maybe_paid
        assert (client.budget.pending, client.budget.spent) == (0, 0)

    def test_a_file_that_nobody_looked_at_may_be_as_long_as_its_limit(
        self, make_client: MakeClient, server: Server
    ) -> None:
        clip = {"prompt": "x", "video_url": "https://media.example/clip.mp4"}
        with pytest.raises(OverBudget, match=r"may cost \$1\.6884, and"):
            make_client(server.url, budget="1.68").submit(EDIT, clip)
        client = make_client(server.url, budget="1.69", poll_seconds=0.005)
        job = client.submit(EDIT, clip)
        assert (job.estimated_usd, client.budget.pending) == (5 * Decimal("0.168"), Decimal("10.05") * Decimal("0.168"))
        job.result()
        assert (client.budget.spent, client.budget.pending) == (5 * Decimal("0.168"), 0)

    def test_pending_after_a_refusal_that_may_be_billed(self, make_client: MakeClient, server: Server) -> None:
        client = make_client(server.url, budget=1, poll_seconds=0.005)
        with pytest.raises(FakefalError) as caught:
            client.subscribe(KlingO1ReferenceToVideo(prompt="fakefal:content_policy_violation"))
        assert caught.value.maybe_paid
        assert (client.budget.pending, client.budget.spent) == (PRICE, 0)

    def test_pending_while_the_result_was_never_read(self, make_client: MakeClient, server: Server) -> None:
        budget = Budget(2)
        first = make_client(server.url, budget=budget)
        job = first.submit(REQUEST)
        assert budget.pending == PRICE
        make_client(server.url, budget=budget).resume(job.request_id, O1).result()
        assert (budget.pending, budget.spent) == (0, PRICE)

    def test_a_job_cancelled_in_the_queue_is_refunded(self, make_client: MakeClient, serve: Serve) -> None:
        server = serve(profile="realistic", runners=1)
        client = make_client(server.url, budget=2)
        client.submit(REQUEST)
        waits = client.submit(REQUEST)
        assert waits.cancel()
        assert client.budget.pending == PRICE

    def test_what_nobody_can_price_needs_a_word(self, make_client: MakeClient, server: Server) -> None:
        client = make_client(server.url, budget=2)
        with pytest.raises(UnknownPrice), pytest.warns(RequestWarning, match="unknown_model"):
            client.submit("me/own", {"prompt": "x"})
        with pytest.raises(UnknownPrice, match="fast-sdxl"):
            client.submit("fal-ai/fast-sdxl", {"prompt": "x"})
        with pytest.raises(UnknownPrice, match="fast-sdxl"):
            client.estimate("fal-ai/fast-sdxl", {"prompt": "x"})
        assert client.submit(O1, {"prompt": "x"}, reserve_usd="1.5").estimated_usd == PRICE
        assert client.budget.pending == Decimal("1.5")


def test_fifty_threads_never_exceed_it(server: Server) -> None:
    budget = Budget(10 * PRICE)
    barrier = threading.Barrier(50)

    def call(number: int) -> bool:
        with Client(server.url, budget=budget, poll_seconds=0.005) as client:
            barrier.wait()
            prompt = "fakefal:content_policy_violation" if number % 5 == 0 else "a lighthouse"
            try:
                job = client.submit(KlingO1ReferenceToVideo(prompt=prompt))
            except OverBudget:
                return False
            with suppress(FakefalError):
                job.result()
            return True

    with ThreadPoolExecutor(50) as pool:
        sent = sum(pool.map(call, range(50)))
    ledger = server.http.get("/_fakefal/ledger").json()
    assert len(ledger["jobs"]) == sent
    assert Decimal(str(ledger["usd"])) == budget.spent <= 10 * PRICE
    assert Decimal(str(ledger["maybe_usd"])) == budget.pending


def test_two_hundred_tasks_with_errors_and_cancellations_leak_nothing(server: Server) -> None:
    budget = Budget(20 * PRICE)

    async def call(client: AsyncClient, number: int) -> None:
        prompt = ("a lighthouse", "fakefal:internal_server_error", "fakefal:accept_then_drop")[number % 3]
        with anyio.move_on_after(0.0 if number % 7 == 0 else 30), suppress(FakefalError):
            await client.subscribe(KlingO1ReferenceToVideo(prompt=prompt))

    async def main() -> None:
        async with (
            AsyncClient(server.url, budget=budget, poll_seconds=0.005) as client,
            anyio.create_task_group() as tasks,
        ):
            for number in range(200):
                tasks.start_soon(call, client, number)

    anyio.run(main)
    jobs = server.http.get("/_fakefal/ledger").json()["jobs"]
    paid = sum(Decimal(str(job["usd"])) for job in jobs)
    assert paid <= budget.spent + budget.pending <= 20 * PRICE
    assert all(one.attempt is not None for one in budget if one.money is Money.PENDING), "each can be looked up"
    assert not [one for one in budget if one.money is Money.RESERVED]


@pytest.mark.parametrize("kept", [True, False], ids=["while it is sent", "while its picture is uploaded"])
@pytest.mark.parametrize("backend", ["asyncio", TRIO])
def test_a_call_that_is_cancelled_while_it_waits_keeps_its_money_only_where_it_may_be_paid(
    backend: str, *, kept: bool
) -> None:
    budget = Budget(10 * PRICE)
    arrived: list[bytes] = []

    async def main() -> None:
        everybody = anyio.Event()

        async def say_nothing(caller: anyio.abc.SocketStream) -> None:
            async with caller:
                arrived.append(await caller.receive())
                if len(arrived) == 10:
                    everybody.set()
                await anyio.sleep_forever()

        async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
            url = f"http://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}"
            async with (
                AsyncClient(url, budget=budget, contract="documented") as client,
                anyio.create_task_group() as tasks,
            ):
                tasks.start_soon(listener.serve, say_nothing)
                for _ in range(10):
                    if kept:
                        tasks.start_soon(client.submit, REQUEST)
                    else:
                        tasks.start_soon(client.submit, I2V, {"prompt": "x", "start_image_url": picture()})
                await everybody.wait()
                with pytest.raises(OverBudget):
                    await client.submit(REQUEST)
                tasks.cancel_scope.cancel()

    anyio.run(main, backend=backend)
    assert (budget.pending, budget.spent) == (10 * PRICE if kept else 0, 0)
    assert {one.money for one in budget} == {Money.PENDING if kept else Money.REFUNDED}
    assert all((one.attempt is not None) == kept for one in budget)
