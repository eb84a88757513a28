"""The replicas that share a store, as an emulator sees them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Member(Protocol):
    """What an emulator does for the group of replicas that it belongs to."""

    def changed(self, key: str) -> None:
        """Requests of a key may stand elsewhere now."""
        ...

    def watched(self) -> Collection[str]:
        """The keys whose requests somebody watches here."""
        ...

    def judging(self) -> Collection[str]:
        """The requests whose media are downloaded here."""
        ...

    async def orphaned(self, request_id: str) -> None:
        """Whoever downloaded the media of this request is gone: it needs a judgement from here."""
        ...


Membership = Callable[[Member], AbstractAsyncContextManager[object]]
"""Has a member belong to the group of replicas while a block lasts."""
