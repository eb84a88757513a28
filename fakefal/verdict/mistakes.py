"""The kinds of findings, with their rules and advice."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from fakefal.state.ledger import DUPLICATE_SECONDS

SHORTEST_PAUSE = 0.2
"""The shortest acceptable pause before a retry after 429 or 5xx, in real seconds."""


class Kind(StrEnum):
    """A kind of mistake that costs money."""

    PAID_TWICE = "paid_twice"
    RESUBMITTED_UNKNOWN = "resubmitted_unknown"
    RETRIED_REFUSAL = "retried_refusal"
    IGNORED_RETRY_AFTER = "ignored_retry_after"
    NO_BACKOFF = "no_backoff"
    WENT_ON_WHEN_LOCKED = "went_on_when_locked"
    RESULT_NEVER_FETCHED = "result_never_fetched"
    NEVER_CANCELLED = "never_cancelled"
    SHORT_TIMEOUT = "short_timeout"
    WRONG_ADDRESS = "wrong_address"
    UNVERIFIED_WEBHOOK = "unverified_webhook"

    @property
    def rule(self) -> str:
        """The condition for a finding."""
        return RULES[self].rule

    @property
    def advice(self) -> str:
        """What to do instead."""
        return RULES[self].advice

    @property
    def at_end(self) -> bool:
        """Whether it is decided when the verdict is read, as if the program ended then."""
        return self in AT_END


def kinds_of(names: str | Iterable[str]) -> set[Kind]:
    """The kinds with these names; a text is one name.

    Raises:
        ValueError: there is no such kind; the message suggests the nearest, or lists all.
    """
    found = set()
    for name in [names] if isinstance(names, str) else names:
        if name not in [*Kind]:
            near = difflib.get_close_matches(name, [*Kind], n=1)
            meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(Kind)}"
            raise ValueError(f"there is no kind of finding {name!r}; {meant}")
        found.add(Kind(name))
    return found


class FindingGrade(StrEnum):
    """How certain a finding is.  Only proven findings change an exit code."""

    PROVEN = "proven"
    POSSIBLE = "possible"


@dataclass(frozen=True)
class KindRule:
    """The rule and the advice of a kind."""

    rule: str
    advice: str


AT_END = frozenset({Kind.RESULT_NEVER_FETCHED, Kind.NEVER_CANCELLED, Kind.SHORT_TIMEOUT})

_LOOK_FIRST = (
    "look for its job first (GET api.fal.ai/v1/models/requests/by-endpoint), or use a client that does "
    "(fakefal_client)."
)

RULES: dict[Kind, KindRule] = {
    Kind.PAID_TWICE: KindRule(
        "A call whose answer was lost, cut or later than the client waited was sent again with the same body, and "
        f"both became paid jobs. Possible: equal jobs within {DUPLICATE_SECONDS:g} s, though the first was answered.",
        f"Do not send a call again that may have been accepted: {_LOOK_FIRST}",
    ),
    Kind.RESUBMITTED_UNKNOWN: KindRule(
        "A call whose answer was lost, cut or later than the client waited was sent again with the same body, before "
        "the list of requests was asked for its job; this time only one became a paid job. Possible: the same after "
        "502, 503 or 504 of an ingress, which does not say whether fal took the call.",
        f"The error does not say whether a lost call was accepted: {_LOOK_FIRST}",
    ),
    Kind.RETRIED_REFUSAL: KindRule(
        "A body that was refused with 4xx (but 408, 409, 425 and 429), at once or as the result of its job, was sent "
        "again unchanged.",
        "Stop at a 4xx: read its detail, change the request, and only then send it again.",
    ),
    Kind.IGNORED_RETRY_AFTER: KindRule(
        "An answer carried Retry-After, and the same call came again before that time was over.",
        "Wait as long as Retry-After says before the call is sent again.",
    ),
    Kind.NO_BACKOFF: KindRule(
        f"The same call came again less than {SHORTEST_PAUSE:g} s after it was answered with 429 or 5xx.",
        "Wait before each new try, and twice as long after each failure.",
    ),
    Kind.WENT_ON_WHEN_LOCKED: KindRule(
        "After a 403 that says that the account is locked, another job was sent, and refused for the same reason.",
        "Stop the batch at the first 403 of a locked account: every further call fails, too.",
    ),
    Kind.RESULT_NEVER_FETCHED: KindRule(
        "A paid job ended, but its result was not read, no file of it was downloaded, and no webhook was answered with "
        "2xx. Possible: the answer with its id was lost.",
        "Read the result of every job that was submitted, or give it a webhook; keep its id until then.",
    ),
    Kind.NEVER_CANCELLED: KindRule(
        "A program looked at the status of a job, stopped looking before the job ended, and did not cancel it: it runs "
        "on and is paid.",
        "Cancel a job that you no longer wait for (PUT .../cancel), or go on waiting for it.",
    ),
    Kind.SHORT_TIMEOUT: KindRule(
        "A program gave up on a job, which ran on and would have ended well: it stopped looking too early, or hung up "
        "before fal.run had answered.",
        "Wait longer than the model takes; let long runs go through the queue, with a webhook if need be.",
    ),
    Kind.WRONG_ADDRESS: KindRule(
        "A call for a request went to an address that fal answers with 405, such as the full id of the endpoint where "
        "only owner and app belong.",
        "Use status_url, response_url and cancel_url as the answer to the submit gives them.",
    ),
    Kind.UNVERIFIED_WEBHOOK: KindRule(
        "A webhook with a wrong signature (the effect webhook_bad_signature) was answered with 2xx.",
        "Verify the signature before anything else, and answer what is not fal's with 4xx.",
    ),
}
"""The rule and the advice of every kind."""
