"""Identifies callers by fal's ``Authorization: Key id:secret``.  The id is the tenant.

The 401 bodies are as captured in 2026 (see each); which of several applies when is not settled by any
source.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from functools import lru_cache

from fakefal.state.requests import LONGEST_KEY, NO_KEY
from fakefal.state.tokens import BadToken, Tokens
from fakefal.wire.answers import SEND_KEY, invalid_key, malformed_key, no_access, refusal

LONGEST_REMEMBERED = 512
"""Longer Authorization headers are not cached."""

TOKEN = "fal_jwt_token"  # noqa: S105 - the name of a query parameter


def read_key(header: str | None, keys: Mapping[str, str]) -> str:
    """The key id of a caller, or `NO_KEY` without an Authorization header.

    Raises:
        WireError: the header is malformed, or the key is not among the configured ones.
    """
    if not header:
        return NO_KEY
    key_id, secret = (_key if len(header) <= LONGEST_REMEMBERED else _key.__wrapped__)(header)
    if keys and not hmac.compare_digest(keys.get(key_id, "").encode(), secret.encode()):
        raise invalid_key("send one of the keys that were set with keys, with its secret")
    return key_id


@lru_cache(maxsize=256)
def _key(header: str) -> tuple[str, str]:
    """The id and the secret of a key."""
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() == "bearer":
        raise refusal(401, "bearer: unable to decode issuer", hint=SEND_KEY)  # begins so in a capture of 2026
    key_id, colon, secret = credentials.strip().partition(":")
    if scheme.lower() != "key" or not colon or not 0 < len(key_id) <= LONGEST_KEY or not secret:
        raise malformed_key(SEND_KEY)
    return key_id, secret


def application_key(header: str | None, token: str | None, app: str, keys: Mapping[str, str], tokens: Tokens) -> str:
    """The key id of a caller of an application, from its key or browser token; `NO_KEY` without either.

    Raises:
        WireError: 401, the token was not issued here, has expired or is for other applications; or as `read_key`.
    """
    if header or not token:
        return read_key(header, keys)
    try:
        claims = tokens.read(token)
    except BadToken as error:
        raise no_access(app, f"{error}: get a new one") from error
    if not {app, app.rpartition("/")[2]} & set(claims.get("apps", ())):
        raise no_access(app, "the token is for other applications: get one for this")
    return str(claims["user"])


def demand_rest_key(header: str | None, keys: Mapping[str, str]) -> str:
    """The key id of a caller of the REST host (probe of 2026-09-13 for the missing header)."""
    key = read_key(header, keys)
    if key == NO_KEY:
        raise refusal(401, "Authorization header is required", hint=SEND_KEY)
    return key
