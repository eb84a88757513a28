"""Webhooks: a receiver on this machine, and what fal's documents say of its deliveries."""

from __future__ import annotations

import base64
import hashlib
import json
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from fakefal.conform.cancelling import ENDPOINT
from fakefal.conform.claims import Claim, demand, outcomes
from fakefal.conform.request_life import broken, sample
from fakefal.conform.results import ClaimOutcome, ClaimState, NotRun
from fakefal.conform.service import TargetService
from fakefal_contracts.hosts import Part

TOLERANCE_SECONDS = 300
HEADERS = ("request-id", "user-id", "timestamp", "signature")


@dataclass(frozen=True)
class Received:
    """One delivery: headers by lower-case name, and the signed bytes."""

    headers: Mapping[str, str]
    body: bytes


@contextmanager
def receiving(port: int = 0) -> Iterator[tuple[str, queue.Queue[Received]]]:
    """A receiver on loopback during the block: its address, and its deliveries."""
    received: queue.Queue[Received] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            received.put(Received({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing: the outcomes report the deliveries."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", received
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True)
class WebhookTraces:
    """Receives webhooks of a refused request and of an accepted one.

    Attributes:
        service: sends the webhooks.
        url: the address that the target gets; None means the receiver's own, which only a fake reaches.
        port: the receiver's port on loopback.
        patience_seconds: how long a delivery may take.
    """

    service: TargetService
    url: str | None = None
    port: int = 0
    patience_seconds: float = 30.0

    def outcomes(self) -> Iterator[ClaimOutcome]:
        """Every claim."""
        if self.url is None and not self.service.target.local:
            why = "the service cannot reach this machine: give --webhook-url and --webhook-port"
            yield ClaimOutcome("webhooks", "deliveries", ClaimState.NOT_RUN, detail=why)
            return
        with receiving(self.port) as (address, received):
            for good, kind in ((False, "a refused request"), (True, "an accepted request")):
                claims = self._claims(kind, self.url or address, received, good=good)
                yield from outcomes(self.service.target, "webhooks", claims)

    def _claims(self, kind: str, url: str, received: queue.Queue[Received], *, good: bool) -> Iterator[Claim]:
        got: list[tuple[str, Received, Any]] = []

        def delivery() -> None:
            arguments = sample(ENDPOINT) if good else broken(ENDPOINT)
            submitted = self.service.submit(ENDPOINT.id, arguments, {"fal_webhook": url})
            for _ in self.service.states(submitted):
                pass
            result = self.service.fetch(submitted)
            got.append((submitted.request_id, self._wait(received, submitted.request_id), result.json))

        def of(check: Any) -> Any:
            def ask() -> None:
                if not got:
                    raise NotRun("no delivery arrived")
                check(*got[0])

            return ask

        yield f"{kind}: it is delivered", delivery
        yield f"{kind}: its body", of(_made if good else _refused)
        yield f"{kind}: its bytes are sorted, in Python's spacing", of(_spelled)
        yield f"{kind}: its four headers", of(_headers)
        yield f"{kind}: its signature, by the published keys", of(self._signed)

    def _wait(self, received: queue.Queue[Received], request_id: str) -> Received:
        """The delivery of a request; others may come in between."""
        end = time.monotonic() + self.patience_seconds
        while (left := end - time.monotonic()) > 0:
            try:
                one = received.get(timeout=left)
            except queue.Empty:
                break
            if one.headers.get("x-fal-webhook-request-id") == request_id or request_id.encode() in one.body:
                return one
        demand(holds=False, expected=f"a delivery within {self.patience_seconds:g} s", found="none")
        raise AssertionError

    def _signed(self, _: str, one: Received, __: Any) -> None:
        answer = self.service.target.call("GET", Part.REST, "/.well-known/jwks.json", key=False)
        keys = answer.json.get("keys", ()) if isinstance(answer.json, dict) else ()
        demand(bool(keys), "keys", answer)
        demand(any(_verifies(key, one) for key in keys), "a signature by one of the published keys", one.headers)


def _verifies(key: Mapping[str, str], one: Received) -> bool:
    """Whether a published key signed the delivery: request, user, time and digest, by lines (fal's documents, 2026)."""
    signed = [one.headers.get(f"x-fal-webhook-{name}", "") for name in HEADERS[:3]]
    message = "\n".join([*signed, hashlib.sha256(one.body).hexdigest()]).encode()
    try:
        public = base64.urlsafe_b64decode(f"{key['x']}==")
        signature = bytes.fromhex(one.headers.get("x-fal-webhook-signature", ""))
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError, KeyError):
        return False
    return True


def _body(one: Received) -> dict[str, Any]:
    try:
        body = json.loads(one.body)
    except ValueError:
        body = None
    demand(isinstance(body, dict), "a JSON object", one.body[:200])
    assert isinstance(body, dict)
    return body


def _made(request_id: str, one: Received, result: Any) -> None:
    body = _body(one)
    expected = {"error": None, "payload": result, "request_id": request_id, "status": "OK"}
    demand({name: body.get(name) for name in expected} == expected, str(expected), body)
    demand("gateway_request_id" in body, "gateway_request_id", body)


def _refused(request_id: str, one: Received, result: Any) -> None:
    body = _body(one)
    expected = {
        "error": "Invalid status code: 422",
        "payload": result,
        "request_id": request_id,
        "status": "ERROR",
    }
    demand({name: body.get(name) for name in expected} == expected, str(expected), body)


def _spelled(_: str, one: Received, __: Any) -> None:
    spelled = json.dumps(_body(one), sort_keys=True)
    unescaped = json.dumps(_body(one), sort_keys=True, ensure_ascii=False)
    demand(one.body.decode() in (spelled, unescaped), spelled[:200], one.body[:200])


def _headers(request_id: str, one: Received, __: Any) -> None:
    missing = [name for name in HEADERS if f"x-fal-webhook-{name}" not in one.headers]
    demand(not missing, "x-fal-webhook-request-id, -user-id, -timestamp and -signature", one.headers)
    demand(one.headers["x-fal-webhook-request-id"] == request_id, request_id, one.headers)
    stamp = one.headers["x-fal-webhook-timestamp"]
    fresh = stamp.isdecimal() and abs(int(stamp) - time.time()) < TOLERANCE_SECONDS
    demand(fresh, "a timestamp of now, in seconds", stamp)
