"""Well-known kinds of files that are sent by mistake: how to recognise them by their first bytes, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from fakefal_contracts.errors import WHOLE, CutOff

HEAD_BYTES = 1024
"""The number of first bytes that identify the kind of a file."""

_PACKET, _TIMED_PACKET = 188, 192


@dataclass(frozen=True)
class FileKind:
    """The kind of a file, in words, and what to do.

    `as_picture`, `as_clip` and `as_sound` are what is wrong if a picture, a clip or sound is required, and what to do;
    they are empty if the file can be that. `container` is the short name of a clip that no endpoint takes.
    """

    name: str
    as_picture: tuple[str, ...]
    as_clip: tuple[str, ...]
    as_sound: tuple[str, ...]
    container: str = ""


def _clip(name: str, container: str = "") -> FileKind:
    return FileKind(name, (f"it is {name}", "send one frame of it as a picture"), (), (), container)


def _picture(name: str) -> FileKind:
    return FileKind(name, (), (f"it is {name}, not a clip",), (f"it is {name}, not audio",))


def _sound(name: str) -> FileKind:
    return FileKind(name, wrong := (f"it is {name}, neither a picture nor a clip",), wrong, ())


def _other(name: str, advice: str) -> FileKind:
    return FileKind(name, wrong := (f"it is {name}", advice), wrong, wrong)


def not_read(kind: FileKind) -> CutOff:
    """The error for a file that starts like the right kind, but cannot be read."""
    return CutOff(f"it starts like {kind.name}, but its header cannot be read; it is cut off or broken")


EMPTY = "it is empty"
_EMPTY = _other("empty", WHOLE)
_HEIC = _other("a HEIC picture", "convert it to jpeg; iPhones take such pictures unless set to Most Compatible")
_GIF = replace(_picture("a GIF animation"), as_clip=("it is a GIF animation", "convert it to mp4"))
_JPEG_2000 = _other("a JPEG 2000 picture", "convert it to jpeg or png")
_TEXT_ADVICE = "open its address in a browser that is not logged in: it leads to something else than the file"

_MAGIC = (
    (b"\xff\xd8\xff", _picture("a JPEG picture")),
    (b"\x89PNG\r\n", _picture("a PNG picture")),
    (b"GIF8", _GIF),
    (b"BM", _picture("a BMP picture")),
    (b"II*\0", _picture("a TIFF picture")),
    (b"MM\0*", _picture("a TIFF picture")),
    (b"\0\0\0\x0cjP  \r\n", _JPEG_2000),
    (b"\xff\x4f\xff\x51", _JPEG_2000),
    (b"\xff\x0a", _other("a JPEG XL picture", "convert it to jpeg or png")),
    (b"\0\0\0\x0cJXL ", _other("a JPEG XL picture", "convert it to jpeg or png")),
    (b"8BPS", _other("a Photoshop file", "export it as png")),
    (b"%PDF-", _other("a PDF document", "export its page as png or jpeg")),
    (b"FLV", _clip("an FLV clip", "flv")),
    (b"\x30\x26\xb2\x75", _clip("a WMV clip", "wmv")),
    (b"\0\0\x01\xba", _clip("an MPEG clip", "mpeg")),
    (b"OggS", _clip("an Ogg file", "ogg")),
    (b"ID3", _sound("an MP3 sound")),
    (b"fLaC", _sound("a FLAC sound")),
    (b"\x1f\x8b", _other("compressed by gzip", "unpack it, or let its server send it as it is")),
    (b"PK\x03\x04", _other("a ZIP archive", "unpack it")),
    (b"iVBORw0KGgo", _other("a picture as base64 text", "send the decoded bytes")),
    (b"/9j/", _other("a picture as base64 text", "send the decoded bytes")),
    (b"data:", _other("a data: URI as text", "send it as the address, or its decoded bytes as the file")),
)
_RIFF = {
    b"WEBP": _picture("a WebP picture"),
    b"AVI ": _clip("an AVI clip", "avi"),
    b"WAVE": _sound("a WAV sound"),
}
_TEXTS = (
    ((b"<!doctype html", b"<html", b"<head", b"<body"), _other("an HTML page", _TEXT_ADVICE)),
    ((b"<svg",), _other("an SVG drawing", "export it as png")),
    ((b"<?xml", b"<error>"), _other("an XML document", _TEXT_ADVICE)),
)
_JSON = re.compile(rb'\{\s*["}]|\[\s*[\[{"\]]')
_SOUND_FRAME = re.compile(rb"\xff[\xf1-\xf3\xf9-\xfb]")


def file_kind(head: bytes) -> FileKind | None:
    """The kind of a file by its first bytes; None if it is not a well-known one."""
    if not head:
        return _EMPTY
    if known := next((kind for magic, kind in _MAGIC if head.startswith(magic)), None):
        return known
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if head.startswith(b"\x1aE\xdf\xa3"):
        return _clip("a WebM clip", "webm") if b"webm" in head[:64] else _clip("an MKV clip", "mkv")
    return _by_form(head)


def _by_form(head: bytes) -> FileKind | None:
    """The kind of a file that has no magic number."""
    if _repeats(head, 0, _PACKET) or _repeats(head, 4, _TIMED_PACKET):
        return _clip("an MPEG-TS clip", "ts")
    if _SOUND_FRAME.match(head):
        return _sound("an MP3 or AAC sound")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<"):
        return next((kind for words, kind in _TEXTS if any(word in text for word in words)), None)
    return _other("JSON", _TEXT_ADVICE) if _JSON.match(text) else None


def _by_brand(head: bytes) -> FileKind:
    """The kind of a file of boxes, by its compatible brands."""
    end = min(len(head), int.from_bytes(head[:4], "big"))  # a false size may claim gigabytes
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, end, 4))}
    if brands & {b"avif", b"avis"}:
        return _picture("an AVIF picture")
    if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}:
        return _HEIC
    if head[8:11] in (b"M4A", b"M4B"):
        return _sound("an M4A sound")
    if head[8:11] == b"crx":
        return _other("a raw picture of a camera", "convert it to jpeg")
    return _clip("a MOV clip" if head[8:12] == b"qt  " else "an MP4 clip")


def _repeats(head: bytes, start: int, step: int) -> bool:
    """Whether each packet starts as one of MPEG-TS."""
    places = range(start, len(head), step)
    return len(head) > start + 2 * step and all(head[at] == 0x47 for at in places)  # noqa: PLR2004 - its sync byte
