"""A client of a fake reaches nothing but the fake, whatever goes wrong there."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fakefal.engine.emulator import Emulator
from fakefal.server.app import build_app
from fakefal.server.authority import Authority
from fakefal.server.serving import bind, hosting, serving_from
from fakefal.settings import Settings
from fakefal.testing.names import Guard, guarded_names
from fakefal_client import FakefalError, Retry, Unreachable
from support.clients import MakeClient
from support.endpoints import O1
from support.server import Server

BODY = {"prompt": "a lighthouse"}
SOON = Retry(first_seconds=0.001)


@pytest.fixture
def looked_up() -> Iterator[list[str]]:
    """Every name but loopback that is looked up, none of which is found."""
    found: list[str] = []
    with guarded_names(Guard(lambda name: name not in ("127.0.0.1", "localhost"), found.append)):
        yield found


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def over_tls(authority: Authority) -> Iterator[str]:
    """The address of an emulator behind a certificate that nobody knows."""
    emulator = Emulator(Settings(profile="instant"))
    tls = bind("127.0.0.1", 0)
    serve = partial(hosting, build_app(emulator), tls=tls, context=authority.server_context())
    with serving_from(serve) as where:
        yield f"https://127.0.0.1:{where.tls_port}"


def test_a_certificate_that_is_not_trusted_is_a_dead_end(
    make_client: MakeClient, over_tls: str, looked_up: list[str], tmp_path: Path
) -> None:
    client = make_client(over_tls, contract="documented", retry=SOON, budget=1)
    calls = [
        lambda: client.submit(O1, BODY),
        lambda: client.run(O1, BODY),
        lambda: client.upload(b"x"),
        lambda: client.download(f"{over_tls}/cdn/files/a.mp4", tmp_path / "a.mp4"),
        lambda: list(client.resume("abc", O1).updates(stream=True)),
    ]
    for call in calls:
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            call()
    assert (client.budget.pending, looked_up) == (0, [])


def test_the_environment_says_which_certificates_are_trusted(
    make_client: MakeClient, over_tls: str, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_bytes(authority.certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    client = make_client(over_tls, retry=SOON, poll_seconds=0.005)
    assert client.subscribe(O1, BODY)["video"]["url"].startswith(f"{over_tls}/cdn/")


@pytest.mark.parametrize(
    "effect", ["ingress_502", "gateway_503", "drop_before_accept", "accept_then_drop", "locked_account", "queue_full"]
)
def test_no_fault_makes_it_try_a_backup_host(
    make_client: MakeClient, server: Server, looked_up: list[str], effect: str
) -> None:
    server.http.post("/_fakefal/scenarios", json={"effect": effect})
    client = make_client(server.url, retry=SOON)
    for call in (client.submit, client.subscribe, client.run):
        with pytest.raises(FakefalError):
            call(O1, BODY)
    assert looked_up == []


def test_a_fake_that_is_down_has_no_stand_in(make_client: MakeClient, looked_up: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    client = make_client(url, contract="documented", retry=SOON)
    calls: list[Callable[[], Any]] = [lambda: client.submit(O1, BODY), lambda: client.upload(b"x")]
    for call in calls:
        with pytest.raises(Unreachable):
            call()
    assert looked_up == []
