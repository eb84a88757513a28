"""One replica among others: it shows that it is alive, hears what the others change, and takes over from dead ones."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from redis.exceptions import RedisError

from fakefal.core.errors import StoreUnavailable
from fakefal.state.group import Member
from fakefal.state.patience import cancel_and_wait
from fakefal.store.redis.journal import WRITE_SECONDS
from fakefal.store.redis.queue import RedisQueueStore
from fakefal.store.redis.scripts import PREFIX, Steps, key_of, raise_unavailable
from fakefal.store.redis.state import RedisClock

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
"""How often the lease is renewed; also the longest that a change goes unseen whose message was lost."""

LEAVE_SECONDS = 2.0
"""How long the end waits for what is written and given up last."""


class Replica:
    """Keeps this replica's place among the others.

    Args:
        steps: the connection.
        queue: what webhooks this replica has claimed.
        clock: looked at again with every beat.
        write: brings to Redis what was noted here meanwhile.
    """

    def __init__(
        self,
        steps: Steps,
        queue: RedisQueueStore,
        clock: RedisClock,
        write: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        self._steps = steps
        self._queue = queue
        self._clock = clock
        self._write = write

    @asynccontextmanager
    async def running(self, member: Member) -> AsyncIterator[None]:
        """Take part while the block lasts; at its end everything that was claimed here is free for others."""
        work = (
            self._on_and_on(partial(self._hear, member), BEAT_SECONDS),
            self._on_and_on(partial(self.beat, member), BEAT_SECONDS),
            *(self._on_and_on(write, WRITE_SECONDS) for write in self._write),
        )
        tasks = [asyncio.create_task(one) for one in work]
        try:
            yield
        finally:
            await cancel_and_wait(tasks)
            try:
                await self._leave()
            finally:
                await self._steps.close()

    async def _leave(self) -> None:
        """Write what is left, and give everything up; a Redis that does not answer is not waited for."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS):
                for write in self._write:
                    await self._attempt(write)
                await self._attempt(partial(self._steps, "leave"))

    async def _on_and_on(self, work: Callable[[], Awaitable[object]], pause: float) -> None:
        while True:
            await self._attempt(work)
            await asyncio.sleep(pause)

    @staticmethod
    async def _attempt(work: Callable[[], Awaitable[object]]) -> None:
        """Do something that is done again later, or matters to others only: nothing that goes wrong is the end."""
        try:
            await work()
        except StoreUnavailable:
            pass
        except Exception:
            logger.exception("A replica goes on after an error")

    async def beat(self, member: Member) -> None:
        """Renew the lease, see who is dead, and look at whatever is due somewhere."""
        _, active, orphans, held = await self._steps("beat")
        await self._clock.refresh()
        for key in {*map(key_of, active), *member.watched()}:
            member.changed(key)
        await self._adopt(member, orphans)
        if held != len(self._queue.trying_now) + len(member.judging()):
            await self._reconcile(member)

    async def _reconcile(self, member: Member) -> None:
        """Give up claims whose answers were lost on the way here."""
        begun = self._queue.claims_begun
        if self._queue.claiming:
            return
        _, *names = await self._steps("claims")
        if self._queue.claiming or self._queue.claims_begun != begun:
            return
        claimed = {name.decode().rpartition(" ")[2]: name for name in names}
        self._queue.trying_now &= claimed.keys()
        unknown = claimed.keys() - self._queue.trying_now - set(member.judging())
        if unknown:
            await self._adopt(member, await self._steps("give_up", *(claimed[one] for one in unknown)))

    @staticmethod
    async def _adopt(member: Member, orphans: Collection[bytes]) -> None:
        for request_id in [*orphans][1:]:
            await member.orphaned(request_id.decode())

    async def _hear(self, member: Member) -> None:
        try:
            async with self._steps.redis.pubsub(ignore_subscribe_messages=True) as channel:
                await channel.subscribe(f"{PREFIX}:changed")
                while True:
                    message = await channel.get_message(timeout=BEAT_SECONDS)
                    if message is not None:
                        await self._handle_message(member, message["data"].decode())
        except (RedisError, OSError) as error:
            raise_unavailable(error)
            raise

    async def _handle_message(self, member: Member, message: str) -> None:
        replica, name, *clock = message.split(" ")
        if replica == self._steps.replica:
            return
        if clock:
            await self._attempt(partial(self.beat, member))
        else:
            member.changed(key_of(name))
