"""Hostile pictures and clips: measured without decoding what is in them, or refused."""

from __future__ import annotations

import gzip
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import cache

import pytest
from PIL import Image
from test_files import upload
from test_hostile import I2V, O3, victim

from conftest import Server
from fakefal_contracts.probe import probe_picture
from media import clip, picture

__all__ = ["victim"]


def png(*chunks: tuple[bytes, bytes], size: tuple[int, int] = (640, 360)) -> bytes:
    """A picture with these chunks behind its header."""
    ihdr = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    every = [(b"IHDR", ihdr), *chunks, (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    written = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in every
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


@cache
def bomb() -> bytes:
    """A hundred million zeros in a hundred thousand bytes."""
    return zlib.compress(bytes(100_000_000), 9)


def webp(width: int, height: int) -> bytes:
    """The header of a canvas."""
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0"
    body += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", len(body)) + body


def icon(inside: bytes) -> bytes:
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 0, 0, 0, 0, 1, 32, len(inside), 22) + inside


def zipped_webp() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("bomb", bytes(10_000_000))
    return picture(form="WEBP") + archive.getvalue()


PICTURES: dict[str, tuple[Callable[[], bytes], list[str]]] = {
    "a text bomb in a PNG": (lambda: png((b"zTXt", b"x\0\0" + bomb())), ["image_load_error"]),
    "a profile bomb in a PNG": (lambda: png((b"iCCP", b"x\0\0" + bomb())), ["image_load_error"]),
    "a PNG that claims 2 billion pixels a side": (lambda: png(size=(2**31 - 1, 2**31 - 1)), ["image_load_error"]),
    "a PNG of nothing": (lambda: png(size=(0, 0)), ["image_load_error"]),
    "a PNG whose chunk has no end": (lambda: png()[:33] + b"\x7f\xff\xff\xffzTXt", ["image_load_error"]),
    "a WebP canvas of a gigabyte": (lambda: webp(16383, 16383), ["image_load_error"]),
    "a zip behind a WebP": (zipped_webp, []),
    "a bomb in an icon": (lambda: icon(png(size=(13_000, 13_000))), ["unsupported_image_format", "image_too_small"]),
    "half a JPEG": (lambda: picture(form="JPEG")[:400], ["image_load_error"]),
    "a JPEG without its end": (lambda: picture(form="JPEG")[:-2], ["image_load_error"]),
    "a PNG without its end": (lambda: picture()[:-12], ["image_load_error"]),
    "half a GIF": (lambda: picture(form="GIF")[:8], ["image_load_error"]),
    "half an AVIF": (lambda: picture(form="AVIF")[:60], ["image_load_error"]),
    "a page": (lambda: b"<html><script>alert(1)</script>", ["image_load_error"]),
    "an SVG that reads files": (
        lambda: b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
        ["image_load_error"],
    ),
    "an EPS": (
        lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file",
        ["image_load_error"],
    ),
    "a gzip": (lambda: gzip.compress(picture()), ["image_load_error"]),
}


class TestPictures:
    @pytest.mark.parametrize("name", PICTURES)
    def test_bombs_and_lies_are_measured_or_refused(self, victim: Server, name: str) -> None:
        make, errors = PICTURES[name]
        content = make()
        url = upload(victim, content)
        answer = victim.result(I2V, {"prompt": "x", "start_image_url": url})
        assert [item["type"] for item in answer.json().get("detail", ())] == errors
        assert answer.status_code == (422 if errors else 200)
        assert victim.http.get(url).content == content

    def test_an_icon_is_measured_without_opening_what_is_in_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        opened: list[object] = []
        monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", opened.append)
        written = io.BytesIO()
        Image.new("RGB", (64, 64)).save(written, "ICO")
        assert (probe_picture(written.getvalue()).format, probe_picture(written.getvalue()).width) == ("ico", 64)
        assert not opened


def box(name: bytes, content: bytes = b"", size: int | None = None) -> bytes:
    return struct.pack(">I", len(content) + 8 if size is None else size) + name + content


CLIPS: dict[str, Callable[[bytes], bytes]] = {
    "a third": lambda whole: whole[: len(whole) // 3],
    "its first box": lambda _: box(b"ftyp", b"isom\0\0\2\0isom"),
    "a box without an end": lambda _: box(b"ftyp", b"isom\0\0\2\0") + box(b"moov", size=2**32 - 1),
    "a box of 2**63 bytes": lambda _: box(b"ftyp", b"isom\0\0\2\0") + struct.pack(">I4sQ", 1, b"moov", 2**63),
    "boxes nested a thousand deep": lambda _: b"".join(box(b"moov", size=8 * (1000 - n)) for n in range(1000)),
    "a picture": lambda _: picture(),
    "a table of four billion frames": lambda whole: whole.replace(b"stsz\0\0\0\0", b"stsz\0\0\0\1\xff\xff\xff\xff", 1),
    "a length of no time": lambda whole: re.sub(
        rb"mvhd.{16}", lambda found: found[0][:4] + bytes(16), whole, flags=re.DOTALL
    ),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A clip that all is well with."""
    return clip(tmp_path_factory.mktemp("clips") / "clip.mp4", seconds=4).read_bytes()


class TestClips:
    @pytest.mark.parametrize("name", CLIPS)
    def test_truncated_and_lying_clips_are_measured_or_refused(self, victim: Server, whole: bytes, name: str) -> None:
        url = upload(victim, CLIPS[name](whole), **{"Content-Type": "video/mp4"})
        answer = victim.result(O3, {"prompt": "@Element1", "elements": [{"video_url": url}]})
        assert answer.status_code in (200, 422)
        if answer.status_code == 422:
            assert {item["loc"][-1] for item in answer.json()["detail"]} == {"video_url"}
