"""Hostile pictures and clips: measured at little cost, or refused."""

from __future__ import annotations

import gzip
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import cache, partial

import httpx
import pytest
from PIL import Image

from fakefal_contracts.errors import Unreadable
from fakefal_contracts.probe import probe_clip, probe_picture
from support.endpoints import I2V, O3
from support.media import clip, picture
from support.server import Server
from support.uploads import upload
from support.wrong_media import clip_that_says, picture_that_says

PIXELS = ((b"IDAT", zlib.compress(bytes(360 * (1 + 3 * 640)))),)


def png(
    *chunks: tuple[bytes, bytes], size: tuple[int, int] = (640, 360), pixels: tuple[tuple[bytes, bytes], ...] = PIXELS
) -> bytes:
    """A picture with these chunks behind its header."""
    ihdr = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    every = [(b"IHDR", ihdr), *chunks, *pixels, (b"IEND", b"")]
    written = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in every
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


@cache
def bomb() -> bytes:
    """A hundred million zeros in a hundred thousand bytes."""
    return zlib.compress(bytes(100_000_000), 9)


def without_scan(jpeg: bytes) -> bytes:
    """A JPEG with the head of its scan, and nothing in it."""
    scan = jpeg.index(b"\xff\xda")
    return jpeg[: scan + 2 + int.from_bytes(jpeg[scan + 2 : scan + 4], "big")] + b"\xff\xd9"


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
    "a PNG without pixels": (lambda: png(pixels=()), ["image_load_error"]),
    "a PNG of empty pixels": (lambda: png(pixels=((b"IDAT", b""),)), ["image_load_error"]),
    "a PNG whose pixels are garbage": (lambda: png(pixels=((b"IDAT", b"garbage"),)), ["image_load_error"]),
    "a PNG whose pixels begin byte by byte": (
        lambda: png(pixels=((b"IDAT", b"x"), (b"IDAT", b""), (b"IDAT", PIXELS[0][1][1:]))),
        [],
    ),
    "a WebP canvas of a gigabyte": (lambda: webp(16383, 16383), ["image_load_error"]),
    "a zip behind a WebP": (zipped_webp, []),
    "a bomb in an icon": (lambda: icon(png(size=(13_000, 13_000))), ["unsupported_image_format", "image_too_small"]),
    "half a JPEG": (lambda: picture(form="JPEG")[:400], ["image_load_error"]),
    "a JPEG whose scan is empty, which viewers show grey": (lambda: without_scan(picture(form="JPEG")), []),
    "a PNG without its end": (lambda: picture()[:-12], []),
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
    **{
        f"a {form} that says three times its pixels": (
            partial(picture_that_says, picture(400, 300, form), form, 1200, 900),
            ["image_load_error"],
        )
        for form in ("PNG", "WEBP", "GIF")
    },
    "a PNG that says half its pixels": (
        lambda: picture_that_says(picture(800, 400), "PNG", 800, 400),
        [],
    ),
    "a gzip": (lambda: gzip.compress(picture()), ["image_load_error"]),
}


class TestPictures:
    @pytest.mark.parametrize("name", PICTURES)
    def test_bombs_are_measured_or_refused(self, victim: Server, name: str) -> None:
        make, errors = PICTURES[name]
        content = make()
        url = upload(victim, content)
        answer = victim.result(I2V, {"prompt": "x", "start_image_url": url})
        assert [item["type"] for item in answer.json().get("detail", ())] == errors
        assert answer.status_code == (422 if errors else 200)
        assert victim.http.get(url).content == content

    def test_the_hint_says_what_is_wrong(self, victim: Server) -> None:
        url = upload(victim, picture_that_says(picture(400, 300), "PNG", 1200, 900))
        answer = victim.result(I2V, {"prompt": "x", "start_image_url": url})
        assert "its header says 1200x900 pixels, but they cannot be decoded" in answer.headers["x-fakefal-hint"]

    def test_an_icon_is_measured_without_opening_what_is_in_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        opened: list[object] = []
        monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", opened.append)
        written = io.BytesIO()
        Image.new("RGB", (64, 64)).save(written, "ICO")
        assert (probe_picture(written.getvalue()).format, probe_picture(written.getvalue()).width) == ("ico", 64)
        assert not opened


def box(name: bytes, content: bytes = b"", size: int | None = None) -> bytes:
    return struct.pack(">I", len(content) + 8 if size is None else size) + name + content


def boxes(whole: bytes) -> dict[bytes, bytes]:
    """The boxes of a clip, by their names."""
    found, at = {}, 0
    while at < len(whole):
        size = int.from_bytes(whole[at : at + 4], "big")
        found[whole[at + 4 : at + 8]] = whole[at : at + size]
        at += size
    return found


def moov_first(whole: bytes) -> bytes:
    """The same clip as players on the web like it."""
    found = boxes(whole)
    return found[b"ftyp"] + found[b"moov"] + found[b"mdat"]


def compressed(whole: bytes, *, wide: bool = False) -> bytes:
    """A QuickTime file of a hundred kilobytes whose tables are a hundred megabytes."""
    found = boxes(whole)
    tables = box(b"moov", found[b"moov"][8:] + box(b"free", bytes(100_000_000)))
    inside = box(b"dcom", b"zlib") + box(b"cmvd", struct.pack(">I", len(tables)) + zlib.compress(tables, 9))
    movie = box(b"cmov", inside)
    head = struct.pack(">I4sQ", 1, b"moov", len(movie) + 16) if wide else struct.pack(">I4s", len(movie) + 8, b"moov")
    return box(b"ftyp", b"qt  \0\0\0\0qt  ") + head + movie + found[b"mdat"]


