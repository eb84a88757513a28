"""Uploads that go whole and in parts, to an emulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakefal_client import Progress, uploads
from support.clients import MakeClient
from support.server import Server

pytestmark = pytest.mark.quick

LIMIT, PART = 100, 40
CONTENT = bytes(range(LIMIT + 1))


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "LARGEST_WHOLE", LIMIT)
    monkeypatch.setattr(uploads, "PART_BYTES", PART)


def calls(server: Server) -> list[str]:
    """What the CDN was asked, in short and in order."""
    journal = reversed(server.http.get("/_fakefal/journal").json())
    return [f"{one['method']} {one['path'].rpartition('/')[2]}" for one in journal if one["part"] == "cdn"]


@pytest.mark.parametrize("kind", ["bytes", "path"])
def test_above_the_limit_it_goes_in_parts(make_client: MakeClient, server: Server, tmp_path: Path, kind: str) -> None:
    (tmp_path / "large.bin").write_bytes(CONTENT)
    seen: list[Any] = []
    source = CONTENT if kind == "bytes" else tmp_path / "large.bin"
    address = make_client(server.url).upload(source, file_name=" large.bin", on_progress=seen.append)
    assert calls(server) == ["POST multipart", "PUT 1", "PUT 2", "PUT 3", "POST complete"]
    assert server.http.get(address).content == CONTENT
    assert seen == [Progress(done, LIMIT + 1) for done in (40, 80, 101)]


def test_up_to_the_limit_it_goes_whole(make_client: MakeClient, server: Server) -> None:
    seen: list[Any] = []
    address = make_client(server.url).upload(CONTENT[:LIMIT], file_name="small.bin", on_progress=seen.append)
    assert calls(server) == ["POST upload"]
    assert server.http.get(address).content == CONTENT[:LIMIT]
    assert seen == [Progress(LIMIT, LIMIT)]
