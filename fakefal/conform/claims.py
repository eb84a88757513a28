"""Claims about the wire: functions that call the target, and raise if the answer differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fakefal.conform.cases import reproducer
from fakefal.conform.results import ClaimOutcome, ClaimState, Differs, NotRun
from fakefal.conform.target import Answer, ProbedTarget

Claim = tuple[str, Callable[[], object]]
"""A name, and the function that tests the claim: it raises `Differs` or `NotRun`."""


def outcomes(target: ProbedTarget, area: str, claims: Iterable[Claim], endpoint_id: str = "") -> Iterator[ClaimOutcome]:
    """The outcomes of claims, tested in order; a difference has the calls that showed it."""

    def differs(claim: str, detail: str) -> ClaimOutcome:
        found = reproducer(area, claim, endpoint_id, detail, target.trace(called))
        return ClaimOutcome(area, claim, ClaimState.DIFFERS, endpoint_id, detail=detail, reproducer=found)

    for name, ask in claims:
        called = target.called
        try:
            ask()
        except NotRun as error:
            yield ClaimOutcome(area, name, ClaimState.NOT_RUN, endpoint_id, detail=str(error))
        except Differs as error:
            yield differs(name, str(error))
        except (AttributeError, KeyError, TypeError) as error:  # an unknown server may answer anything
            yield differs(name, f"an answer in an unexpected format: {error!r}")
        else:
            yield ClaimOutcome(area, name, ClaimState.AGREED, endpoint_id)


def demand(holds: bool, expected: str, found: object) -> None:  # noqa: FBT001 - it reads as an assertion
    """Raise `Differs` if a condition is false."""
    if not holds:
        raise Differs(f"expected {expected}; here {found}")


def is_answer(answer: Answer, status: int, body: Any) -> None:
    """Check that an answer has this status and exactly this body."""
    demand((answer.status, answer.json) == (status, body), f"{status} {body}", answer)


def has_keys(answer: Answer, keys: tuple[str, ...], *, maybe: tuple[str, ...] = ()) -> None:
    """Check that a body has these keys, and no others except `maybe`."""
    found = set(answer.json) if isinstance(answer.json, dict) else set()
    demand(
        set(keys) <= found <= {*keys, *maybe}, f"the members {', '.join(keys)}", f"{', '.join(sorted(found))}: {answer}"
    )
