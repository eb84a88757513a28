"""Webhooks: whether one really comes from the service.

Facts: fal's documentation of webhooks (2026): Ed25519 over request id, user id, timestamp and the SHA-256 of
the raw body in hex, joined by line feeds; the keys at ``rest.fal.ai/.well-known/jwks.json``, to be kept
for 24 hours at most; 300 seconds of tolerance.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fakefal_client.errors import InvalidWebhook
from fakefal_client.retry import Deadline
from fakefal_client.session import Session
from fakefal_client.steps import Flow
from fakefal_contracts.hosts import Part

KEYS_SECONDS = 24 * 3600.0
REFRESH_SECONDS = 60.0
"""How soon a signature that no known key made has the keys fetched again: they may have been rotated."""
TOLERANCE_SECONDS = 300.0
PREFIX = "x-fal-webhook-"


@dataclass(frozen=True)
class Webhook:
    """A webhook whose signature is right.

    `payload` is the output, or the error body where `ok` is False.  The same webhook may come more than
    once: `request_id` tells.
    """

    request_id: str
    gateway_request_id: str
    ok: bool
    payload: Any
    error: str | None


class Webhooks:
    """Verifies webhooks, and keeps the service's public keys for that."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._keys: tuple[bytes, ...] = ()
        self._fetched_at = self._asked_at = float("-inf")

    def verify(self, headers: Mapping[str, str], body: bytes) -> Flow[Webhook]:
        """The webhook, if the service signed it and it is fresh.

        Raises:
            InvalidWebhook: it is not; besides what reading the keys raises.
        """
        given = {name.lower(): value for name, value in headers.items()}
        signature = self._signature(given)
        signed = self._signed_text(given, body)
        if self._age() > KEYS_SECONDS or not self._matches(signature, signed):
            if self._session.clock.monotonic() - self._asked_at > REFRESH_SECONDS:
                yield from self._fetch()
            if not self._matches(signature, signed):
                raise InvalidWebhook("no key of the service made this signature")
        return _parsed(body)

    def _age(self) -> float:
        return self._session.clock.monotonic() - self._fetched_at

    @staticmethod
    def _signature(headers: Mapping[str, str]) -> bytes:
        try:
            return bytes.fromhex(headers.get(f"{PREFIX}signature", ""))
        except ValueError:
            raise InvalidWebhook("the signature is not hexadecimal") from None

    def _signed_text(self, headers: Mapping[str, str], body: bytes) -> bytes:
        names = ("request-id", "user-id", "timestamp")
        values = [headers.get(f"{PREFIX}{name}") for name in names]
        if None in values:
            raise InvalidWebhook(f"the headers {', '.join(PREFIX + name for name in names)} are needed")
        try:
            age = self._session.clock.wall() - int(values[2] or "")
        except ValueError:
            raise InvalidWebhook("the timestamp is no number") from None
        if abs(age) > TOLERANCE_SECONDS:
            raise InvalidWebhook(f"the timestamp is {age:.0f} seconds off; {TOLERANCE_SECONDS:.0f} are allowed")
        return "\n".join([*map(str, values), hashlib.sha256(body).hexdigest()]).encode()

    def _matches(self, signature: bytes, signed: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        for key in self._keys:
            try:
                Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
            except (InvalidSignature, ValueError):
                continue
            return True
        return False

    def _fetch(self) -> Flow[None]:
        session = self._session
        url = session.target.url(Part.REST, "/.well-known/jwks.json")
        deadline = Deadline(session.timeout_seconds, session.clock)
        self._asked_at = session.clock.monotonic()  # failures count, too: strangers must not make us ask often
        reply = yield from session.read(session.bare_call("GET", url), deadline)
        said = reply.json()
        self._keys = tuple(_public_keys(said.get("keys") if isinstance(said, dict) else None))
        self._fetched_at = session.clock.monotonic()


def _public_keys(given: Any) -> Iterator[bytes]:
    for key in given if isinstance(given, list) else ():
        text = key.get("x") if isinstance(key, dict) else None
        if isinstance(text, str):
            try:
                yield base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            except (binascii.Error, ValueError):
                continue


def _parsed(body: bytes) -> Webhook:
    try:
        said = json.loads(body)
        return Webhook(
            said["request_id"],
            said.get("gateway_request_id", said["request_id"]),
            said["status"] == "OK",
            said.get("payload"),
            said.get("error") or said.get("payload_error"),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InvalidWebhook("the body is no webhook of the service") from None
