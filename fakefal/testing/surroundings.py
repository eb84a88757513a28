"""What a program finds around it while a fake is on: a key that fal refuses, and no way out to fal by name."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from fakefal.ways.child import FAKE_KEY, REMOVED
from fakefal_contracts.hosts import DOMAINS

LOOK_UPS = ("getaddrinfo", "gethostbyname", "gethostbyname_ex")
WAYS = (
    "only httpx and httpx2 are answered in this process; for requests, aiohttp, sockets and other programs use the "
    "fixture fakefal_server, or run the tests by `fakefal run -- pytest`"
)


def fake_key(keys: Mapping[str, str]) -> str:
    """What `FAL_KEY` says: the first of the configured keys, or the one that ``fakefal run`` gives."""
    return next((f"{key_id}:{secret}" for key_id, secret in keys.items()), FAKE_KEY)


@contextmanager
def fake_environment(url: str, home: str, key: str) -> Iterator[None]:
    """The environment while the block lasts: as ``fakefal run`` makes it for its child, without proxies.

    Args:
        url: what `FAKEFAL_URL` says.
        home: an empty folder, where fal's client looks for a stored log-in.
        key: what `FAL_KEY` says.
    """
    changes: dict[str, str | None] = dict.fromkeys((*REMOVED, "FAKEFAL_TARGET"))
    changes |= {"FAL_KEY": key, "FAL_HOME_DIR": home, "FAKEFAL_URL": url}
    changes["FAKEFAL_ALLOW_REAL"] = "1"  # a client built for fal meets the fake here, and holds its key
    for name in ("NO_PROXY", "no_proxy"):  # what a proxy looks up is not seen here
        changes[name] = ",".join(filter(None, (os.environ.get(name), *DOMAINS)))
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


@contextmanager
def guarded_names(refused: Callable[[str], bool], complain: Callable[[str], None]) -> Iterator[None]:
    """Let look-ups of names fail while the block lasts, as if there were no such host.

    Args:
        refused: tells for which names.
        complain: is told of every try, in words.
    """

    def guarded(look_up: Callable[..., Any]) -> Callable[..., Any]:
        def guard(host: Any, *arguments: Any, **named: Any) -> Any:
            name = host.decode("latin-1") if isinstance(host, bytes | bytearray) else host
            if isinstance(name, str) and refused(name):
                complain(f"{name} was looked up: {WAYS}")
                raise socket.gaierror(socket.EAI_NONAME, f"fakefal: {name} must not be reached: {WAYS}")
            return look_up(host, *arguments, **named)

        return guard

    with ExitStack() as stack:
        for name in LOOK_UPS:
            stack.enter_context(mock.patch.object(socket, name, guarded(getattr(socket, name))))
        yield
