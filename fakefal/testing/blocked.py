"""Works with pytest-socket: explains its errors when the program called fal."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any

from fakefal.server.redirection import LED, MARK, ascii_name

ADVICE = (
    "pytest-socket forbids this: httpx and httpx2 are answered without a socket, every other library needs "
    "--allow-hosts=127.0.0.1"
)
LOOK_UPS = ("getaddrinfo", "gethostbyname")
REFUSAL = "A test tried to use socket."
"""The start of the messages of pytest-socket."""


@contextmanager
def explained(complain: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Explain an error of pytest-socket that is raised in the block."""
    try:
        yield
    except Exception as error:
        if str(error).startswith(REFUSAL):
            complain(ADVICE)
            error.add_note(f"fakefal: {ADVICE}")
        raise


@contextmanager
def explained_look_ups(answers: Callable[[str], bool], complain: Callable[[str], None]) -> Iterator[None]:
    """Explain refused host name look-ups in the block; enter it before names are redirected.

    Args:
        answers: whether the emulator answers for a host.
        complain: gets a message for every refusal.
    """
    with ExitStack() as stack:
        plugin = sys.modules.get("pytest_socket")
        for name in LOOK_UPS if plugin else ():
            guard = f"_guarded_{name}"
            if vars(plugin).get(guard) is vars(socket)[name]:
                ours = _explaining(vars(socket)[name], lambda host, *_: host, answers, complain)
                setattr(ours, MARK, True)  # nothing is looked up: there is nothing to redirect
                for owner, attribute in ((plugin, guard), (socket, name)):  # it takes away only what it knows
                    stack.enter_context(_replaced(owner, attribute, ours))
        yield


@contextmanager
def explained_connections(answers: Callable[[str], bool], complain: Callable[[str], None]) -> Iterator[None]:
    """Explain refused connections in the block; enter it after names are redirected."""
    with ExitStack() as stack:
        if "pytest_socket" in sys.modules:
            ours = _explaining(socket.socket.connect, lambda _, address: address[0], answers, complain)
            setattr(ours, MARK, True)
            stack.enter_context(_replaced(socket.socket, "connect", ours))
        yield


def _explaining(
    inner: Callable[..., Any],
    host: Callable[..., object],
    answers: Callable[[str], bool],
    complain: Callable[[str], None],
) -> Callable[..., Any]:
    @wraps(inner)
    def call(*args: Any, **named: Any) -> Any:
        name = ascii_name(host(*args))
        if name != LED and not answers(name):
            return inner(*args, **named)
        with explained(lambda advice: complain(f"{name} was called: {advice}")):
            return inner(*args, **named)

    return call


@contextmanager
def _replaced(owner: Any, name: str, ours: Any) -> Iterator[None]:
    """Replace an attribute, and restore it afterwards unless other code has replaced it."""
    before = vars(owner).get(name)
    setattr(owner, name, ours)
    try:
        yield
    finally:
        if vars(owner).get(name) is not ours:
            pass
        elif before is None:
            delattr(owner, name)
        else:
            setattr(owner, name, before)
