"""A web server that receives webhooks, and the public recipe that verifies them, for any test."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from support.endpoints import O1
from support.waiting import until

if TYPE_CHECKING:
    from support.server import Server


@dataclass
class Received:
    """One call that a receiver got."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A web server that keeps what it gets and answers with the next of its `answers`, 200 after them."""

    url: str = ""
    answers: list[int | str] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)

    def answer(self, received: Received) -> int | str:  # noqa: ARG002 - others look at what came
        """What is answered to a call: a status, or how the answer goes wrong."""
        return self.answers.pop(0) if self.answers else 200

    def wait(self, count: int) -> list[Received]:
        """What came, once so much of it did."""
        until(lambda: len(self.received) >= count)
        return self.received


@contextmanager
def receiving(receiver: Receiver) -> Iterator[Receiver]:
    """Let a receiver listen while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            wanted = int(self.headers["content-length"])
            body = self.rfile.read(wanted)
            if len(body) < wanted:
                return  # its sender died over it
            received = Received(self.path, dict(self.headers), body)
            receiver.received.append(received)
            answer = receiver.answer(received)
            if answer == "garbage":
                self.wfile.write(b"\x00\xff garbage\r\n\r\n")
            elif answer == "hang":
                self.rfile.read(1)  # until the caller has gone
            elif answer != "crash":
                self.send_response(int(answer))
                self.send_header("Location", f"{receiver.url}/elsewhere")
                self.end_headers()
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    class Listening(ThreadingHTTPServer):
        request_queue_size = 1024  # so many may call at once; with the usual 5 the kernel turns some away

    with Listening(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(Receiver()) as receiver:
        yield receiver


def public_keys(server: Server) -> list[dict[str, str]]:
    """The keys that the server publishes."""
    jwks = server.http.get("/.well-known/jwks.json", headers={"Host": "rest.fal.ai"}).json()
    keys: list[dict[str, str]] = jwks["keys"]
    return keys


def verify_by(keys: list[dict[str, str]], received: Received) -> None:
    """The public recipe, with an independent library."""
    headers = {name.lower(): value for name, value in received.headers.items()}
    message = "\n".join(
        [
            headers["x-fal-webhook-request-id"],
            headers["x-fal-webhook-user-id"],
            headers["x-fal-webhook-timestamp"],
            hashlib.sha256(received.body).hexdigest(),
        ]
    ).encode()
    assert abs(int(headers["x-fal-webhook-timestamp"]) - time.time()) < 300, "stamped with real time"
    signature = headers["x-fal-webhook-signature"]
    assert re.fullmatch(r"[0-9a-f]{128}", signature)
    for key in keys:
        assert (key["kty"], key["crv"]) == ("OKP", "Ed25519")
        try:
            VerifyKey(base64.urlsafe_b64decode(key["x"] + "==")).verify(message, bytes.fromhex(signature))
        except BadSignatureError:
            continue
        return
    pytest.fail("no key of the JWKS verifies the signature")


def verify(server: Server, received: Received) -> None:
    """Verify a webhook by the keys that the server publishes now."""
    verify_by(public_keys(server), received)


def submit(server: Server, url: str, arguments: Any = None) -> dict[str, Any]:
    """Submit a request whose webhook goes to an address."""
    answer = server.http.post(f"/queue/{O1}", params={"fal_webhook": url}, json=arguments or {"prompt": "x"})
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body
