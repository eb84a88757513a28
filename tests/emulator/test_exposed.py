"""A server that others than this machine can reach: what it lends to nobody, calls for nobody, and says of itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakefal.server.serving import serving
from fakefal.settings import Settings
from support.endpoints import O1
from support.receivers import Receiver, receiving

KEYS = {"mine": "secret"}
MINE = {"Authorization": "Key mine:secret"}
TARGET = {"x-fal-target-url": f"https://queue.fal.run/{O1}"}
TOKEN = {"Authorization": "Bearer t0ken"}


@contextmanager
def served(host: str, **settings: Any) -> Iterator[httpx.Client]:
    """A client of a server bound to this address."""
    told = Settings(profile="instant", control_token="t0ken", development_key=False, **settings)
    with serving(told, host=host) as where, httpx.Client(base_url=where.url, trust_env=False) as http:
        yield http


class TestTheProxy:
    def test_beyond_loopback_it_asks_for_the_callers_key(self) -> None:
        with served("0.0.0.0", keys=KEYS) as http:
            refused = http.post("/proxy", json={"prompt": "x"}, headers=TARGET)
            assert refused.status_code == 401
            assert "or set open_proxy" in refused.json()["detail"]
            assert http.post("/proxy", json={"prompt": "x"}, headers=TARGET | MINE).status_code == 200
            wrong = {"Authorization": "Key mine:guessed"}
            assert http.post("/proxy", json={"prompt": "x"}, headers=TARGET | wrong).status_code == 401

    @pytest.mark.parametrize(
        ("host", "settings"),
        [("127.0.0.1", {"keys": KEYS}), ("0.0.0.0", {}), ("0.0.0.0", {"keys": KEYS, "open_proxy": True})],
    )
    def test_else_it_lends_its_own(self, host: str, settings: dict[str, Any]) -> None:
        with served(host, **settings) as http:
            assert http.post("/proxy", json={"prompt": "x"}, headers=TARGET).status_code == 200


class TestWebhooks:
    def fate(self, http: httpx.Client, url: str) -> tuple[str, str]:
        """What became of a webhook to this address, and the problem of its try."""
        submitted = http.post(f"/queue/{O1}", params={"fal_webhook": url}, json={"prompt": "x"}, headers=MINE)
        assert submitted.status_code == 200
        http.post("/_fakefal/clock", json={"advance": 0}, headers=TOKEN).raise_for_status()
        (one,) = http.get("/_fakefal/webhooks", headers=TOKEN).json()
        return one["fate"], one["attempts"][0]["error"] or ""

    @pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "0.0.0.0", "2130706433", "[::ffff:127.0.0.1]"])
    @pytest.mark.parametrize("anywhere", [False, True])
    def test_beyond_loopback_none_goes_to_loopback(self, name: str, anywhere: bool) -> None:
        with receiving(Receiver()) as receiver, served("0.0.0.0", webhooks_anywhere=anywhere) as http:
            fate, problem = self.fate(http, receiver.url.replace("127.0.0.1", name))
            assert fate == "failed"
            assert "set webhooks_loopback to allow it" in problem
            assert receiver.received == []

    def test_where_the_user_allows_it_one_does(self) -> None:
        with receiving(Receiver()) as receiver, served("0.0.0.0", webhooks_loopback=True) as http:
            assert self.fate(http, receiver.url)[0] == "delivered"

    def test_on_loopback_one_does(self) -> None:
        with receiving(Receiver()) as receiver, served("127.0.0.1") as http:
            assert self.fate(http, receiver.url)[0] == "delivered"


class TestWhatItSaysOfItself:
    def test_the_announced_address_has_a_control_api(self) -> None:
        for host in ("0.0.0.0", "::"):
            with served(host) as http:
                assert http.base_url.host in ("127.0.0.1", "::1")
                assert http.get("/_fakefal/health", headers=TOKEN).status_code == 200

    def test_the_control_api_answers_under_any_address_and_no_foreign_name(self) -> None:
        with served("0.0.0.0") as http:
            for host, status in (("192.168.1.5:8710", 200), ("[fd00::1]:8710", 200), ("evil.example", 403)):
                assert http.get("/_fakefal/health", headers=TOKEN | {"Host": host}).status_code == status

    def test_the_token_is_told_once_it_listens(self, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "fakefal", "serve", "--port", "0", "--host", "0.0.0.0"]
        environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
        server = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path, env=environ
        )
        assert server.stdout is not None
        said = [server.stdout.readline() for _ in range(2)]
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=20)
        assert said[0].startswith("fakefal listens on http://127.0.0.1:")
        assert said[1].startswith("The control API needs this token: ")

    def test_a_port_in_use_tells_no_token(self) -> None:
        with served("0.0.0.0") as http:
            command = [sys.executable, "-m", "fakefal", "serve", "--port", str(http.base_url.port), "--host", "0.0.0.0"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "token" not in done.stdout + done.stderr
