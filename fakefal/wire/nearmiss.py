"""Suggests the URL that was probably meant by an unknown one, from the routes and endpoints.

The answer stays fal's; suggestions go into the hint header and the journal.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from starlette.routing import BaseRoute, Route

from fakefal.core.errors import UnknownRequest
from fakefal.engine.emulator import Emulator
from fakefal.state.journal import APP_SEGMENTS, APPLICATIONS
from fakefal_contracts import Catalogue
from fakefal_contracts.hosts import BaseUrl, Part

REQUESTS = "requests"
NEAR = 0.8
NEAR_WORD = 0.6
LONGEST_PATH = 300
"""Longer paths get no suggestion: comparing takes quadratic time."""

PARTS = frozenset(Part)


@dataclass(frozen=True)
class KnownAddress:
    """A known URL: method, part and path."""

    method: str
    part: Part
    path: str

    def shown(self, base_url: BaseUrl) -> str:
        """The place as its caller would write it."""
        return f"{self.method} {base_url.url(self.part, self.path)}"


class NearMisses:
    """Finds the known URL that is nearest to an unknown one.

    Routes of parameters only say nothing about names.

    Args:
        applications: the routes of the queue and of fal.run.
        others: brings all other routes.  Their import takes long, and what is wrong about an application needs none.
        catalogue: the models that are known.
    """

    def __init__(
        self, applications: Iterable[BaseRoute], others: Callable[[], Iterable[BaseRoute]], catalogue: Catalogue
    ) -> None:
        self._catalogue = catalogue
        self._applications = _named_routes(applications)
        self._others = others
        self._words = sorted({name for route in self._applications for name in _names(route)[-1:]})

    @cached_property
    def _every(self) -> list[Route]:
        return [*self._applications, *_named_routes(self._others())]

    def _routes(self, part: str) -> list[Route]:
        return self._applications if part in APPLICATIONS else self._every

    def find(self, method: str, path: str) -> KnownAddress | None:
        """The URL that was probably meant; None if the URL is known, or nothing is near.

        `path` starts with the part.  Where only the model is unknown, the answer's own hint names the nearest.
        """
        if len(path) > LONGEST_PATH:
            return None
        given, *rest = path.lstrip("/").split("/")
        while rest and rest[0] in PARTS:  # the prefix was written twice
            rest = rest[1:]
        if (
            rest and not self._catalogue.has_owner(rest[0]) and (part := _nearest(rest[0], PARTS, NEAR_WORD))
        ):  # the prefix was misspelt
            given, *rest = part, *rest[1:]
        application = given in APPLICATIONS or self._catalogue.has_app("/".join(rest[:APP_SEGMENTS]))
        found = self._application(method, given, rest) if application else self._named(method, given, rest)
        if found is None or (found.method == method and f"/{found.part}{found.path}" == path):
            return None
        only_the_model = application and found.method == method == "POST" and path == f"/{found.part}/{'/'.join(rest)}"
        return None if only_the_model else found

    def _application(self, method: str, given: str, rest: list[str]) -> KnownAddress | None:
        """A place of an application: its queue's requests, or an endpoint."""
        if REQUESTS in rest[APP_SEGMENTS:]:
            tail = rest[rest.index(REQUESTS, APP_SEGMENTS) :]
            for end in self._endings(tail):
                path = "/" + "/".join([*rest[:APP_SEGMENTS], *end])
                if (methods := self._methods(Part.QUEUE, path)) is not None:
                    return KnownAddress(_best(method, methods), Part.QUEUE, path)
        name = self._catalogue.nearest("/".join(rest))
        part = Part(given) if given in APPLICATIONS else Part.QUEUE
        return KnownAddress("POST", part, f"/{name}") if name else None

    def _named(self, method: str, given: str, rest: list[str]) -> KnownAddress | None:
        """A place with a fixed name: the same under another method, or the nearest name of the same part."""
        if given not in PARTS:
            return None
        path = "/" + "/".join(rest)
        methods = self._methods(given, path)
        if methods is None or method not in methods:
            fixed = [one.path for one in self._routes(given) if "{" not in one.path and method in (one.methods or ())]
            if near := _nearest(f"/{given}{path}", (one for one in fixed if one.startswith(f"/{given}/")), NEAR):
                return KnownAddress(method, Part(given), near.removeprefix(f"/{given}"))
        return KnownAddress(_best(method, methods), Part(given), path) if methods else None

    def _endings(self, tail: list[str]) -> Iterator[list[str]]:
        """What may have been meant by the end of an address: itself, a word like its last one, or nothing there."""
        yield tail
        if word := _nearest(tail[-1], self._words, NEAR_WORD):
            yield [*tail[:-1], word]
        yield tail[:-1]

    def _methods(self, part: str, path: str) -> set[str] | None:
        """The methods of a path that has a name, or None where there is none."""
        routes = self._routes(part)
        found = [set(route.methods or ()) for route in routes if route.path_regex.match(f"/{part}{path}")]
        return set().union(*found) if found else None


def _named_routes(routes: Iterable[BaseRoute]) -> list[Route]:
    return [route for route in routes if isinstance(route, Route) and _names(route)]


def _names(route: Route) -> list[str]:
    """The fixed segments of a route behind its part."""
    return [one for one in route.path.strip("/").split("/")[1:] if one and "{" not in one]


def _best(method: str, methods: set[str]) -> str:
    return method if method in methods else min(methods)


def _nearest(given: str, names: Iterable[str], cutoff: float) -> str | None:
    near = difflib.get_close_matches(given, list(names), n=1, cutoff=cutoff)
    return near[0] if near else None


async def why_not_found(emulator: Emulator, key: str | None, request_id: str) -> str:
    """The hint for an unknown request id; a key of None stands for every key."""
    try:
        record = (await emulator.find(request_id)).record
    except UnknownRequest:
        return "no such request is stored: it was never accepted here, or was reset, or dropped for newer ones"
    if key is not None and record.key != key:
        return "another key submitted this request: ask with the key that submitted it"
    return f"its result has expired, or it was submitted to another application: it belongs to {record.app}"
