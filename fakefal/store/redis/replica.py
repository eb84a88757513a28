"""One of several replicas: it shows that it is alive, hears of changes by the others, and takes over from dead ones."""

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
"""How often the lease is renewed; also the longest delay of a change whose message was lost."""

LEAVE_SECONDS = 2.0
"""The time limit for the last writes and releases at the end."""


class Replica:
    """Maintains this replica's membership.

    Args:
        steps: the connection.
        queue: knows which webhooks this replica has claimed.
        clock: is refreshed with every beat.
        write: writes to Redis what was recorded here since.
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
        """Take part during the block; at its end all claims of this replica are released."""
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
        """Write the rest, and release everything; a Redis that does not reply is not waited for."""
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
        """Do something that is repeated later or concerns only others, so its errors are ignored."""
        try:
            await work()
        except StoreUnavailable:
            pass
        except Exception:
            logger.exception("A replica continues after an error")

    async def beat(self, member: Member) -> None:
        """Renew the lease, find dead replicas, and carry out what is due for any key."""
        _, active, orphans, held = await self._steps("beat")
        await self._clock.refresh()
        for key in {*map(key_of, active), *member.watched()}:
            member.changed(key)
        await self._adopt(member, orphans)
        if held != len(self._queue.trying_now) + len(member.judging()):
            await self._reconcile(member)

    async def _reconcile(self, member: Member) -> None:
        """Release claims whose replies were lost on the way here."""
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
