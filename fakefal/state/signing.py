"""Webhook signatures: Ed25519 keys, their JWKS, and the bytes that are signed.

Recipe (fal's webhook documentation, 2026): request id, user id, timestamp and the hex SHA-256 of the
raw body, joined by line feeds; the signature in hex.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typing_extensions import override

Jwks = dict[str, list[dict[str, str]]]
"""A set of public keys (RFC 7517)."""

MOST_KEYS = 8


class SigningKeys(Protocol):
    """The keys of an emulator: the newest signs, older ones stay in the JWKS."""

    def sign(self, request_id: str, user_id: str, timestamp: str, body: bytes) -> str:
        """The signature of a webhook, 128 hex digits."""
        ...

    async def rotate(self) -> None:
        """Sign with a new key from now on."""
        ...

    async def jwks(self) -> Jwks:
        """What verifiers fetch, newest key first."""
        ...


class MemorySigningKeys(SigningKeys):
    """The keys of one process, which a restart forgets."""

    def __init__(self) -> None:
        self._keys = [Ed25519PrivateKey.generate()]

    @override
    def sign(self, request_id: str, user_id: str, timestamp: str, body: bytes) -> str:
        return signature(self._keys[-1], request_id, user_id, timestamp, body)

    @override
    async def rotate(self) -> None:
        self._keys = [*self._keys, Ed25519PrivateKey.generate()][-MOST_KEYS:]

    @override
    async def jwks(self) -> Jwks:
        return jwks(self._keys)


def signature(key: Ed25519PrivateKey, request_id: str, user_id: str, timestamp: str, body: bytes) -> str:
    """The signature of a webhook under a key."""
    return key.sign(signed_bytes(request_id, user_id, timestamp, body)).hex()


def jwks(keys: Sequence[Ed25519PrivateKey]) -> Jwks:
    """The public halves of keys, oldest first, as verifiers fetch them."""
    return {"keys": [_jwk(key) for key in reversed(keys)]}


def signed_bytes(request_id: str, user_id: str, timestamp: str, body: bytes) -> bytes:
    """What the signature covers."""
    return "\n".join((request_id, user_id, timestamp, hashlib.sha256(body).hexdigest())).encode()


def _jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    raw = key.public_key().public_bytes_raw()
    x = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    kid = hashlib.sha256(raw).hexdigest()[:16]
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "use": "sig", "alg": "EdDSA"}
