"""The replicas that share a store, as an emulator sees them."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Protocol

from typing_extensions import override


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
        """Whoever downloaded the media of this request is gone: it needs a verdict from here."""
        ...


class Group(Protocol):
    """The replicas that share a store."""

    def running(self, member: Member) -> AbstractAsyncContextManager[None]:
        """Belong to it while the block lasts."""
        ...


class SingleMember(Group):
    """A group of one."""

    @override
    def running(self, member: Member) -> AbstractAsyncContextManager[None]:
        return nullcontext()
