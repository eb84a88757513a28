"""Pictures and clips that the tests make: real bytes on either side of each limit."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import av
from PIL import Image


@cache
def picture(width: int = 640, height: int = 360, form: str = "PNG", *, orientation: int = 0, padding: int = 0) -> bytes:
    """A flat picture; `padding` bytes follow its end."""
    out = io.BytesIO()
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    image = Image.new("RGB", (width, height), "teal")
    image.save(out, form, **({"exif": exif} if orientation else {}))
    return out.getvalue() + bytes(padding)


def clip(
    path: Path, *, width: int = 720, height: int = 720, seconds: float = 3.0, fps: int = 24, form: str = "mp4"
) -> Path:
    """A grey clip of so many seconds, written to `path`."""
    codec = "libvpx" if form == "webm" else "libx264"
    with av.open(str(path), "w", format=form) as out:
        stream = out.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "40"} if codec == "libx264" else {"cpu-used": "8"}
        frame = av.VideoFrame.from_image(Image.new("RGB", (width, height), "grey"))
        for number in range(round(seconds * fps)):
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def measure(path: Path, *, decode: bool = True) -> dict[str, object]:
    """What an independent reader (PyAV) finds in a clip; frames are decoded, or only counted."""
    with av.open(str(path)) as file:
        video = file.streams.video[0]
        audio = file.streams.audio[0] if file.streams.audio else None
        return {
            "size": (video.codec_context.width, video.codec_context.height),
            "codec": video.codec_context.name,
            "rate": float(video.average_rate or 0),
            "frames": sum(1 for _ in file.decode(video=0))
            if decode
            else sum(bool(packet.size) for packet in file.demux(video)),
            "audio": audio.codec_context.name if audio else None,
        }
