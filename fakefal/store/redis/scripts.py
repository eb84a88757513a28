"""Steps on a shared Redis: each is one call of one script, and so atomic.

A script is a file of `NEEDS`, preceded by the files that it needs and the constants from Python. It builds the names of
keys itself, so it needs a single Redis (with replicas or a sentinel, if you like), not a cluster.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast
from urllib.parse import quote, unquote

import redis
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    MasterDownError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from fakefal.core.errors import StoreUnavailable
from fakefal.core.lifecycle import NEXT
from fakefal.state.bounded import MOST_KEYS
from fakefal.state.clock import END_OF_TIME
from fakefal.state.endings import CUT_ENDINGS

NEEDS: dict[str, tuple[str, ...]] = {
    "shared": (),
    "bounded": ("shared",),
    "line": ("shared",),
    "look": ("line",),
    "room": ("line",),
    "add": ("look", "room"),
    "queue": ("look", "room"),
    "deliveries": ("look", "room"),
    "replicas": ("deliveries",),
    "clocks": ("bounded",),
    "access": ("bounded",),
    "journal": ("bounded",),
}
"""The files of the scripts, each with the files that must precede it."""

STEP = re.compile(r"^function STEPS\.(\w+)", re.MULTILINE)
PREFIX = "fakefal"
LAYOUT = "2"
"""The version of the data layout in Redis; it changes when older code could not use the data."""

ALL_KEYS = "*"
"""A placeholder for the name of a key; no quoted name contains it."""

EVENTS_A_STEP = 256
"""How much a step carries out before it asks to be called again; other calls wait meanwhile, for a few milliseconds."""

LEASE_SECONDS = 5.0
"""How long a silent replica keeps its claims, in real seconds."""

CONNECTIONS = 64
CONNECT_SECONDS, ANSWER_SECONDS = 2.0, 5.0

#: How a Redis says that it answers and can do nothing now: errors that the library knows, and texts.
UNABLE = (OutOfMemoryError, ReadOnlyError, MasterDownError, NoPermissionError)
UNABLE_WORDS = ("MISCONF", "NOREPLICAS", "BUSY")

Reply = list[Any]


def tag(key: str) -> str:
    """A key's name inside names of Redis keys: no braces, no spaces, ASCII letters only."""
    return quote(key, safe="", errors="surrogatepass")


def tag_or_all(key: str | None) -> str:
    """A key's name inside names, or the placeholder for all keys."""
    return ALL_KEYS if key is None else tag(key)


