"""Claims about the wire: small functions that ask, and raise where the answer is another one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fakefal.conform.cases import reproducer
from fakefal.conform.results import ClaimOutcome, ClaimState, Differs, NotRun
from fakefal.conform.target import Answer, ProbedTarget

Claim = tuple[str, Callable[[], object]]
"""A name in words, and what asks: it raises `Differs` or `NotRun`."""


def outcomes(target: ProbedTarget, area: str, claims: Iterable[Claim], endpoint_id: str = "") -> Iterator[ClaimOutcome]:
    """What comes of claims, each asked in its turn; a difference has what was called for its reproducer."""

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
        except (AttributeError, KeyError, TypeError) as error:  # whatever a stranger's answer has, or lacks
            yield differs(name, f"an answer in an unexpected format: {error!r}")
        else:
            yield ClaimOutcome(area, name, ClaimState.AGREED, endpoint_id)


def demand(holds: bool, expected: str, found: object) -> None:  # noqa: FBT001 - it reads as an assertion
    """Raise `Differs` where something does not hold."""
    if not holds:
        raise Differs(f"expected {expected}; here {found}")


def is_answer(answer: Answer, status: int, body: Any) -> None:
    """An answer is of this status, with exactly this body."""
    demand((answer.status, answer.json) == (status, body), f"{status} {body}", answer)


def has_keys(answer: Answer, keys: tuple[str, ...], *, maybe: tuple[str, ...] = ()) -> None:
    """A body has these members, and of others only those that may come."""
    found = set(answer.json) if isinstance(answer.json, dict) else set()
    demand(
        set(keys) <= found <= {*keys, *maybe}, f"the members {', '.join(keys)}", f"{', '.join(sorted(found))}: {answer}"
    )
