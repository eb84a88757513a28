"""The target as calls and answers: a base URL, fal itself, or a server that replaces fal."""

from __future__ import annotations

import datetime as dt
import json
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import anyio
from anyio.from_thread import start_blocking_portal

from fakefal.conform.results import Differs, NotRun
from fakefal.proxy.upstream import AnswerLost, NotReached, Upstream
from fakefal.recording.folder import Now, wall_now
from fakefal.recording.scrub import Scrubber
from fakefal.state import jsonio
from fakefal_contracts.hosts import HOSTS, BaseUrl, Part

KEY = "conform:secret"
"""The default key for a fake, which accepts any key."""

CHUNK = 1 << 20
MOST_WAITS, LONGEST_WAIT = 5, 120.0
DEFAULT_WAIT = 1.0
CALLS_KEPT, CALLS_SHOWN = 200, 20
_HOST: dict[str, str] = {part: name for name, part in reversed(HOSTS.items())}


@dataclass(frozen=True)
class Answer:
    """A response: status, headers by lower-case name, bytes."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @cached_property
    def json(self) -> Any:
        """The decoded body, or None if it is not JSON."""
        try:
            return jsonio.parse(self.content)
        except jsonio.InvalidJson:
            return None

    def __str__(self) -> str:
        return f"{self.status} {self.content[:300].decode('utf-8', 'replace')}"


class SlowDown(NotRun):
    """A call that must not be repeated was answered with 429, or the target answered 429 too often or for too long."""


class ProbedTarget:
    """Calls parts of a target, each call once. Only reads are repeated after a 429, when the target says.

    Args:
        base: the base URL of a fake; None calls fal's own host names.
        upstream: the connections to the target, closed at the end.
        key: the key of an account there.
        sleep: waits this number of seconds.
        now: the real date and time, to which a date in Retry-After is compared.
    """

    def __init__(
        self,
        base: str | None,
        upstream: Upstream,
        *,
        key: str = KEY,
        sleep: Callable[[float], None] = time.sleep,
        now: Now = wall_now,
    ) -> None:
        self.base = base.rstrip("/") if base else None
        self.base_url = BaseUrl(self.base)
        self.key = key
        self._upstream = upstream
        self._sleep = sleep
        self._now = now
        self._left_alone = ""
        self._scrubber = Scrubber([key])
        self._calls: deque[dict[str, Any]] = deque(maxlen=CALLS_KEPT)
        self.called = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._portal = self._stack.enter_context(start_blocking_portal())
        return self

    def __exit__(self, *_: object) -> None:
        self._portal.call(self._upstream.close)
        self._stack.close()

    @property
    def name(self) -> str:
        """The target's name in reports."""
        return self.base or (self._upstream.name if self._upstream.is_fal else f"fal, by way of {self._upstream.name}")

    @property
    def local(self) -> bool:
        """Whether it is a fake at a base URL, where nothing costs anything."""
        return self.base is not None

    @property
    def is_fal(self) -> bool:
        """Whether it is fal itself, not a server that replaces it."""
        return self.base is None and self._upstream.is_fal

    def url(self, part: Part, path: str) -> str:
        """An address in the form that this target gives out."""
        return self.base_url.url(part, path)

    def part_of(self, address: str) -> tuple[Part, str]:
        """Part and path (with its query) of an address that the target gave out.

        Raises:
            Differs: it leads to another server.
        """
        parts = urlsplit(address)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        if self.base is None:
            if part := HOSTS.get(parts.hostname or "") or (
                Part.CDN if str(parts.hostname).endswith(".fal.media") else None
            ):
                return part, path
        elif address.startswith(f"{self.base}/"):
            first, _, rest = address.removeprefix(f"{self.base}/").partition("/")
            if first in set(Part):
                return Part(first), f"/{rest}"
        raise Differs(f"the target gave out an address that leads elsewhere: {address[:200]}")

    def call(
        self,
        method: str,
        part: Part | str,
        path: str,
        *,
        body: Any = ...,
        content: bytes | Path | None = None,
        headers: Mapping[str, str] | None = None,
        key: bool = True,
        again: bool = True,
    ) -> Answer:
        """One call; `again` allows a repetition after a 429, which no submit may have.

        Once the target has asked for a longer pause than `LONGEST_WAIT`, nothing more is sent.

        Raises:
            NotRun: there is no connection, or the target is too busy.
            Differs: no answer came.
        """
        sent = {
            "accept": "application/json",
            **({"authorization": f"Key {self.key}"} if key else {}),
            **(headers or {}),
        }
        if body is not ...:
            content, sent["content-type"] = json.dumps(body).encode(), "application/json"
        for _ in range(MOST_WAITS if again else 1):
            if self._left_alone:
                raise SlowDown(self._left_alone)
            if method != "GET":
                sent["content-length"] = str(_size(content))
            answer = self._portal.call(self._send, method, part, path, sent, content)
            self._keep(f"{method} {part}{path}", answer)
            if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
                return answer
            wait = _wait(answer, self._now())
            if wait > LONGEST_WAIT:
                self._left_alone = f"the target asked to wait {wait:g} s"
                raise SlowDown(self._left_alone)
            self._sleep(wait)
        raise SlowDown(f"the target answered 429 to {method} {path}: {answer}")

    def trace(self, since: int) -> list[dict[str, Any]]:
        """The calls after this number (see `called`), without secrets; if there were none, the calls before."""
        calls = list(self._calls)
        return calls[-(self.called - since) :] if self.called > since else calls[-CALLS_SHOWN:]

    def _keep(self, asked: str, answer: Answer) -> None:
        clean = self._scrubber
        body = clean.value(answer.json) if answer.json is not None else clean.text(str(answer).partition(" ")[2])
        self._calls.append({"asked": clean.text(asked), "status": answer.status, "body": body})
        self.called += 1

    async def _send(
        self, method: str, part: Part | str, path: str, headers: Mapping[str, str], content: bytes | Path | None
    ) -> Answer:
        path, _, query = path.partition("?")
        host = _HOST[part] if self.base is None else urlsplit(self.base).netloc
        whole = path if self.base is None else f"{urlsplit(self.base).path}/{part}{path}"
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        sent = _chunks(content) if isinstance(content, Path) else content or b""
        try:
            reply = await self._upstream.send(method, host, whole, query, raw, sent)
            try:
                found = await reply.aread()
            finally:
                await reply.aclose()
        except NotReached as error:
            raise NotRun(f"{self.name} cannot be reached: {error}") from error
        except AnswerLost as error:
            raise Differs(f"no answer came to {method} {path}: {error}") from error
        return Answer(reply.status_code, {name.lower(): value for name, value in reply.headers.items()}, found)


def _size(content: bytes | Path | None) -> int:
    return content.stat().st_size if isinstance(content, Path) else len(content or b"")


def _wait(answer: Answer, now: dt.datetime) -> float:
    """How many seconds the target asks to wait, given in seconds or as a date."""
    said = answer.headers.get("retry-after", "")
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(said).replace(tzinfo=dt.UTC) - now).total_seconds()
        except ValueError:
            return DEFAULT_WAIT
    return DEFAULT_WAIT if math.isnan(seconds) else max(seconds, 0.0)


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while part := await file.read(CHUNK):
            yield part
