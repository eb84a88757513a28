"""The blocking client."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, cast, overload

from fakefal_client import jobs, sending
from fakefal_client.asked import Asked, Request, asked, asked_later, checked_request_id
from fakefal_client.downloads import download
from fakefal_client.errors import Attempt, MaybeAccepted
from fakefal_client.job import Job, OnProgress, OnUpdate
from fakefal_client.jobs import Accepted
from fakefal_client.media import read_source
from fakefal_client.options import AnyClient, ClientOptions
from fakefal_client.preflight import estimate, report_on
from fakefal_client.reconcile import Outcome, reconcile
from fakefal_client.sending import SubmitOptions
from fakefal_client.uploads import upload
from fakefal_client.webhooks import Webhook
from fakefal_contracts import Cost, Report
from fakefal_contracts.model import Input

if TYPE_CHECKING:
    import httpx

Out = TypeVar("Out")
Arguments = Mapping[str, Any]


class Client(AnyClient):
    """Speaks to a fake or to fal with the same code, checks and prices a request before it is sent.

    Safe across threads.  Use it as a context manager, or call `close`.

    Args:
        target: ``"fal"``, or the base URL of a fake; else ``FAKEFAL_URL``, else ``FAKEFAL_TARGET=fal``.
        http: speaks HTTP instead of a client of its own, and stays the caller's.
        sleep: makes pauses.
        options: see `ClientOptions`.

    Raises:
        NoTarget: nothing says whom to speak to.
        RealNotAllowed, NoKey, UsageError: it cannot be spoken to.
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        http: httpx.Client | None = None,
        sleep: Callable[[float], object] = time.sleep,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(target, options)
        from fakefal_client.driver import Driver

        trust_env = self._session.target.is_fal
        self._driver = Driver(http, clock=self._session.clock, sleep=sleep, trust_env=trust_env)

    @overload
    def submit(self, request: Request[Out], /, **options: Unpack[SubmitOptions]) -> Job[Out]: ...
    @overload
    def submit(
        self, request: str, arguments: Arguments, /, **options: Unpack[SubmitOptions]
    ) -> Job[dict[str, Any]]: ...
    def submit(
        self, request: Request[Any] | str, arguments: Arguments | None = None, /, **options: Unpack[SubmitOptions]
    ) -> Job[Any]:
        """Check, price, upload local media, and send to the queue: at most one paid job.

        Raises:
            InvalidRequest, OverBudget, UsageError: nothing was sent.
            ServiceError: it was refused.
            MaybeAccepted: the outcome is unknown; see `reconcile`.
        """
        wanted = asked(request, arguments)
        accepted = self._driver.run(sending.submit(self._session, wanted.endpoint_id, wanted.arguments, options))
        return self._job(accepted, wanted)

    @overload
    def subscribe(
        self,
        request: Request[Out],
        /,
        *,
        on_update: OnUpdate | None = None,
        stream: bool = False,
        **options: Unpack[SubmitOptions],
    ) -> Out: ...
    @overload
    def subscribe(
        self,
        request: str,
        arguments: Arguments,
        /,
        *,
        on_update: OnUpdate | None = None,
        stream: bool = False,
        **options: Unpack[SubmitOptions],
    ) -> dict[str, Any]: ...
    def subscribe(
        self,
        request: Request[Any] | str,
        arguments: Arguments | None = None,
        /,
        *,
        on_update: OnUpdate | None = None,
        stream: bool = False,
        **options: Unpack[SubmitOptions],
    ) -> Any:
        """Submit, tell of every change, and return the result; one deadline covers it all."""
        wanted = asked(request, arguments)
        flow = sending.subscribe(self._session, wanted.endpoint_id, wanted.arguments, options, stream=stream)
        accepted = self._driver.run(flow, on_update)
        return wanted.parse(accepted.output, accepted.request_id)

    @overload
    def run(self, request: Request[Out], /, **options: Unpack[SubmitOptions]) -> Out: ...
    @overload
    def run(self, request: str, arguments: Arguments, /, **options: Unpack[SubmitOptions]) -> dict[str, Any]: ...
    def run(
        self, request: Request[Any] | str, arguments: Arguments | None = None, /, **options: Unpack[SubmitOptions]
    ) -> Any:
        """Run the model on the synchronous road, without the queue, and return the result."""
        wanted = asked(request, arguments)
        accepted = self._driver.run(sending.run(self._session, wanted.endpoint_id, wanted.arguments, options))
        return wanted.parse(accepted.output, accepted.request_id)

    @overload
    def resume(self, request_id: str, endpoint: type[Request[Out]]) -> Job[Out]: ...
    @overload
    def resume(self, request_id: str, endpoint: str = ...) -> Job[dict[str, Any]]: ...
    def resume(self, request_id: str, endpoint: type[Request[Any]] | str = jobs.KLING) -> Job[Any]:
        """A job that was submitted earlier, by this program or another; any Kling endpoint by default."""
        wanted = asked_later(cast("type[Input] | str", endpoint))
        known = self._session.budget.find(checked_request_id(request_id))
        return self._job(Accepted(wanted.endpoint_id, request_id, reservation=known), wanted)

    def reconcile(self, lost: MaybeAccepted | Attempt, *, deadline_seconds: float | None = None) -> Outcome:
        """What became of a job whose answer was lost: `Found`, `NotListed` or `Unknown`.  Nothing is sent again."""
        attempt = lost.attempt if isinstance(lost, MaybeAccepted) else lost
        return self._driver.run(reconcile(self._session, attempt, self._deadline(deadline_seconds)))

    @overload
    def check(self, request: Request[Any], /, *, deadline_seconds: float | None = ...) -> Report: ...
    @overload
    def check(self, request: str, arguments: Arguments, /, *, deadline_seconds: float | None = ...) -> Report: ...
    def check(
        self,
        request: Request[Any] | str,
        arguments: Arguments | None = None,
        /,
        *,
        deadline_seconds: float | None = None,
    ) -> Report:
        """Judge and price a request under the target's contract; nothing is sent.

        Raises:
            UnknownEndpoint: no contract covers the endpoint.
        """
        wanted = asked(request, arguments)
        return self._driver.run(
            report_on(self._session.preflight, wanted.endpoint_id, wanted.arguments, self._deadline(deadline_seconds))
        )

    @overload
    def estimate(self, request: Request[Any], /, *, deadline_seconds: float | None = ...) -> Cost: ...
    @overload
    def estimate(self, request: str, arguments: Arguments, /, *, deadline_seconds: float | None = ...) -> Cost: ...
    def estimate(
        self,
        request: Request[Any] | str,
        arguments: Arguments | None = None,
        /,
        *,
        deadline_seconds: float | None = None,
    ) -> Cost:
        """What a request costs in US dollars.

        Raises:
            InvalidRequest: it would be refused.
            UnknownEndpoint: no contract covers the endpoint.
        """
        return estimate(
            self.check(cast("str", request), cast("Arguments", arguments), deadline_seconds=deadline_seconds)
        )

    def upload(
        self,
        source: object,
        *,
        file_name: str | None = None,
        content_type: str | None = None,
        on_progress: OnProgress | None = None,
        deadline_seconds: float | None = None,
    ) -> str:
        """Upload a path, bytes or a PIL image; returns its address.  Above 100 MiB it goes in parts."""
        flow = upload(
            self._session, read_source(source, file_name), self._deadline(deadline_seconds), content_type, tell=True
        )
        return self._driver.run(flow, on_progress)

    def download(
        self,
        address: str,
        path: str | Path,
        *,
        on_progress: OnProgress | None = None,
        deadline_seconds: float | None = None,
    ) -> Path:
        """Write what lies at an address of a result to a file."""
        flow = download(self._session, address, Path(path), self._deadline(deadline_seconds))
        return self._driver.run(flow, on_progress)

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> Webhook:
        """The webhook in a call that came in, if the service signed these very bytes and they are fresh.

        Raises:
            InvalidWebhook: it is forged, changed, stale or no webhook.
        """
        return self._driver.run(self._webhooks.verify(headers, body))

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _job(self, accepted: Accepted, wanted: Asked) -> Job[Any]:
        return Job(self._session, self._driver, accepted, wanted)
