"""The outcome of a claim, and of a whole run."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from fakefal_contracts.price import dollars

LONGEST_SHOWN = 400


class ClaimState(StrEnum):
    """How a claim ended."""

    AGREED = "agreed"
    WORDED = "worded"
    """Status, place and type agree; only a wording without a source differs."""
    DIFFERS = "differs"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class ClaimOutcome:
    """One claim about the target.

    `claim` is a rule's id or a short name. `cases` is how many requests were judged. `detail` says what differed, or
    why nothing was sent. A regression case is written from `reproducer`.
    """

    area: str
    claim: str
    state: ClaimState
    endpoint_id: str = ""
    cases: int = 1
    detail: str = ""
    reproducer: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The outcome as plain JSON values, without empty ones."""
        every = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in every.items() if value not in ("", None)}


class NotRun(Exception):
    """The test did not run, or not to its end; ``str()`` says why."""


class Differs(Exception):
    """The target behaved differently; ``str()`` says what was expected and what it answered."""


@dataclass
class SuiteRun:
    """The outcomes of one run, and its target and contract; `asked_on` is its day in UTC."""

    target: str
    contract: str
    seed: int
    examples: int
    outcomes: list[ClaimOutcome] = field(default_factory=list)
    spent_usd: Decimal = Decimal(0)
    asked_on: dt.date = field(default_factory=lambda: dt.datetime.now(dt.UTC).date())

    @property
    def counts(self) -> dict[str, int]:
        """The number of claims by outcome."""
        counted = Counter(one.state.value for one in self.outcomes)
        return {state.value: counted[state.value] for state in ClaimState}

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not self.counts[ClaimState.DIFFERS.value]

    def as_dict(self) -> dict[str, Any]:
        """The run as plain JSON values."""
        head = {name: getattr(self, name) for name in ("target", "contract", "seed", "examples")}
        return {
            **head,
            "spent_usd": float(self.spent_usd),
            "asked_on": self.asked_on.isoformat(),
            **self.counts,
            "outcomes": [one.as_dict() for one in self.outcomes],
        }

    def text(self) -> str:
        """The run as text for users: a line for each area, then the differences and the tests that did not run."""
        lines = [f"{self.target} (contract: {self.contract}, seed: {self.seed})", ""]
        for area in dict.fromkeys(one.area for one in self.outcomes):
            counted = Counter(one.state for one in self.outcomes if one.area == area)
            cases = sum(one.cases for one in self.outcomes if one.area == area and one.state is not ClaimState.NOT_RUN)
            summary = ", ".join(f"{counted[state]} {state}" for state in ClaimState if counted[state])
            lines.append(f"  {area:<12} {summary} ({cases} cases)")
        for state in (ClaimState.DIFFERS, ClaimState.WORDED, ClaimState.NOT_RUN):
            found = [one for one in self.outcomes if one.state is state]
            lines += ["", f"{state}:"] * bool(found)
            for why in dict.fromkeys(one.detail for one in found):
                lines.append(f"  {why}")
                lines += [line for one in found if one.detail == why for line in _detail_lines(one)]
        spent = f", {dollars(self.spent_usd)} spent" if self.spent_usd else ""
        summary = ", ".join(f"{count} {state}" for state, count in self.counts.items() if count)
        return "\n".join([*lines, "", f"{summary or 'nothing to test'}{spent}"])


def _detail_lines(one: ClaimOutcome) -> Iterator[str]:
    """The lines of an outcome: what it is about, and the smallest body that shows a difference."""
    yield f"    {one.area}: {_name(one)}"
    if one.reproducer is not None and "arguments" in one.reproducer:
        body = json.dumps(one.reproducer["arguments"], ensure_ascii=False)
        cut = f"{body[:LONGEST_SHOWN]}... ({len(body)} characters)" if len(body) > LONGEST_SHOWN else body
        yield f"      shown by {cut}"


def _name(one: ClaimOutcome) -> str:
    known = one.endpoint_id.partition("/")[2].partition("/")[2].replace("/", ".")
    return one.claim if not known or one.claim.startswith(f"{known}.") else f"{known}: {one.claim}"
