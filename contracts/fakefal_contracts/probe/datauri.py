"""Content inside an address.

fal's toolkit (the package ``fal`` 1.83.0) reads it with the standard library's handler of ``data:`` URIs. This module
reads it in the same way: line breaks and blanks within base64 are accepted, ``;BASE64`` in capitals is not recognised.
The handler itself is not called, because its request object makes the standard library cache the last 128 URIs.
"""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from fakefal_contracts.errors import CutOff, Unreadable

_BEGIN = re.compile(r"[\s\x1c-\x1f]*data:", re.IGNORECASE | re.ASCII)
LONGEST_HEADER = 8192
"""The standard library's handler takes seconds for a header of megabytes."""

_BASE64 = ";base64"
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
_LOOKS_ENCODED = re.compile(rb"[A-Za-z0-9+/_\s-]{64,}={0,2}\s*")


def is_data_uri(address: str) -> bool:
    """Whether the address contains its content."""
    return _BEGIN.match(address) is not None


def read_data_uri(address: str) -> tuple[str, bytes]:
    """The media type, empty if there is none, and the content of a ``data:`` URI.

    Raises:
        Unreadable: the header or the base64 is malformed.
    """
    header, comma, content = address.strip().removesuffix("#").partition(",")
    if len(header) > LONGEST_HEADER:
        raise Unreadable("the data URI has a header of more characters than a type needs")
    if not comma:
        raise Unreadable("the data URI has no comma after its header", "write data:image/png;base64,...")
    try:
        body = unquote_to_bytes(content)
        if header.endswith(_BASE64):
            body = base64.decodebytes(body)
    except binascii.Error as error:  # its only one: characters that are not base64's are skipped
        raise CutOff("the base64 of the data URI is incomplete; it was probably cut off") from error
    except ValueError as error:
        raise Unreadable("the content of the data URI is not valid base64") from error
    if not header.endswith(_BASE64) and _LOOKS_ENCODED.fullmatch(body):
        raise Unreadable("the data URI looks like base64", 'end its header with ";base64," in small letters, no blanks')
    named = _TYPE.match(header.partition(":")[2].strip())
    return named[0] if named else "", body
