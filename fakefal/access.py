"""Who may read a file of the CDN, and until when.

Kept in memory, beside the files: a restart and other replicas know nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from annotated_types import Gt, Len
from pydantic import BaseModel, ConfigDict

from fakefal.clock import Clock
from fakefal.record import NO_KEY

Decision = Literal["allow", "forbid", "hide"]
"""Readable, answered with 403, or answered as if it were not there."""


class AclRule(BaseModel):
    """What one user may do; a user is the id of a key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: Annotated[str, Len(min_length=1)]
    decision: Decision


class Acl(BaseModel):
    """fal's access control list: a decision for all, and others for single users."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default: Decision = "allow"
    rules: tuple[AclRule, ...] = ()

    def decide(self, user: str) -> Decision:
        """What this user may do; the first rule that names it counts."""
        return next((rule.decision for rule in self.rules if rule.user == user), self.default)


class Lifecycle(BaseModel):
    """How long a file lives and who may read it at first: of one upload, or of a key's uploads.

    `expiration_duration_seconds` counts emulated seconds; None lets the file live on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    expiration_duration_seconds: Annotated[int, Gt(0)] | None = None
    initial_acl: Acl | None = None


PUBLIC = Acl()
PLAIN = Lifecycle()


class NotYours(Exception):
    """The file belongs to another key."""


@dataclass(frozen=True)
class _Entry:
    owner: str
    acl: Acl = PUBLIC
    expires_at: float = float("inf")
    removed: bool = False


class Access:
    """What was said about files, by the path of their CDN address.

    Args:
        clock: files expire on the emulated time of the key that uploaded them.
        max_files: how many files are remembered; the oldest are forgotten first.
    """

    def __init__(self, clock: Clock, max_files: int) -> None:
        self._clock = clock
        self._max_files = max_files
        self._entries: dict[str, _Entry] = {}
        self._settings: dict[str, Lifecycle] = {}

    def settings(self, key: str) -> Lifecycle:
        """What holds for the uploads of a key that say nothing themselves."""
        return self._settings.get(key, PLAIN)

    def change_settings(self, key: str, settings: Lifecycle) -> None:
        """Set what holds for later uploads of a key."""
        self._settings[key] = settings

    def uploaded(self, path: str, owner: str, asked: Lifecycle) -> None:
        """A file was uploaded; what the upload does not ask for, the settings of its key say."""
        usual = self.settings(owner)
        seconds = asked.expiration_duration_seconds or usual.expiration_duration_seconds
        expires_at = self._clock.now(owner) + seconds if seconds else float("inf")
        self._keep(path, _Entry(owner, asked.initial_acl or usual.initial_acl or PUBLIC, expires_at))

    def acl(self, path: str, key: str) -> Acl:
        """The list of a file, for the key that it belongs to.

        Raises:
            NotYours: it belongs to another key.
        """
        return self._entry(path, key).acl

    def change_acl(self, path: str, key: str, acl: Acl) -> None:
        """Set the list of a file; one that nobody uploaded, such as a result, becomes the key's.

        Raises:
            NotYours: it belongs to another key.
        """
        self._keep(path, replace(self._entry(path, key), acl=acl))

    def remove(self, path: str, key: str) -> None:
        """Let a file be gone.

        Raises:
            NotYours: it belongs to another key.
        """
        self._keep(path, replace(self._entry(path, key), removed=True))

    def decide(self, path: str, user: str) -> Decision:
        """What a reader may do; `NO_KEY` stands for one who does not say who it is."""
        entry = self._entries.get(path)
        if entry is None or (user != NO_KEY and user == entry.owner):
            return "allow"
        return entry.acl.decide(user)

    def is_gone(self, path: str) -> bool:
        """Whether a file was removed or has expired."""
        entry = self._entries.get(path)
        return entry is not None and (entry.removed or self._clock.now(entry.owner) >= entry.expires_at)

    def reset(self, key: str | None) -> None:
        """Forget the settings of a key, or everything."""
        if key is not None:
            self._settings.pop(key, None)
            return
        self._entries.clear()
        self._settings.clear()

    def _entry(self, path: str, key: str) -> _Entry:
        entry = self._entries.get(path, _Entry(key))
        if entry.owner != key:
            raise NotYours
        return entry

    def _keep(self, path: str, entry: _Entry) -> None:
        self._entries.pop(path, None)
        self._entries[path] = entry
        while len(self._entries) > self._max_files:
            del self._entries[next(iter(self._entries))]
