"""The inputs of ``fakefal check``: files, folders, globs, JSON lines, lists and standard input."""

from __future__ import annotations

import io
import os
import re
import sys
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from functools import lru_cache
from glob import glob
from json import JSONDecoder
from pathlib import Path
from typing import Any, NamedTuple

import click

from fakefal.state import jsonio
from fakefal.state.printable import shown
from fakefal_contracts.probe.kinds import HEAD_BYTES, file_kind

STDIN = "-"
LINES = (".jsonl", ".ndjson")
"""Files with one JSON value on each line."""
SUFFIXES = (".json", *LINES)
"""The files that are read from a folder."""
ENVELOPE = '{"endpoint_id": "fal-ai/flux/dev", "input": {...}}'
"""How an input names its model, as shown in messages."""

Steps = tuple[str | int, ...]


class CheckInput(NamedTuple):
    """One input, or the reason why there is none.

    Attributes:
        file: its path, or `STDIN`.
        line: its first line in the file, from 1.
        text: the text of the file from there on; other inputs may follow.
        endpoint_id: its model; empty if it cannot be judged.
        body: the arguments.
        at: the keys that lead from the text's value to the arguments.
        label: distinguishes it from others in its file: ``:3`` for a line, ``[0]`` for an item of a list.
        problem: why it cannot be judged; empty if it can.
    """

    file: str
    line: int
    text: str = ""
    endpoint_id: str = ""
    body: Any = None
    at: Steps = ()
    label: str = ""
    problem: str = ""

    @property
    def place(self) -> str:
        """Its place, in words."""
        return ("standard input" if self.file == STDIN else self.file) + self.label

    def line_of(self, loc: Steps) -> int:
        """The first line of an argument in its file, or of the last known step towards it."""
        if self.text.find("\n", 0, -1) < 0:
            return self.line
        if (at := self._sole_place_of(loc)) is None:
            at = _position(self.text, (*self.at, *loc))
        return self.line + self.text.count("\n", 0, at)

    def _sole_place_of(self, loc: Steps) -> int | None:
        """The start of an argument whose name occurs once; nothing before it needs to be parsed."""
        if len(loc) != 1 or not isinstance(self.body, dict) or loc[0] not in self.body or "\\" in self.text:
            return None
        name = f'"{loc[0]}"'
        at = self.text.find(name)
        return None if self.text.find(name, at + 1) >= 0 else _value_after(self.text, at + len(name))


def find_files(paths: Iterable[str]) -> list[str]:
    """The files that these paths name, each once: files themselves, and those in folders and globs.

    Raises:
        click.UsageError: a path names no file.
    """
    found: dict[str, None] = {}
    for path in paths:
        try:
            files = list(_named(path))
        except OSError as error:
            raise click.UsageError(f"{shown(path)[:200]} cannot be read: {error.strerror}") from error
        if not files:
            raise click.UsageError(f"{shown(path)} contains no {', '.join(SUFFIXES)} file")
        found |= dict.fromkeys(files)
    return [*found]


def _named(path: str) -> Iterator[str]:
    if path.startswith(("{", "[{")):
        raise click.UsageError(
            "that is JSON, not a path: send it to standard input, as in: echo '{...}' | fakefal check"
        )
    if path == STDIN or Path(path).exists():
        named = [path]
    elif not (named := sorted(glob(path, recursive=True))):  # noqa: PTH207 - Path.glob takes no absolute pattern
        raise click.UsageError(f"no such file or folder: {shown(path)}")
    for one in named:
        yield from _inside(one) if Path(one).is_dir() else [one]


def _inside(folder: str) -> Iterator[str]:
    """The JSON files below a folder, in order, without hidden ones and links to folders."""
    pending = [folder]
    while pending:
        with os.scandir(pending.pop()) as entries:
            visible = sorted((one for one in entries if not one.name.startswith(".")), key=lambda one: one.name)
        yield from (one.path for one in visible if one.name.lower().endswith(SUFFIXES) and _is_readable(one))
        pending += [one.path for one in reversed(visible) if one.is_dir(follow_symlinks=False)]


def _is_readable(entry: os.DirEntry[str]) -> bool:
    """Whether it is a file, or a broken link, which is reported; excludes files on which a read would block."""
    return entry.is_file() or (entry.is_symlink() and not Path(entry.path).exists())


def read_inputs(file: str, endpoint_id: str) -> Iterator[CheckInput]:
    """The inputs of one file; `endpoint_id` is the model of inputs that name none, or empty."""
    try:
        if file.lower().endswith(LINES):
            with Path(file).open("rb") as lines:
                yield from _of_lines(file, lines, endpoint_id)
            return
        if file == STDIN:
            data = sys.stdin.buffer.read()
        else:
            with io.FileIO(file) as raw:  # a buffer would take as long as the rest
                data = raw.readall()
    except OSError as error:
        yield CheckInput(file, 1, problem=f"cannot be read: {error.strerror}")
        return
    if _is_lines(data):
        yield from _of_lines(file, io.BytesIO(data), endpoint_id)
    else:
        yield from _of_value(file, 1, data, endpoint_id)


def _is_lines(data: bytes) -> bool:
    """Whether a text is JSON lines, whatever the file is called: its first line is complete, and more follows."""
    first, _, rest = data.strip().partition(b"\n")
    if not rest or first.rstrip()[-1:] not in b"]}":
        return False
    try:
        jsonio.parse(first)
    except jsonio.InvalidJson:
        return False
    return True


