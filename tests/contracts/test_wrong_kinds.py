"""A file of a well-known wrong kind is named, with what to do; real files, or the bytes that theirs begin with."""

from __future__ import annotations

import base64
import gzip
import io
import json
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from PIL import Image

from fakefal_contracts import check
from fakefal_contracts.probe.kinds import file_kind
from support.endpoints import I2V, O3
from support.media import clip, picture

CLIP_FIELD = "https://clips.example/a"
HEIC = bytes.fromhex("0000001c66747970686569630000000068656963 6d6966316d6961660000 0000".replace(" ", "")) + bytes(600)


def saved(form: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (400, 300), "teal").save(out, form)
    return out.getvalue()


def recorded(form: str) -> Callable[[Path], bytes]:
    """A clip in this container, as PyAV writes it."""
    codec = "mpeg2video" if form in ("mpegts", "mpeg") else "mpeg4"

    def write(folder: Path) -> bytes:
        path = folder / "clip"
        with av.open(str(path), "w", format=form) as out:
            stream = out.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
            frame = av.VideoFrame.from_image(Image.new("RGB", (320, 240), "grey"))
            for _ in range(10):
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        return path.read_bytes()

    return write


def sound(_: Path) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
        file.writeframes(bytes(800))
    return out.getvalue()


def zipped(_: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("a.png", picture())
    return out.getvalue()


def given(content: bytes) -> Callable[[Path], bytes]:
    return lambda _: content


def mp4(folder: Path) -> bytes:
    return clip(folder / "clip.mp4").read_bytes()


PAGE = b"<!-- error --> <!DOCTYPE html><html><body>404</body></html>"
SVG = b'<?xml version="1.0"?>\n<!-- Created with Inkscape -->\n<svg xmlns="http://www.w3.org/2000/svg"></svg>'
BOTH: dict[str, tuple[Callable[[Path], bytes], str, str]] = {
    "HEIC": (given(HEIC), "a HEIC picture", "convert it to jpeg"),
    "JPEG 2000": (given(saved("JPEG2000")), "a JPEG 2000 picture", "convert it to jpeg or png"),
    "JPEG 2000, bare": (given(saved("JPEG2000")[saved("JPEG2000").index(b"\xff\x4f\xff\x51") :]), "a JPEG 2000", "png"),
    "SVG": (given(SVG), "an SVG drawing", "export it as png"),
    "SVG with a mark": (given(b"\xef\xbb\xbf<svg/>"), "an SVG drawing", "export it as png"),
    "PDF": (given(saved("PDF")), "a PDF document", "export its page"),
    "HTML": (given(PAGE), "an HTML page", "open its address in a browser that is not logged in"),
    "XML": (
        given(b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'),
        "an XML document",
        "open its address",
    ),
    "JSON": (given(json.dumps({"detail": "Not Found"}).encode()), "JSON", "it leads to something else"),
    "a list": (given(b'[\n  {"a": 1}]'), "JSON", "it leads to something else"),
    "MP3": (given(b"ID3\x04" + bytes(300)), "an MP3 sound", "neither a picture nor a clip"),
    "MP3, bare": (given(b"\xff\xfb\x90\x64" + bytes(300)), "an MP3 or AAC sound", "neither a picture nor a clip"),
    "WAV": (sound, "a WAV sound", "neither a picture nor a clip"),
    "gzip": (given(gzip.compress(picture())), "compressed by gzip", "unpack it"),
    "ZIP": (zipped, "a ZIP archive", "unpack it"),
    "base64": (given(base64.b64encode(picture())), "a picture as base64 text", "send the decoded bytes"),
    "empty": (given(b""), "empty", "send the whole file"),
}
CLIPS: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "MP4": (mp4, "an MP4 clip"),
    "MOV": (recorded("mov"), "a MOV clip"),
    "MKV": (recorded("matroska"), "an MKV clip"),
    "TS": (recorded("mpegts"), "an MPEG-TS clip"),
    "AVI": (recorded("avi"), "an AVI clip"),
}
CONTAINERS: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "MKV": (recorded("matroska"), "mkv"),
    "WebM": (lambda folder: clip(folder / "clip.webm", form="webm").read_bytes(), "webm"),
    "TS": (recorded("mpegts"), "ts"),
    "MPEG": (recorded("mpeg"), "mpeg"),
    "AVI": (recorded("avi"), "avi"),
}
PICTURES = {form: saved(form) for form in ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "TIFF", "GIF")}


