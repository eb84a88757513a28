"""An emulator on a socket, as tests speak to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from fakefal.engine.emulator import Emulator
from fakefal.server.serving import serving
from fakefal.settings import Settings
from fakefal.store.opening import open_parts
from support.waiting import LIMIT

KEY = {"Authorization": "Key tester:secret"}
SECRET = "0123456789abcdef0123456789abcdef"
"""What must be seen nowhere."""


def emulator_with(settings: Settings, **parts: Any) -> Emulator:
    """An emulator of which these parts are a test's own."""
    return Emulator(settings, open_parts(settings, **parts))


class Server:
    """An emulator on a socket, its address, and an HTTP client that speaks to it."""

    def __init__(self, emulator: Emulator, url: str, http: httpx.Client) -> None:
        self.emulator = emulator
        self.url = url
        self.http = http

    def submit(self, endpoint_id: str, arguments: Any, **headers: str) -> dict[str, Any]:
        """Submit to the queue; returns the answer's body."""
        answer = self.http.post(f"/queue/{endpoint_id}", json=arguments, headers=headers)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def result(self, endpoint_id: str, arguments: Any) -> httpx.Response:
        """Submit, and ask for the result at once: right for the instant profile."""
        return self.http.get(self.submit(endpoint_id, arguments)["response_url"])

    def control(self, path: str, **params: Any) -> Any:
        """What the control API shows under a path."""
        answer = self.http.get(f"/_fakefal/{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def advance(self, seconds: float, **params: Any) -> None:
        """Move the clock."""
        assert self.http.post("/_fakefal/clock", json={"advance": seconds}, params=params).is_success

    def inject(self, effect: str, **when: Any) -> None:
        """Let an effect happen to what comes, or to some of it."""
        self.http.post("/_fakefal/scenarios", json={"effect": effect, **when}).raise_for_status()

    def journal(self, **params: Any) -> list[dict[str, Any]]:
        """The calls that were made, the newest first."""
        calls: list[dict[str, Any]] = self.control("journal", **params)
        return calls

    def metrics(self) -> dict[tuple[str, ...], float]:
        """Every sample by its name and the values of its labels."""
        page = self.http.get("/_fakefal/metrics")
        assert page.headers["content-type"].startswith("text/plain; version=")
        families = text_string_to_metric_families(page.text)
        return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


Serve = Callable[..., Server]
"""Starts servers: keyword arguments are settings, or an emulator of the test's own."""


def caller(url: str) -> httpx.Client:
    """An HTTP client of a server of the tests."""
    # reading the certificates of TLS, which is not spoken here, costs more than starting the server
    return httpx.Client(base_url=url, headers=KEY, trust_env=False, verify=False, timeout=LIMIT)


@contextmanager
def served(emulator: Emulator) -> Iterator[Server]:
    """An emulator on a socket while the block lasts."""
    with serving(emulator=emulator) as where, caller(where.url) as http:
        yield Server(emulator, where.url, http)
