"""Webhook signatures: Ed25519 keys, their JWKS, and the bytes that are signed.

Recipe (fal's webhook documentation, 2026): request id, user id, timestamp and the hex SHA-256 of the
raw body, joined by line feeds; the signature in hex.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from typing_extensions import override

from fakefal_contracts.development import SIGNING_SEED

Jwks = dict[str, list[dict[str, str]]]
"""A set of public keys (RFC 7517)."""

if TYPE_CHECKING:  # it takes long to import: whoever signs does that
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MOST_SIGNING_KEYS = 8
KEY_BYTES = 32

DEVELOPMENT_KEY = SIGNING_SEED.hex()
"""The signing key on loopback, equal on all machines, so that receivers can cache the key set when servers restart."""


class SigningKeys(Protocol):
    """The signing keys of an emulator: the newest one signs, older ones stay in the JWKS."""

    def sign(self, request_id: str, user_id: str, timestamp: str, body: bytes) -> str:
        """The signature of a webhook, 128 hex digits."""
        ...

    async def rotate(self) -> None:
        """Sign with a new key from now on."""
        ...

    async def jwks(self) -> Jwks:
        """The public keys, newest first."""
        ...


class MemorySigningKeys(SigningKeys):
    """The keys of one process.

    Args:
        keys: in hex, oldest first; by default the development key alone.
        keep: stores all keys, in this form, before a rotation takes effect.

    Raises:
        ValueError: there is no key, or one is not 64 hexadecimal digits.
    """

    def __init__(
        self, keys: Sequence[str] = (DEVELOPMENT_KEY,), keep: Callable[[list[str]], None] = lambda _: None
    ) -> None:
        if not keys:
            raise ValueError("there must be a key")
        if any(len(bytes.fromhex(key)) != KEY_BYTES for key in keys):
            raise ValueError(f"a key has {2 * KEY_BYTES} hexadecimal digits")
        self._keys = list(keys)
        self._keep = keep

    @override
    def sign(self, request_id: str, user_id: str, timestamp: str, body: bytes) -> str:
        return signature(signing_key(self._keys[-1]), request_id, user_id, timestamp, body)

    @override
    async def rotate(self) -> None:
        keys = [*self._keys, new_key()][-MOST_SIGNING_KEYS:]
        self._keep(keys)
        self._keys = keys

    @override
    async def jwks(self) -> Jwks:
        return jwks([signing_key(key) for key in self._keys])


def new_key() -> str:
    """A new random private key, in hex."""
    return secrets.token_hex(32)


@lru_cache(MOST_SIGNING_KEYS)
def signing_key(text: str) -> Ed25519PrivateKey:
    """A private key from its hex.

    Raises:
        ValueError: it is not 64 hexadecimal digits.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text))


def signature(key: Ed25519PrivateKey, request_id: str, user_id: str, timestamp: str, body: bytes) -> str:
    """The signature of a webhook under a key."""
    return key.sign(signed_bytes(request_id, user_id, timestamp, body)).hex()


def jwks(keys: Sequence[Ed25519PrivateKey]) -> Jwks:
    """The JWKS of these keys, which are given oldest first."""
    return {"keys": [_jwk(key) for key in reversed(keys)]}


def signed_bytes(request_id: str, user_id: str, timestamp: str, body: bytes) -> bytes:
    """The signed bytes."""
    return "\n".join((request_id, user_id, timestamp, hashlib.sha256(body).hexdigest())).encode()


def _jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    raw = key.public_key().public_bytes_raw()
    x = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    kid = hashlib.sha256(raw).hexdigest()[:16]
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "use": "sig", "alg": "EdDSA"}
