"""The environment variables while an emulator is active: a fake key that fal refuses, and the URL of the emulator."""

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
"""The host name of the emulator in this process.  Names under .test are reserved for tests (RFC 6761)."""
URL = f"http://{HOST}"


def fake_key(keys: Mapping[str, str]) -> str:
    """The value of `FAL_KEY`: the first of the configured keys, or the key of ``fakefal run``."""
    return next((f"{key_id}:{secret}" for key_id, secret in keys.items()), FAKE_KEY)


@contextmanager
def empty_home() -> Iterator[str]:
    """An empty folder, where fal's client looks for a stored log-in; later blocks get it, too, if it is still empty."""
    home = _unused_home()
    try:
        yield str(home.path)
    finally:
        _spare_homes(os.getpid()).append(home)


def _unused_home() -> TemporaryFolder:
    """A spare one that is empty now: threads of an earlier test may have used theirs after that test."""
    spare = _spare_homes(os.getpid())
    while spare:
        home = spare.pop()
        if home.is_empty():
            return home
        home.close()
    return TemporaryFolder("home")


@cache
def _spare_homes(_process: int) -> list[TemporaryFolder]:
    return []


@contextmanager
def fake_environment(url: str, home: str, key: str, contract: str) -> Iterator[None]:
    """Set the environment variables while the block lasts, as ``fakefal run`` does for its child, but without proxies.

    Args:
        url: the value of `FAKEFAL_URL`.
        home: the value of `FAL_HOME_DIR`, where fal's client looks for a stored log-in.
        key: the value of `FAL_KEY`.
        contract: the value of `FAKEFAL_CONTRACT`, which clients use for their checks.
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
    """Set a fake key while tests are collected and run, for clients that modules create when they are imported."""
    changes: dict[str, str | None] = {"FAKEFAL_TARGET": None, **faked_credentials(os.environ, FAKE_KEY)}
    with _changed(changes | {"FAL_KEY": FAKE_KEY, "FAKEFAL_URL": URL}):
        yield


@contextmanager
def _changed(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Change the environment while the block lasts."""
    before = {name: os.environ.get(name) for name in changes}
    try:
        _set(changes)
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    """Set or remove these variables, and leave all others alone."""
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
