"""What is kept of a request, and the account it belongs to."""

from __future__ import annotations

from sys import getsizeof

from fakefal.core.plan import Plan, View
from fakefal.core.sealed import sealed
from fakefal_contracts.hosts import BaseUrl

LONGEST_KEY = 255
"""Characters of the id of a key; fal's have 36."""

NO_KEY = ""

LONGEST_PROMPT = 100
"""Characters of a prompt that are shown where requests are listed."""
Tags = tuple[tuple[str, str], ...]
"""Labels of a request, by which its owner groups costs: key and value, each key once."""


@sealed
class Record:
    """A request as it was accepted.

    `key` is the id part of the caller's key, `path` what followed the app, and `arguments` the
    JSON body with every ``data:`` URI replaced by the address of the file it was kept in.
    `submitted_at` is emulated time, in seconds since 1970; `base_url` is how the caller came in, which is
    how addresses in its webhook lead back.  It times out when it has not started after `start_seconds`,
    and was to be refused with more than `most_waiting` requests before it.  `sent_at` is the wall time of
    its acceptance, which is what callers compare with their own clock.  `prompt` is the beginning of its prompt, and
    `tags` are the caller's own labels.
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
        """The full id that was called."""
        return f"{self.app}/{self.path}" if self.path else self.app


@sealed
class Snapshot:
    """One look at a request: where it stands, how many wait before it, and its plan once judged.

    `erased` says that its owner had input and output forgotten.
    """

    record: Record
    view: View
    position: int
    plan: Plan | None
    erased: bool = False


def stored_bytes(record: Record, plan: Plan | None) -> int:
    """How many bytes a request and its answer occupy, by all that may be long in them."""
    asked = getsizeof(record.arguments) + getsizeof(record.path) + getsizeof(record.webhook)
    return asked + (planned_bytes(plan) if plan else 0)


def planned_bytes(plan: Plan) -> int:
    """How many bytes the answer of a request occupies, with its hint and its log."""
    return getsizeof(plan.ending.body) + getsizeof(plan.ending.hint) + sum(getsizeof(text) for _, text in plan.logs)
