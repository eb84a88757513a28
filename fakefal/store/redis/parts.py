"""The parts that replicas share, from the address of their Redis."""

from __future__ import annotations

import os
import secrets
import uuid
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from fakefal.settings import Settings, SettingsError
from fakefal.state.events import EventLog
from fakefal.state.signing import DEVELOPMENT_KEY, MOST_SIGNING_KEYS, new_key
from fakefal.state.tokens import Tokens
from fakefal.store.parts import EmulatorParts
from fakefal.store.redis.access import RedisAccess
from fakefal.store.redis.files import SharedFolder
from fakefal.store.redis.journal import RedisJournal, RedisTally
from fakefal.store.redis.queue import RedisQueueStore
from fakefal.store.redis.replica import Replica
from fakefal.store.redis.scripts import ANSWER_SECONDS, CONNECT_SECONDS, Bounds, Reply, Steps
from fakefal.store.redis.state import (
    RedisArrivals,
    RedisClock,
    RedisOnce,
    RedisRules,
    RedisSigningKeys,
)
from fakefal.store.spool import SpoolFiles

MARK = ".fakefal-spool"
"""Marks a folder of uploads, so that replicas notice if they use different folders."""

REFUSALS = {
    b"other layout": "the store was filled by another version of fakefal: take another database, or empty it",
    b"elsewhere": "other replicas keep uploads in another folder: give all of them one --spool",
}
"""Why a replica may not join."""


def shared_parts(settings: Settings) -> EmulatorParts:
    """Join the replicas that use this Redis.

    Raises:
        SettingsError: Redis cannot be reached, another version filled it, or other replicas keep uploads in another
            folder.
    """
    bounds = Bounds(runners=settings.runners, max_requests=settings.max_requests, max_bytes=settings.max_request_bytes)
    try:
        steps = Steps(settings.store, bounds)
        with (
            ExitStack() as undone,
            Redis.from_url(
                settings.store,
                socket_connect_timeout=CONNECT_SECONDS,
                socket_timeout=ANSWER_SECONDS,
                retry=Retry(NoBackoff(), 0),
            ) as first,
        ):
            step = partial(steps.at_once, first)
            folder = SharedFolder(settings.spool)
            undone.callback(folder.close)
            join(step, folder.path)
            clock = RedisClock(steps, step("clocks", "", "0"))
            _, secret = step("secret", secrets.token_bytes(32))
            family, key = ("development", DEVELOPMENT_KEY) if settings.development_key else ("own", new_key())
            signing = RedisSigningKeys(steps, step("signing", family, key, "", str(MOST_SIGNING_KEYS)), family)
            undone.pop_all()
    except SettingsError:
        raise
    except (RedisError, OSError, ValueError) as error:
        raise SettingsError(f"the store cannot be used: {error}") from error
    events = EventLog()
    queue = RedisQueueStore(steps, events)
    rules = RedisRules(steps, settings.effects)
    journal = RedisJournal(steps, clock.real_time, settings.max_journal)
    tally = RedisTally(steps)
    return EmulatorParts(
        queue=queue,
        clock=clock,
        rules=rules,
        access=RedisAccess(steps, settings.max_files),
        arrivals=RedisArrivals(steps, rules),
        once=RedisOnce(steps),
        journal=journal,
        tally=tally,
        events=events,
        tokens=Tokens(secret),
        signing=signing,
        files=SpoolFiles(folder, max_files=settings.max_files, max_bytes=settings.max_file_bytes),
        membership=Replica(steps, queue, clock, (journal.write, tally.write)).running,
    )


def join(step: Callable[..., Reply], folder: Path) -> None:
    """Register as one of the replicas that use a Redis.

    Raises:
        SettingsError: this replica is not compatible with them.
    """
    (joined,) = step("join", mark(folder))
    if joined in REFUSALS:
        raise SettingsError(REFUSALS[joined])


def mark(folder: Path) -> str:
    """The mark of a folder of uploads, the same from every host and path."""
    name = uuid.uuid4().hex
    written = folder / f"{MARK}-{name}"
    written.write_text(name, "ascii")
    with suppress(FileExistsError):
        os.link(written, folder / MARK)  # written as a whole, and only if there is none
    written.unlink()
    return (folder / MARK).read_text("ascii")
