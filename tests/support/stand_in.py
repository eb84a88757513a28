"""Stand in for fal's hosts in a network of one's own: run a command, and write down what of it arrives at them.

Usage: unshare -rnm python stand_in.py LOG CMD...

The hosts' names lead to an address on which this program answers TLS and plain HTTP.  Each connection is one line of
the log: the first bytes that came through it as JSON text, or an empty text.
"""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import trustme
from loopback_only import bring_up

from fakefal_contracts.hosts import HOSTS

ADDRESS = "127.8.8.8"
NAMES = (*HOSTS, "auth.fal.ai", "gateway.alpha.fal.ai", "router.huggingface.co")
ANSWER = b"HTTP/1.1 418 stand-in\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def lead_names_here() -> None:
    with tempfile.NamedTemporaryFile("w", delete=False) as hosts:
        hosts.write("127.0.0.1 localhost\n" + "".join(f"{ADDRESS} {name}\n" for name in NAMES))
    subprocess.run(["mount", "--bind", hosts.name, "/etc/hosts"], check=True)
    Path(hosts.name).unlink()


def listen(port: int, context: ssl.SSLContext | None, arrived: list[str]) -> None:
    server = socket.create_server((ADDRESS, port), backlog=100)

    def accept() -> None:
        while True:
            connection, _ = server.accept()
            arrived.append("")
            threading.Thread(target=answer, args=(connection, context, len(arrived) - 1, arrived), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def answer(connection: socket.socket, context: ssl.SSLContext | None, place: int, arrived: list[str]) -> None:
    try:
        secured = context.wrap_socket(connection, server_side=True) if context else connection
        arrived[place] = secured.recv(65536).decode("latin-1")
        secured.sendall(ANSWER)
        secured.close()
    except OSError:
        pass  # it did not trust us


if __name__ == "__main__":
    bring_up()
    lead_names_here()
    arrived: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(*NAMES).configure_cert(context)
    listen(443, context, arrived)
    listen(80, None, arrived)
    code = subprocess.run(sys.argv[2:], check=False).returncode
    Path(sys.argv[1]).write_text("".join(json.dumps(one) + "\n" for one in arrived), "utf-8")
    sys.exit(code)
