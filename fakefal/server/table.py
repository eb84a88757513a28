"""The calls that plain functions answer: one small table of methods and paths.

These calls are frequent, or come before all others. FastAPI answers all other calls (`fakefal.server.documented`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from fakefal.control import plain, watching
from fakefal.engine.emulator import Emulator
from fakefal.wire import queue, synchronous
from fakefal.wire.answers import ANSWERS, known_answer, refusal, wire_answer
from fakefal.wire.call import Call
from fakefal.wire.router import CONTROL
from fakefal_contracts.hosts import Part

REQUEST = f"/{Part.QUEUE}/{{owner}}/{{app}}/requests/{{request_id}}"
KNOWN = tuple(ANSWERS)

Answer = Callable[[Call], Awaitable[Response]]

TABLE: tuple[tuple[str, str, Answer], ...] = (
    ("GET", f"{REQUEST}/status", queue.status),
    ("GET", f"{REQUEST}/status/stream", queue.stream),
    ("GET", REQUEST, queue.result),
    ("PUT", f"{REQUEST}/cancel", queue.cancel),
    ("POST", f"/{Part.QUEUE}/{{owner}}/{{app}}", queue.submit),
    ("POST", f"/{Part.QUEUE}/{{owner}}/{{app}}/{{path:path}}", queue.submit),
    ("POST", f"/{Part.RUN}/{{owner}}/{{app}}", synchronous.run),
    ("POST", f"/{Part.RUN}/{{owner}}/{{app}}/{{path:path}}", synchronous.run),
    ("GET", f"/{CONTROL}/health", plain.health),
    ("GET", f"/{CONTROL}/ready", plain.ready),
    ("GET", f"/{CONTROL}/metrics", plain.metrics),
    ("GET", f"/{CONTROL}/events", watching.events),
    ("POST", f"/{CONTROL}/reset", plain.reset),
)

REST = "{path:path}"
"""Matches the rest of a path, slashes included."""


@dataclass(frozen=True)
class _Row:
    """A parsed row of the table: the segments after the part, with the variable ones by name."""

    answer: Answer
    count: int
    fixed: tuple[tuple[int, str], ...]
    names: tuple[tuple[int, str], ...]
    takes_rest: bool

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The values of these segments; None if they do not match."""
        if self.takes_rest and len(segments) <= self.count:
            return None
        for at, wanted in self.fixed:
            if segments[at] != wanted:
                return None
        named = {name: segments[at] for at, name in self.names}
        if not all(named.values()):
            return None
        if self.takes_rest:
            named["path"] = "/".join(segments[self.count :])
        return named


def _read_table() -> dict[tuple[str, str, int], list[_Row]]:
    """The rows by method, part and number of segments after the part, 0 for rows with a rest; in table order."""
    rows: dict[tuple[str, str, int], list[_Row]] = {}
    for method, path, answer in TABLE:
        part, *segments = path.removesuffix(f"/{REST}")[1:].split("/")
        names = tuple((at, one.strip("{}")) for at, one in enumerate(segments) if one.startswith("{"))
        fixed = tuple((at, one) for at, one in enumerate(segments) if not one.startswith("{"))
        takes_rest = path.endswith(REST)
        of_a_kind = rows.setdefault((method, part, 0 if takes_rest else len(segments)), [])
        of_a_kind.append(_Row(answer, len(segments), fixed, names, takes_rest))
    return rows


_ROWS = _read_table()
ROUTES = tuple(Route(path, answer, methods=[method]) for method, path, answer in TABLE)
"""The table for the search of similar addresses, and for the methods of an address."""
OF_APPLICATIONS = tuple(route for route in ROUTES if not route.path.startswith(f"/{CONTROL}"))
"""The addresses of the queue and of fal.run."""

for _route in ROUTES:
    assert _route.methods is not None
    _route.methods.discard("HEAD")  # Starlette adds it to GET


def find(method: str, path: str) -> tuple[Answer, dict[str, str]] | None:
    """The function that answers a call, and the values in its path; None if no row matches."""
    part, *segments = path[1:].split("/")
    for count in (len(segments), 0):
        for row in _ROWS.get((method, part, count), ()):
            named = row.match(segments)
            if named is not None:
                return row.answer, named
    return None


class PlainCalls:
    """Answers the calls of the table, and passes all others on.

    Args:
        emulator: answers.
        app: answers all other calls.
    """

    def __init__(self, emulator: Emulator, app: ASGIApp) -> None:
        self._emulator = emulator
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call, or pass it on."""
        found = find(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        function, named = found
        failed: Exception | None = None
        try:
            answer = await function(Call(self._emulator, scope, receive, named))
        except KNOWN as error:
            answer = await known_answer(self._emulator, error, scope)
        except Exception as error:  # noqa: BLE001 - raised again below, for the server's log
            said = refusal(500, "Internal Server Error", hint="; ".join(getattr(error, "__notes__", ())))
            answer, failed = wire_answer(said, self._emulator.new_id()), error
        await answer(scope, receive, send)
        if failed is not None:
            raise failed
