"""Verifies that a webhook comes from the service.

Facts: fal's documentation of webhooks (2026): Ed25519 over request id, user id, timestamp and the SHA-256 of
the raw body in hex, joined by line feeds; the keys at ``rest.fal.ai/.well-known/jwks.json``, to be kept
for 24 hours at most; 300 seconds of tolerance.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import Any

from fakefal_client.errors import FakefalError, InvalidWebhook
from fakefal_client.parsing import unexpected
from fakefal_client.retry import Deadline
from fakefal_client.session import Session
from fakefal_client.steps import Exclusive, Flow
from fakefal_contracts.development import SIGNING_SEED
from fakefal_contracts.hosts import Part

KEYS_SECONDS = 24 * 3600.0
REFRESH_SECONDS = 60.0
"""The pause before the keys are read again for the signature of an unknown key: fal may have rotated them."""
TOLERANCE_SECONDS = 300.0
PREFIX = "x-fal-webhook-"


@dataclass(frozen=True)
class Webhook:
    """A verified webhook.

    `payload` is the output, or the error body where `ok` is False.  The same webhook may come more than
    once: compare `request_id`.
    """

    request_id: str
    gateway_request_id: str
    ok: bool
    payload: Any
    error: str | None


class WebhookVerifier:
    """Verifies webhooks, and caches the service's public keys."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._keys: tuple[bytes, ...] = ()
        self._read_at = self._asked_at = float("-inf")
        self._asked = 0
        self._failure: FakefalError | None = None

    def verify(self, headers: Mapping[str, str], body: bytes) -> Flow[Webhook]:
        """Verify that the service signed the webhook, and that it is recent.

        Raises:
            InvalidWebhook: it is forged, changed, too old, or not a webhook.
            ServiceError, NetworkError: the public keys cannot be read, so it cannot be verified.
        """
        given = {name.lower(): value for name, value in headers.items()}
        signature = self._signature(given)
        signed = self._signed_text(given, body)
        target = self._session.target
        if target.is_fal and not target.is_led_to_fake and _made_by((_development_key(),), signature, signed):
            raise InvalidWebhook(
                "everybody can make this signature: its key is the development key of fakefal, not a key of fal"
            )
        if self._since(self._read_at) > KEYS_SECONDS or not _made_by(self._keys, signature, signed):
            yield from self._refresh()
            if not _made_by(self._keys, signature, signed):
                raise InvalidWebhook("no key of the service made this signature")
        return _parsed(body)

    def _since(self, moment: float) -> float:
        return self._session.clock.monotonic() - moment

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
            raise InvalidWebhook("the timestamp is not a number") from None
        if abs(age) > TOLERANCE_SECONDS:
            raise InvalidWebhook(f"the timestamp is {age:.0f} seconds off; {TOLERANCE_SECONDS:.0f} are allowed")
        return "\n".join([*map(str, values), hashlib.sha256(body).hexdigest()]).encode()

    def _refresh(self) -> Flow[None]:
        """Read the keys again, once for concurrent callers.  Forged webhooks cannot cause frequent reads."""
        asked = self._asked
        yield Exclusive()
        if self._asked == asked and (not self._keys or self._since(self._asked_at) > REFRESH_SECONDS):
            try:
                self._keys = yield from self._read()
                self._failure, self._read_at = None, self._session.clock.monotonic()
            except FakefalError as error:
                self._failure = error
            self._asked_at = self._session.clock.monotonic()
            self._asked += 1
        if self._failure is not None:
            raise copy(self._failure) from self._failure

    def _read(self) -> Flow[tuple[bytes, ...]]:
        session = self._session
        url = session.target.url(Part.REST, "/.well-known/jwks.json")
        reply = yield from session.read(session.bare_call("GET", url), Deadline(session.timeout_seconds, session.clock))
        said = reply.json()
        keys = tuple(_public_keys(said.get("keys") if isinstance(said, dict) else None))
        if not keys:
            raise unexpected(reply, "list of keys")
        return keys


def _made_by(keys: Iterable[bytes], signature: bytes, signed: bytes) -> bool:
    """Whether the signature fits one of these public keys."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    for key in keys:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
        except (InvalidSignature, ValueError):
            continue
        return True
    return False


@cache
def _development_key() -> bytes:
    """The public key of every emulator on loopback."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(SIGNING_SEED).public_key().public_bytes_raw()


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
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InvalidWebhook("the body is not a webhook of the service") from None
