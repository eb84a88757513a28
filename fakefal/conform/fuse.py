"""Fuses: a second error that makes sure a request is refused, even if the tested rule no longer holds.

A body that only one revision refuses may be accepted and billed. So each request that must cost nothing also breaks a
rule that every known revision has, and whose refusal was observed at the real service. For a model that is known only
from its document, the first required field is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from fakefal_contracts import Depth, Endpoint, judge
from fakefal_contracts.model import wire_fields
from fakefal_contracts.rulebooks import rulebook

TOO_LONG = "x" * 513


@dataclass(frozen=True)
class Fuse:
    """A rule that is broken on purpose: its place and kind, and a function that breaks it in a body."""

    path: str
    kind: str
    put: Callable[[dict[str, Any]], dict[str, Any]]

    def rule(self, endpoint: Endpoint) -> str:
        """The id of the rule at an endpoint."""
        return f"{endpoint.name}.{self.path}.{self.kind}"


def _without(key: str, body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != key}


def _with_long_shot(body: dict[str, Any]) -> dict[str, Any]:
    shots = body.get("multi_prompt")
    # a value that is not a list is under test and stays: then the fuse does not hold, and nothing is sent
    if shots is None or isinstance(shots, list):
        return body | {"multi_prompt": [*(shots or ()), {"prompt": TOO_LONG}]}
    return body


#: `missing` at `prompt` was quoted for O1 in September 2026, the over-long shot prompt in July 2026.
FUSES = (
    Fuse("prompt", "required", partial(_without, "prompt")),
    Fuse("multi_prompt[].prompt", "max_length", _with_long_shot),
)


def fuse_of(endpoint: Endpoint) -> Fuse | None:
    """The fuse of an endpoint: the first whose rule every revision has, or None."""
    books = [{rule.id for rule in rulebook(edition)} for edition in endpoint.editions]
    found = (*FUSES, *_of_required(endpoint))
    return next((fuse for fuse in found if all(fuse.rule(endpoint) in book for book in books)), None)


def _of_required(endpoint: Endpoint) -> Iterator[Fuse]:
    """A fuse for each required field of the newest revision, which leaves it out."""
    if endpoint.depth is not Depth.IN_DEPTH:
        for key, _, field in wire_fields(endpoint.input):
            if field.is_required():
                yield Fuse(key, "required", partial(_without, key))


def armed(endpoint: Endpoint, body: Any) -> Any:
    """The body with the endpoint's fuse, if possible."""
    fuse = fuse_of(endpoint)
    return fuse.put(body) if fuse is not None and isinstance(body, dict) else body


def holds(endpoint: Endpoint, body: Any) -> bool:
    """Whether every known revision refuses the body by the fuse's rule, so that it costs nothing."""
    fuse = fuse_of(endpoint)
    if fuse is None:
        return False
    refusals = (judge(edition, body).errors for edition in endpoint.editions)
    return all(any(error.rule.id == fuse.rule(endpoint) for error in errors) for errors in refusals)
