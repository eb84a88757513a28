"""The default openers of `judge`, which decide which addresses of media may be opened."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from fakefal_contracts.addresses import is_local_name, unreachable_kind
from fakefal_contracts.hosts import FILES, emulated_path, split_address
from fakefal_contracts.media import Missing
from fakefal_contracts.probe import is_data_uri, read_data_uri

_PLAIN_ADDRESS = re.compile(r"https?://([A-Za-z0-9.-]+)/[!-~]*")
"""Matches nearly every address; parsing these would yield nothing more."""

LONGEST_REMEMBERED = 1024
"""Longer addresses are parsed each time, because a cache of them would fill the memory."""


UPLOAD = "upload it, for example with fal_client.upload_file, and send the URL that comes back"
"""What to do with a file of this machine."""


def not_an_address(address: str, otherwise: str = "") -> Missing:
    """The error for an address that is neither an http(s) nor a ``data:`` URL, such as a path."""
    why = f"{address[:80]!r} is not an http(s) or data: address"
    return Missing(why, f"if it is a file of this machine, {UPLOAD}{otherwise}")


def open_data_uris(address: str) -> bytes | Path | None:
    """The default opener: ``data:`` URIs are read, other http(s) addresses are left unchecked.

    Raises:
        Missing: no service could download the address: its scheme is unsuitable, or its host is not public.
    """
    host, kind, _ = known_host(address)
    if not host:
        if is_data_uri(address):
            return read_data_uri(address)[1]
        raise not_an_address(address)
    if kind:
        raise Missing(f"no public service reaches {host[:80]} ({kind} address)", UPLOAD)
    return None


def open_for_fake(address: str) -> bytes | Path | None:
    """As `open_data_uris`, for requests to an emulator: addresses that look like files on its CDN are left unchecked.

    Raises:
        Missing: as for `open_data_uris`.
    """
    is_foreign = _PLAIN_ADDRESS.fullmatch(address) and FILES not in address
    if not (is_foreign or is_data_uri(address)) and host_of(address) and emulated_path(split_address(address).path):
        return None
    return open_data_uris(address)


class KnownHost(NamedTuple):
    """The host of an http(s) address, empty for all other addresses, and what `addresses` says of the host."""

    name: str
    unreachable_kind: str
    is_local_name: bool


def known_host(address: str) -> KnownHost:
    """What `addresses` says of the host of an address."""
    return _known_host(address) if len(address) <= LONGEST_REMEMBERED else _known_host.__wrapped__(address)


@lru_cache(maxsize=1024)
def _known_host(address: str) -> KnownHost:
    host = host_of(address)
    return KnownHost(host, unreachable_kind(host), is_local_name(host))


def host_of(address: str) -> str:
    """The host of an http(s) address; empty for all other addresses."""
    if plain := _PLAIN_ADDRESS.fullmatch(address):
        return plain[1]
    if is_data_uri(address):
        return ""
    try:
        parts = split_address(address)
        host = parts.hostname or ""
    except ValueError:
        return ""
    return host if parts.scheme in ("http", "https") and " " not in parts.netloc else ""
