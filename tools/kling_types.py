"""Write `client/fakefal_client/kling.pyi`, the types of the typed requests for type checkers.

::

    python -m tools.kling_types
"""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from fakefal_client import kling
from fakefal_contracts import BUILT_IN, KLING
from fakefal_contracts.endpoint import Endpoint
from fakefal_contracts.model import bare_type, takes_null, wire_fields

STUB = Path(inspect.getfile(kling)).with_suffix(".pyi")
WIDTH = 120
_NAMES: dict[type[BaseModel], str] = {
    getattr(kling, name): name for name in kling.__all__ if not name.startswith("Kling")
}
_HEAD = '''"""The typed requests as type checkers see them; ``python -m tools.kling_types`` writes this."""

from typing import Literal, TypeAlias

from fakefal_contracts.kling.kling_input import KlingInput
'''

_TAIL = (
    f"__all__ = {sorted(kling.__all__)!r}",
    "def request_name(endpoint_id: str) -> str: ...",
    "def __dir__() -> list[str]: ...",
)


def stub() -> str:
    """The text of the stub."""
    endpoints = sorted((BUILT_IN.find(one) for one in KLING), key=lambda one: kling.request_name(one.id))
    choices = _Choices(endpoints)
    names = (*choices.lines(), *(_class(one, choices) for one in endpoints))
    text = "\n".join((_HEAD, *_imports(), "", *names, *_TAIL))
    return formatted(text)


def formatted(text: str) -> str:
    """Source sorted and formatted by ruff."""
    for job in (("check", "--select=I,RUF022", "--fix", "--quiet"), ("format",)):
        command = (sys.executable, "-m", "ruff", *job, f"--stdin-filename={STUB}", "-")
        text = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    return text


def _imports() -> Iterator[str]:
    for kind, name in sorted(_NAMES.items(), key=lambda one: (one[0].__module__, one[1])):
        yield f"from {kind.__module__} import {kind.__name__} as {name}"


class _Choices:
    """The choices of fields; long ones get names of their own."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._names: dict[Any, str] = {}
        taken: Counter[str] = Counter()
        for one in endpoints:
            for field, _, info in wire_fields(one.input):
                kind, _ = bare_type(info.annotation)
                if get_origin(kind) is Literal and len(str(kind)) > WIDTH // 2 and kind not in self._names:
                    name = "_" + field.title().replace("_", "")
                    taken[name] += 1
                    self._names[kind] = name if taken[name] == 1 else f"{name}{taken[name]}"

    def named(self, kind: Any) -> str:
        """The type of a choice."""
        return self._names.get(kind) or _literal(kind)

    def lines(self) -> Iterator[str]:
        """The definitions of the names."""
        return (f"{name}: TypeAlias = {_literal(kind)}" for kind, name in self._names.items())


def _literal(kind: Any) -> str:
    return f"Literal[{', '.join(map(repr, get_args(kind)))}]"


def _class(endpoint: Endpoint, choices: _Choices) -> str:
    fields = "".join(
        f"    {name}: {_type(info.annotation, choices)}{_default(info)}\n"
        for name, _, info in wire_fields(endpoint.input)
    )
    result = _NAMES[endpoint.output]
    return (
        f"class {kling.request_name(endpoint.id)}(KlingInput):\n"
        f'    """Arguments of {endpoint.id}."""\n\n'
        f"{fields}\n"
        f"    @classmethod\n"
        f"    def output_type(cls) -> type[{result}]: ...\n"
    )


def _type(annotation: Any, choices: _Choices) -> str:
    kind, _ = bare_type(annotation)
    text = _bare(kind, choices)
    return f"{text} | None" if takes_null(annotation) else text


def _bare(kind: Any, choices: _Choices) -> str:
    if get_origin(kind) is Literal:
        return choices.named(kind)
    if get_origin(kind) is list:
        return f"list[{_type(get_args(kind)[0], choices)}]"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _NAMES[kind]
    return str(kind.__name__)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    unsaid = field.default_factory is not None or (field.default is None and not takes_null(field.annotation))
    return " = ..." if unsaid or len(repr(field.default)) > WIDTH // 4 else f" = {field.default!r}"


if __name__ == "__main__":
    STUB.write_text(stub(), "utf-8")
