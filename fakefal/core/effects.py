"""Effects: faults and endings by name, in one grammar, and the rules that choose them.

``name`` or ``name(key=value, ...)``; values are numbers, true, false, quoted texts, bare words or lists.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

LONGEST_RULE = 1024 * 1024
"""Characters of an effect in a rule."""

_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}


class BadEffect(ValueError):
    """The text is no effect; the message says what is."""


@dataclass(frozen=True)
class Effect:
    """One effect and its arguments."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        shown = ", ".join(f"{key}={value!r}" for key, value in self.arguments.items())
        return f"{self.name}({shown})" if shown else self.name


def parse_effect(text: str, known: Mapping[str, Iterable[str]], longest: int) -> Effect:
    """Read an effect of at most `longest` characters; `known` maps every name to the arguments that it takes.

    Raises:
        BadEffect: malformed, unknown, or with an argument that the effect does not have.
    """
    try:
        if len(text) > longest:
            raise BadEffect(f"an effect has at most {longest} characters")
        name, arguments = _read(_parsed(text.strip()).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, BadEffect):
            raise
        raise BadEffect(f"{text[:80]!r} is no effect: write name or name(key=value, ...)") from error
    if name not in known:
        raise BadEffect(f"there is no effect {name!r}{_meant(name, known)}")
    allowed = sorted(set(known[name]))
    for key in arguments:
        if key not in allowed:
            takes = ", ".join(allowed) or "no arguments"
            raise BadEffect(f"{name} takes {takes}, not {key!r}{_meant(key, allowed)}")
    return Effect(name, arguments)


def _meant(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def parse_arguments(text: str) -> dict[str, Any]:
    """Read ``key=value, ...``.

    Raises:
        BadEffect: it is malformed.
    """
    try:
        return _read(_parsed(f"_({text})").body)[1]
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadEffect(f"{text[:80]!r} is not key=value, ...") from error


_TEXT = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""", re.DOTALL)
_NUMBER = re.compile(r"\b\d[\d_]*(?:\.\d*)?(?:[eE][-+]?\d+)?")
_CHAIN = re.compile(r"\.|[-+~]\s*[-+~]|[^=,(\[{:\s]\s*[-+]|\w\s+\w|[\w)\]}]\s*\[|\)\s*\(|[\w)\]}']\s*\*|[/%@|&^<>!~]")
"""What makes Python's trees deep, and no effect needs: operators, words in a row, calls of calls."""

DEEPEST = 50


def _parsed(text: str) -> ast.Expression:
    """The tree of a text, if it is flat enough: Python 3.11 forgets how deep it is once a tree was too deep.

    Raises:
        BadEffect, SyntaxError: it is none.
    """
    bare = _NUMBER.sub("0", _TEXT.sub("''", text))
    deep = most = 0
    for letter in bare:
        deep += (letter in "([{") - (letter in ")]}")
        most = max(most, deep)
    if most > DEEPEST or _CHAIN.search(bare):
        raise BadEffect(f"{text[:80]!r} is no effect: write name or name(key=value, ...)")
    return ast.parse(text, mode="eval")


def _read(node: ast.expr) -> tuple[str, dict[str, Any]]:
    if isinstance(node, ast.Name):
        return node.id, {}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args:
        if any(keyword.arg is None for keyword in node.keywords):
            raise BadEffect("write key=value, not **")
        return node.func.id, {str(keyword.arg): _value(keyword.value) for keyword in node.keywords}
    raise BadEffect("write name or name(key=value, ...)")


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Name(name):
            return _WORDS.get(name, name)
        case ast.List(items) | ast.Tuple(items):
            return [_value(item) for item in items]
        case ast.Dict(keys, items):
            return {_value(key): _value(item) for key, item in zip(keys, items, strict=True) if key is not None}
        case _:
            return ast.literal_eval(node)


@dataclass(frozen=True)
class Occasion:
    """A call as far as rules look at it; `number` counts those of its key from 1.

    Before its body is read, the prompt is empty, and so no rule that looks at prompts matches.
    """

    endpoint_id: str
    key: str
    prompt: str
    number: int


@dataclass(frozen=True)
class EffectRule:
    """When an effect happens.  What is not said matches everything.

    `endpoint` is the end of an id, `prompt` a part of the prompt, `nth` the request's number for its key,
    and `probability` a share between 0 and 1, drawn by the seed, the number and the rule itself.
    """

    effect: Effect
    endpoint: str = ""
    key: str | None = None
    prompt: str = ""
    nth: int | None = None
    probability: float = 1.0

    def matches(self, occasion: Occasion, seed: str) -> bool:
        """Whether the effect happens to this request."""
        return (
            occasion.endpoint_id.endswith(self.endpoint)
            and (self.key is None or self.key == occasion.key)
            and self.prompt in occasion.prompt
            and (self.nth is None or self.nth == occasion.number)
            and (self.probability == 1 or _draw(f"{seed}/{occasion.key}/{occasion.number}/{self}") < self.probability)
        )


def _draw(seed: str) -> float:
    """A number from 0 up to 1, the same for the same seed."""
    digest = hashlib.blake2b(seed.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
