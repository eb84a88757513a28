"""No way out to fal by name: look-ups and connections that are refused before they leave the process.

Python tells of look-ups by audit events, whoever calls and however early it got hold of the function.  Of a
connection it tells only once the name was looked up, and uvloop tells nothing: their methods are patched.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any
from unittest import mock

WAYS = (
    "only httpx and httpx2 are answered in this process; for requests, aiohttp, sockets and other programs use the "
    "fixture fakefal_server, or run the tests by `fakefal run -- pytest`"
)
LOOK_UPS = ("socket.getaddrinfo", "socket.gethostbyname")  # events; the second one is gethostbyname_ex's, too
SOCKET_METHODS = ("connect", "connect_ex", "sendto")  # the address is their last argument
UVLOOP_HOSTS = {"getaddrinfo": "host", "create_connection": "host"}
UVLOOP_ADDRESSES = {"sock_connect": "address", "create_datagram_endpoint": "remote_addr"}


@dataclass(frozen=True, eq=False)
class Guard:
    """What is refused, and who hears of it.

    Attributes:
        refuses: tells for which names.
        complain: is told of every try, in words.
        advice: what to do instead.
    """

    refuses: Callable[[str], bool]
    complain: Callable[[str], None]
    advice: str = WAYS

    def ask(self, name: str) -> None:
        """Let a name pass.

        Raises:
            socket.gaierror: it is refused.
        """
        if self.refuses(name):
            self.complain(f"{name} was looked up: {self.advice}")
            raise socket.gaierror(socket.EAI_NONAME, f"fakefal: {name} must not be reached: {self.advice}")


_guards: tuple[Guard, ...] = ()


@contextmanager
def guarded_names(guard: Guard) -> Iterator[None]:
    """Let look-ups of names fail while the block lasts, as if there were no such host.

    Of several guards the newest is asked first.
    """
    global _guards  # noqa: PLW0603 - an audit hook cannot be removed, so the one there is has to find them
    _install()
    _guards = (guard, *_guards)
    try:
        with _patched():
            yield
    finally:
        _guards = tuple(one for one in _guards if one is not guard)


@cache
def _install() -> None:
    sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _guards and event in LOOK_UPS:
        _ask(arguments[0])


def _ask(host: Any) -> None:
    if name := _plain(host):
        for guard in _guards:
            guard.ask(name)


def _ask_address(address: Any) -> None:
    if isinstance(address, tuple) and address:  # of the internet, not a path
        _ask(address[0])


def _plain(host: Any) -> str:
    """A host as the resolver would ask for it: other alphabets' dots and letters are brought to ASCII (IDNA)."""
    name = bytes(host).decode("latin-1") if isinstance(host, bytes | bytearray) else host
    if not isinstance(name, str):
        return ""
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:  # no name at all
        return name


@contextmanager
def _patched() -> Iterator[None]:
    with ExitStack() as stack:
        for name in SOCKET_METHODS:
            stack.enter_context(mock.patch.object(socket.socket, name, _asking_last(getattr(socket.socket, name))))
        if loop := _uvloop():
            for ask, arguments in ((_ask, UVLOOP_HOSTS), (_ask_address, UVLOOP_ADDRESSES)):
                for name, argument in arguments.items():
                    asking = _asking(getattr(loop, name), argument, ask)
                    stack.enter_context(mock.patch.object(loop, name, asking))
        yield


def _asking_last(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of sockets that asks about its last argument first."""

    @wraps(method)
    def asking(*arguments: Any) -> Any:
        _ask_address(arguments[-1])
        return method(*arguments)

    return asking


def _uvloop() -> Any:
    """Uvloop's loop, where uvloop is installed."""
    return importlib.import_module("uvloop").Loop if _is_installed("uvloop") else None


@cache
def _is_installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _asking(method: Callable[..., Any], argument: str, ask: Callable[[Any], None]) -> Callable[..., Any]:
    """A coroutine method that asks about one of its arguments first."""
    signature = inspect.signature(method)

    @wraps(method)
    async def asking(*arguments: Any, **named: Any) -> Any:
        ask(signature.bind(*arguments, **named).arguments.get(argument))
        return await method(*arguments, **named)

    return asking