def as_picture(content: bytes) -> tuple[str, str]:
    """The type and the hint of the refusal of a picture."""
    body = {"prompt": "x", "start_image_url": "https://pictures.example/a"}
    (error,) = check(I2V, body, opener=lambda _: content).errors
    return error.type, error.hint


def as_clip(content: bytes) -> tuple[str, str]:
    """The type and the hint of the refusal of a clip."""
    (error,) = check(O3, {"prompt": "x", "elements": [{"video_url": CLIP_FIELD}]}, opener=lambda _: content).errors
    return error.type, error.hint


@pytest.mark.parametrize("name", BOTH)
def test_what_is_neither_is_named_as_both(name: str, tmp_path: Path) -> None:
    write, kind, advice = BOTH[name]
    content = write(tmp_path)
    for (type_, hint), wanted in (
        (as_picture(content), "image_load_error"),
        (as_clip(content), "file_download_error"),
    ):
        assert type_ == wanted
        assert hint.startswith(f"it is {kind}")
        assert advice in hint


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_as_a_picture_is_named(name: str, tmp_path: Path) -> None:
    write, kind = CLIPS[name]
    type_, hint = as_picture(write(tmp_path))
    assert type_ == "image_load_error"
    assert hint == f"it is {kind}; send one frame of it as a picture"


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_clip_in_another_container_is_named(name: str, tmp_path: Path) -> None:
    write, container = CONTAINERS[name]
    assert as_clip(write(tmp_path)) == (
        "unsupported_video_format",
        f"the file is {container}: convert it to one of mp4, mov",
    )


@pytest.mark.parametrize("form", PICTURES)
def test_a_picture_as_a_clip_is_named(form: str) -> None:
    type_, hint = as_clip(PICTURES[form])
    if form == "GIF":  # some models take one as a clip
        assert (type_, hint) == ("unsupported_video_format", "the file is gif: convert it to one of mp4, mov")
        return
    assert type_ == "file_download_error"
    assert "picture, not a clip; " in hint


@pytest.mark.parametrize(
    ("form", "length"), [("JPEG", 3), ("JPEG", 20), ("JPEG", 300), ("PNG", 20), ("GIF", 10), ("WEBP", 20), ("AVIF", 40)]
)
def test_a_picture_that_is_cut_off_is_named(form: str, length: int) -> None:
    type_, hint = as_picture(PICTURES[form][:length])
    assert type_ == "image_load_error"
    assert f" {form} ".casefold() in hint.casefold()
    assert hint.endswith(", but its header cannot be read; it is cut off or broken; send the whole file")


def test_a_clip_that_is_cut_off_gets_one_advice(tmp_path: Path) -> None:
    assert as_clip(mp4(tmp_path)[:-1]) == ("file_download_error", "it is cut off; send the whole file")


def test_noise_is_not_named() -> None:
    for content in (b"hello", bytes(1000), b"\x00\x01\x02" * 200, b"{not json", b"[1m colours", b"<a>"):
        assert file_kind(content) is None
        assert as_picture(content)[1].startswith("it is not a picture in a known format")
        assert as_clip(content)[1].startswith("it is not a clip in a known format")


def test_a_first_box_that_lies_about_its_size_is_read_no_further_than_its_bytes() -> None:
    kind = file_kind(b"\xff\xff\xff\xffftypM4A \0\0\0\0")
    assert kind is not None
    assert kind.name == "an M4A sound"
