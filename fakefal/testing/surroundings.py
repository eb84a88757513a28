"""The environment that a program finds while a fake is on: a key that fal refuses, and where the fake is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from fakefal.server.child import REMOVED
from fakefal.server.credentials import FAKE_KEY, faked_credentials
from fakefal.state.temporary import TemporaryFolder
from fakefal_contracts.hosts import DOMAINS

HOST = "fakefal.test"
"""Stands for the emulator in base URLs in this process.  Names under .test belong to nobody (RFC 6761)."""
URL = f"http://{HOST}"


def fake_key(keys: Mapping[str, str]) -> str:
    """What `FAL_KEY` says: the first of the configured keys, or the one that ``fakefal run`` gives."""
    return next((f"{key_id}:{secret}" for key_id, secret in keys.items()), FAKE_KEY)


@contextmanager
def empty_home() -> Iterator[str]:
    """An empty folder, where fal's client looks for a stored log-in; the next block gets it, too, if it stays empty."""
    spare = _spare_homes(os.getpid())
    home = spare.pop() if spare else TemporaryFolder("home")
    try:
        yield str(home.path)
    finally:
        if home.is_empty():
            spare.append(home)
        else:
            home.close()


@cache
def _spare_homes(_process: int) -> list[TemporaryFolder]:
    return []


@contextmanager
def fake_environment(url: str, home: str, key: str, contract: str) -> Iterator[None]:
    """The environment while the block lasts: as ``fakefal run`` makes it for its child, without proxies.

    Args:
        url: what `FAKEFAL_URL` says.
        home: what `FAL_HOME_DIR` says.
        key: what `FAL_KEY` says.
        contract: what `FAKEFAL_CONTRACT` says, by which clients check before they send.
    """
    changes: dict[str, str | None] = dict.fromkeys((*REMOVED, "FAKEFAL_TARGET"))
    changes |= faked_credentials(os.environ, key)
    changes |= {"FAL_KEY": key, "FAL_HOME_DIR": home, "FAKEFAL_URL": url}
    changes["FAKEFAL_CONTRACT"] = contract
    # a client built for fal meets the fake in this process, but in no child that inherits the variable
    changes["FAKEFAL_FAKED_PID"] = str(os.getpid())
    for name in ("NO_PROXY", "no_proxy"):  # what a proxy looks up is not seen here
        changes[name] = ",".join(filter(None, (os.environ.get(name), *DOMAINS)))
    with _changed(changes):
        yield


@contextmanager
def key_before_tests() -> Iterator[None]:
    """A fake key while tests are collected and run, for clients that a module builds when it is imported."""
    changes: dict[str, str | None] = {"FAKEFAL_TARGET": None, **faked_credentials(os.environ, FAKE_KEY)}
    with _changed(changes | {"FAL_KEY": FAKE_KEY, "FAKEFAL_URL": URL}):
        yield


@contextmanager
def _changed(changes: Mapping[str, str | None]) -> Iterator[None]:
    """The environment with these changes while the block lasts."""
    before = {name: os.environ.get(name) for name in changes}
    try:
        _set(changes)
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    """Set or remove these variables, and leave all others to whoever changes them meanwhile."""
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
