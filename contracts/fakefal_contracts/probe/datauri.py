"""Content that an address carries itself."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from fakefal_contracts.errors import Unreadable

_DATA_URI = re.compile(r"data:(?P<type>[^;,]*)(?P<parameters>(?:;[^;,]*)*),", re.IGNORECASE)


def is_data_uri(address: str) -> bool:
    """Whether the address carries its content itself."""
    return address[:5].lower() == "data:"


def read_data_uri(address: str) -> tuple[str, bytes]:
    """The media type and the content of a ``data:`` URI.

    Raises:
        Unreadable: the header or the base64 is malformed.
    """
    header = _DATA_URI.match(address)
    if header is None:
        raise Unreadable("the data URI has no comma after its header")
    try:
        body = unquote_to_bytes(address[header.end() :])
        if header["parameters"].lower().endswith(";base64"):
            body = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable("the content of the data URI is not valid") from error
    return header["type"], body
