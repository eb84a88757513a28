"""The stored data of a request."""

from __future__ import annotations

from sys import getsizeof

from fakefal.core.plan import Plan, View
from fakefal.core.sealed import sealed
from fakefal_contracts.hosts import BaseUrl

LONGEST_KEY = 255
"""The most characters of a key id; fal's have 36."""

NO_KEY = ""

LONGEST_PROMPT = 100
"""The most characters of a prompt in lists."""
Tags = tuple[tuple[str, str], ...]
"""The tags of a request: pairs of key and value, each key once."""


@sealed
class Record:
    """A request as it was accepted.

    `key` is the id part of the API key, and `path` the part of the endpoint id after the app.  `arguments` is the
    JSON body, with each ``data:`` URI replaced by the path of its file.  `submitted_at` is in emulated seconds since
    1970. `base_url` is the base URL of the caller, for URLs in its webhook.  The request times out if it has not
    started after `start_seconds`; it was submitted with the limit `most_waiting`.  `sent_at` is the real time of its
    acceptance, which callers compare with their own clock.  `prompt` is the start of its prompt, and `tags` are its
    tags.
    """

    id: str
    key: str
    app: str
    path: str
    arguments: bytes
    submitted_at: float
    base_url: BaseUrl
    low: bool = False
    webhook: str | None = None
    start_seconds: float | None = None
    most_waiting: int | None = None
    sent_at: float = 0.0
    prompt: str = ""
    tags: Tags = ()

    @property
    def endpoint_id(self) -> str:
        """The full endpoint id."""
        return f"{self.app}/{self.path}" if self.path else self.app


@sealed
class Snapshot:
    """A request at one moment: its state, the number of requests before it, and its plan after it was judged.

    `erased` says that its input and output were deleted.
    """

    record: Record
    view: View
    position: int
    plan: Plan | None
    erased: bool = False


def stored_bytes(record: Record, plan: Plan | None) -> int:
    """The approximate size of a request and its answer, in bytes."""
    asked = getsizeof(record.arguments) + getsizeof(record.path) + getsizeof(record.webhook)
    return asked + (planned_bytes(plan) if plan else 0)


def planned_bytes(plan: Plan) -> int:
    """The approximate size of the answer of a request with hint and log, in bytes."""
    return getsizeof(plan.ending.body) + getsizeof(plan.ending.hint) + sum(getsizeof(text) for _, text in plan.logs)
