"""Decodes and encodes JSON, safely for any input.

`parse` decodes input from callers, and limits work and memory first; `load` decodes output of `dump`.  The media of a
body (its ``data:`` strings) are removed before decoding.  So they do not count towards the limits, and an emoji in a
prompt does not make Python store them with four bytes for each character.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

DEEPEST = 100
"""The deepest nesting of a body.  Models need six levels."""

MOST_VALUES = 200_000
"""The most values in a body, including lists and objects.  Each takes up to 200 bytes in Python."""

MAX_BYTES = 4 * 1024 * 1024
"""The default limit for a body without its ``data:`` strings."""


NOT_UTF_8 = "The body is not UTF-8"


class InvalidJson(ValueError):
    """The bytes are not JSON.  `position` and `reason` are those of pydantic's ``json_invalid``."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(f"{reason} at character {position}" if position else reason)
        self.position = position
        self.reason = reason


class JsonTooLarge(InvalidJson):
    """The JSON has too many values or bytes."""

    def __init__(self, reason: str) -> None:
        super().__init__(0, reason)

    def __str__(self) -> str:
        return self.reason


def parse(body: bytes, max_bytes: int = MAX_BYTES) -> Any:
    """Decode a JSON body from a caller.

    Args:
        body: what was sent.
        max_bytes: how long it may be without its ``data:`` strings.

    Raises:
        JsonTooLarge: it is longer, or has more than `MOST_VALUES` values.
        InvalidJson: malformed, not UTF-8, nested too deeply, or with numbers that JSON does not have.
    """
    if len(body) <= min(max_bytes, MAX_BYTES) and _is_plain(body):
        return load(body)
    try:
        parts = _parted(body, max_bytes)
    except _BrokenMedium as broken:
        broken.raise_earlier(body, max_bytes)
        raise
    try:
        return _decode(*parts)
    except InvalidJson:
        load(body)  # a fault in what was taken out, or before it, is named where it stands in the whole
        raise


class _BrokenMedium(InvalidJson):
    """A ``data:`` string is malformed.

    Args:
        start: where it begins, in bytes.
        before: how many characters stand before it.
        fault: what is wrong with it, at a place of its own.
    """

    def __init__(self, start: int, before: int, fault: json.JSONDecodeError) -> None:
        super().__init__(before + fault.pos, fault.msg)
        self._start, self._before = start, before

    def raise_earlier(self, body: bytes, max_bytes: int) -> None:
        """Raise the fault that stands before the string in its body, if there is one, which is that of the whole."""
        try:
            parse(body[: self._start] + b'""', max_bytes)
        except InvalidJson as fault:
            if fault.position <= self._before:
                raise


