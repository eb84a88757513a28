"""A cache of results, so that a request like an earlier one is answered without generating everything again.

A result depends on the arguments that were read to make it, on the facts about the files among them, and on the id of
its request, which names its files. Requests that agree in arguments and files differ only in these names. A result does
not depend on an emulator, so all emulators of a process share the cache: each test has a new emulator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from typing_extensions import override

from fakefal.files.made import MadeFile
from fakefal.files.making import MadeFiles
from fakefal.files.result import result_of
from fakefal.files.wanted import WantedFiles
from fakefal.state import jsonio
from fakefal.state.bounded import Bounded
from fakefal_contracts.media import Facts
from fakefal_contracts.model import Input

MOST_KNOWN = 1000
LARGEST_KNOWN = 16 * 1024
"""The limits for caching: the bytes of a result, and the characters of its inputs."""

Causes = tuple[type[Input], frozenset[str], tuple[tuple[str, Facts], ...], str]
"""The inputs of a result: the model, the names of the arguments that were read, the files, the arguments."""

_ASKED: Bounded[type[Input], frozenset[str]] = Bounded(MOST_KNOWN)
_KNOWN: Bounded[Causes, _Known] = Bounded(MOST_KNOWN)
NOTHING_ASKED: frozenset[str] = frozenset()


class KnownResults:
    """Makes the bodies of results, and caches the newest.

    Args:
        files: the files that results name.
    """

    def __init__(self, files: MadeFiles) -> None:
        self._files = files

    def body(self, wanted: WantedFiles, *, drawing: bool) -> bytes:
        """The body of the result call, as made by `result_of`.

        Raises:
            TakesLong: as for `result_of`.
        """
        arguments = wanted.report.arguments
        assert arguments is not None
        asked = _ASKED.get(type(arguments), NOTHING_ASKED)
        known = _KNOWN.get(_causes(wanted, asked)) if wanted.clip is None else None
        return self._made(wanted, drawing=drawing) if known is None else known.of(wanted.request_id)

    def _made(self, wanted: WantedFiles, *, drawing: bool) -> bytes:
        arguments = wanted.report.arguments
        assert arguments is not None
        asked = _Asked(arguments.given)
        watched = replace(wanted, report=wanted.report._replace(arguments=_only(arguments, asked)))
        named: list[tuple[MadeFile, str]] = []
        body = jsonio.dump(result_of(watched, self._files, drawing=drawing, named=named))
        if not watched.is_random and wanted.clip is None and len(body) <= LARGEST_KNOWN:
            model = type(arguments)
            # no second lookup: another thread may have cached a result that read other arguments
            names = _ASKED[model] = _ASKED.get(model, NOTHING_ASKED) | asked.names
            causes = _causes(wanted, names)
            *_, facts, given = causes
            if len(given) + sum(len(address) for address, _ in facts) <= LARGEST_KNOWN:
                _KNOWN[causes] = _Known(body, tuple((made, path.encode()) for made, path in named))
        return body


@dataclass(frozen=True, slots=True)
class _Known:
    """A result, and its files in order with the path of each in the result."""

    body: bytes
    named: tuple[tuple[MadeFile, bytes], ...]

    def of(self, request_id: str) -> bytes:
        """The same result for another request."""
        body = self.body
        for number, (made, path) in enumerate(self.named):
            body = body.replace(path, made.path(request_id, number).encode())
        return body


def _causes(wanted: WantedFiles, asked: frozenset[str]) -> Causes:
    """All inputs of a result for which these arguments were read."""
    report, arguments = wanted.report, wanted.report.arguments
    assert arguments is not None
    given = [pair for pair in arguments.given.items() if pair[0] in asked]
    # as text, because in a dictionary 1 equals True and lists are not allowed
    return type(arguments), asked, tuple(report.facts.items()), repr(given)


def _only(arguments: Input, asked: _Asked) -> Input:
    """A view of the arguments that allows only `Model.given`; any other access fails."""
    bare = arguments.model_copy()
    vars(bare).clear()
    vars(bare)["given"] = asked
    return bare


class _Asked(Mapping[str, Any]):
    """The arguments that are not null, as `Model.given`, recording which were read, absent ones included."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self.names: set[str] = set()

    @override
    def __getitem__(self, name: str) -> Any:
        self.names.add(name)
        return self._given[name]

    @override
    def __iter__(self) -> Iterator[str]:
        raise NotImplementedError("a result asks for arguments by their names")

    @override
    def __len__(self) -> int:
        return len(self._given)