def endless(whole: bytes, last: bytes) -> bytes:
    """The same clip with a last box that goes on to the end of the file."""
    found = boxes(whole)
    ordered = [found[name] for name in (b"ftyp", b"moov", b"mdat") if name != last]
    return b"".join(ordered) + b"\0\0\0\0" + found[last][4:]


def wide_data(whole: bytes) -> bytes:
    """The same clip, moov first, with a size of 64 bits before its media."""
    found = boxes(whole)
    data = found[b"mdat"][8:]
    return found[b"ftyp"] + found[b"moov"] + struct.pack(">I4sQ", 1, b"mdat", len(data) + 16) + data


#: Numbers that its tables do not bear out: it lasts 4 s and has 96 frames.
WRONG_NUMBERS = {"frames with a length": 2**32 - 1, "place of a frame": 2**31}

#: What does not lead to its end, has no media, would have to be inflated, or contradicts itself.
BROKEN_CLIPS: dict[str, Callable[[bytes], bytes]] = {
    "a third": lambda whole: whole[: len(whole) // 3],
    "all but its last byte": lambda whole: whole[:-1],
    "tables first, media without the last byte": lambda whole: moov_first(whole)[:-1],
    "tables first, half the media": lambda whole: moov_first(whole)[: -len(boxes(whole)[b"mdat"]) // 2],
    "tables first, cut in the head of the media": lambda whole: moov_first(whole)[: -len(boxes(whole)[b"mdat"]) + 5],
    "tables first, no media": lambda whole: moov_first(whole)[: -len(boxes(whole)[b"mdat"])],
    "media of 64 bits, cut": lambda whole: wide_data(whole)[:-1],
    "no tables": lambda whole: boxes(whole)[b"ftyp"] + boxes(whole)[b"mdat"],
    "its first box": lambda _: box(b"ftyp", b"isom\0\0\2\0isom"),
    "a box without an end": lambda _: box(b"ftyp", b"isom\0\0\2\0") + box(b"moov", size=2**32 - 1),
    "a box of 2**63 bytes": lambda _: box(b"ftyp", b"isom\0\0\2\0") + struct.pack(">I4sQ", 1, b"moov", 2**63),
    "a box smaller than its head": lambda whole: box(b"ftyp", size=4) + whole,
    "boxes nested a thousand deep": lambda _: b"".join(box(b"moov", size=8 * (1000 - n)) for n in range(1000)),
    "a picture": lambda _: picture(),
    "a length of no time": lambda whole: re.sub(
        rb"([mt]kh|mvh|mdh)d.{96}", lambda found: found[0][:5] + bytes(95), whole, flags=re.DOTALL
    ),
    "compressed tables": compressed,
    "compressed tables under a size of 64 bits": lambda whole: compressed(whole, wide=True),
    "a table of four billion frames": lambda whole: whole.replace(b"stsz\0\0\0\0", b"stsz\0\0\0\1\xff\xff\xff\xff", 1),
    **{f"wrong {place}": partial(clip_that_says, place=place, said=said) for place, said in WRONG_NUMBERS.items()},
}

#: What every player shows.
SOUND_CLIPS: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda whole: whole,
    "tables first": moov_first,
    "media to the end of the file": lambda whole: endless(whole, b"mdat"),
    "tables to the end of the file": lambda whole: endless(whole, b"moov"),
    "media of 64 bits": wide_data,
    "zeros behind its end": lambda whole: whole + bytes(1000),
    "another's bytes behind its end": lambda whole: whole + b"\xff\xd8\xff\xe0" * 100,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A clip that all is well with."""
    return clip(tmp_path_factory.mktemp("clips") / "clip.mp4", seconds=4).read_bytes()


def refer(server: Server, content: bytes) -> httpx.Response:
    """What a request with this clip ends as."""
    url = upload(server, content, **{"Content-Type": "video/mp4"})
    return server.result(O3, {"prompt": "@Element1", "elements": [{"video_url": url}]})


class TestClips:
    @pytest.mark.parametrize("name", BROKEN_CLIPS)
    def test_truncated_compressed_and_wrong_clips_are_refused(self, victim: Server, whole: bytes, name: str) -> None:
        answer = refer(victim, BROKEN_CLIPS[name](whole))
        assert answer.status_code == 422
        assert [(item["loc"][-1], item["type"]) for item in answer.json()["detail"]] == [
            ("video_url", "file_download_error")
        ]

    @pytest.mark.parametrize("name", SOUND_CLIPS)
    def test_odd_clips_that_are_whole_are_measured(self, victim: Server, whole: bytes, name: str) -> None:
        answer = refer(victim, SOUND_CLIPS[name](whole))
        assert answer.status_code == 200, answer.text

    def test_compressed_tables_are_never_inflated(self, whole: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[object] = []
        broken = compressed(whole)
        monkeypatch.setattr("zlib.decompress", seen.append)
        monkeypatch.setattr("zlib.decompressobj", seen.append)
        with pytest.raises(Unreadable, match="compressed"):
            probe_clip(broken)
        assert not seen
