"""Pictures of results: a flat colour and a caption that tells them apart; equal descriptions give equal bytes."""

from __future__ import annotations

import colorsys
import hashlib
import struct
import zlib
from functools import lru_cache
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # Pillow takes long to import, so it is imported when a picture is drawn
    from PIL import Image, ImageFont

WHITE = (255, 255, 255)
_FAST = 1
_FRAMES_A_SECOND, _MOST_FRAMES = 4, 40
_PILLOW: dict[str, tuple[str, dict[str, Any]]] = {
    "jpg": ("JPEG", {"quality": 70}),
    "jpeg": ("JPEG", {"quality": 70}),
    "webp": ("WEBP", {"quality": 40, "method": 0}),
    "gif": ("GIF", {}),
    "tiff": ("TIFF", {"compression": "packbits"}),
    "bmp": ("BMP", {}),
    "avif": ("AVIF", {"speed": 10, "quality": 40}),
}


_BY_PALETTE = ("GIF", "TIFF", "BMP")


def draw_picture(ending: str, width: int, height: int, caption: str) -> bytes:
    """A picture with this caption and its own size below it."""
    lines = [*caption.split("\n"), f"{width} x {height}"]
    colour = _colour(caption)
    if ending == "svg":
        return _svg(width, height, lines, colour)
    if ending == "exr":
        return _exr(width, height, colour)
    from PIL import Image

    if ending == "png":
        return _png(_drawn(Image.new("1", (width, height)), lines, 1), colour)
    kind, options = _PILLOW[ending]
    out = BytesIO()
    if kind in _BY_PALETTE:
        drawn = _drawn(Image.new("P", (width, height)), lines, 1)
        drawn.putpalette((*colour, *WHITE))
    else:
        drawn = _drawn(Image.new("RGB", (width, height), colour), lines, WHITE)
    drawn.save(out, kind, **options)
    return out.getvalue()


def draw_animation(width: int, height: int, caption: str, seconds: float) -> bytes:
    """A GIF of this number of seconds: the picture, with a growing bar below it."""
    from PIL import Image, ImageDraw

    still = Image.open(BytesIO(draw_picture("gif", width, height, caption)))
    (count, hundredths), thick = frames_of_animation(seconds), max(1, height // 40)
    frames = []
    for number in range(1, count + 1):
        frame = still.copy()
        ImageDraw.Draw(frame).rectangle((0, height - thick, width * number // count, height), fill=1)
        frames.append(frame)
    out = BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=10 * hundredths, loop=0)
    return out.getvalue()


def frames_of_animation(seconds: float) -> tuple[int, int]:
    """The frames of a GIF of about this length, and how many hundredths of a second it shows each."""
    count = min(round(seconds * _FRAMES_A_SECOND), _MOST_FRAMES)
    return count, round(100 * seconds / count)


def _colour(caption: str) -> tuple[int, int, int]:
    """A dark colour that depends on the caption."""
    hue = hashlib.blake2b(caption.encode(), digest_size=1).digest()[0] / 256
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.6, 0.45))
    return red, green, blue


def _drawn(picture: Image.Image, lines: list[str], ink: int | tuple[int, ...]) -> Image.Image:
    """The picture with centred lines of text, as large as the longest line allows."""
    from PIL import ImageDraw

    width, height = picture.size
    longest = max(map(len, lines))
    size = min(width * 3 // (2 * longest), height // (2 * len(lines)))
    if size > 1:
        draw = ImageDraw.Draw(picture)
        draw.fontmode = "1" if isinstance(ink, int) else "L"
        draw.multiline_text(
            (width // 2, height // 2), "\n".join(lines), fill=ink, font=font_of_size(size), anchor="mm", align="center"
        )
    return picture


@lru_cache(maxsize=16)
def font_of_size(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font."""
    from PIL import ImageFont

    return ImageFont.load_default(size=size)


def _png(picture: Image.Image, colour: tuple[int, int, int]) -> bytes:
    """A picture of two colours, one bit per pixel; for a 4K picture Pillow takes ten times as long."""
    width, height = picture.size
    stride = (width + 7) // 8
    pixels = picture.tobytes()
    rows = b"".join(b"\0" + pixels[at : at + stride] for at in range(0, len(pixels), stride))
    header = struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", bytes((*colour, *WHITE))),
        (b"IDAT", zlib.compress(rows, _FAST)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def _svg(width: int, height: int, lines: list[str], colour: tuple[int, int, int]) -> bytes:
    from xml.sax.saxutils import escape

    spans = "".join(f'<tspan x="50%" dy="1.2em">{escape(_printable(line))}</tspan>' for line in lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<rect width="100%" height="100%" fill="rgb{colour}"/>'
        f'<text y="40%" fill="white" text-anchor="middle" font-size="{max(1, width // 24)}">{spans}</text></svg>'
    ).encode()


def _printable(line: str) -> str:
    return "".join(one for one in line if one.isprintable())


def _exr(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    """An OpenEXR picture of one colour: half floats, each line compressed separately."""
    box = struct.pack("<4i", 0, 0, width - 1, height - 1)
    channels = b"".join(name + b"\0" + struct.pack("<iB3xii", 1, 0, 1, 1) for name in (b"B", b"G", b"R")) + b"\0"
    attributes = (
        (b"channels", b"chlist", channels),
        (b"compression", b"compression", b"\2"),
        (b"dataWindow", b"box2i", box),
        (b"displayWindow", b"box2i", box),
        (b"lineOrder", b"lineOrder", b"\0"),
        (b"pixelAspectRatio", b"float", struct.pack("<f", 1)),
        (b"screenWindowCenter", b"v2f", struct.pack("<2f", 0, 0)),
        (b"screenWindowWidth", b"float", struct.pack("<f", 1)),
    )
    header = struct.pack("<II", 20000630, 2)
    header += b"".join(
        name + b"\0" + kind + b"\0" + struct.pack("<i", len(raw)) + raw for name, kind, raw in attributes
    )
    header += b"\0"
    line = _exr_line(b"".join(struct.pack("<e", part / 255) * width for part in reversed(colour)))
    start = len(header) + 8 * height
    table = b"".join(struct.pack("<Q", start + number * (8 + len(line))) for number in range(height))
    return header + table + b"".join(struct.pack("<ii", number, len(line)) + line for number in range(height))


def _exr_line(raw: bytes) -> bytes:
    """OpenEXR's ZIPS: bytes at odd offsets after those at even offsets, as differences, deflated."""
    split = raw[::2] + raw[1::2]
    differences = bytes([split[0], *((two - one + 128) % 256 for one, two in pairwise(split))])
    packed = zlib.compress(differences)
    return packed if len(packed) < len(raw) else raw
