"""Stores the ``data:`` URIs of a body once, as files by digest, and replaces them by their addresses."""

from __future__ import annotations

import hashlib
from typing import Any

from fakefal.state.files import FileStore, FileTooLarge
from fakefal_contracts import Unreadable
from fakefal_contracts.hosts import BaseUrl, Part
from fakefal_contracts.probe import is_data_uri, read_data_uri

SHORTEST_WORTH_IT = 256
DATA_FOLDER = "/files/data/"


def externalize(value: Any, files: FileStore, key: str = "") -> Any:
    """The same JSON value with each ``data:`` URI replaced by the CDN path of a file with its content.

    Short and malformed URIs stay as they are. The uploads count for `key`.
    """
    if isinstance(value, dict):
        return {name: externalize(item, files, key) for name, item in value.items()}
    if isinstance(value, list):
        return [externalize(item, files, key) for item in value]
    if isinstance(value, str) and len(value) >= SHORTEST_WORTH_IT and is_data_uri(value):
        return _keep(value, files, key)
    return value


def with_addresses(value: Any, base_url: BaseUrl) -> Any:
    """The same JSON value with addresses in the places of the paths that `externalize` put there."""
    if isinstance(value, dict):
        return {name: with_addresses(item, base_url) for name, item in value.items()}
    if isinstance(value, list):
        return [with_addresses(item, base_url) for item in value]
    if isinstance(value, str) and value.startswith(DATA_FOLDER):
        return base_url.url(Part.CDN, value)
    return value


def _keep(address: str, files: FileStore, key: str) -> str:
    try:
        content_type, content = read_data_uri(address)
    except Unreadable:
        return address
    path = f"{DATA_FOLDER}{hashlib.sha256(content).hexdigest()}"
    if files.get(path) is None:
        try:
            with files.writing() as part:
                part.write(content)
            files.keep(part, path, content_type or "application/octet-stream", key=key)
        except FileTooLarge:
            return address
    return path
