"""Who may read a file, for replicas that share a Redis."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from typing_extensions import override

from fakefal.state.access import PUBLIC, Access, Acl, FileRecord, NotYours, UploadLifecycle
from fakefal.store.redis.scripts import Reply, Steps, key_of, tag, tag_or_all


class RedisAccess(Access):
    """Access rights in Redis, which keeps them until a reset.

    Args:
        steps: the connection.
        max_files: how many uploads are remembered, and how many other files; the oldest are deleted first.
    """

    def __init__(self, steps: Steps, max_files: int) -> None:
        self._steps = steps
        self._most = str(max_files)

    @override
    async def settings(self, key: str) -> UploadLifecycle:
        return _settings(await self._steps("settings", tag(key), again=True))

    @override
    async def change_settings(self, key: str, changes: UploadLifecycle) -> UploadLifecycle:
        changed = changes.model_dump(exclude_unset=True).items()
        pairs = (text for name, value in changed for text in (name, json.dumps(value)))
        return _settings(await self._steps("settings", tag(key), *pairs, again=True))

    @override
    async def uploaded(self, path: str, owner: str, lifecycle: UploadLifecycle) -> None:
        seconds = lifecycle.expiration_duration_seconds or ""
        acl = lifecycle.initial_acl.model_dump_json() if lifecycle.initial_acl else ""
        await self._steps("uploaded", digest(path), tag(owner), self._most, str(seconds), acl, again=True)

    @override
    async def look(self, path: str) -> FileRecord:
        _, *known = await self._steps("file", digest(path), again=True)
        if not known:
            return FileRecord()
        owner, acl, gone = known
        return FileRecord(key_of(owner), Acl.model_validate_json(acl) if acl else PUBLIC, bool(gone))

    @override
    async def gone(self, paths: Iterable[str]) -> frozenset[str]:
        distinct = tuple(paths)
        if not distinct:
            return frozenset()
        _, found = await self._steps("gone", *map(digest, distinct), again=True)
        return marked(distinct, found)

    @override
    async def change_acl(self, path: str, key: str, acl: Acl) -> None:
        await self._change(path, key, "acl", acl.model_dump_json())

    @override
    async def remove(self, path: str, key: str) -> None:
        await self._change(path, key, "removed", "1")

    @override
    async def reset(self, key: str | None) -> None:
        await self._steps("forget_files", tag_or_all(key))

    async def _change(self, path: str, key: str, name: str, value: str) -> None:
        reply = await self._steps("change_file", digest(path), tag(key), self._most, name, value, again=True)
        if reply[0] != b"changed":
            raise NotYours


def digest(text: str) -> str:
    """A digest of fixed length for a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def marked(paths: Iterable[str], marks: bytes) -> frozenset[str]:
    """The paths whose place holds a ``1``."""
    return frozenset(path for path, mark in zip(paths, marks.decode(), strict=True) if mark == "1")


def _settings(reply: Reply) -> UploadLifecycle:
    _, seconds, acl = reply
    kept = {"expiration_duration_seconds": seconds, "initial_acl": acl}
    return UploadLifecycle.model_validate({name: json.loads(value) for name, value in kept.items() if value})
