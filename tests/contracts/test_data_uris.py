"""``data:`` URIs are read byte for byte as fal's toolkit reads them: by urllib, where urllib takes them for such."""

from __future__ import annotations

import base64
from contextlib import suppress
from urllib.parse import urlparse
from urllib.request import Request, urlopen

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakefal_contracts import check
from fakefal_contracts.errors import Unreadable
from fakefal_contracts.judgement import LONGEST_DATA_URI
from fakefal_contracts.probe import is_data_uri, read_data_uri
from support.endpoints import I2V
from support.media import picture

RAW = picture()
TEXT = base64.b64encode(RAW).decode()
LINES = [TEXT[at : at + 76] for at in range(0, len(TEXT), 76)]
READ = {
    "plain": f"data:image/png;base64,{TEXT}",
    "line breaks": "data:image/png;base64,{}".format("\n".join(LINES)),
    "line breaks of Windows": "data:image/png;base64,{}\r\n".format("\r\n".join(LINES)),
    "blanks": "data:image/png;base64, {} ".format(" ".join(LINES)),
    "a leading blank": f" data:image/png;base64,{TEXT}",
    "a leading line break": f"\n\tdata:image/png;base64,{TEXT}",
    "a scheme in capitals": f"DATA:image/png;base64,{TEXT}",
    "no type": f"data:;base64,{TEXT}",
    "a type in capitals": f"data:IMAGE/PNG;base64,{TEXT}",
    "a charset": f"data:image/png;charset=utf-8;base64,{TEXT}",
    "percent signs": f"data:image/png;base64,{TEXT.replace('+', '%2B').replace('=', '%3D')}",
    "no padding where none is needed": f"data:image/png;base64,{TEXT.rstrip('=')}" + "=" * (-len(TEXT.rstrip("=")) % 4),
    "no base64": "data:image/png," + "".join(f"%{byte:02X}" for byte in RAW),
}
NOT_READ = {
    "base64 in capitals": f"data:image/png;BASE64,{TEXT}",
    "a blank before base64": f"data:image/png; base64,{TEXT}",
    "base64 is not said": f"data:image/png,{TEXT}",
    "no comma": f"data:image/png;base64{TEXT}",
    "written twice": f"data:image/png;base64,data:image/png;base64,{TEXT}",
    "cut within a group": "data:image/png;base64,abcde",
    "a name of an object": "data:image/png;base64,[object Object]",
    "a header without end": f"data:{'a:b;' * 10_000},",
    "nothing in it": "data:image/png;base64,",
}


def by_toolkit(address: str) -> bytes:
    """What fal's toolkit makes of an address, by the calls that it makes (``fal`` 1.83.0, ``download_utils``)."""
    if urlparse(address).scheme != "data":
        raise ValueError(address)
    with urlopen(Request(address), timeout=30) as answer:
        content: bytes = answer.read()
    return content


@pytest.mark.parametrize("name", READ)
def test_what_the_toolkit_reads_is_accepted(name: str) -> None:
    assert by_toolkit(READ[name]) == RAW
    assert read_data_uri(READ[name])[1] == RAW
    assert check(I2V, {"prompt": "x", "start_image_url": READ[name]}).errors == ()


@pytest.mark.parametrize("name", NOT_READ)
def test_what_it_does_not_read_is_refused(name: str) -> None:
    with suppress(ValueError):
        assert by_toolkit(NOT_READ[name]) != RAW
    (error,) = check(I2V, {"prompt": "x", "start_image_url": NOT_READ[name]}).errors
    assert (error.type, error.rule.kind) == ("image_load_error", "readable")
    if name.endswith(("base64", "base64 in capitals", "is not said")):
        assert 'end its header with ";base64," in small letters' in error.hint


def test_base64_that_is_cut_off_is_named() -> None:
    (error,) = check(I2V, {"prompt": "x", "start_image_url": "data:image/png;base64,iVBORw0KG"}).errors
    assert error.hint == "the base64 of the data URI is incomplete; it was probably cut off; send the whole file"


@given(
    st.sampled_from(["data:", " data:", "\ndata:", "Data:", "\x1fdata:", "\0data:", "da\tta:"]),
    st.sampled_from(["image/png;base64,", ";base64,", "image/png,", "a/b;c=d;base64,", ";BASE64,", "base64", ""]),
    st.text(st.sampled_from("AQab+/= \n\r%2B#?-_,é"), max_size=40),
)
def test_any_is_read_alike(begin: str, header: str, rest: str) -> None:
    address = f"{begin}{header}{rest}"
    try:
        wanted: bytes | None = by_toolkit(address)
    except (ValueError, OSError):
        wanted = None
    found = None
    if is_data_uri(address):
        with suppress(Unreadable):
            found = read_data_uri(address)[1]
    assert found == wanted


def test_a_long_one_is_a_warning() -> None:
    whole = f"data:image/png;base64,{TEXT}"
    for length, codes in ((LONGEST_DATA_URI, []), (LONGEST_DATA_URI + 1, ["long_data_uri"])):
        report = check(I2V, {"prompt": "x", "start_image_url": whole + " " * (length - len(whole))})
        assert report.ok
        assert [one.code for one in report.warnings] == codes


@pytest.mark.parametrize(("header", "media_type"), [("image/png;base64", "image/png"), ("a\r\nX: y", ""), ("", "")])
def test_the_type_can_stand_in_a_header(header: str, media_type: str) -> None:
    assert read_data_uri(f"data:{header},")[0] == media_type
