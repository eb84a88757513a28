"""A stop lets go of TLS connections whose other side keeps silent."""

from __future__ import annotations

import signal
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from support.programs import FAKEFAL, ready
from support.waiting import LIMIT

pytestmark = pytest.mark.versions


def test_a_silent_tls_caller_does_not_hold_the_stop_up(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    command = [*FAKEFAL, "serve", "--port", "0", "--tls-port", "0", "--ready-file", str(file)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        told = ready(server, file)
        trusted = ssl.create_default_context(cafile=told["ca_file"])
        port = int(told["tls_url"].rpartition(":")[2])
        plain = socket.create_connection(("127.0.0.1", port))
        with trusted.wrap_socket(plain, server_hostname="localhost") as caller:
            caller.sendall(b"GET /_fakefal/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert caller.recv(15) == b"HTTP/1.1 200 OK"
            server.send_signal(signal.SIGTERM)
            _, errors = server.communicate(timeout=LIMIT)
    assert (server.returncode, errors) == (0, ""), "uvicorn would tell of a grace that ran out"
