"""Content that an address carries itself.

fal's toolkit (the package ``fal`` 1.83.0) has it read by the standard library's handler of ``data:`` URIs, and so does
this module: line breaks and blanks within base64 pass, ``;BASE64`` in capitals does not count.
"""

from __future__ import annotations

import re

from fakefal_contracts.errors import Unreadable

_BEGIN = re.compile(r"[\s\x1c-\x1f]*data:", re.IGNORECASE | re.ASCII)
LONGEST_HEADER = 8192
"""The standard library takes seconds for one of megabytes."""

_BASE64 = ";base64"
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
_LOOKS_ENCODED = re.compile(rb"[A-Za-z0-9+/_\s-]{64,}={0,2}\s*")


def is_data_uri(address: str) -> bool:
    """Whether the address carries its content itself."""
    return _BEGIN.match(address) is not None


def read_data_uri(address: str) -> tuple[str, bytes]:
    """The media type, empty where none is named, and the content of a ``data:`` URI.

    Raises:
        Unreadable: the header or the base64 is malformed.
    """
    from urllib.request import DataHandler, Request  # late: it takes 20 ms, and few requests have such media

    header, comma, _ = address.partition(",")
    if len(header) > LONGEST_HEADER:
        raise Unreadable("the data URI has a header of more characters than a type needs")
    if not comma:
        raise Unreadable("the data URI has no comma after its header")
    try:
        body: bytes = DataHandler().data_open(Request(address)).read()  # noqa: S310 - no other scheme gets here
    except ValueError as error:
        raise Unreadable("the content of the data URI is not valid base64") from error
    if not header.endswith(_BASE64) and _LOOKS_ENCODED.fullmatch(body):
        raise Unreadable('the data URI looks like base64: end its header with ";base64," in small letters, no blanks')
    named = _TYPE.match(header.partition(":")[2].strip())
    return named[0] if named else "", body
