"""The journal: the newest calls to emulated hosts of fal, without bodies and secrets."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from typing import Protocol

from typing_extensions import override

from fakefal_contracts.hosts import BaseUrl, Part

LONGEST_TEXT = 1000
"""Longer paths and hints are cut off, to limit the memory of the journal."""

SHORTEST_SECRET = 6
"""Shorter secrets are not hidden, because they occur in ordinary words; secrets of fal have 32 digits."""

HIDDEN = "***"
_UPLOAD_ID = re.compile(r"(?<=/multipart/)[^/]+")
"""The part of an upload's path that is a token."""

_QUERY = re.compile(r"(?<=\?)[^\s=]*=\S*")
"""The query of a URL in a hint, which may contain signatures."""

LONGEST_ADDRESS = 100
MOST_MISSED = 3
"""How many calls to parts that are not emulated are listed at the end of a run."""

USED_UP = "exhausted_balance"
"""The effect that is shown for a call whose account has an exhausted balance."""

APPLICATIONS = ("queue", "run")
AT_THE_DOOR = (401, 403, 405, 413, 429)
"""Statuses of calls that are refused before their model is looked at."""

APP_SEGMENTS = 2


@dataclass(slots=True, eq=False)
class JournalEntry:
    """One call.

    `at` is emulated and `wall` real time, both in seconds since 1970.  `key` is the id part of the API key.  `path`
    has no query, because it may contain tokens.  `status` is None until the answer starts, and `milliseconds` until
    it ends. A call whose connection an effect dropped never gets a status.  `agent` is the User-Agent.  `accepted` says
    that the call became a job.
    """

    at: float
    wall: float
    key: str
    method: str
    host: str
    part: str
    path: str
    status: int | None = None
    error_type: str = ""
    request_id: str = ""
    milliseconds: float | None = None
    hint: str = ""
    effect: str = ""
    agent: str = ""
    accepted: bool = False
    name: str = ""
    """The id of the entry in a shared journal."""

    @property
    def is_missed(self) -> bool:
        """Whether it was for a part of fal or a model that is not emulated."""
        if self.accepted:
            return False
        return self.status == HTTPStatus.NOT_IMPLEMENTED or (self.is_submit and self.status == HTTPStatus.NOT_FOUND)

    @property
    def is_refused(self) -> bool:
        """Whether it was refused without a job, although the emulator has its model."""
        failed = (self.status or 0) >= HTTPStatus.BAD_REQUEST
        return failed and not (self.accepted or self.is_missed) and (self.is_submit or self.status in AT_THE_DOOR)

    @property
    def is_submit(self) -> bool:
        """Whether it was a submit, to the queue or to fal.run."""
        return self.part in APPLICATIONS and self.method == "POST" and "/requests/" not in self.path

    @property
    def address(self) -> str:
        """The call as text: method, host of fal, path."""
        part, _, rest = self.path.lstrip("/").partition("/")
        known = self.part == part and part in tuple(Part)
        where = BaseUrl().url(Part(part), f"/{rest}").removeprefix("https://") if known else f"{self.host}{self.path}"
        return f"{self.method} {where[:LONGEST_ADDRESS]}"

    @property
    def endpoint(self) -> str:
        """The endpoint in the path: the whole id for a submit, otherwise the application."""
        part, _, rest = self.path.lstrip("/").partition("/")
        if part not in APPLICATIONS:
            return ""
        segments = rest.split("/")
        asks = segments[APP_SEGMENTS : APP_SEGMENTS + 1] == ["requests"]
        return "/".join(segments[:APP_SEGMENTS] if asks else segments)


def without_secrets(text: str, secret: str = "") -> str:
    """A path or hint without tokens, queries and the caller's secret, and cut off."""
    if len(secret) >= SHORTEST_SECRET and secret in text:
        text = text.replace(secret, HIDDEN)
    if "/multipart/" in text:
        text = _UPLOAD_ID.sub(HIDDEN, text)
    if "?" in text:
        text = _QUERY.sub(HIDDEN, text)
    return text[:LONGEST_TEXT]


def missed_calls(calls: Iterable[JournalEntry]) -> str:
    """The calls to parts that are not emulated, and how to add models; empty if there were none."""
    every = [call for call in calls if call.is_missed]
    if not every:
        return ""
    missed = Counter(call.address for call in every)
    models = dict.fromkeys(call.endpoint for call in every if call.status == HTTPStatus.NOT_FOUND)
    add = f"; fakefal models add {' '.join(islice(models, MOST_MISSED))}" if models else ""
    count = missed.total()
    shown = [f"{name} ({times} times)" if times > 1 else name for name, times in missed.most_common(MOST_MISSED)]
    more = f", and {len(missed) - MOST_MISSED} others" if len(missed) > MOST_MISSED else ""
    return f"{count} call{'s' * (count != 1)} to what fakefal does not have: {', '.join(shown)}{more}{add}"


def refused_calls(calls: Iterable[JournalEntry]) -> str:
    """The number of calls that were refused without a job, by status; empty if there were none."""
    refused = Counter(call.status for call in calls if call.is_refused)
    count = refused.total()
    if not count:
        return ""
    several = len(refused) > 1
    statuses = ", ".join(f"{status}: {times}" if several else f"{status}" for status, times in refused.most_common())
    return f"{count} call{'s' * (count != 1)} refused without a job ({statuses})"


class Journal(Protocol):
    """The newest calls.  Async methods may raise `StoreUnavailable`."""

    def add(self, call: JournalEntry) -> None:
        """Add a call when it comes in; the oldest is evicted if there are too many.

        Fields of a call are set until its end, and show in the journal.
        """
        ...

    async def newest(self, key: str | None, limit: int) -> list[JournalEntry]:
        """The calls of a key, or all, newest first."""
        ...

    async def size(self) -> int:
        """How many calls are kept."""
        ...

    async def reset(self, key: str | None) -> None:
        """Forget the calls of a key, or all."""
        ...


class MemoryJournal(Journal):
    """The calls of this process.

    Args:
        most: how many calls are kept.
    """

    def __init__(self, most: int) -> None:
        self._calls: deque[JournalEntry] = deque(maxlen=most)

    @override
    def add(self, call: JournalEntry) -> None:
        self._calls.append(call)

    @override
    async def newest(self, key: str | None, limit: int) -> list[JournalEntry]:
        of_key = (call for call in reversed(self._calls) if key is None or call.key == key)
        return list(islice(of_key, limit))

    @override
    async def size(self) -> int:
        return len(self._calls)

    @override
    async def reset(self, key: str | None) -> None:
        kept = [call for call in self._calls if key is not None and call.key != key]
        self._calls.clear()
        self._calls.extend(kept)
