"""Histories: what a caller does in the course of several requests, as steps that any target can be put through."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from hypothesis import strategies as st

from fakefal_contracts.catalogue import BUILT_IN, FOUNDING, Catalogue
from fakefal_contracts.endpoint import LATEST
from fakefal_contracts.strategies.arguments import invalid, valid
from fakefal_contracts.strategies.broken import breaches

MOST_STEPS = 30
LONGEST_ADVANCE = 600.0


@dataclass(frozen=True)
class Submit:
    """Submit a request; the first is number 0."""

    endpoint_id: str
    arguments: Any


@dataclass(frozen=True)
class Poll:
    """Read the status of a request, by its number."""

    request: int
    logs: bool = False


@dataclass(frozen=True)
class Fetch:
    """Ask for the result of a request."""

    request: int


@dataclass(frozen=True)
class Cancel:
    """Cancel a request."""

    request: int


@dataclass(frozen=True)
class Advance:
    """Let some seconds pass; a target without a movable clock may wait, or do nothing."""

    seconds: float


Step = Submit | Poll | Fetch | Cancel | Advance


class RequestTarget(Protocol):
    """Something that takes requests: an emulator, a client, or the service.  It may return anything."""

    def submit(self, endpoint_id: str, arguments: Any) -> Any:
        """Submit; returns what identifies the request in the other methods."""

    def poll(self, request: Any, *, logs: bool) -> Any:
        """Read the status."""

    def fetch(self, request: Any) -> Any:
        """Ask for the result."""

    def cancel(self, request: Any) -> Any:
        """Cancel."""

    def advance(self, seconds: float) -> Any:
        """Let time pass."""


def play(history: Iterable[Step], target: RequestTarget) -> list[tuple[Step, Any]]:
    """Put a target through a history; returns each step with what the target answered."""
    requests: list[Any] = []
    answers: list[tuple[Step, Any]] = []
    for step in history:
        match step:
            case Submit():
                answer = target.submit(step.endpoint_id, step.arguments)
                requests.append(answer)
            case Poll():
                answer = target.poll(requests[step.request], logs=step.logs)
            case Fetch():
                answer = target.fetch(requests[step.request])
            case Cancel():
                answer = target.cancel(requests[step.request])
            case Advance():
                answer = target.advance(step.seconds)
        answers.append((step, answer))
    return answers


def histories(
    endpoint_ids: Collection[str] = tuple(FOUNDING),
    *,
    contract: str = LATEST,
    max_steps: int = MOST_STEPS,
    catalogue: Catalogue = BUILT_IN,
) -> st.SearchStrategy[list[Step]]:
    """Whole histories of requests, beginning with a submit; `play` puts a target through one.

    One submitted body in four breaks a rule.  No step names a request that is not there yet.

    Raises:
        UnknownEndpoint, UnknownContract: as `fakefal_contracts.check`.
    """
    return _histories(st.one_of([_submits(one, contract, catalogue) for one in endpoint_ids]), max_steps)


def _submits(endpoint_id: str, contract: str, catalogue: Catalogue) -> st.SearchStrategy[Submit]:
    edition = catalogue.find(endpoint_id).edition(contract)
    small = list(dict.fromkeys(one.rule.id for one in breaches(edition) if one.rule.kind != "max_bytes"))
    good = valid(endpoint_id, contract=contract, catalogue=catalogue)
    bad = invalid(endpoint_id, contract=contract, rules=small, catalogue=catalogue).map(lambda broken: broken.arguments)
    return st.builds(Submit, st.just(endpoint_id), good | good | good | bad)


@st.composite
def _histories(draw: st.DrawFn, submits: st.SearchStrategy[Submit], max_steps: int) -> list[Step]:
    steps: list[Step] = [draw(submits)]
    submitted = 1
    for kind in draw(st.lists(st.sampled_from((Submit, Poll, Poll, Fetch, Cancel, Advance)), max_size=max_steps - 1)):
        if kind is Submit:
            steps.append(draw(submits))
            submitted += 1
        elif kind is Advance:
            steps.append(Advance(draw(st.floats(0, LONGEST_ADVANCE))))
        else:
            request = draw(st.integers(0, submitted - 1))
            steps.append(Poll(request, draw(st.booleans())) if kind is Poll else kind(request))
    return steps