def key_of(quoted: bytes | str) -> str:
    """The key that `tag` quoted."""
    return unquote(quoted.decode() if isinstance(quoted, bytes) else quoted, errors="surrogatepass")


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The limits: running requests of a key, kept requests and their bytes, and keys."""

    runners: int
    max_requests: int
    max_bytes: int
    max_keys: int = MOST_KEYS


class Steps:
    """Calls the script. A reply is a list of bytes; the first says what kind it is.

    Args:
        url: the address of Redis, as ``redis://host:port/db``.
        bounds: the limits.
        real_time: the source of real time; Redis's own clock by default.
        lease_seconds: how long a silent replica keeps its claims.
        events: how much one step carries out.
    """

    def __init__(
        self,
        url: str,
        bounds: Bounds,
        *,
        real_time: Callable[[], float] | None = None,
        lease_seconds: float = LEASE_SECONDS,
        events: int = EVENTS_A_STEP,
    ) -> None:
        self.bounds = bounds
        self.replica = secrets.token_hex(8)
        self.real_time = real_time
        named = {name.upper(): value for name, value in vars(bounds).items()}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scripts = scripts(**named, EVENTS=events, LEASE=lease_seconds)
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=ANSWER_SECONDS,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            protocol=2,  # version 3 brings maintenance notifications, and with these closed connections are handed out
            retry=Retry(NoBackoff(), 0),  # the caller knows which step may be sent twice
        )
        self.redis = Redis.from_pool(pool)
        self.on_move: Callable[[list[bytes]], None] = lambda _: None
        """Is called with the requests that a step started or ended: their ids, each followed by its state."""

    async def __call__(self, step: str, *arguments: str | bytes | float, again: bool = False) -> Reply:
        """Take a step; with `again` it may be sent a second time if the reply was lost.

        Raises:
            StoreUnavailable: Redis cannot be reached, or cannot write now.
            RuntimeError: the connections belong to another event loop.
        """
        self._loop = self._loop or asyncio.get_running_loop()
        if self._loop is not asyncio.get_running_loop():
            raise RuntimeError("a shared store is used on the event loop that used it first, and on no other")
        while True:
            try:
                reply = await self._call(step, arguments)
            except StoreUnavailable as error:
                if not again or error.silent:
                    raise
                again = False
                continue
            if reply[0] == b"moved":
                _, moves, reply = reply
                self.on_move(moves)
            if reply[0] != b"again":
                return reply

    def at_once(self, connection: redis.Redis, step: str, *arguments: str | bytes | float) -> Reply:
        """Take a step without an event loop, before the emulator runs.

        Raises:
            redis.RedisError: it failed.
        """
        return cast("Reply", connection.eval(self._scripts[step].text, 0, *self._given(step, arguments)))

    async def close(self) -> None:
        """Close every connection."""
        await self.redis.aclose()

    async def _call(self, step: str, arguments: tuple[str | bytes | float, ...]) -> Reply:
        script, given = self._scripts[step], self._given(step, arguments)
        try:
            try:
                return cast("Reply", await self.redis.evalsha(script.sha, 0, *given))
            except NoScriptError:
                return cast("Reply", await self.redis.eval(script.text, 0, *given))
        except (RedisError, OSError) as error:
            raise_unavailable(error)
            raise

    def _given(self, step: str, arguments: tuple[str | bytes | float, ...]) -> list[str | bytes]:
        now = "" if self.real_time is None else repr(self.real_time())
        return [self.replica, now, step, *(repr(one) if isinstance(one, float) else one for one in arguments)]


def raise_unavailable(error: Exception) -> None:
    """Raise `StoreUnavailable` if Redis is away or unable to write; return if the error is ours."""
    able = isinstance(error, ResponseError) and not isinstance(error, UNABLE)
    if able and not str(error).startswith(UNABLE_WORDS):
        return
    silent = isinstance(error, redis.TimeoutError)
    raise StoreUnavailable(f"{type(error).__name__}: {error}", silent=silent) from error


@dataclass(frozen=True)
class Script:
    """The script of a step as Redis runs it: its text, and the digest by which Redis knows it."""

    text: str
    sha: str


def scripts(**numbers: float) -> dict[str, Script]:
    """The script of each step: constants, then the files that it needs, then the step itself."""
    moves: dict[str, dict[str, bool]] = {}
    for state, move in NEXT:
        moves.setdefault(state.value, {})[move.value] = True
    cut = {one.value: ending.status for one, ending in CUT_ENDINGS.items()}
    named = {"PREFIX": PREFIX, "ALL_KEYS": ALL_KEYS, "END_OF_TIME": END_OF_TIME, "NEXT": moves, "CUT": cut}
    named["LAYOUT"] = LAYOUT
    constants = [f"local {name} = {_lua(value)}" for name, value in {**named, **numbers}.items()]
    found = {}
    for name in NEEDS:
        lines = [*constants, "local REPLICA, GIVEN_TIME = ARGV[1], ARGV[2]", *map(_file, _in_order(name)), ANSWER]
        text = "\n".join(lines)
        sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        found.update(dict.fromkeys(STEP.findall(_file(name)), Script(text, sha)))
    return found


ANSWER = """
local reply = STEPS[ARGV[3]](unpack(ARGV, 4))
if #moved > 0 then return {'moved', moved, reply} end
return reply
"""


def _in_order(name: str) -> tuple[str, ...]:
    """A file after all the files that it needs, each once."""
    needed = (one for other in NEEDS[name] for one in _in_order(other))
    return (*dict.fromkeys(needed), name)


@cache
def _file(name: str) -> str:
    return (files(__package__) / f"{name}.lua").read_text("utf-8")


def _lua(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"[{_lua(name)}] = {_lua(one)}" for name, one in value.items()) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'" if isinstance(value, str) else repr(value)
