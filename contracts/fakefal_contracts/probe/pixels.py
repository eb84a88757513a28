"""Whether the data of a picture hold the pixels that its head says.

A JPEG is decoded at an eighth of its size, a PNG inflated piece by piece and forgotten, another format decoded by
Pillow up to a bound.
"""

from __future__ import annotations

import io
import re
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from fakefal_contracts.errors import Unreadable

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

LARGEST_READ = 64 * 1024 * 1024
"""Larger files are believed: no model takes one."""

MOST_DECODED = 25_000_000
"""Pixels that are decoded at once; Pillow takes up to 20 bytes for each.  A larger picture is believed."""

PIXELS_PER_BYTE = 10_000
"""What deflate's best, 1 to 1032 on single bits, could hold: a larger picture may not say more."""

DECODED = {"gif", "webp", "avif", "bmp", "ppm"}
"""The formats that Pillow decodes whole.  TIFF, which no model takes, is left alone, and its library with it."""

EIGHTH = 8
MOST_IN_A_BYTE, COARSEST = 8 * 8 * 8, 4 * 4
"""Of a JPEG: a bit at least is needed for 8x8 pixels, where one colour comes alone for 4x4 times as many."""

PROGRESSIVE = 0xC2
FRAMES = {0xC0, 0xC1, PROGRESSIVE}
"""The kinds of JPEG that viewers show: not lossless ones, and not those in arithmetic code."""

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
START_OF_SCAN, FILL = 0xDA, 0xFF
BARE_MARKERS = {0x01, *range(0xD0, 0xD9)}
"""Markers of a JPEG that no length follows."""

END_OF_IMAGE = b"\xff\xd9"
END_OF_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""In what a scan holds, FF is followed by 00, by the number of a restart, or by another FF."""

ONES = b"\xff\0" * 8
"""What fills up a scan: no code has only ones, so that decoders read ahead in it and find nothing."""

NOISE = bytes(range(0xA5, 0, -1))
OTHER_DATA = NOISE + b"".join(bytes((0xFF, 0xD0 + number)) + NOISE for number in range(8))
"""What a decoder goes on with that lacks data, in a scan with restarts or without."""

MOST_SEGMENTS, MOST_CHUNKS = 10_000, 50_000
"""Parts of a JPEG before its first scan, filling bytes included, and of a PNG: far more than writers make."""

PIECE, MOST_AT_ONCE = 64 * 1024, 1024 * 1024
MOST_INFLATED = 1024 * 1024 * 1024
"""Bytes of the pixels of a PNG: seconds of work, for a picture that no viewer opens."""

INTERLACED = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""The seven passes of an interlaced PNG: first column and row, and the steps between columns and rows."""

SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""How many numbers a pixel of a PNG has, by its colour type."""

_one_at_a_time = threading.Lock()


def check_parts(file: IO[bytes], size: int) -> None:
    """Refuse a JPEG or PNG of so many parts that reading them takes long, before anybody does.

    Raises:
        Unreadable: it is such a picture.
    """
    head = file.read(len(PNG))
    file.seek(0)
    if size > LARGEST_READ:
        return
    if head.startswith(JPEG):
        _first_scan(file.read())
    elif head == PNG:
        for _ in _png_chunks(file.read()):
            pass
    file.seek(0)


def check_pixels(image: ImageFile, name: str, file: IO[bytes], size: int) -> None:
    """Refuse an opened picture of a format whose data hold other pixels than its head says.

    Raises:
        Unreadable: it is such a picture, or is cut off.
    """
    says = f"its head says {image.width}x{image.height} pixels"
    pixels = image.width * image.height
    if pixels > max(MOST_DECODED, size * PIXELS_PER_BYTE):
        raise Unreadable(f"{says}, which do not fit into {size} bytes")
    if size > LARGEST_READ:
        return
    try:
        held = _compared(image, name, file)
    except Unreadable:
        raise
    except Exception as error:  # Pillow's plugins raise whatever their parsers meet in broken bytes
        raise Unreadable(f"{says}, its data cannot be decoded") from error
    if held:
        raise Unreadable(f"{says}, its data hold {'more' if held > 0 else 'fewer'}")


def _compared(image: ImageFile, name: str, file: IO[bytes]) -> int:
    """What the data hold besides what the head says: nothing (0), more (1) or not all of it (-1)."""
    file.seek(0)
    if name == "jpeg":
        return _compare_jpeg(file.read(), image.width * image.height)
    if name == "png":
        return _compare_png(file.read())
    if name in DECODED and image.width * image.height <= MOST_DECODED:
        return _compare_decoded(image, name, file)
    return 0


def _compare_decoded(image: ImageFile, name: str, file: IO[bytes]) -> int:
    """Pillow names what ends early, and widens the screen of a GIF until its first picture fits.

    Raises:
        Unreadable: it had to.
    """
    if name == "gif" and any(screen := struct.unpack("<6xHH", file.read(10))) and screen != image.size:
        raise Unreadable(f"its head says {screen[0]}x{screen[1]} pixels, its first picture lies outside of them")
    try:
        with _one_at_a_time:
            image.load()
    except OSError as error:
        if "truncated" in str(error):
            return -1
        raise
    return 0


@dataclass(frozen=True)
class _Scan:
    """The first scan of a JPEG: where its data begin, and which kind of frame it belongs to.

    `is_whole` says that it has all colours.
    """

    begins: int
    frame: int
    is_whole: bool


def _compare_jpeg(content: bytes, pixels: int) -> int:
    """Decode the first scan, which holds something of every pixel.

    Raises:
        Unreadable: it is of another kind, or no end of image follows; thumbnails before it have ends of their own.
    """
    scan = _first_scan(content)
    if scan is None or content.find(END_OF_IMAGE, scan.begins + 1) < 0:
        raise Unreadable("it is cut off")
    if scan.frame not in FRAMES:
        raise Unreadable("it is a JPEG of a kind that viewers do not show")
    end = END_OF_SCAN.search(content, scan.begins)
    assert end is not None
    alone = content[: end.start()]
    if scan.frame != PROGRESSIVE and scan.is_whole:
        return _compare_rows(alone)
    if pixels > (end.start() - scan.begins) * MOST_IN_A_BYTE * (1 if scan.is_whole else COARSEST):
        return -1
    return _compare_tails(alone) if pixels <= MOST_DECODED else 0


def _compare_rows(scan: bytes) -> int:
    """A decoder that gives each row when it has it waits for more where the data end early."""
    try:
        _load_eighth(scan + ONES)
    except OSError as error:
        if "truncated" in str(error):
            return -1
        raise
    return 0


def _compare_tails(scan: bytes) -> int:
    """A decoder that waits for all scans fills up what it lacks: with the data that follow, if there are any.

    Where that shows nothing else, as in flat grey, nobody can tell.
    """
    shown = _load_eighth(scan + END_OF_IMAGE)
    return 0 if shown == _load_eighth(scan + OTHER_DATA + END_OF_IMAGE) else -1


def _first_scan(content: bytes) -> _Scan | None:
    """Where the first scan is.

    Raises:
        Unreadable: too much stands before it.
    """
    at, frame, colours, seen = 2, 0, 0, 0
    while content[at : at + 1] == b"\xff" and at + 4 <= len(content):
        seen += 1
        if seen > MOST_SEGMENTS:
            raise Unreadable("it has more segments than a picture needs")
        marker = content[at + 1]
        bare = marker in BARE_MARKERS
        after = at + (1 if marker == FILL else 2 if bare else 2 + int.from_bytes(content[at + 2 : at + 4], "big"))
        if marker in FRAMES:
            frame, colours = marker, content[at + 9]
        elif marker == START_OF_SCAN:
            return _Scan(after, frame, content[at + 4] == colours)
        at = after
    return None


def _load_eighth(scan: bytes) -> ImageFile:
    """The picture that a scan gives, at an eighth of its size and without colours."""
    from PIL.JpegImagePlugin import JpegImageFile

    with JpegImageFile(io.BytesIO(scan)) as image:
        image.draft("L", (max(1, image.width // EIGHTH), max(1, image.height // EIGHTH)))
        image.load()
        return image


def _compare_png(content: bytes) -> int:
    """Inflate the pixels without keeping them.

    Raises:
        Unreadable: its chunks do not lead to the last one, each within the file, or it has far too many pixels.
    """
    want = held = spare = 0
    kind, inflater = b"", zlib.decompressobj()
    for kind, data in _png_chunks(content):
        if kind == b"IHDR":
            want = _png_bytes(data)
            height = max(1, int.from_bytes(data[4:8], "big"))
            spare = min(want // height, height)
            if want > MOST_INFLATED:
                raise Unreadable(f"its pixels take {want} bytes")
        elif kind == b"IDAT":
            held += _inflated(inflater, data, want + spare - held)
    if kind != b"IEND":
        raise Unreadable("it is cut off")
    # some writers end with a few bytes too many: not a row, nor one in each row
    return (held >= want + spare) - (held < want)


def _inflated(inflater: zlib._Decompress, data: memoryview, most: int) -> int:
    """How many bytes come out of these; it stops soon after `most`."""
    total = 0
    for at in range(0, len(data), PIECE):
        rest: bytes | memoryview = data[at : at + PIECE]
        while total < most and not inflater.eof:
            found = len(inflater.decompress(rest, MOST_AT_ONCE))
            total, rest = total + found, inflater.unconsumed_tail
            if not rest and found < MOST_AT_ONCE:
                break
    return total


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """The name and the data of each chunk to the last one, as far as they lie within the file.

    Raises:
        Unreadable: there are too many.
    """
    view, at, kind, seen = memoryview(content), len(PNG), b"", 0
    while kind != b"IEND" and at + 12 <= len(content):
        seen += 1
        if seen > MOST_CHUNKS:
            raise Unreadable("it has more chunks than a picture needs")
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        if end > len(content):
            return
        kind = content[at + 4 : at + 8]
        yield kind, view[at + 8 : end - 4]
        at = end


def _png_bytes(head: memoryview) -> int:
    """How many bytes the pixels take before they are deflated: each row has one more."""
    width, height, depth, colour, interlace = struct.unpack(">IIBB2xB", head)
    total = 0
    for left, top, right, down in INTERLACED if interlace else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // right), -(-(height - top) // down)
        if columns > 0:
            total += rows * (1 + (columns * SAMPLES[colour] * depth + 7) // 8)
    return total
