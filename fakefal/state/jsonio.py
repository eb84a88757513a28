"""JSON in and out, as the wire has it, for any input whatsoever."""

from __future__ import annotations

import json
import re
from typing import Any

DEEPEST = 100
"""How deeply a body may be nested.  The models here need six levels."""


class InvalidJson(ValueError):
    """The bytes are no JSON.  `position` and `reason` are what pydantic's ``json_invalid`` reports."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(f"{reason} at {position}")
        self.position = position
        self.reason = reason


def parse(body: bytes) -> Any:
    """Decode a JSON body.

    Raises:
        InvalidJson: malformed, not UTF-8, nested too deeply, or with numbers that JSON does not have.
    """
    if body.count(b"[") + body.count(b"{") > DEEPEST and _depth(body) > DEEPEST:
        raise InvalidJson(0, f"The body is nested more than {DEEPEST} levels deep")
    try:
        return _parsed(body.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise InvalidJson(error.pos, error.msg) from None
    except UnicodeDecodeError as error:
        raise InvalidJson(error.start, "The body is not UTF-8") from None
    except ValueError as error:
        raise InvalidJson(0, str(error)) from None


def dump(value: Any) -> bytes:
    """Encode as fal's runners do: compact, other scripts as they are, a question mark for what is no Unicode.

    The question mark is how fal's runtime (fal 1.83.0) echoes a lone surrogate in a refusal.
    """
    return _ENCODER.encode(value).encode("utf-8", "replace")


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is out of range")
    return number


_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)


def _parsed(text: str) -> Any:
    if text.startswith("\ufeff"):  # a second mark: the function has words of its own for that
        return json.loads(text)
    return _DECODER.decode(text)


_BRACKETS_AND_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)


def _depth(body: bytes) -> int:
    """How deeply brackets are nested, leaving out those inside strings."""
    depth = deepest = 0
    for token in _BRACKETS_AND_TEXTS.finditer(body):
        first = body[token.start()]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in b"]}":
            depth -= 1
    return deepest
