"""The size of a clip's frames, as the codec's own head in the file says: H.264 and H.265.

Both are read as far as their sizes, every count within the bounds of its standard (ITU-T H.264 and H.265, 7.3.2).
"""

from __future__ import annotations

from collections.abc import Iterator

from fakefal_contracts.errors import Unreadable
from fakefal_contracts.probe.boxes import Box

SAMPLE_ENTRY = 78
"""How many bytes of a picture's sample entry stand before the boxes in it."""

MOST_UNITS = 64
H265_SPS = 33
ESCAPED = b"\0\0\3"
WITH_CHROMA = {44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244}
"""The profiles of H.264 that say their chroma format."""

WIDTH_UNITS, HEIGHT_UNITS = (1, 2, 2, 1), (1, 2, 1, 1)
"""In how many pixels edges are cut off, by chroma format."""

LONGEST_NUMBER = 32
MOST_LAYERS = 6
PROFILE_BITS, LEVEL_BITS = 88, 8


def coded_size(entry: Box) -> tuple[int, int] | None:
    """Width and height of the frames by the first parameter set in a sample entry; None where it holds none.

    Raises:
        Unreadable: the set is broken.
    """
    try:
        for box in entry.after(SAMPLE_ENTRY):
            if box.kind == b"avcC":
                return next((_h264(_Bits(unit)) for unit in _avc_units(box.content())), None)
            if box.kind == b"hvcC":
                return next((_h265(_Bits(unit)) for unit in _hevc_units(box.content())), None)
    except (EOFError, LookupError) as error:
        raise Unreadable("the head of its codec is broken") from error
    return None


class _Bits:
    """Bits of a parameter set, first bit first.

    Raises:
        EOFError: there are no more of them.
    """

    def __init__(self, unit: bytes) -> None:
        content = unit.replace(ESCAPED, ESCAPED[:2])
        self._number, self._left = int.from_bytes(content, "big"), 8 * len(content)

    def take(self, count: int) -> int:
        """A number of so many bits."""
        self._left -= count
        if self._left < 0:
            raise EOFError
        return self._number >> self._left & (1 << count) - 1

    def natural(self) -> int:
        """A number from 0 in Exp-Golomb code."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > LONGEST_NUMBER:
                raise EOFError
        return (1 << zeros) - 1 + self.take(zeros)

    def skip(self, numbers: int) -> None:
        """Pass over so many numbers in Exp-Golomb code."""
        for _ in range(numbers):
            self.natural()

    def signed(self) -> int:
        """A number in signed Exp-Golomb code."""
        number = self.natural()
        return (number + 1) // 2 if number % 2 else -(number // 2)


def _unit(content: bytes, at: int) -> bytes:
    """A unit behind its length."""
    length = int.from_bytes(content[at : at + 2], "big")
    if at + 2 + length > len(content):
        raise EOFError
    return content[at + 2 : at + 2 + length]


def _avc_units(content: bytes) -> Iterator[bytes]:
    if content[5] & 31:
        yield _unit(content, 6)[1:]


def _hevc_units(content: bytes) -> Iterator[bytes]:
    at, seen = 23, 0
    for _ in range(content[22]):
        kind, count = content[at] & 63, int.from_bytes(content[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            seen += 1
            if seen > MOST_UNITS:
                raise EOFError
            unit = _unit(content, at)
            if kind == H265_SPS:
                yield unit[2:]
            at += 2 + len(unit)


def _h264(bits: _Bits) -> tuple[int, int]:
    profile = bits.take(8)
    bits.take(16)
    bits.natural()
    chroma = 1
    if profile in WITH_CHROMA:
        chroma = bits.natural()
        if chroma == 3:  # noqa: PLR2004 - 4:4:4
            bits.take(1)
        bits.skip(2)
        bits.take(1)
        if bits.take(1):
            _skip_scaling(bits, 8 if chroma != 3 else 12)  # noqa: PLR2004
    bits.natural()
    _skip_order(bits)
    bits.natural()
    bits.take(1)
    width, height = (bits.natural() + 1) * 16, (bits.natural() + 1) * 16
    fields = 1 if bits.take(1) else 2
    if fields == 2:  # noqa: PLR2004
        bits.take(1)
    bits.take(1)
    return _cropped(bits, width, height * fields, WIDTH_UNITS[chroma], HEIGHT_UNITS[chroma] * fields)


def _skip_scaling(bits: _Bits, lists: int) -> None:
    for number in range(lists):
        if not bits.take(1):
            continue
        last = following = 8
        for _ in range(16 if number < 6 else 64):  # noqa: PLR2004 - six lists of 4x4
            if following:
                following = (last + bits.signed()) % 256
            last = following or last


def _skip_order(bits: _Bits) -> None:
    """What says in which order frames are shown."""
    kind = bits.natural()
    if kind == 0:
        bits.natural()
    elif kind == 1:
        bits.take(1)
        bits.skip(2)
        count = bits.natural()
        if count > 255:  # noqa: PLR2004 - the standard's bound
            raise EOFError
        bits.skip(count)


def _h265(bits: _Bits) -> tuple[int, int]:
    bits.take(4)
    layers = bits.take(3)
    if layers > MOST_LAYERS:
        raise EOFError
    bits.take(1 + PROFILE_BITS + LEVEL_BITS)
    said = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    bits.take(2 * (8 - layers) if layers else 0)
    for profile, level in said:
        bits.take(PROFILE_BITS * profile + LEVEL_BITS * level)
    bits.natural()
    chroma = bits.natural()
    if chroma == 3:  # noqa: PLR2004 - 4:4:4
        bits.take(1)
    width, height = bits.natural(), bits.natural()
    return _cropped(bits, width, height, WIDTH_UNITS[chroma], HEIGHT_UNITS[chroma])


def _cropped(bits: _Bits, width: int, height: int, wide: int, high: int) -> tuple[int, int]:
    """The size without the edges that are cut off, in units of so many pixels."""
    if bits.take(1):
        width -= wide * (bits.natural() + bits.natural())
        height -= high * (bits.natural() + bits.natural())
    return width, height
