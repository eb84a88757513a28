"""Who may read a file of the CDN, and until when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Literal, Protocol

from annotated_types import Gt, Len
from pydantic import BaseModel, ConfigDict
from typing_extensions import override

from fakefal.state.bounded import MOST_KEYS, Bounded
from fakefal.state.clock import Clock
from fakefal.state.requests import LONGEST_KEY, NO_KEY

MOST_RULES = 100
"""How many users one list may name (fal publishes no number)."""

Decision = Literal["allow", "forbid", "hide"]
"""Readable, answered with 403, or answered with 404."""


class AclRule(BaseModel):
    """The access of one user; a user is the id part of an API key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: Annotated[str, Len(1, LONGEST_KEY)]
    decision: Decision


class Acl(BaseModel):
    """An access control list: `rules` for single users, and the `default` for all others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default: Decision = "allow"
    rules: Annotated[tuple[AclRule, ...], Len(max_length=MOST_RULES)] = ()

    def decide(self, user: str) -> Decision:
        """The access of this user, by the first rule that names it."""
        return next((rule.decision for rule in self.rules if rule.user == user), self.default)


class UploadLifecycle(BaseModel):
    """How long an uploaded file is kept, and its first access control list.

    `expiration_duration_seconds` counts emulated seconds; null keeps the file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    expiration_duration_seconds: Annotated[int, Gt(0)] | None = None
    initial_acl: Acl | None = None


PUBLIC, CLOSED = Acl(), Acl(default="forbid")
PLAIN = UploadLifecycle()


class NotYours(Exception):
    """The file belongs to another key."""


@dataclass(frozen=True)
class FileRecord:
    """The owner and the access control list of a file, and whether it was removed or has expired.

    A file that was not uploaded, such as a result, has no owner.
    """

    owner: str | None = None
    acl: Acl = PUBLIC
    gone: bool = False

    def acl_for(self, key: str) -> Acl:
        """The access control list, for the owner of the file.

        Raises:
            NotYours: it belongs to another key.
        """
        if self.owner not in (None, key):
            raise NotYours
        return self.acl

    def decide(self, user: str) -> Decision:
        """The access of a reader; `NO_KEY` stands for an anonymous reader."""
        if user != NO_KEY and user == self.owner:
            return "allow"
        return self.acl.decide(user)


class Access(Protocol):
    """The access of files, by their CDN path.  Every method is one atomic step.

    Files expire on the emulated time of the key that uploaded them.  Any method may raise `StoreUnavailable`.
    """

    async def settings(self, key: str) -> UploadLifecycle:
        """The default settings for uploads of a key."""
        ...

    async def change_settings(self, key: str, changes: UploadLifecycle) -> UploadLifecycle:
        """Change the settings for later uploads of a key, and return them; unset values in `changes` stay."""
        ...

    async def uploaded(self, path: str, owner: str, lifecycle: UploadLifecycle) -> None:
        """Record an upload; the settings of its key fill in what it does not set.

        A repeated call does not change an earlier record.
        """
        ...

    async def look(self, path: str) -> FileRecord:
        """The record of a file."""
        ...

    async def gone(self, paths: Iterable[str]) -> frozenset[str]:
        """The removed or expired ones of these files."""
        ...

    async def change_acl(self, path: str, key: str, acl: Acl) -> None:
        """Set the list of a file; a file without owner becomes the key's.

        Raises:
            NotYours: it belongs to another key.
        """
        ...

    async def remove(self, path: str, key: str) -> None:
        """Mark a file as removed; a file without owner becomes the key's.

        Raises:
            NotYours: it belongs to another key.
        """
        ...

    async def reset(self, key: str | None) -> None:
        """Forget the settings of a key, or everything."""
        ...


@dataclass(frozen=True)
class _Entry:
    owner: str
    acl: Acl = PUBLIC
    expires_at: float = float("inf")
    removed: bool = False


class MemoryAccess(Access):
    """Access records in memory; a restart loses them.

    Args:
        clock: tells the emulated time.
        max_files: how many uploads are remembered, and how many other files; the oldest are forgotten first.
    """

    def __init__(self, clock: Clock, max_files: int) -> None:
        self._clock = clock
        self._uploads: Bounded[str, _Entry] = Bounded(max_files)
        self._others: Bounded[str, _Entry] = Bounded(max_files)
        self._settings: Bounded[str, UploadLifecycle] = Bounded(MOST_KEYS)

    @override
    async def settings(self, key: str) -> UploadLifecycle:
        return self._settings.get(key, PLAIN)

    @override
    async def change_settings(self, key: str, changes: UploadLifecycle) -> UploadLifecycle:
        kept = self._settings.get(key, PLAIN).model_dump() | changes.model_dump(exclude_unset=True)
        self._settings.renew(key, UploadLifecycle.model_validate(kept))
        return self._settings[key]

    @override
    async def uploaded(self, path: str, owner: str, lifecycle: UploadLifecycle) -> None:
        if path in self._uploads:
            return
        usual = self._settings.get(owner, PLAIN)
        seconds = lifecycle.expiration_duration_seconds or usual.expiration_duration_seconds
        expires_at = self._clock.now(owner) + seconds if seconds else float("inf")
        self._uploads[path] = _Entry(owner, lifecycle.initial_acl or usual.initial_acl or PUBLIC, expires_at)

    @override
    async def look(self, path: str) -> FileRecord:
        entry = self._entry(path)
        return FileRecord() if entry is None else FileRecord(entry.owner, entry.acl, self._is_gone(entry))

    @override
    async def gone(self, paths: Iterable[str]) -> frozenset[str]:
        found = ((path, self._entry(path)) for path in paths)
        return frozenset(path for path, entry in found if entry is not None and self._is_gone(entry))

    @override
    async def change_acl(self, path: str, key: str, acl: Acl) -> None:
        self._change(path, replace(self._own(path, key), acl=acl))

    @override
    async def remove(self, path: str, key: str) -> None:
        self._change(path, replace(self._own(path, key), removed=True))

    @override
    async def reset(self, key: str | None) -> None:
        if key is not None:
            self._settings.pop(key, None)
            return
        self._uploads.clear()
        self._others.clear()
        self._settings.clear()

    def _entry(self, path: str) -> _Entry | None:
        return self._uploads.get(path) or self._others.get(path)

    def _is_gone(self, entry: _Entry) -> bool:
        return entry.removed or self._clock.now(entry.owner) >= entry.expires_at

    def _own(self, path: str, key: str) -> _Entry:
        entry = self._entry(path) or _Entry(key)
        if entry.owner != key:
            raise NotYours
        return entry

    def _change(self, path: str, entry: _Entry) -> None:
        if path in self._uploads:
            self._uploads[path] = entry
        else:
            self._others.renew(path, entry)
