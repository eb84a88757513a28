"""The grammar of effects and of the rules that choose them: a tokenizer and recursive descent.

    rule   = effect [ "when" pair { "and" pair } ]
    effect = name [ "(" [ pair { "," pair } ] ")" ]
    pair   = name "=" value
    value  = number | true | false | null | word | quoted text | "[" values "]" | "{" text ":" value ... "}"

A word has letters, digits and ``_ - . / : @ + % ~``, and begins with no colon.  Quotes are single or double, escapes
are JSON's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

DEEPEST = 50
"""The greatest depth of nested lists and objects in a value."""

SHAPE = "write name or name(key=value, ...)"
QUOTES = "put the text in quotes"
_CLOSING = (")", "]", "}", "")
_INSTEAD = {
    "(": "write a list as [1, 2]",
    **dict.fromkeys("'\"", "close the quote"),
    "=": "write = once",
    **dict.fromkeys((",", *_CLOSING), "write a value"),
}
"""For a sign that cannot begin a value: what to write instead."""

_QUOTED = r"'(?:\\.|[^'\\])*'" r'|"(?:\\.|[^"\\])*"'
_LETTER = r"[\w.\-/@+%~]"
_TOKEN = re.compile(
    rf"\s*(?:(?P<quoted>{_QUOTED})|(?P<word>{_LETTER}(?:{_LETTER}|:(?=[\w/]))*)|(?P<sign>\S)|\Z)",
    re.DOTALL,
)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?", re.ASCII | re.IGNORECASE)
_CONSTANTS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_ESCAPE = re.compile(r"((?:\\u[0-9a-fA-F]{4})+)|\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", **{sign: sign for sign in "'\"\\/"}}


class BadEffect(ValueError):
    """The text is not a valid effect or rule; the message says where and what to write instead."""


def read_rule(text: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Read a rule: the name and arguments of its effect, and its conditions.

    Raises:
        BadEffect: the text is malformed.
    """
    reader = _Reader(text)
    name, arguments = reader.effect()
    return name, arguments, reader.conditions(name, arguments)


def rule_text(name: str, arguments: Mapping[str, Any], conditions: Mapping[str, Any]) -> str:
    """A rule, or an effect without conditions, as returned by `read_rule`."""
    given = ", ".join(map(_pair_text, arguments.items()))
    when = " and ".join(map(_pair_text, conditions.items()))
    return name + (f"({given})" if given else "") + (f" when {when}" if when else "")


def _pair_text(pair: tuple[str, Any]) -> str:
    name, value = pair
    if isinstance(value, str) and (found := _TOKEN.fullmatch(value)) and found["word"] == value == _meaning(value):
        return f"{name}={value}"
    return f"{name}={json.dumps(value, ensure_ascii=False)}"


def _meaning(word: str) -> Any:
    """The value of a text without quotes."""
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    if not _NUMBER.fullmatch(word):
        return word
    try:
        return int(word)
    except ValueError:  # a fraction, or more digits than Python takes
        return float(word)


class _Reader:
    """Reads a text from start to end, with one token of lookahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ahead = ""
        self._end = 0
        self._next()

    def effect(self) -> tuple[str, dict[str, Any]]:
        """Read the name and the arguments."""
        name = self._word(SHAPE)
        arguments: dict[str, Any] = {}
        if self._skip("("):
            while not self._skip(")"):
                self._pair(arguments, SHAPE if self._kind else "close the bracket: )")
                self._separate(")")
        return name, arguments

    def conditions(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Read the conditions, up to the end."""
        given: dict[str, Any] = {}
        if not self._kind:
            return given
        example = f"write: {name} when nth=1"
        if not self._skip("when"):
            raise self._wrong(self._instead_of_when(rule_text(name, arguments, {})) or example)
        self._pair(given, example)
        comma = None
        while self._kind:
            if self._ahead == ",":
                comma = comma or self._at
                self._next()
            elif not self._skip("and"):
                raise self._wrong(f"{QUOTES}, or write and before a condition")
            self._pair(given, example)
        if comma:
            raise self._wrong(f"write: {rule_text(name, arguments, given):.200}", comma)
        return given

    def _instead_of_when(self, effect: str) -> str:
        """What to write if conditions, or another effect, follow an effect."""
        rest = self._text[self._at :].strip()
        if re.match(r"\w+\s*=[^=]", rest):
            return f"write: {effect} when {rest}"[:200]
        if re.match(r"[,;]\s*[a-z]|[a-z]\w*(_\w+|\(|$)", rest):
            return "write one effect in each text: repeat --effect"
        return ""

    def _pair(self, given: dict[str, Any], advice: str) -> None:
        """Read ``name=value``."""
        start = self._at
        name = self._word(advice)
        if name in given:
            raise self._wrong(f"give {name} once", start)
        if not self._skip("="):
            raise self._wrong(advice, start)
        given[name] = self._value()

    def _value(self, depth: int = 0) -> Any:
        if depth == DEEPEST and self._ahead in ("[", "{"):
            raise self._wrong(f"nest at most {DEEPEST} lists and objects")
        if self._kind == "word":
            return _meaning(self._next())
        if self._kind == "quoted":
            return self._unquoted()
        if self._skip("["):
            return self._list(depth + 1)
        if self._skip("{"):
            return self._object(depth + 1)
        raise self._wrong(_INSTEAD.get(self._ahead, QUOTES))

    def _list(self, depth: int) -> list[Any]:
        items = []
        while not self._skip("]"):
            items.append(self._value(depth))
            self._separate("]")
        return items

    def _object(self, depth: int) -> dict[str, Any]:
        pairs = {}
        while not self._skip("}"):
            start = self._at
            name = self._value(depth)
            if not isinstance(name, str) or not self._skip(":"):
                raise self._wrong('write {"name": value, ...}', start)
            pairs[name] = self._value(depth)
            self._separate("}")
        return pairs

    def _separate(self, closing: str) -> None:
        """Skip a comma, or stop at the closing bracket."""
        if not self._skip(",") and self._ahead != closing:
            bracket = f"close the bracket: {closing}"
            raise self._wrong(bracket if self._ahead in _CLOSING else f"{QUOTES}, or write a comma")

    def _unquoted(self) -> str:
        start = self._at

        def unescaped(found: re.Match[str]) -> str:
            if found[1]:
                return bytes.fromhex(found[1].replace("\\u", "")).decode("utf-16-be", "surrogatepass")
            if found[2] not in _ESCAPED:
                raise self._wrong(r"write \\ for a backslash", start + 1 + found.start())
            return _ESCAPED[found[2]]

        return _ESCAPE.sub(unescaped, self._next()[1:-1])

    def _word(self, advice: str) -> str:
        if self._kind != "word":
            raise self._wrong(advice)
        return self._next()

    def _skip(self, token: str) -> bool:
        """Skip this token if it is the next one."""
        if self._ahead != token:
            return False
        self._next()
        return True

    def _next(self) -> str:
        """Return the next token and move past it."""
        passed = self._ahead
        found = _TOKEN.match(self._text, self._end)
        assert found, "every text has a token or its end"
        self._kind = found.lastgroup
        self._ahead = found[found.lastgroup] if found.lastgroup else ""
        self._at, self._end = found.end() - len(self._ahead), found.end()
        return passed

    def _wrong(self, advice: str, at: int | None = None) -> BadEffect:
        """The error that says what to write at the next token, or at another place."""
        at = self._at if at is None else at
        place = f"{self._text[at : at + 20]!r} at character {at + 1}" if at < len(self._text) else "at the end"
        return BadEffect(f"{place}: {advice}")
