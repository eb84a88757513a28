"""The program that renders a clip: pictures that move slowly, each fading into the next.

It runs as ``python -m fakefal.files.moving CLIP.json`` in a process of its own, because a codec that crashes on a file
takes down its process. Only this module needs PyAV.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import av
from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError

from fakefal.files.pictures import font_of_size
from fakefal_fixtures import FRAMES_PER_SECOND

_OPTIONS = {
    "preset": "ultrafast",
    "crf": "28",
    "x264-params": f"threads=1:keyint={FRAMES_PER_SECOND}:scenecut=0:open-gop=0:bframes=0",
}
_BT709 = 1
"""The code of these colours in H.264 (ITU-T H.273)."""
ZOOM = 0.08
"""The scale of a picture at the end of its move."""
FADE = 0.3
"""The length of a cross-fade, as a share of the time of each picture."""
_POSTER_QUALITY = 85
_SHRUNK = 1, 2, 2
"""How much smaller each plane is than the picture."""
_INKS = (16, 235), (128, 128), (128, 128)
"""Black and white in each plane."""
_STRIP = 110
"""The opacity of the dark strip behind the caption, out of 255."""

Planes: TypeAlias = tuple[Image.Image, ...]
"""The planes of a picture: brightness and two colours at half its size. H.264 takes these, so no frame is converted."""


@dataclass(frozen=True)
class ClipOrder:
    """A render order, as read from the JSON file.

    `pictures` are files in one of the `formats`, by Pillow's names; of clips the first frame is used. `rests` is
    whether the last picture is the clip's last frame. `sound` is an M4A file or empty. `into` is the path of the new
    clip.
    """

    pictures: list[str]
    formats: list[str]
    rests: bool
    caption: str
    width: int
    height: int
    frames: int
    sound: str
    into: str


class MovingPictures:
    """The frames of a clip.

    Args:
        order: describes the clip.
    """

    def __init__(self, order: ClipOrder) -> None:
        self._order = order
        self._size = order.width, order.height
        self._picture = lru_cache(maxsize=2)(self._read)
        self._zoomed = lru_cache(maxsize=2)(self._zoom)
        self._text = _caption(self._size, order.caption) if order.caption else None

    def __iter__(self) -> Iterator[av.VideoFrame]:
        last = self._order.frames - 1
        for number in range(last + 1):
            planes = self._at(number / last * len(self._order.pictures))
            if self._text is not None and 0 < number < last:  # the first and the last frame are the pictures themselves
                planes = _captioned(planes, *self._text)
            yield _frame(planes)

    def _at(self, time: float) -> Planes:
        """The frame at a time, in units of one picture."""
        count = len(self._order.pictures)
        number = min(int(time), count - 1)
        shown = self._moved(number, time - number)
        boundary = round(time)
        share = (time - boundary) / FADE + 0.5  # the share of the later picture
        if not (0 < boundary < count and 0 < share < 1):
            return shown
        other = boundary if number < boundary else boundary - 1
        share = share if other > number else 1 - share
        return tuple(map(Image.blend, shown, self._moved(other, time - other), (share,) * len(shown)))

    def _moved(self, number: int, part: float) -> Planes:
        """A picture at this part of its inward move; the move of the last picture may end at rest."""
        part = min(max(part, 0.0), 1.0)
        outwards = self._order.rests and number == len(self._order.pictures) - 1
        return self._zoomed(number, 2 * round(self._order.width * ZOOM * (1 - part if outwards else part) / 2))

    def _zoom(self, number: int, wider: int) -> Planes:
        """The crop of a picture that fits after it was made wider by this number of pixels.

        Moves go in whole steps of two pixels, because colours have half the size. A step lasts only a few frames. This
        is much faster than to move the picture by fractions of pixels.
        """
        wide, high = self._size
        higher = 2 * round(high * wider / wide / 2)
        larger = self._picture(number).reformat(wide + wider, high + higher, interpolation="FAST_BILINEAR")
        left, top = 2 * round(wider * (0.8 if number % 2 else 0.2) / 2), 2 * round(higher / 4)
        return tuple(
            _image(plane).crop((left // shrunk, top // shrunk, (left + wide) // shrunk, (top + high) // shrunk))
            for plane, shrunk in zip(larger.planes, _SHRUNK, strict=True)
        )

    def _read(self, number: int) -> av.VideoFrame:
        picture = ImageOps.fit(self._opened(number), self._size)
        frame: av.VideoFrame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
        return frame.reformat(format="yuv420p", dst_colorspace="ITU709")

    def _opened(self, number: int) -> Image.Image:
        """A picture, upright, or the first frame of a clip."""
        path = Path(self._order.pictures[number])
        try:
            with Image.open(path, formats=self._order.formats) as picture:
                picture.draft("RGB", (max(self._size),) * 2)  # large JPEGs are decoded smaller
                return ImageOps.exif_transpose(picture).convert("RGB")
        except UnidentifiedImageError:
            # opened by format and not by path, because a playlist could lead to other files
            with path.open("rb") as content, av.open(content, "r", format="mp4") as clip:
                first: Image.Image = next(clip.decode(video=0)).to_image()  # type: ignore[no-untyped-call]
                return first


def _image(plane: av.video.plane.VideoPlane) -> Image.Image:
    return Image.frombuffer("L", (plane.width, plane.height), bytes(plane), "raw", "L", plane.line_size, 1)


def _caption(size: tuple[int, int], text: str) -> tuple[Planes, Planes]:
    """For each plane, the masks of a dark strip at the foot of a picture, and of white text on it."""
    wide, high = size
    letter = max(1, min(high // 22, wide * 3 // (2 * len(text))))
    strip, white = (Image.new("L", (wide, 2 * letter), ink) for ink in (_STRIP, 0))
    ImageDraw.Draw(white).text((wide // 2, letter), text, fill=255, font=font_of_size(letter), anchor="mm")
    strips, whites = ((mask, *[mask.resize((wide // 2, letter))] * 2) for mask in (strip, white))
    return strips, whites


def _captioned(planes: Planes, strips: Planes, whites: Planes) -> Planes:
    written = tuple(plane.copy() for plane in planes)
    for plane, strip, white, colours in zip(written, strips, whites, _INKS, strict=True):
        for mask, colour in zip((strip, white), colours, strict=True):
            plane.paste(colour, (0, plane.height - mask.height), mask)
    return written


def _frame(planes: Planes) -> av.VideoFrame:
    frame = av.VideoFrame(*planes[0].size, "yuv420p")
    for into, plane in zip(frame.planes, planes, strict=True):
        padded = plane if into.line_size == plane.width else plane.crop((0, 0, into.line_size, plane.height))
        into.update(padded.tobytes())
    return frame


def render(order: ClipOrder) -> None:
    """Write the clip, and its first frame as a JPEG next to it."""
    form = Path(order.into).suffix.removeprefix(".")
    with ExitStack() as files:
        out = files.enter_context(av.open(order.into, "w", format=form, options={"movflags": "+faststart"}))
        video = out.add_stream("libx264", rate=FRAMES_PER_SECOND, options=_OPTIONS)
        video.width, video.height, video.pix_fmt = order.width, order.height, "yuv420p"
        coded = video.codec_context
        coded.colorspace = coded.color_primaries = coded.color_trc = _BT709
        sounds: list[av.Packet[Any]] = []
        if order.sound:
            sound = files.enter_context(av.open(order.sound, "r"))
            track = out.add_stream_from_template(sound.streams.audio[0])
            sounds = [packet for packet in sound.demux(audio=0) if packet.size]
        for number, frame in enumerate(MovingPictures(order)):
            if number == 0:
                frame.to_image().save(Path(order.into).with_suffix(".jpg"), quality=_POSTER_QUALITY)  # type: ignore[no-untyped-call]
            frame.pts = number
            out.mux(video.encode(frame))
            for packet in sounds[len(sounds) * number // order.frames : len(sounds) * (number + 1) // order.frames]:
                packet.stream = track
                out.mux(packet)
        out.mux(video.encode(None))


def main() -> None:
    """Render the order in the file named by the first argument, within the CPU seconds of the second argument."""
    seconds = int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))  # also ends if its server is gone
    order = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    render(ClipOrder(**order))


if __name__ == "__main__":
    main()
