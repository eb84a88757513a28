"""Streams of which nothing changes."""

from __future__ import annotations

import pytest

from fakefal.engine import waker
from fakefal.engine.emulator import Emulator
from fakefal.settings import Settings
from fakefal.wire import queue
from support.endpoints import O1
from support.server import served


def test_a_quiet_stream_is_kept_alive_by_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waker, "WATCH_SECONDS", 0.01)
    monkeypatch.setattr(queue, "KEEP_ALIVE_SECONDS", 0.005)
    with served(Emulator(Settings(effects=("stuck",)))) as server:
        submitted = server.submit(O1, {"prompt": "a lighthouse"})
        server.http.post("/_fakefal/clock", json={"speed": 0}).raise_for_status()
        with server.http.stream("GET", f"{submitted['status_url']}/stream") as stream:
            lines = (line for line in stream.iter_lines() if line)
            assert next(lines).startswith('data: {"status":"IN_QUEUE"')
            assert [next(lines) for _ in range(3)] == [": keep-alive"] * 3
            address = f"/_fakefal/requests/{submitted['request_id']}/advance"
            server.http.post(address, json={"to": "start"}).raise_for_status()
            assert next(line for line in lines if line.startswith("data")).startswith('data: {"status":"IN_PROGRESS"')


def test_it_is_kept_alive_about_every_fifteen_seconds() -> None:
    assert 14 < queue.KEEP_ALIVE_SECONDS < waker.WATCH_SECONDS <= 15
