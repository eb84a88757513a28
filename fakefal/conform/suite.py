"""The whole suite: all areas, cheap ones first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from fakefal.conform.cancelling import Cancelling
from fakefal.conform.cases import Case
from fakefal.conform.refusals import CASES, Examiner
from fakefal.conform.request_life import LifecycleTraces
from fakefal.conform.results import ClaimOutcome, ClaimState, Differs
from fakefal.conform.service import TargetService
from fakefal.conform.target import ProbedTarget
from fakefal.conform.unknown import UnknownIds
from fakefal.conform.uploading import Uploads
from fakefal.conform.webhook_claims import WebhookTraces
from fakefal_contracts import BUILT_IN, FOUNDING, Catalogue

CONTROL = "_fakefal"
Wire = Callable[[str, str], list[ClaimOutcome]]
_ASKED_WITH = {"headers": "lifecycle"}


def own_contract(target: ProbedTarget) -> str | None:
    """The contract of a target, if it is a fakefal; otherwise None.

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
    """A run of the suite.

    Attributes:
        service: the target, and its spend guard.
        contract: the expected contract: documented, latest, or an ISO day.
        endpoint_ids: the endpoints to test; cancelling uses the first one.
        examples: the number of bodies for each rule.
        seed: makes generated bodies repeatable.
        cases: regression cases, tested first.
        webhook_url: the public URL of the receiver, which the real service needs.
        webhook_port: the port of the receiver.
        to_the_word: whether messages must match even if no source quotes them: for a fakefal under the same contract.
        catalogue: the known models.
    """

    service: TargetService
    contract: str = "latest"
    endpoint_ids: Sequence[str] = tuple(FOUNDING)
    examples: int = 3
    seed: int = 0
    cases: Sequence[Case] = ()
    webhook_url: str | None = None
    webhook_port: int = 0
    to_the_word: bool = False
    catalogue: Catalogue = BUILT_IN

    def run(self) -> Iterator[ClaimOutcome]:
        """All outcomes, one by one; claims that a case already tested are not tested twice."""
        wire = cache(self._wire)
        yield from self.replayed(wire)
        for area, endpoint_id in self._areas():
            yield from wire(area, endpoint_id)
        yield from self.rules()

    def rules(self) -> Iterator[ClaimOutcome]:
        """The outcomes of the rules of all endpoints."""
        for endpoint_id in self.endpoint_ids:
            yield from self._examiner(endpoint_id).all()

    def _areas(self) -> Iterator[tuple[str, str]]:
        """The areas of the wire, with an endpoint id if they are about one."""
        yield from (("unknown", ""), ("uploads", ""))
        yield from (("lifecycle", endpoint_id) for endpoint_id in self.endpoint_ids)
        yield from (("cancel", self.endpoint_ids[0]), ("webhooks", ""))

    def _wire(self, area: str, endpoint_id: str) -> list[ClaimOutcome]:
        match area:
            case "unknown":
                return list(UnknownIds(self.service).outcomes())
            case "uploads":
                return list(Uploads(self.service).outcomes())
            case "lifecycle":
                return list(LifecycleTraces(self.service, self.catalogue.find(endpoint_id)).outcomes())
            case "cancel":
                return list(Cancelling(self.service, self.catalogue.find(endpoint_id)).outcomes())
            case "webhooks":
                return list(WebhookTraces(self.service, self.webhook_url, self.webhook_port).outcomes())
        return []

    def _examiner(self, endpoint_id: str) -> Examiner:
        edition = self.catalogue.find(endpoint_id).edition(self.contract)
        return Examiner(self.service, edition, examples=self.examples, seed=self.seed, to_the_word=self.to_the_word)

    def replayed(self, wire: Wire | None = None) -> Iterator[ClaimOutcome]:
        """The outcomes of the regression cases; `wire` tests an area."""
        for case in self.cases:
            if case.endpoint_id not in self.catalogue and not (case.area and not case.endpoint_id):
                why = "no contract covers its endpoint"
                yield ClaimOutcome(CASES, case.claim, ClaimState.NOT_RUN, case.endpoint_id, detail=why)
            elif case.area:
                yield self._claimed(case, (wire or self._wire)(_ASKED_WITH.get(case.area, case.area), case.endpoint_id))
            else:
                yield self._examiner(case.endpoint_id).replay(case)

    @staticmethod
    def _claimed(case: Case, found: Iterable[ClaimOutcome]) -> ClaimOutcome:
        """The outcome of a claim about the wire, by its name."""
        for one in found:
            if (one.area, one.claim) == (case.area, case.claim):
                return replace(one, area=CASES, claim=f"{one.area}: {one.claim}")
        why = "no such claim exists, or it was not tested"
        return ClaimOutcome(CASES, f"{case.area}: {case.claim}", ClaimState.NOT_RUN, case.endpoint_id, detail=why)
