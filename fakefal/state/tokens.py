"""Signed tokens for uploads, which need no table."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from typing import Any


class BadToken(ValueError):
    """The token was not issued here, or has expired."""


class Tokens:
    """Issues and reads tokens.  They expire in real time, because clients compare them with their clock.

    Args:
        secret: the signing secret; replicas share it.
    """

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret or secrets.token_bytes(32)

    def issue(self, seconds: float, **claims: Any) -> str:
        """A token with these claims that is valid for this many seconds."""
        claims["exp"] = time.time() + seconds
        body = _encode(json.dumps(claims).encode())
        return f"{body}.{self._sign(body)}"

    def read(self, token: str) -> dict[str, Any]:
        """The claims of a token.

        Raises:
            BadToken: it was not issued here, or has expired.
        """
        body, _, signature = token.partition(".")
        if not hmac.compare_digest(self._sign(body).encode(), signature.encode("utf-8", "replace")):
            raise BadToken("the token was not issued by this emulator")
        try:
            claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=="))
        except (binascii.Error, ValueError) as error:
            raise BadToken("the token is malformed") from error
        if claims["exp"] < time.time():
            raise BadToken("the token has expired")
        return claims

    def _sign(self, body: str) -> str:
        return _encode(hmac.new(self._secret, body.encode("utf-8", "replace"), hashlib.sha256).digest())


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
