"""Rule by rule: a body that breaks the rule is refused as the contract says, one that just keeps it is accepted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from fakefal.conform import drawn_bodies, fuse
from fakefal.conform.cases import Case, body_reproducer
from fakefal.conform.compare import compare
from fakefal.conform.results import ClaimOutcome, ClaimState, Differs, NotRun
from fakefal.conform.shrink import MOST_TRIES, shrink
from fakefal.conform.target import Answer
from fakefal.state import jsonio
from fakefal_contracts import Edition, Report, Rule, judge
from fakefal_contracts.strategies import Body

REFUSALS, BOUNDARIES, CASES = "refusals", "boundaries", "cases"
VALID = 4
"""How many valid bodies are generated for each body that is generated for a rule."""


class Respondent(Protocol):
    """The target of the questions: a service over HTTP, or an edition in this process."""

    @property
    def fused(self) -> bool:
        """Whether bodies that test a refusal carry a fuse."""

    def check(self, endpoint_id: str, arguments: Any) -> None:
        """Check that the body may be sent; raises `NotRun`."""

    def lay(self, body: Body) -> Body:
        """The body with its large media where the respondent can read them."""

    def ask(self, endpoint_id: str, arguments: Any) -> Answer:
        """The final answer to a caller."""


class Examiner:
    """Tests a respondent against the rules of one edition.

    Args:
        respondent: gives the answers.
        edition: predicts the answers.
        examples: how many bodies are generated for each rule, and taken from its limits.
        seed: makes generated bodies repeatable.
        tries: how many smaller bodies are tried to shrink a difference.
        to_the_word: whether words without a source must match, see `compare`.
    """

    def __init__(
        self,
        respondent: Respondent,
        edition: Edition,
        *,
        examples: int = 3,
        seed: int = 0,
        tries: int = MOST_TRIES,
        to_the_word: bool = False,
    ) -> None:
        self._respondent = respondent
        self._edition = edition
        self._examples = examples
        self._seed = seed
        self._tries = tries
        self._to_the_word = to_the_word

    def all(self) -> Iterator[ClaimOutcome]:
        """Every rule, and bodies that keep all of them."""
        for rule in drawn_bodies.rules(self._edition):
            yield from self.rule(rule)
        yield self.valid()

    def rule(self, rule: Rule) -> Iterator[ClaimOutcome]:
        """Test bodies that break a rule, and bodies that just keep it."""
        yield self._claim(
            REFUSALS, rule.id, drawn_bodies.refused(self._edition, rule, self._examples, self._seed), rule
        )
        if keeping := drawn_bodies.accepted(self._edition, rule, self._examples):
            yield self._claim(BOUNDARIES, rule.id, keeping)

    def valid(self) -> ClaimOutcome:
        """Test that bodies that keep all rules are accepted and billed."""
        found = drawn_bodies.kept(self._edition, self._examples * VALID, self._seed)
        return self._claim(BOUNDARIES, f"{self._edition.endpoint.name}.valid", found)

    def replay(self, case: Case) -> ClaimOutcome:
        """Test a body that once showed a difference."""
        broken = {error.rule.id: error.rule for error in judge(self._edition, case.arguments, case.body.opener).errors}
        return self._claim(CASES, case.claim, [case.body], broken.get(case.claim))

    def _claim(self, area: str, claim: str, bodies: Iterable[Body], rule: Rule | None = None) -> ClaimOutcome:
        """Send the bodies in order, until one differs or may not be sent."""
        states: list[ClaimState] = []
        why = ""

        def outcome(state: ClaimState, detail: str = "", found: Any = None) -> ClaimOutcome:
            return ClaimOutcome(area, claim, state, self._edition.endpoint.id, len(states) or 1, detail, found)

        for body in bodies:
            laid, arguments = body, body.arguments
            try:
                self._respondent.check(self._edition.endpoint.id, self._prepared(body, rule)[0])
                laid = self._respondent.lay(body)
                arguments, predicted = self._prepared(laid, rule)
                states.append(self._state_of(arguments, predicted))
            except NotRun as error:
                why = str(error)
            except Differs as error:
                detail, small = self._shrunk(laid, arguments, error)
                return outcome(
                    ClaimState.DIFFERS,
                    detail,
                    body_reproducer(claim, self._edition.endpoint.id, small, laid, body, detail),
                )
        if not states:
            return outcome(ClaimState.NOT_RUN, why)
        if ClaimState.WORDED in states:
            return outcome(
                ClaimState.WORDED, "refused at the same place with another message; no source quotes the real one"
            )
        return outcome(ClaimState.AGREED)

    def _prepared(self, body: Body, rule: Rule | None) -> tuple[Any, Report]:
        """The body to send, with a fuse if one is required and does not hide the rule."""
        bare = jsonio.load(jsonio.dump(body.arguments))
        if self._respondent.fused and rule is not None:
            fused = fuse.armed(self._edition.endpoint, bare)
            predicted = judge(self._edition, fused, body.opener)
            if rule.id in _broken(predicted):
                return fused, predicted
        return bare, judge(self._edition, bare, body.opener)

    def _state_of(self, arguments: Any, predicted: Report) -> ClaimState:
        answer = self._respondent.ask(self._edition.endpoint.id, arguments)
        return compare(self._edition, predicted, answer, to_the_word=self._to_the_word)

    def _shrunk(self, body: Body, arguments: Any, error: Differs) -> tuple[str, Any]:
        """The description of a difference, and the smallest body that breaks the same rules and shows it."""
        detail = [str(error)]
        broken = _broken(judge(self._edition, arguments, body.opener))

        def shows(smaller: Any) -> bool:
            predicted = judge(self._edition, smaller, body.opener)
            if _broken(predicted) != broken:
                return False
            try:
                self._state_of(smaller, predicted)
            except NotRun:
                return False
            except Differs as found:
                detail.append(str(found))
                return True
            return False

        small = shrink(arguments, shows, self._tries)
        return detail[-1], small


def _broken(predicted: Report) -> set[str]:
    return {error.rule.id for error in predicted.errors}
