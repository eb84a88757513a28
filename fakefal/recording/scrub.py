"""Removes secrets from recordings: keys, signed URLs, cookies, and personal data.

Headers and query parameters are kept only if their names are known to be harmless.  In bodies, values are removed by
the name of their key, and strings by their format.  Prompts are kept, because a recording is found by them.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlunsplit

from fakefal_contracts.hosts import BaseUrl, Part, part_of, split_address

REMOVED = "removed"
KEPT_HEADERS = frozenset(
    {
        "cache-control",
        "content-type",
        "etag",
        "retry-after",
        "user-agent",
        "x-fal-billable-units",
        "x-fal-error-type",
        "x-fal-needs-retry",
        "x-fal-no-retry",
        "x-fal-queue-priority",
        "x-fal-request-id",
        "x-fal-request-start-timeout",
        "x-fal-request-timeout",
        "x-fal-request-timeout-type",
        "x-fal-retryable",
    }
)
KEPT_QUERY = frozenset({"logs", "fal_max_queue_length", "storage_type"})
TRUE_WORDS = {"true": "1", "false": "0"}
SHORTEST_SECRET = 8

#: Members whose value is somebody's, whatever it looks like.
_PRIVATE = re.compile(
    r".*(?:token|secret|password|authorization|cookie|credentials?|signature|(?:api|access)_?key|email)|"
    r"(?:.*_)?(?:key_id|phone|user_?name|nickname|full_?name|user_?id|owner_?id|account_?id|upload_?id|ip|ip_address)",
    re.IGNORECASE,
)
_SCHEME = r"[a-z][a-z0-9+.-]{0,19}:(?:\\?/){2}"
_ADDRESS = re.compile(rf"{_SCHEME}(?:\\/|[^\s\"<>\\])*", re.IGNORECASE)
_WHOLE_ADDRESS = re.compile(rf"\s*{_SCHEME}", re.IGNORECASE)
_MEDIA_TYPE = r"([\w.+-]{1,100}/[\w.+-]{1,100})"
#: In other text it ends at a space; base64 goes on in the next line.  Bounded, as texts may be megabytes.
_DATA_URI = re.compile(
    rf"data:{_MEDIA_TYPE}?(?:;(?:\"[^\"]{{0,200}}\"|[^;,\"\s]){{0,200}}){{0,8}}"
    r"(?:(?<=;base64),[\w+/=%-]*(?:\s{0,3}[\r\n]\s{0,3}[\w+/=%-]+)*|,)[^\s\"]*",
    re.IGNORECASE,
)
_WHOLE_DATA_URI = re.compile(rf"\s*data:(?:\s*{_MEDIA_TYPE}|[^\s,;]*)\s*(?:;[^,]*)?,", re.IGNORECASE)
_DIGESTED = re.compile(rf"data:{_MEDIA_TYPE}?;sha256,[0-9a-f]{{64}}")
_PATTERNS = (
    re.compile(r"\b(?:Key|Bearer|Basic)\s+[\w.~+/:=-]{8,}"),
    re.compile(r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?"),  # a JSON web token
    re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}:[0-9a-f]{16,}\b", re.IGNORECASE),  # a key of fal's
    # an e-mail address; bounded, since a text may be megabytes without a space
    re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})*\.[a-zA-Z]{2,}\b"),
    re.compile(r"\b(?:(?:AKIA|ASIA)[0-9A-Z]{16}|sk-[\w-]{16,})\b"),  # a key of AWS, and of many others
    re.compile(r"\b(?:github|gitlab|google-oauth2|google|auth0|oidc|email|saml|sso)\|[\w.-]+"),  # a user id
)
_IP = re.compile(r"(?<![\w.])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})(?!\.?\w)", re.IGNORECASE)
_UPLOAD_ID = re.compile(r"(/multipart/)[^/]+")


class Scrubber:
    """Cleans paths, headers, queries and bodies.

    It learns the secrets of a run, to find them anywhere.  Cleaning twice changes nothing, so a request can be looked
    up by its cleaned form.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        for secret in secrets:
            self.learn(secret)

    def learn(self, authorization: str | None) -> None:
        """Remember a key or an Authorization header, and its parts."""
        given = (authorization or "").strip()
        whole = given.rpartition(" ")[2]
        for text in (given, whole, *whole.split(":")):
            if len(text) >= SHORTEST_SECRET:
                self._secrets.add(text)

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The harmless headers, names in lower case."""
        return {name.lower(): self.text(value) for name, value in headers.items() if name.lower() in KEPT_HEADERS}

    def query(self, query: str) -> dict[str, str]:
        """The harmless parameters of a query."""
        pairs = parse_qsl(query, keep_blank_values=True)
        return {name: TRUE_WORDS.get(value.lower(), value) for name, value in sorted(pairs) if name in KEPT_QUERY}

    def path(self, path: str) -> str:
        """A path without tokens."""
        return _UPLOAD_ID.sub(rf"\g<1>{REMOVED}", self.text(path))

    def value(self, value: Any, base_url: BaseUrl | None = None) -> Any:
        """A JSON value; URLs of the caller's base URL become URLs of fal's hosts."""
        if isinstance(value, dict):
            return {self.text(key): self._member(key, item, base_url) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, base_url) for item in value]
        return self.text(value, base_url) if isinstance(value, str) else value

    def _member(self, name: str, value: Any, base_url: BaseUrl | None) -> Any:
        if _PRIVATE.fullmatch(name) and value is not None and not isinstance(value, bool):
            return REMOVED
        return self.value(value, base_url)

    def text(self, text: str, base_url: BaseUrl | None = None) -> str:
        """Any string; one that starts like a URL or a ``data:`` URI is treated as one to its end."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, REMOVED)
        if whole := _WHOLE_DATA_URI.match(text):
            return _digest(text, whole[1])
        if _WHOLE_ADDRESS.match(text):
            text = _bare_address(text.strip(), base_url)
        text = _DATA_URI.sub(lambda found: _digest(found[0], found[1]), text)
        text = _ADDRESS.sub(lambda found: _bare_address(found[0], base_url), text)
        for pattern in _PATTERNS:
            text = pattern.sub(REMOVED, text)
        return _IP.sub(_without_ip, text)


