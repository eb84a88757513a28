"""Exchanges with the real service that public sources quote: golden cases for the emulator.

Each has its source and its day, month or year; bodies are exactly as quoted. Known differences are listed with their
reasons, so that a difference that disappears is noticed as much as a new one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from fakefal_contracts.evidence import Grade

ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
REPEATED = re.compile(r"\{(\w)\*(\d+)\}")
SECONDS = ("inference_time",)


@dataclass(frozen=True)
class Known:
    """A known difference: everything at this place or below, and why."""

    at: str
    why: str


@dataclass(frozen=True)
class Receipt:
    """One quoted exchange.

    `given` is what comes before: settings, a submit, and what happened to it then (start, end, cancel). In `request`,
    the path has ``{id}`` for the request's id; ``{"delivery": true}`` is the webhook of the submitted request, which
    has no status. With `partial` the source omits members of objects, so there may be more. `begins` are texts of which
    only the start is quoted. `free` are values that may be anything, whole objects included. With `ordered` the members
    have the quoted order.
    """

    id: str
    source: str
    seen: str
    grade: Grade
    request: Mapping[str, Any]
    response: Mapping[str, Any]
    given: Mapping[str, Any] = field(default_factory=dict)
    partial: bool = False
    ordered: bool = False
    begins: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    differs: tuple[Known, ...] = ()

    def __str__(self) -> str:
        return self.id


@cache
def receipts() -> tuple[Receipt, ...]:
    """Every receipt, in the order of the file."""
    text = files(__package__).joinpath("receipts.json").read_text("utf-8")
    spelled = REPEATED.sub(lambda found: found[1] * int(found[2]), text)
    return tuple(_read(written) for written in json.loads(spelled))


def _read(written: dict[str, Any]) -> Receipt:
    given = dict(written)
    given["grade"] = Grade(written["grade"])
    given["differs"] = tuple(Known(**one) for one in written.get("differs", ()))
    for name in ("begins", "free"):
        given[name] = tuple(written.get(name, ()))
    return Receipt(**given)


def differences(
    receipt: Receipt, status: int | None, headers: Mapping[str, str], body: Any
) -> dict[str, tuple[Any, Any]]:
    """The differences from the quoted answer: place, and both values. Ids, addresses and times count as equal.

    `headers` have names in lower case; only quoted headers are compared.
    """
    free = receipt.free
    quoted = dict(_leaves(receipt.response.get("json"), "json", free)) if "json" in receipt.response else {}
    ours = dict(_leaves(body, "json", free)) if quoted else {}
    if receipt.ordered and list(quoted) != list(ours):
        quoted["order"], ours["order"] = list(quoted), list(ours)
    for name, value in receipt.response.get("headers", {}).items():
        quoted[f"headers.{name}"], ours[f"headers.{name}"] = value, headers.get(name)
    quoted["status"], ours["status"] = receipt.response.get("status"), status
    places = quoted if receipt.partial else dict.fromkeys([*quoted, *ours])
    return {
        place: (quoted.get(place), ours.get(place))
        for place in places
        if not _equal(receipt, place, quoted.get(place, _ABSENT), ours.get(place, _ABSENT))
    }


_ABSENT = object()


def _equal(receipt: Receipt, place: str, quoted: Any, ours: Any) -> bool:
    if place in receipt.free:
        return ours is not _ABSENT
    if place in receipt.begins:
        return isinstance(ours, str) and ours.startswith(quoted)
    return bool(quoted == ours and type(quoted) is type(ours))


def _leaves(value: Any, place: str, free: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Every value that contains no others, or is free, with its place; empty lists and objects count as values."""
    if isinstance(value, dict | list) and value and place not in free:
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(item, f"{place}.{name}", free)
    else:
        yield place, _timeless(value, place.rpartition(".")[2])


def _timeless(value: Any, name: str) -> Any:
    """A value without the parts that differ in every exchange."""
    if name in SECONDS:
        return "SECONDS" if isinstance(value, float) else value
    if not isinstance(value, str):
        return value
    if ID.fullmatch(value):
        return "ID"
    if MOMENT.match(value):
        return "TIME"
    # fal's own error pages are part of the message; other addresses belong to one exchange
    if value.startswith("https://") and not value.startswith("https://docs.fal.ai/"):
        return f"an address on {urlsplit(value).netloc}"
    return value


def unexplained(receipt: Receipt, found: Mapping[str, Any]) -> list[str]:
    """The places of differences that are not listed, and the listed differences that do not occur."""
    listed = [known.at for known in receipt.differs]
    new = [place for place in found if not any(f"{place}.".startswith(f"{at}.") for at in listed)]
    gone = [at for at in listed if not any(f"{place}.".startswith(f"{at}.") for place in found)]
    return [*(f"differs: {place}" for place in new), *(f"no longer differs: {at}" for at in gone)]
