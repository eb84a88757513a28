"""Which addresses of media may be opened: the openers that `judge` is given where nobody brings one of their own."""

from __future__ import annotations

import re
from pathlib import Path

from fakefal_contracts.addresses import unreachable_kind
from fakefal_contracts.hosts import emulated_path, split_address
from fakefal_contracts.media import Missing
from fakefal_contracts.probe import is_data_uri, read_data_uri

_PLAIN_ADDRESS = re.compile(r"https?://([A-Za-z0-9.-]+)/[!-~]*")
"""Nearly every address: taking it apart would tell nothing more."""


def open_data_uris(address: str) -> bytes | Path | None:
    """The default opener: ``data:`` URIs are read, other http(s) addresses are left unchecked.

    Raises:
        Missing: the address is of no kind that a service could download, or of a host that no public one reaches.
    """
    if is_data_uri(address):
        return read_data_uri(address)[1]
    host = host_of(address)
    if not host:
        raise Missing(f"{address[:80]!r} is not an http(s) or data: address")
    if kind := unreachable_kind(host):
        raise Missing(f"no public service reaches {host[:80]} ({kind} address): upload the file")
    return None


def open_for_fake(address: str) -> bytes | Path | None:
    """As `open_data_uris`, for requests to an emulator: what looks like a file on its CDN is left unchecked.

    Raises:
        Missing: see `open_data_uris`.
    """
    if not is_data_uri(address) and host_of(address) and emulated_path(split_address(address).path):
        return None
    return open_data_uris(address)


def host_of(address: str) -> str:
    """The host of an http(s) address; empty for everything else."""
    if plain := _PLAIN_ADDRESS.fullmatch(address):
        return plain[1]
    try:
        parts = split_address(address)
        host = parts.hostname or ""
    except ValueError:
        return ""
    return host if parts.scheme in ("http", "https") and " " not in parts.netloc else ""