def _digest(uri: str, media_type: str | None) -> str:
    """A digest of a ``data:`` URI, because its content belongs to the user."""
    if _DIGESTED.fullmatch(uri):
        return uri
    return f"data:{(media_type or '').lower()};sha256,{hashlib.sha256(uri.encode()).hexdigest()}"


def _bare_address(address: str, base_url: BaseUrl | None) -> str:
    """A URL without user, query and fragment, with one host for each part of fal."""
    address = address.replace("\\/", "/")
    try:
        parts = split_address(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return REMOVED
    path = _UPLOAD_ID.sub(rf"\g<1>{REMOVED}", parts.path)
    if base_url is not None and base_url.base is not None and address.startswith(f"{base_url.base}/"):
        name, _, rest = split_address(address[len(base_url.base) + 1 :].partition("?")[0]).path.partition("/")
        if name in set(Part):
            return BaseUrl().url(Part(name), f"/{rest}")
    if part := part_of(host):
        return BaseUrl().url(part, path)
    if ":" in host:
        host = f"[{host}]"
    return urlunsplit((parts.scheme, f"{host}:{port}" if port else host, path, "", ""))


def _without_ip(found: re.Match[str]) -> str:
    """Remove public IP addresses; loopback addresses are harmless."""
    try:
        address = ipaddress.ip_address(found[0])
    except ValueError:
        return found[0]
    return found[0] if address.is_loopback or address.is_unspecified else REMOVED


def query_text(query: Mapping[str, str]) -> str:
    """A cleaned query as text for a URL."""
    return f"?{urlencode(query)}" if query else ""
