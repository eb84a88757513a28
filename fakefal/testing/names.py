"""Refuse to resolve fal host names and to connect to them, before anything leaves the process.

`fakefal.server.redirection` patches the functions that look up names and connect.  Code that imported such a function
earlier is not patched; audit events of Python report its look-ups.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

from fakefal.server.redirection import LED, Redirection, ascii_name, install, uninstall

WAYS = (
    "a module imported this function before the test began (from socket import gethostbyname): call "
    "socket.gethostbyname, or run the tests with `fakefal run -- pytest`"
)
LOOK_UPS = ("socket.getaddrinfo", "socket.gethostbyname")  # events; the second one is gethostbyname_ex's, too


def _no_such_host(message: str) -> Exception:
    return socket.gaierror(socket.EAI_NONAME, message)


@dataclass(frozen=True, eq=False)
class Guard:
    """Refuses names, and reports each try.

    Attributes:
        refuses: whether a name is refused.
        complain: gets a message for every try.
        advice: what to do instead.
        error: what is raised, from a message: by default, as if there were no such host.
    """

    refuses: Callable[[str], bool]
    complain: Callable[[str], None]
    advice: str = WAYS
    error: Callable[[str], Exception] = _no_such_host

    def ask(self, name: str) -> bool:
        """Check a name; always returns False, because nothing is redirected.

        Raises:
            Exception: the name is refused.
        """
        if self.refuses(name):
            self.refuse(name)
        return False

    def refuse(self, name: str) -> NoReturn:
        """Report a refused name.

        Raises:
            Exception: always.
        """
        self.complain(f"{name} was looked up: {self.advice}")
        raise self.error(f"fakefal: {name} must not be reached: {self.advice}")


_guards: tuple[Guard, ...] = ()


@contextmanager
def guarded_names(guard: Guard) -> Iterator[None]:
    """Let look-ups of refused names fail while the block lasts.

    If there are several guards, the newest is asked first.
    """
    global _guards  # noqa: PLW0603 - an audit hook cannot be removed, so the one there is has to find them
    _install()
    _guards = (guard, *_guards)
    # an address that a program kept from a fake that is over is refused, too
    refusing = Redirection(guard.ask, lambda: guard.refuse(LED))
    install(refusing)
    try:
        yield
    finally:
        uninstall(refusing)
        _guards = tuple(one for one in _guards if one is not guard)


@cache
def _install() -> None:
    sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _guards and event in LOOK_UPS and (name := ascii_name(arguments[0])):
        for guard in _guards:
            guard.ask(name)
