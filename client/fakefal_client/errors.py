"""The errors of the client, grouped by cause.

FakefalError                the base of everything below
|- UsageError               your code: the call cannot work as written, and did nothing
|  |- NoTarget              no target was given: an emulator, or fal
|  |- RealNotAllowed        a test tried to call the real fal
|  |- NoKey                 the target is fal, and there is no key
|  |- InvalidRequest        the check before sending found errors
|  |- TestPromptRefused     a test prompt would be sent to fal
|  |- UnknownPrice          there is a budget, and the price is unknown
|  |- OverBudget            the call would exceed the budget
|  |- UnknownMedia          a local file is in a field that takes none, or cannot be read
|  |- ForeignAddress        a URL in an answer of the emulator points elsewhere
|  `- InvalidWebhook        the signature, time or form of a webhook is wrong
|- ServiceError             the service: it answered with an error
|  |- RequestRefused        the model refused the request
|  |- ModelFailed           the model failed
|  |- PlatformFailed        the platform failed, not the model
|  |- NotAllowed            the key is wrong or locked
|  |- NotFound              no such request, file or application
|  |- TooManyRequests       still 429 after all retries
|  `- UnexpectedAnswer      an answer that cannot be understood
|- NetworkError             the network failed
|  |- Unreachable           nothing was sent
|  |- ConnectionLost        a read failed; reading again costs nothing
|  `- MaybeAccepted         a job was sent without a clear answer: it may run, and cost
`- DeadlineExceeded         the deadline of the call passed
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fakefal_contracts.price import dollars

if TYPE_CHECKING:
    from fakefal_contracts import Report


class FakefalError(Exception):
    """The base of all errors of this package.

    Attributes:
        request_id: the job, if there is one.
        maybe_paid: whether money may have been spent.
    """

    def __init__(self, message: str, *, request_id: str | None = None, maybe_paid: bool = False) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.maybe_paid = maybe_paid

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors can be pickled.  Only `report` is lost, because contracts are code."""
        facts = self.__dict__ | ({"report": None} if "report" in self.__dict__ else {})
        return _rebuilt, (type(self), self.args, facts)


def _rebuilt(kind: type[FakefalError], args: tuple[Any, ...], facts: dict[str, Any]) -> FakefalError:
    made = kind.__new__(kind)
    made.args = args
    made.__dict__.update(facts)
    return made


class UsageError(FakefalError):
    """The call cannot work as written, and did nothing.  `maybe_paid` is about a job that was sent earlier."""


class NoTarget(UsageError):
    """No target was given: an emulator, or fal."""


class RealNotAllowed(UsageError):
    """A test tried to call the real fal."""


class NoKey(UsageError):
    """The target is fal, and no key was given."""


class InvalidRequest(UsageError):
    """The request is invalid and was not sent; `report` has each error with its rule, place and hint."""

    def __init__(self, report: Report) -> None:
        lines = [f"{'.'.join(map(str, e.loc)) or 'the body'}: {e.msg} ({e.rule.id}; {e.hint})" for e in report.errors]
        super().__init__(f"{report.endpoint.id} refuses this (contract: {report.contract}): " + "; ".join(lines))
        self.report = report


class TestPromptRefused(UsageError):
    """The prompt is a test prompt for the emulator; fal would charge for it."""

    __test__ = False


class UnknownPrice(UsageError):
    """The price of the call is unknown, and there is a limit: give ``reserve_usd=``."""


class OverBudget(UsageError):
    """The call would exceed the budget, all in US dollars."""

    def __init__(self, wanted: Decimal, left: Decimal, limit: Decimal) -> None:
        super().__init__(
            f"the call may cost {dollars(wanted)}, and {dollars(left)} of the budget of {dollars(limit)} are left; "
            "it was not sent"
        )
        self.wanted, self.left, self.limit = wanted, left, limit


class UnknownMedia(UsageError):
    """A local file or picture is in a field that takes none, or cannot be read."""


class ForeignAddress(UsageError):
    """A URL in an answer of the emulator points elsewhere; the client does not follow it."""


class InvalidWebhook(UsageError):
    """The signature, time or form of a webhook is wrong: answer 401 or 400, and do nothing."""


@dataclass(frozen=True)
class FieldError:
    """One item of the ``detail`` list of fal; `loc` begins with ``body``."""

    loc: tuple[str | int, ...]
    msg: str
    type: str
    ctx: Mapping[str, Any] = field(default_factory=dict)
    url: str | None = None


class ServiceError(FakefalError):
    """The service answered with an error.

    Attributes:
        status: the HTTP status.
        body: the decoded JSON body, or the text if it was not JSON.
        headers: the headers, names in lower case.
        fields: the errors and their places, from a ``detail`` list.
        error_type: the ``error_type`` of the platform, otherwise the type of the first field.
        hint: what to change; only the emulator sends hints.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        body: Any,
        headers: Mapping[str, str],
        fields: tuple[FieldError, ...] = (),
        error_type: str | None = None,
        request_id: str | None = None,
        maybe_paid: bool = False,
    ) -> None:
        super().__init__(message, request_id=request_id, maybe_paid=maybe_paid)
        self.status, self.body, self.headers, self.fields = status, body, headers, fields
        self.error_type = error_type or (fields[0].type if fields else None)
        self.hint = headers.get("x-fakefal-hint", "")


class RequestRefused(ServiceError):
    """The model refuses the request: `fields` say where and why.

    fal does not bill requests that break the schema; `maybe_paid` says whether it may have billed this refusal.
    """


class ModelFailed(ServiceError):
    """The model failed on a request that it accepted.  fal does not bill it."""


class PlatformFailed(ServiceError):
    """The platform failed, not the model; `error_type` says how."""


class NotAllowed(ServiceError):
    """The key is unknown, malformed or locked, or may not do this."""


class NotFound(ServiceError):
    """There is no such request, file or application, or its result has expired."""


class TooManyRequests(ServiceError):
    """The service still answered 429 after all retries."""


class UnexpectedAnswer(ServiceError):
    """An answer that this client cannot understand; `body` has it."""


class NetworkError(FakefalError):
    """The network failed."""


class Unreachable(NetworkError):
    """No connection could be made; nothing was sent."""


class ConnectionLost(NetworkError):
    """The connection died during a read; reading again costs nothing."""


@dataclass(frozen=True)
class Attempt:
    """A call whose job `reconcile` looks for.  Times are seconds since 1970 on the clock of this machine.

    `request_id` is known only if an answer contained it.
    """

    endpoint_id: str
    arguments: Any
    sent_at: float
    until: float
    request_id: str | None = None
    token: str = field(default_factory=lambda: secrets.token_hex(8), compare=False, repr=False)


class MaybeAccepted(NetworkError):
    """A call was sent, at least in part, without a clear answer: it may have been accepted, and may be paid.

    It is not sent again.  `attempt` has what is known; pass this error to ``reconcile``.
    """

    def __init__(self, reason: str, attempt: Attempt) -> None:
        super().__init__(
            f"{attempt.endpoint_id}: maybe accepted, because {reason}; it was not sent again: ask reconcile()",
            request_id=attempt.request_id,
            maybe_paid=True,
        )
        self.attempt = attempt


class DeadlineExceeded(FakefalError):
    """The deadline of the call passed.  An accepted job goes on: ``resume(request_id)``."""
