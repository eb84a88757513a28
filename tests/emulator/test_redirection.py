"""The redirection inside a process: what it answers, whom it asks, and that nothing stays of it."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from socket import getaddrinfo as held_since_import
from typing import Any

import pytest
import uvloop

from fakefal.server.authority import Authority
from fakefal.server.redirection import LED, LED_BY_RUN, Destination, Redirection, install, led_environ, uninstall

PATCHED = [
    *((socket, name) for name in ("gethostbyname", "gethostbyname_ex")),
    *((socket.socket, name) for name in ("connect", "connect_ex", "sendto")),
    *((ssl.SSLContext, name) for name in ("wrap_socket", "wrap_bio")),
    *((uvloop.Loop, name) for name in ("create_connection", "getaddrinfo", "sock_connect")),
    *((os, name) for name in ("execv", "execve", "posix_spawn")),
    (subprocess.Popen, "__init__"),
]
AUTHORITY = Authority().certificate.decode()


@contextmanager
def redirected(domain: str, *servers: socket.socket, led: str = LED) -> Iterator[None]:
    """Redirect a domain: port 80 to the first server, all others to the last."""
    plain, tls = (server.getsockname()[1] for server in (servers[0], servers[-1]))
    redirection = Redirection(lambda name: name.endswith(domain), lambda: Destination(tls, plain, AUTHORITY), led)
    install(redirection)
    try:
        yield
    finally:
        uninstall(redirection)


@pytest.fixture
def servers() -> Iterator[list[socket.socket]]:
    made = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    yield made
    for server in made:
        server.close()


def reached(address: Any) -> tuple[str, int]:
    with socket.create_connection(address, timeout=10) as connection:
        found: tuple[str, int] = connection.getpeername()
        return found


@pytest.mark.parametrize(("port", "place"), [(443, 1), (80, 0), (8443, 1)])
def test_a_port_leads_to_one_of_the_emulators(servers: list[socket.socket], port: int, place: int) -> None:
    with redirected("fal.test", *servers):
        assert reached(("queue.fal.test", port)) == servers[place].getsockname()
        assert reached((LED, port)) == servers[place].getsockname()


def test_a_function_held_since_long_ago_is_redirected_too(servers: list[socket.socket]) -> None:
    with redirected("fal.test", *servers):
        assert held_since_import("queue.fal.test", 443)[0][4] == (LED, 443)


def test_the_newest_is_asked_first_and_others_for_the_rest(servers: list[socket.socket]) -> None:
    with redirected("fal.test", servers[0]):
        with redirected("queue.fal.test", servers[1], led=LED_BY_RUN):
            assert reached(("queue.fal.test", 443)) == servers[1].getsockname()
            assert reached(("rest.fal.test", 443)) == servers[0].getsockname()
        assert reached(("queue.fal.test", 443)) == servers[0].getsockname()


def test_nothing_stays_of_it(servers: list[socket.socket]) -> None:
    before = [vars(owner).get(name) for owner, name in PATCHED]
    with redirected("fal.test", *servers):
        pass
    assert [vars(owner).get(name) for owner, name in PATCHED] == before


def test_a_patch_of_somebody_elses_above_ours_outlives_it(
    servers: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    with redirected("fal.test", *servers):
        ours = socket.socket.connect

        def theirs(self: socket.socket, address: Any) -> None:
            seen.append(address)
            ours(self, address)

        monkeypatch.setattr(socket.socket, "connect", theirs)
    with redirected("other.test", *servers), socket.create_connection(servers[0].getsockname()):
        pass
    with pytest.raises(OSError, match="refused"):
        reached((LED, 443))
    assert seen == [servers[0].getsockname(), (LED, 443)]


def test_a_process_that_is_redirected_starts_its_children_as_always(servers: list[socket.socket]) -> None:
    with redirected("fal.test", *servers):
        assert subprocess.check_output(["env"], env={"A": "b"}) == b"A=b\n"


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ("", "/ours"),
        ("/ours", "/ours"),
        ("/mine", "/ours:/mine"),
        ("/mine:/ours", "/ours:/mine"),
        ("/mine:/ours:/theirs", "/ours:/mine:/theirs"),
    ],
)
def test_our_folder_comes_first_and_once(own: str, expected: str) -> None:
    leading = {"PYTHONPATH": "/ours", "HTTPS_PROXY": "http://ours"}
    assert led_environ({"PYTHONPATH": own}, leading) == {"PYTHONPATH": expected, "HTTPS_PROXY": "http://ours"}
    assert led_environ({"HTTPS_PROXY": ""}, leading) == {"PYTHONPATH": "/ours", "HTTPS_PROXY": ""}