def _of_lines(file: str, lines: Iterable[bytes], endpoint_id: str) -> Iterator[CheckInput]:
    number = 0
    for number, line in enumerate(lines, 1):
        if not line.isspace():
            yield from _of_value(file, number, line, endpoint_id, f":{number}")
    if not number:
        yield CheckInput(file, 1, problem=_EMPTY)


_EMPTY = "is empty: give the arguments as a JSON object"


def _of_value(file: str, line: int, data: bytes, endpoint_id: str, label: str = "") -> Iterator[CheckInput]:
    """The inputs of one JSON value: itself, or the items of a list."""
    data = data.rstrip(b" \t\r\n")  # so what is cut off is reported where it ends, not on the next line
    try:
        value = jsonio.parse(data)
    except jsonio.InvalidJson as error:
        yield _not_json(CheckInput(file, line, label=label), data, error)
        return
    text = data.removeprefix(BOM_UTF8).decode()
    if not isinstance(value, list):
        yield _one(CheckInput(file, line, text, endpoint_id, value, (), label))
        return
    if not value:
        yield CheckInput(file, line, label=label, problem="holds an empty list")
        return
    starts = [start for _, start in _children(text, _after_space(text, 0))]
    for index, (item, start, end) in enumerate(zip(value, starts, [*starts[1:], len(text)], strict=True)):
        line += text.count("\n", starts[index - 1] if index else 0, start)
        yield _one(CheckInput(file, line, text[start:end], endpoint_id, item, (), f"{label}[{index}]"))


def _one(given: CheckInput) -> CheckInput:
    """An input with the model that it names, or the reason why it cannot be judged."""
    value = given.body
    if not isinstance(value, dict) or "endpoint_id" not in value or ("input" not in value and given.endpoint_id):
        problem = "" if given.endpoint_id else _no_model(value)
        return given._replace(problem=problem) if problem else given
    if "input" not in value:
        return given._replace(problem=f'has an "endpoint_id" and no "input": write {ENVELOPE}')
    named = value["endpoint_id"]
    if not isinstance(named, str) or not named:
        return given._replace(problem='"endpoint_id" must be the id of a model, such as "fal-ai/flux/dev"')
    return given._replace(endpoint_id=named, body=value["input"], at=("input",))


_ID = re.compile(r"[\w.-]+(/[\w.-]+)+", re.ASCII)


def _no_model(value: Any) -> str:
    """The problem of an input without an ``endpoint_id``; it may name its model and arguments by other keys."""
    if isinstance(value, dict):
        named = next((key for key, one in value.items() if isinstance(one, str) and _ID.fullmatch(one)), None)
        given = next((key for key, one in value.items() if isinstance(one, dict)), None)
        if named is not None and given is not None:
            return f"has {named[:50]!r} and {given[:50]!r} instead of 'endpoint_id' and 'input': write {ENVELOPE}"
    return f"names no model: give its id first, or write {ENVELOPE}"


def _not_json(given: CheckInput, data: bytes, error: jsonio.InvalidJson) -> CheckInput:
    if not data.strip():
        return given._replace(problem=_EMPTY)
    if isinstance(error, jsonio.JsonTooLarge):
        return given._replace(problem=f"{error}: to check more inputs, write one on each line of a .jsonl file")
    kind = file_kind(data[:HEAD_BYTES])
    if error.reason == jsonio.NOT_UTF_8 and kind is not None and kind.name != "JSON":
        return given._replace(problem=f"is not JSON: it is {kind.name}; give the JSON file with the arguments")
    line, column = jsonio.place_of(error, data)
    line += given.line - 1
    return given._replace(line=line, problem=f"is not JSON: {error.reason}, line {line} column {column}")


_SPACE = re.compile(r"[ \t\r\n]*+")
_VALUE = re.compile(r"[ \t\r\n]*+:[ \t\r\n]*+")
_DECODER = JSONDecoder()


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None, "it matches everywhere"
    return found.end()


def _value_after(text: str, at: int) -> int | None:
    """The start of the value after the key that ends there; None if it is not a key."""
    found = _VALUE.match(text, at)
    return found and found.end()


def _children(text: str, at: int) -> Iterator[tuple[str | int, int]]:
    """The keys of the object (or the indexes of the list) that starts there, with the start of each value."""
    opened, index = text[at], 0
    if opened not in "{[":
        return
    at = _after_space(text, at + 1)
    while text[at] not in "}]":
        key: str | int = index
        if opened == "{":
            key, at = _DECODER.raw_decode(text, at)
            at = _after_space(text, _after_space(text, at) + 1)
        yield key, at
        at = _after_space(text, _DECODER.raw_decode(text, at)[1])
        at = _after_space(text, at + 1) if text[at] == "," else at
        index += 1


@lru_cache(maxsize=16)
def _starts(text: str, at: int) -> dict[str | int, int]:
    """The starts of the values of one object or list; cached, since a thousand findings may be about one list."""
    return dict(_children(text, at))


def _position(text: str, steps: Steps) -> int:
    """The start of the value to which these steps lead; a step that leads nowhere is skipped.

    Pydantic's locations have such steps for the branches of unions. If a key occurs twice, the last one counts.
    """
    at = _after_space(text, 0)
    for step in steps:
        at = _starts(text, at).get(step, at)
    return at
