"""Downloads of foreign media for requests that wait for their judgement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from fakefal.files.fetch import Fetcher
from fakefal.state.files import FileStore
from fakefal_contracts import Unreadable
from fakefal_contracts.media import Limits

AT_ONCE = 8

Fetched = Mapping[str, Path | Unreadable | Exception]
"""The result for each address: a file, the reason why there is none, or an error on our side."""


class Downloads:
    """One task for each request. The files exist only until their receiver is done.

    Args:
        files: keeps the bytes in the meantime.
        fetcher: downloads one address.
    """

    def __init__(self, files: FileStore, fetcher: Fetcher) -> None:
        self._files = files
        self._fetcher = fetcher
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._keys: dict[str, str] = {}
        self._places = asyncio.Semaphore(AT_ONCE)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._tasks))

    def begin(
        self, request_id: str, key: str, foreign: Mapping[str, Limits], then: Callable[[Fetched], Awaitable[None]]
    ) -> None:
        """Download in the background, and call `then` with the results."""
        self._keys[request_id] = key
        self._tasks[request_id] = asyncio.create_task(self._work(request_id, foreign, then))

    def stop(self, request_id: str) -> None:
        """Cancel a download that is no longer needed."""
        self._keys.pop(request_id, None)
        if task := self._tasks.pop(request_id, None):
            task.cancel()

    async def finish(self, key: str, seconds: float) -> None:
        """Return once the downloads of a key's requests are done, or after this number of real seconds."""
        if tasks := [task for request_id, task in self._tasks.items() if self._keys.get(request_id) == key]:
            await asyncio.wait(tasks, timeout=seconds)

    async def close(self) -> None:
        """Stop all downloads; returns once they have stopped."""
        tasks = tuple(self._tasks.values())
        for request_id in self:
            self.stop(request_id)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(
        self, request_id: str, foreign: Mapping[str, Limits], then: Callable[[Fetched], Awaitable[None]]
    ) -> None:
        parts: list[BinaryIO] = []
        try:
            found: Iterable[Path | Unreadable | Exception]
            try:
                parts += [self._files.open_part() for _ in foreign]
                found = await asyncio.gather(*map(self._one, foreign, foreign.values(), parts))
            except Exception as error:  # noqa: BLE001 - the request must get its judgement all the same
                found = [error] * len(foreign)
            await then(dict(zip(foreign, found, strict=True)))
        finally:
            for part in parts:
                self._files.discard(part)
            self._tasks.pop(request_id, None)
            self._keys.pop(request_id, None)

    async def _one(self, address: str, limits: Limits, into: BinaryIO) -> Path | Unreadable:
        async with self._places:
            return await self._fetcher.fetch(address, limits, into)
