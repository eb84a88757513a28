"""The types of fal's JavaScript client: ``src/types/endpoints.d.ts`` in its npm package.

Only the declarations that an endpoint needs are parsed, into the schemas that `schema` reads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from fakefal_contracts.errors import UnreadableContract
from fakefal_contracts.published import ABSENT, INPUT, OUTPUT, UNSAID, Place, Published, SourceKind
from fakefal_contracts.published.schema import Schema, places

_DECLARED = re.compile(
    r"^\s*(?:export\s+)?(?:declare\s+)?(?:type\s+(\w+)\s*=|interface\s+(\w+)\s*(?=\{))", re.MULTILINE
)
_TOKEN = re.compile(
    r"""\s+ | //[^\n]*                                  # neither is kept
    | (?P<comment>/\*.*?\*/)
    | (?P<text>"(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*')
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<name>[\w$]+)
    | (?P<mark>[{}\[\]()<>|&?:;,=.])""",
    re.VERBOSE | re.DOTALL,
)
_MAP = "EndpointTypeMap"
_KEYWORDS: dict[str, Schema] = {
    "string": {"type": "string"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "true": {"const": True, "type": "boolean"},
    "false": {"const": False, "type": "boolean"},
    "null": {"type": "null"},
    "undefined": {"type": "null"},
    "object": {"type": "object"},
}
_DEFAULT = re.compile(r"\s*Default value: `(.*?)`\s*", re.DOTALL)
_STARS = re.compile(r"^[ \t]*\*+[ \t]?", re.MULTILINE)


def read_typescript(text: str, endpoint_id: str, source: str) -> Published:
    """What the client's types say of an endpoint.

    They cannot say which fields take null, which numbers are whole, and what is limited; a default is
    printed in the comment above a field unless it is false, zero or empty.

    Raises:
        UnreadableContract: the text does not declare the endpoint, or a declaration cannot be parsed.
    """
    types = _declarations(text)
    known = types(_MAP).get("properties", {})
    if endpoint_id not in known:
        raise UnreadableContract(f"{source} does not declare {endpoint_id}")
    bodies = known[endpoint_id].get("properties", {})
    if not {INPUT, OUTPUT} <= bodies.keys():
        raise UnreadableContract(f"{source} declares {endpoint_id} without input or output")
    found = {**places(INPUT, bodies[INPUT], types), **places(OUTPUT, bodies[OUTPUT], types)}
    return Published(
        SourceKind.TYPESCRIPT, source, endpoint_id, None, {path: _normalized(one) for path, one in found.items()}
    )


def declared_ids(text: str) -> list[str]:
    """The ids of all endpoints that the types declare.

    Raises:
        UnreadableContract: a declaration cannot be parsed.
    """
    return sorted(_declarations(text)(_MAP).get("properties", {}))


def _normalized(place: Place) -> Place:
    """A place without what the types cannot say."""
    types = place.types
    if "number" in types:
        types = types - {"integer", "number"} | {"numeric"}
    silent = place.default is ABSENT and types != {"string"}
    return replace(place, types=types, nullable=UNSAID, limits=UNSAID, default=UNSAID if silent else place.default)


@lru_cache(maxsize=1)
def _declarations(text: str) -> _Declarations:
    """The declarations of a file; it is read once for all its endpoints."""
    return _Declarations(text)


class _Declarations:
    """The types of a file by name, each parsed when it is asked for."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = {found[1] or found[2]: found.end() for found in _DECLARED.finditer(text)}
        self._parsed: dict[str, Schema] = {}

    def __call__(self, name: str) -> Schema:
        if name not in self._starts:
            return {}
        if name not in self._parsed:
            self._parsed[name] = _Parser(_tokens(self._text, self._starts[name], name), name).type()
        return self._parsed[name]


def _tokens(text: str, start: int, name: str) -> Iterator[tuple[str, str]]:
    """The tokens from a place on: kind and text."""
    while start < len(text):
        found = _TOKEN.match(text, start)
        if found is None:
            raise UnreadableContract(f"the type {name} cannot be read at {text[start : start + 40]!r}")
        start = found.end()
        if found.lastgroup:
            yield found.lastgroup, found.group()