_WORD = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]|[^\s"\[\]{}:,]++', re.DOTALL)


def place_of(fault: InvalidJson, body: bytes) -> tuple[int, int]:
    """The line and the column of a fault in a body, from 1, for people.

    What pydantic reports has neither for numbers and depths, and counts bytes in what is not UTF-8.
    """
    try:
        text = body.decode("utf-8-sig")
        before = text[: fault.position or _place_of_word(text, fault.reason)]
    except UnicodeDecodeError as error:
        before = body[: error.start].decode("utf-8-sig")
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _place_of_word(text: str, reason: str) -> int:
    """Where the number, constant or bracket stands that is refused for a reason; 0 where none is."""
    depth = 0
    for found in _WORD.finditer(text):
        word = found[0]
        depth += (word in "[{") - (word in "]}")
        if reason == _TOO_DEEP and depth > DEEPEST:
            return found.start()
        try:
            _ = word[0] in '"[]{}' or _DECODER.decode(word)
        except ValueError as error:
            if str(error) == reason:
                return found.start()
    return 0


def load(body: bytes) -> Any:
    """Decode JSON without limits, such as output of `dump`.

    Raises:
        InvalidJson: malformed, not UTF-8, or with numbers that JSON does not have.
    """
    return _decode(body, ())


def dump(value: Any) -> bytes:
    """Encode as fal's runners do: compact, without escaping other scripts, with a question mark for invalid Unicode.

    The question mark is how fal's runtime (fal 1.83.0) echoes a lone surrogate in a refusal.
    """
    return _ENCODER.encode(value).encode("utf-8", "replace")


def texts_in(value: Any) -> Iterator[str]:
    """Every string in a JSON value, in order, without the names of members."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting.extend(reversed(one.values()))
        elif isinstance(one, list):
            waiting.extend(reversed(one))


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is out of range")
    return number


_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)


@dataclass(frozen=True, slots=True)
class _Medium:
    """A ``data:`` string that was taken out of a body.

    Attributes:
        text: what it says.
        end: where its stand-in ends in the rest.
        cut: by how many bytes the stand-in is shorter.
    """

    text: str
    end: int
    cut: int


def _decode(body: bytes, media: Sequence[_Medium]) -> Any:
    """The value of a body, in which a stand-in means the next of the media."""
    taken = 0

    def medium(name: str) -> str:
        nonlocal taken
        if name != _STAND_IN.decode():
            _no_constant(name)
        taken += 1
        return media[taken - 1].text

    decoder = json.JSONDecoder(parse_constant=medium, parse_float=_finite) if media else _DECODER
    try:
        text = body.removeprefix(BOM_UTF8).decode()
        if text.startswith("\ufeff"):  # a second mark: the function has words of its own for that
            return json.loads(text)
        return decoder.decode(text)
    except json.JSONDecodeError as error:
        raise InvalidJson(error.pos + sum(one.cut for one in media[:taken]), error.msg) from None
    except UnicodeDecodeError as error:
        before = sum(one.cut for one in media if one.end <= error.start)
        raise InvalidJson(error.start + before, NOT_UTF_8) from None
    except RecursionError:
        raise InvalidJson(0, _TOO_DEEP) from None
    except ValueError as error:
        raise InvalidJson(0, str(error)) from None


_TOO_DEEP = f"The body is nested more than {DEEPEST} levels deep"
_TOO_MANY = f"The body holds more than {MOST_VALUES} values"


def _is_plain(body: bytes) -> bool:
    """Whether the counts of a few bytes, wherever they stand, rule out that a body exceeds a bound."""
    opened = body.count(b"[") + body.count(b"{")
    return opened <= DEEPEST and opened + body.count(b",") < MOST_VALUES


# Possessive repeats (*+) keep no state: a plain one holds 24 bytes for each character that it may have to give back.
# A match holds the interpreter's lock, so that a long string is read by several.
_INSIDE_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+){0,65536}+', re.DOTALL)
_MEDIUM = re.compile(rb'"[ ]*+data:')
_KEY_ENDS = re.compile(rb"[ \t\r\n]*+:")
_EMPTY = re.compile(rb"[\[{][ \t\r\n]*+[\]}]")
_NOT_ASCII = re.compile(r"\\u(?!00[0-7])")

_BESIDE_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STAND_IN = b"NaN"
"""What stands for a medium while the rest is decoded.  JSON has no such value, so the decoder asks what it means."""


def _parted(body: bytes, max_bytes: int) -> tuple[bytes, list[_Medium]]:
    """A body without its media, and these.  One pass measures it, and ends where it exceeds a bound.

    Raises:
        JsonTooLarge: the rest is longer than `max_bytes`, or holds too many values.
        InvalidJson: it is nested too deeply, or one of the media is malformed.
    """
    rest, outline, media = bytearray(), bytearray(), list[_Medium]()
    done = 0

    def keep(end: int) -> None:
        if len(rest) + end - done > max_bytes:
            raise JsonTooLarge(f"The body has more than {max_bytes} bytes beside its data: strings")
        rest.extend(body[done:end])

    for number, (start, end) in enumerate(_strings(body)):
        if number > 2 * MOST_VALUES:  # an object has a key to each value
            raise JsonTooLarge(_TOO_MANY)
        text = _medium(body, start, end)
        keep(end if text is None else start)
        outline += body[done:start] + b'"'
        if text is not None:
            rest += _STAND_IN
            media.append(_Medium(text, len(rest), end - start - len(_STAND_IN)))
        done = end
    keep(len(body))
    outline += body[done:]
    _measure(bytes(outline))
    if _STAND_IN in outline:
        load(body)  # which says what is wrong first
        raise InvalidJson(0, f"{_STAND_IN.decode()} is not JSON")
    return bytes(rest), media


def _strings(body: bytes) -> Iterator[tuple[int, int]]:
    """Where strings begin and end, quotation marks included."""
    start = body.find(b'"')
    while start >= 0:
        end = _string_end(body, start)
        yield start, end
        start = body.find(b'"', end)


def _string_end(body: bytes, start: int) -> int:
    """Where the string that begins at a place ends, at the latest with the body."""
    end = body.find(b'"', start + 1) + 1
    if end and body[end - 2 : end - 1] != b"\\":
        return end  # nearly always: so long as no mark in it is escaped, this is the fastest way
    end = start + 1
    while found := _INSIDE_STRING.match(body, end):
        if found.end() == end:
            break
        end = found.end()
    return end + 1 if body[end : end + 1] == b'"' else len(body)


def _medium(body: bytes, start: int, end: int) -> str | None:
    """The ``data:`` string at a place, or None for anything else, those in other scripts and keys included.

    Raises:
        _BrokenMedium: it is malformed.
    """
    if not _MEDIUM.match(body, start, end) or _KEY_ENDS.match(body, end):
        return None
    try:
        text = str(memoryview(body)[start:end], "ascii")
        return None if _NOT_ASCII.search(text) else _DECODER.decode(text)
    except UnicodeDecodeError:
        return None
    except json.JSONDecodeError as error:
        before = len(body[:start].decode("utf-8-sig", "replace"))
        raise _BrokenMedium(start, before, error) from None


def _measure(outline: bytes) -> None:
    """Hold the bounds of number and depth.

    Raises:
        JsonTooLarge: there are too many values.
        InvalidJson: they are nested too deeply.
    """
    opened = outline.count(b"[") + outline.count(b"{")
    values = 1 + outline.count(b",") + opened
    if values > MOST_VALUES and values - sum(1 for _ in _EMPTY.finditer(outline)) > MOST_VALUES:
        raise JsonTooLarge(_TOO_MANY)
    depths = accumulate(1 if bracket in b"[{" else -1 for bracket in outline.translate(None, _BESIDE_BRACKETS))
    if opened > DEEPEST and any(depth > DEEPEST for depth in depths):
        raise InvalidJson(0, _TOO_DEEP)
