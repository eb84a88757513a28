"""What a caller asks for, before it becomes a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fakefal.core.effects import Effect
from fakefal.core.sealed import sealed
from fakefal.state.requests import Tags
from fakefal_contracts.hosts import BaseUrl


@sealed
class Submission:
    """What a caller sends: who, to which app and path, with which decoded body, by which way.

    `heavy` says that judging the body reads files or takes long, so that a worker thread does it;
    `effect` is what happens to the request, `fired` is told the id of the request before that happens, or None where
    the request is not accepted, and `retry` says whether the server may try it again.  `number` says
    which call of its key it is, where somebody counted, so that a seed can draw for it; `gone` are the paths of
    files that its body names and that were removed or have expired.  `note` is what its log says first,
    and `tags` are the caller's labels.
    """

    key: str
    app: str
    path: str
    body: Any
    base_url: BaseUrl
    low: bool = False
    heavy: bool = False
    webhook: str | None = None
    start_seconds: float | None = None
    most_waiting: int | None = None
    effect: Effect | None = None
    fired: Callable[[str | None], None] | None = None
    retry: bool = True
    number: int = 0
    gone: frozenset[str] = frozenset()
    note: str = ""
    tags: Tags = ()

    @property
    def endpoint_id(self) -> str:
        """The full id that was called."""
        return f"{self.app}/{self.path}" if self.path else self.app