class _Parser:
    """Reads one type from tokens, and no further than it goes."""

    def __init__(self, tokens: Iterator[tuple[str, str]], name: str) -> None:
        self._tokens, self._name = tokens, name
        self._comment = ""
        self._kind, self._text = "", ""
        self._next()

    def type(self) -> Schema:
        """A union: ``"5" | "10"``, ``string | Blob | File``."""
        self._take("|")
        parts = [self._intersection()]
        while self._take("|"):
            parts.append(self._intersection())
        return _union(parts)

    def _intersection(self) -> Schema:
        parts = [self._postfix()]
        while self._take("&"):
            parts.append(self._postfix())
        return parts[0] if len(parts) == 1 else {"allOf": parts}

    def _postfix(self) -> Schema:
        found = self._primary()
        while self._take("["):
            self._need("]")
            found = {"type": "array", "items": found}
        return found

    def _primary(self) -> Schema:
        kind, text = self._kind, self._text
        self._next()
        if kind == "text":
            return {"enum": [_unquoted(text)], "type": "string"}
        if kind == "number":
            return {"enum": [json.loads(text)], "type": "number"}
        if kind == "name":
            return self._named(text)
        if text == "(":
            found = self.type()
            self._need(")")
            return found
        if text == "{":
            return self._members()
        raise UnreadableContract(f"the type {self._name} cannot be read at {text!r}")

    def _named(self, name: str) -> Schema:
        arguments = []
        if self._take("<"):
            arguments.append(self.type())
            while self._take(","):
                arguments.append(self.type())
            self._need(">")
        if name in ("Array", "ReadonlyArray"):
            return {"type": "array", "items": arguments[0] if arguments else {}}
        if name == "Record":
            return {"type": "object"}
        return _KEYWORDS.get(name, {"$ref": name})

    def _members(self) -> Schema:
        properties: dict[str, Schema] = {}
        required = []
        while not self._take("}"):
            comment, kind, name = self._comment, self._kind, self._text
            self._next()
            if name == "readonly" and self._text not in (":", "?"):
                continue
            if name == "[":
                self._index()
            elif kind in ("name", "text", "number"):
                name = _unquoted(name) if kind == "text" else name
                optional = self._take("?")
                self._need(":")
                properties[name] = self.type() | _said(comment)
                required += [] if optional else [name]
            else:
                raise UnreadableContract(f"the type {self._name} cannot be read at {name!r}")
            while self._take(";") or self._take(","):
                pass
        return {"type": "object", "properties": properties, "required": required}

    def _index(self) -> None:
        """``[key: string]: unknown``, which names no field."""
        self._next()
        self._need(":")
        self.type()
        self._need("]")
        self._need(":")
        self.type()

    def _take(self, mark: str) -> bool:
        if self._kind == "mark" and self._text == mark:
            self._next()
            return True
        return False

    def _need(self, mark: str) -> None:
        if not self._take(mark):
            raise UnreadableContract(f"the type {self._name} lacks {mark!r} before {self._text!r}")

    def _next(self) -> None:
        """Go to the next token; remember the comment before it."""
        self._comment = ""
        self._kind, self._text = next(self._tokens, ("end", ""))
        while self._kind == "comment":
            self._comment = self._text
            self._kind, self._text = next(self._tokens, ("end", ""))


def _union(parts: list[Schema]) -> Schema:
    """One schema of the parts of a union.

    ``Blob`` marks a field that the client uploads: an address on the wire, as is the ``File`` beside it.
    """
    if {"$ref": "Blob"} in parts:
        parts = [part for part in parts if part not in ({"$ref": "Blob"}, {"$ref": "File"})]
    if len(parts) == 1:
        return parts[0]
    if all(part.keys() == {"enum", "type"} for part in parts) and len({part["type"] for part in parts}) == 1:
        return {"enum": [value for part in parts for value in part["enum"]], "type": parts[0]["type"]}
    return {"anyOf": parts}


def _unquoted(text: str) -> str:
    inner = text[1:-1]
    if text[0] == "'":
        inner = inner.replace("\\'", "'").replace('"', '\\"')
    try:
        return str(json.loads(f'"{inner}"'))
    except ValueError:
        return inner


def _said(comment: str) -> dict[str, Any]:
    """What a doc comment says: the description, and the default that fal prints at its end."""
    text = _STARS.sub("", comment[2:-2]).strip()
    said: dict[str, Any] = {}
    if found := _DEFAULT.search(text):
        try:
            said["default"] = json.loads(found[1])
        except ValueError:
            said["default"] = found[1]
        text = f"{text[: found.start()]}\n\n{text[found.end() :]}".strip()
    return said | ({"description": text} if text else {})
