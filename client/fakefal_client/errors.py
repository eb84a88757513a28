"""What the client raises, by whose fault it is.

FakefalError                the base of everything below
|- UsageError               yours: the call cannot work as it stands, and does nothing
|  |- NoTarget              nobody said whether to speak to a fake or to fal
|  |- RealNotAllowed        a test would speak to fal
|  |- NoKey                 fal wants a key
|  |- InvalidRequest        pre-flight found errors
|  |- TestPromptRefused     a test prompt would leave for fal
|  |- UnknownPrice          a budget is set and nobody knows what the call costs
|  |- OverBudget            the call would exceed the budget
|  |- UnknownMedia          a local file is none that the endpoint takes media in
|  |- ForeignAddress        an answer of a fake leads to another place
|  `- InvalidWebhook        a webhook whose signature, time or form is wrong
|- ServiceError             the service's: it answered, but not with what was asked for
|  |- RequestRefused        the model refuses the request
|  |- ModelFailed           the model failed
|  |- PlatformFailed        the platform around the model failed
|  |- NotAllowed            the key is wrong or locked
|  |- NotFound              no such request, file or application
|  |- TooManyRequests       still too many after all tries
|  `- UnexpectedAnswer      an answer that cannot be understood
|- NetworkError             the network's
|  |- Unreachable           nothing was sent
|  |- ConnectionLost        a read failed; repeating it costs nothing
|  `- MaybeAccepted         a job was sent and no answer came: it may run, and cost
`- DeadlineExceeded         time's: the deadline of the call passed
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fakefal_contracts import Report


class FakefalError(Exception):
    """The base of all errors of this package.

    Attributes:
        request_id: the job that it is about, where there is one.
        maybe_paid: whether money may have been spent.
    """

    def __init__(self, message: str, *, request_id: str | None = None, maybe_paid: bool = False) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.maybe_paid = maybe_paid

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross processes whole; only a report stays behind, since contracts are code."""
        facts = self.__dict__ | ({"report": None} if "report" in self.__dict__ else {})
        return _rebuilt, (type(self), self.args, facts)


def _rebuilt(kind: type[FakefalError], args: tuple[Any, ...], facts: dict[str, Any]) -> FakefalError:
    made = kind.__new__(kind)
    made.args = args
    made.__dict__.update(facts)
    return made


class UsageError(FakefalError):
    """The call cannot work as it stands, and does nothing.  Of a job that was sent earlier `maybe_paid` tells."""


class NoTarget(UsageError):
    """Nobody said whether to speak to a fake or to fal."""


class RealNotAllowed(UsageError):
    """A test would speak to fal."""


class NoKey(UsageError):
    """fal wants a key, and none was given."""


class InvalidRequest(UsageError):
    """Pre-flight found errors: `report` has each with its rule, place and hint."""

    def __init__(self, report: Report) -> None:
        lines = [f"{'.'.join(map(str, e.loc)) or 'the body'}: {e.msg} ({e.rule.id}; {e.hint})" for e in report.errors]
        super().__init__(f"{report.endpoint.id} refuses this under contract {report.contract}: " + "; ".join(lines))
        self.report = report


class TestPromptRefused(UsageError):
    """A prompt asks the emulator for an effect, and would be paid for at fal."""

    __test__ = False


class UnknownPrice(UsageError):
    """Nobody knows what the call costs, and a price is needed: under a limit say ``reserve_usd=``."""


class OverBudget(UsageError):
    """The call would exceed the budget, all in US dollars."""

    def __init__(self, wanted: Decimal, left: Decimal, limit: Decimal) -> None:
        super().__init__(
            f"the call may cost ${wanted}, and ${left} of the budget of ${limit} are left; it was not sent"
        )
        self.wanted, self.left, self.limit = wanted, left, limit


class UnknownMedia(UsageError):
    """A local file or picture stands where the endpoint takes none, or cannot be read."""


class ForeignAddress(UsageError):
    """An address leads from the fake to another place, where it will not be followed."""


class InvalidWebhook(UsageError):
    """A webhook whose signature, time or form is wrong: answer 401 or 400, and do nothing."""


@dataclass(frozen=True)
class FieldError:
    """One item of fal's ``detail`` list; `loc` begins with ``body``."""

    loc: tuple[str | int, ...]
    msg: str
    type: str
    ctx: Mapping[str, Any] = field(default_factory=dict)
    url: str | None = None


class ServiceError(FakefalError):
    """The service answered, but not with what was asked for.

    Attributes:
        status: the HTTP status.
        body: the decoded JSON body, or the text where it was none.
        headers: the headers, names in lower case.
        fields: what was wrong where, from a ``detail`` list.
        error_type: the platform's ``error_type``, else the first field's type.
        hint: what the emulator says is meant; fal sends none.
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

    fal does not bill what breaks the schema; `maybe_paid` says whether it may have billed another refusal.
    """


class ModelFailed(ServiceError):
    """The model failed on a request that it accepted.  fal does not bill it."""


class PlatformFailed(ServiceError):
    """The platform around the model failed; `error_type` says how."""


class NotAllowed(ServiceError):
    """The key is unknown, malformed or locked, or may not do this."""


class NotFound(ServiceError):
    """There is no such request, file or application, or its result has expired."""


class TooManyRequests(ServiceError):
    """The service still took no more after all tries."""


class UnexpectedAnswer(ServiceError):
    """An answer that this client cannot understand; `body` has it."""


class NetworkError(FakefalError):
    """The network failed."""


class Unreachable(NetworkError):
    """No connection could be made, so nothing was sent."""


class ConnectionLost(NetworkError):
    """The connection died while something was read; reading again costs nothing."""


@dataclass(frozen=True)
class Attempt:
    """A job that was sent: what `reconcile` looks for.  Times are seconds since 1970 on this machine's clock.

    `request_id` is known only where an answer said it.
    """

    endpoint_id: str
    arguments: Any
    sent_at: float
    until: float
    request_id: str | None = None
    token: str = field(default_factory=lambda: secrets.token_hex(8), compare=False, repr=False)


class MaybeAccepted(NetworkError):
    """A job was sent, or a part of it, and no clear answer came: it may have been accepted, and be paid for.

    It is not sent again.  `attempt` is what is known; give this error to ``reconcile``.
    """

    def __init__(self, reason: str, attempt: Attempt) -> None:
        super().__init__(
            f"{attempt.endpoint_id}: maybe accepted, because {reason}; it was not sent again: ask reconcile()",
            request_id=attempt.request_id,
            maybe_paid=True,
        )
        self.attempt = attempt


class DeadlineExceeded(FakefalError):
    """The deadline of the call passed.  A job that was accepted goes on: ``resume(request_id)``."""
