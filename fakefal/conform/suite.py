"""The whole suite: every area, in an order in which the cheap comes first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fakefal.conform.cancelling import Cancelling
from fakefal.conform.cases import Case
from fakefal.conform.lifecycle import Lifecycle
from fakefal.conform.outcome import Differs, Outcome, State
from fakefal.conform.refusals import CASES, Examiner
from fakefal.conform.service import Service
from fakefal.conform.target import Target
from fakefal.conform.unknown import Unknown
from fakefal.conform.uploads import Uploads
from fakefal.conform.webhooks import Webhooks
from fakefal_contracts import ENDPOINTS

CONTROL = "_fakefal"


def own_contract(target: Target) -> str | None:
    """The contract of a target that is an emulator of ours, which tells it; None for any other.

    Raises:
        NotRun: there is no connection.
    """
    if not target.local:
        return None
    try:
        answer = target.call("GET", CONTROL, "/health", key=False)
    except Differs:
        return None
    found = answer.json.get("contract") if isinstance(answer.json, dict) else None
    return found if isinstance(found, str) else None


@dataclass(frozen=True)
class Suite:
    """What is asked.

    Attributes:
        service: the target, and what it may cost.
        contract: what answers are held against: documented, latest, or an ISO day.
        endpoint_ids: which endpoints; the first of them is cancelled.
        examples: how many bodies for each rule.
        seed: makes draws repeatable.
        cases: regression cases, asked first.
        webhook_url: the public address of the receiver, which the real service needs.
        webhook_port: where the receiver listens.
        to_the_word: whether words that no source quotes count: the target is fakefal, under the same contract.
    """

    service: Service
    contract: str = "latest"
    endpoint_ids: Sequence[str] = tuple(ENDPOINTS)
    examples: int = 3
    seed: int = 0
    cases: Sequence[Case] = ()
    webhook_url: str | None = None
    webhook_port: int = 0
    to_the_word: bool = False

    def run(self) -> Iterator[Outcome]:
        """Every outcome, as it comes."""
        yield from self._replayed()
        yield from Unknown(self.service).outcomes()
        yield from Uploads(self.service).outcomes()
        for endpoint_id in self.endpoint_ids:
            yield from Lifecycle(self.service, ENDPOINTS[endpoint_id]).outcomes()
        yield from Cancelling(self.service, self.endpoint_ids[0]).outcomes()
        yield from Webhooks(self.service, self.webhook_url, self.webhook_port).outcomes()
        for endpoint_id in self.endpoint_ids:
            yield from self._examiner(endpoint_id).all()

    def _examiner(self, endpoint_id: str) -> Examiner:
        edition = ENDPOINTS[endpoint_id].edition(self.contract)
        return Examiner(self.service, edition, examples=self.examples, seed=self.seed, to_the_word=self.to_the_word)

    def _replayed(self) -> Iterator[Outcome]:
        for case in self.cases:
            if case.endpoint_id in ENDPOINTS:
                yield self._examiner(case.endpoint_id).replay(case)
            else:
                why = "no contract covers its endpoint"
                yield Outcome(CASES, case.claim, State.NOT_RUN, case.endpoint_id, detail=why)
