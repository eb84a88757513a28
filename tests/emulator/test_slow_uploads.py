"""Uploads that stall or die in the middle: nothing half-stored, and nobody else waits."""

from __future__ import annotations

import socket

import httpx
import pytest

from fakefal.engine.emulator import Emulator
from fakefal.settings import Settings
from support.endpoints import O1
from support.server import KEY, Server, served
from support.uploads import bearer, initiate, upload
from support.waiting import until
from support.wire import connect


class TestSlowUploads:
    HEAD = "{} HTTP/1.1\nHost: 127.0.0.1\nAuthorization: {}\nContent-Length: 1000000\n\n"

    def begin(self, server: Server, line: str, authorization: str) -> socket.socket:
        wire = connect(server)
        wire.sendall(self.HEAD.format(line, authorization).replace("\n", "\r\n").encode() + b'{"prompt": "')
        return wire

    def spool(self, server: Server) -> set[str]:
        return {path.suffix for path in server.emulator.files.folder.iterdir()}

    def test_who_dies_in_the_middle_leaves_nothing(self, victim: Server) -> None:
        token = bearer(victim)["Authorization"]
        with self.begin(victim, "POST /cdn/files/upload", token):
            until(lambda: ".part" in self.spool(victim))
            assert len(victim.http.get("/_fakefal/files").json()) == 1
        until(lambda: ".part" not in self.spool(victim))
        assert len(victim.emulator.files.all()) == 1

    def test_who_stalls_holds_nobody_up(self, victim: Server) -> None:
        token = bearer(victim)["Authorization"]
        stalled = [self.begin(victim, "POST /cdn/files/upload", token) for _ in range(20)]
        stalled += [self.begin(victim, f"POST /queue/{O1}", "Key tester:secret") for _ in range(20)]
        try:
            assert upload(victim)
            assert victim.result(O1, {"prompt": "x"}).status_code == 200
        finally:
            for wire in stalled:
                wire.close()
        until(lambda: ".part" not in self.spool(victim))
        assert len(victim.control("requests")) == 2

    def test_a_part_that_never_ends_is_no_part(self, victim: Server) -> None:
        upload = initiate(victim, file_name="a", content_type="a/b").json()
        url = httpx.URL(upload["upload_url"])
        line = f"PUT {url.path}/1?{url.query.decode()}"
        with self.begin(victim, line, "none"):
            until(lambda: ".part" in self.spool(victim))
        until(lambda: ".part" not in self.spool(victim))
        whole = url.copy_with(path=f"{url.path}/complete")
        answer = httpx.post(whole, json={"parts": [{"partNumber": 1}]}, trust_env=False)
        assert (answer.status_code, answer.json()) == (422, {"detail": "part 1 was not uploaded"})

    def test_the_server_stops_beside_them(self, caplog: pytest.LogCaptureFixture) -> None:
        with served(Emulator(Settings(profile="instant"))) as server:
            lines = [
                ("POST /cdn/files/upload", bearer(server)["Authorization"]),
                (f"POST /queue/{O1}", KEY["Authorization"]),
                (f"POST /run/{O1}", KEY["Authorization"]),
                ("POST /rest/storage/upload/initiate", KEY["Authorization"]),
            ]
            wires = [self.begin(server, *line) for line in lines]
            until(lambda: ".part" in self.spool(server))
            until(lambda: len(server.emulator._waker.limits) == len(lines))
        for wire in wires:
            with wire:
                answer = b"".join(iter(lambda wire=wire: wire.recv(65536), b""))
                assert answer.startswith(b"HTTP/1.1 503 ")
                assert b"the emulator is stopping" in answer
        assert caplog.messages == []
        assert not server.emulator.files.folder.exists()
