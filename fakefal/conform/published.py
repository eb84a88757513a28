"""fal's published contracts as bytes: from files, and from fal's public address of OpenAPI documents."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fakefal.state import jsonio

FAL = "https://fal.ai"
_PATH = "/api/openapi/queue/openapi.json?endpoint_id="
_SECONDS, _MAX_BYTES = 20, 8 << 20
"""fal's largest document of a Kling model has 18 KB."""


class NoContract(Exception):
    """The contract is not available; ``str()`` says where, and why."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Call only the given address, without redirects."""

    def redirect_request(self, *args: Any) -> None:  # noqa: ARG002  # the refusal needs to know nothing
        return None


def fetch(endpoint_id: str, base: str = FAL) -> Any:
    """The OpenAPI document of an endpoint, by a public GET without a key.

    Raises:
        NoContract: the address does not answer, or its answer is not a JSON document.
    """
    return fetch_address(f"{base.rstrip('/')}{_PATH}{quote(endpoint_id)}")


def fetch_address(url: str) -> Any:
    """The JSON document at an address, by a public GET without a key.

    Raises:
        NoContract: as for `fetch`.
    """
    if not url.startswith(("http://", "https://")):
        raise NoContract(f"{url} is not an http(s) address")
    try:
        request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310  # http(s), see above
        with urllib.request.build_opener(_NoRedirect()).open(request, timeout=_SECONDS) as answer:
            return _parsed(answer.read(_MAX_BYTES + 1), url)
    except urllib.error.HTTPError as error:
        with error:
            raise NoContract(f"{url} answers {error.code} {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NoContract(f"{url} cannot be reached ({reason}); save the document, and give the file") from error


def load(path: Path) -> Any:
    """The JSON document in a file.

    Raises:
        NoContract: the file cannot be read, or is not JSON.
    """
    return _parsed(read(path).encode(), str(path))


def read(path: Path) -> str:
    """The text of a file.

    Raises:
        NoContract: the file cannot be read as text.
    """
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NoContract(f"{path} cannot be read: {error}") from error


def _parsed(content: bytes, where: str) -> Any:
    if len(content) > _MAX_BYTES:
        raise NoContract(f"{where} has more than {_MAX_BYTES:,} bytes")
    try:
        return jsonio.parse(content)
    except jsonio.InvalidJson as error:
        raise NoContract(f"{where} is not JSON: {error.reason}") from error
