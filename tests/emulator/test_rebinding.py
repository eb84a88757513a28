"""DNS rebinding: a web page gives its own name the address 127.0.0.1, and reads what the emulator on it answers."""

from __future__ import annotations

import http.client
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fakefal.proxy.app import ValidatingProxy
from fakefal.proxy.upstream import Upstream
from fakefal.recording.folder import ExchangeWriter
from fakefal.recording.spend_limit import SpendLimit
from fakefal.server.serving import hosting, serving_from
from fakefal.settings import load_settings
from fakefal.testing import Fakefal
from support.endpoints import I2V, O1
from support.server import KEY, Serve, Server

PROMPTS = f"/platform/v1/models/requests/by-endpoint?endpoint_id={O1}&expand=payloads"
TARGETS = (
    ("GET", PROMPTS, KEY),
    ("GET", "/proxy", {"x-fal-target-url": f"https://api.fal.ai{PROMPTS.removeprefix('/platform')}"}),
    ("POST", f"/queue/{O1}", KEY),
    ("POST", f"/run/{I2V}", KEY),
    ("GET", "/cdn/files/b/0/a.png", {}),
    ("GET", "/rest/users/current", KEY),
    ("GET", "/_fakefal/journal", {}),
    ("GET", "/openapi.json", {}),
    ("GET", "/", {}),
)
FOREIGN = ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "evil.example:80", "0.0.0.0", "8.8.8.8")
OWN = ("localhost", "app.localhost", "127.0.0.1", "127.0.0.2", "[::1]", "queue.fal.run", "v3b.fal.media", "LOCALHOST.")


def call(url: str, method: str, target: str, headers: dict[str, str], host: str) -> tuple[int, Any]:
    """A call as a page under a name of its own makes it: same-origin, so without an Origin header."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        connection.request(method, target, headers={"Sec-Fetch-Site": "same-origin"} | headers | {"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("host", FOREIGN)
def test_a_page_reads_nothing_under_its_own_name(server: Server, host: str) -> None:
    server.submit(O1, {"prompt": "a secret plan"})
    for method, target, headers in TARGETS:
        status, body = call(server.url, method, target, headers, host)
        assert status == 403, target
        assert b"secret" not in body
        assert "add the name to the setting hosts" in json.loads(body)["detail"]


def test_own_names_are_answered(server: Server) -> None:
    server.submit(O1, {"prompt": "mine"}, **KEY)
    assert b"mine" in call(server.url, "GET", PROMPTS, KEY, "localhost")[1]
    for host in OWN:
        assert call(server.url, "POST", f"/{O1}", KEY, host)[0] != 403, host


def test_names_of_the_user_are_answered(serve: Serve) -> None:
    settings = load_settings({"hosts": "Fake.lan, other.lan", "public_url": "https://emulator.example/fal"}, environ={})
    server = serve(hosts=settings.hosts, public_url=settings.public_url)
    for host in ("fake.lan", "other.lan:8710", "EMULATOR.example"):
        assert call(server.url, "POST", f"/queue/{O1}", KEY, host)[0] == 200
        assert call(server.url, "GET", "/_fakefal/requests", {}, host)[0] == 200
    assert call(server.url, "POST", f"/queue/{O1}", KEY, "evil.example")[0] == 403


def test_no_host_at_all_is_no_name_of_ours(server: Server) -> None:
    assert call(server.url, "POST", f"/queue/{O1}", KEY, "")[0] == 403


def test_a_fixture_on_a_socket_is_closed_too() -> None:
    with Fakefal() as fake:
        assert call(fake.serve(), "GET", PROMPTS, KEY, "evil.example")[0] == 403


def test_the_proxy_that_spends_money_is_closed_too(tmp_path: Path) -> None:
    writer = ExchangeWriter(tmp_path, source="upstream")
    proxy = ValidatingProxy(Upstream("http://127.0.0.1:1"), SpendLimit(Decimal(1)), writer)
    app = proxy.app()
    with serving_from(lambda bound: hosting(app, bound, closing=proxy.close_streams)) as where:
        assert call(where.url, "POST", f"/queue/{O1}", KEY, "evil.example")[0] == 403
        assert call(where.url, "GET", "/", {}, "localhost")[0] == 200
