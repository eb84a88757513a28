"""The blocking client."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, overload

from fakefal_client.base_client import Arguments, BaseClient
from fakefal_client.call_options import ClientOptions
from fakefal_client.endpoint_call import Request
from fakefal_client.errors import Attempt, MaybeAccepted
from fakefal_client.job import Job, OnProgress, OnUpdate
from fakefal_client.reconcile import Outcome
from fakefal_client.sending import SubmitOptions
from fakefal_client.verification import Webhook
from fakefal_contracts import Cost, Report

if TYPE_CHECKING:
    import httpx

Out = TypeVar("Out")


class Client(BaseClient):
    """Calls an emulator or fal with the same code, and checks and prices requests before sending them.

    Safe across threads.  Use it as a context manager, or call `close`.

    Args:
        target: ``"fal"``, or the base URL of an emulator; by default ``FAKEFAL_URL``, then ``FAKEFAL_TARGET=fal``.
        http: the HTTP client to use; the caller closes it.  By default, this client creates its own.
        sleep: the function that pauses.
        options: see `ClientOptions`.

    Raises:
        NoTarget: no target was given.
        NoKey: the target is fal, and there is no key.
        UsageError: the target or an option cannot be used.

    Under pytest, without ``FAKEFAL_ALLOW_REAL=1``, each call that would reach fal raises `RealNotAllowed`.
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
        """Check and price a request, upload its local media, and send it to the queue: at most one paid job.

        Raises:
            InvalidRequest, OverBudget, UsageError: nothing was sent.
            ServiceError: it was refused.
            MaybeAccepted: the outcome is unknown; see `reconcile`.
        """
        accepted = self._driver.run(self._submit(request, arguments, options))
        return Job(self._session, self._driver, accepted)

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
        """Submit, report every change to `on_update`, and return the result; one deadline covers all of it."""
        return self._driver.run(self._subscribe(request, arguments, options, stream=stream), on_update)

    @overload
    def run(self, request: Request[Out], /, **options: Unpack[SubmitOptions]) -> Out: ...
    @overload
    def run(self, request: str, arguments: Arguments, /, **options: Unpack[SubmitOptions]) -> dict[str, Any]: ...
    def run(
        self, request: Request[Any] | str, arguments: Arguments | None = None, /, **options: Unpack[SubmitOptions]
    ) -> Any:
        """Call `fal.run`, without the queue, and return the result."""
        return self._driver.run(self._run(request, arguments, options))

    @overload
    def resume(self, request_id: str, endpoint: type[Request[Out]]) -> Job[Out]: ...
    @overload
    def resume(self, request_id: str, endpoint: str) -> Job[dict[str, Any]]: ...
    def resume(self, request_id: str, endpoint: type[Request[Any]] | str) -> Job[Any]:
        """Return a job that was submitted earlier, by this program or another."""
        return Job(self._session, self._driver, self._resumed(request_id, endpoint))

    def reconcile(self, lost: MaybeAccepted | Attempt, *, deadline_seconds: float | None = None) -> Outcome:
        """Find the job of a call whose answer was lost: `Found`, `NotListed` or `Unknown`.  Nothing is sent again."""
        return self._driver.run(self._reconcile(lost, deadline_seconds))

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
        """Check and price a request under the contract of the target; nothing is sent.

        Raises:
            UnknownEndpoint: the endpoint has no known schema.
        """
        return self._driver.run(self._check(request, arguments, deadline_seconds))

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
        """The price of a request in US dollars.

        Raises:
            InvalidRequest: it would be refused.
            UnknownEndpoint: the endpoint has no known schema.
        """
        return self._driver.run(self._estimate(request, arguments, deadline_seconds))

    def upload(
        self,
        source: object,
        *,
        file_name: str | None = None,
        content_type: str | None = None,
        on_progress: OnProgress | None = None,
        deadline_seconds: float | None = None,
    ) -> str:
        """Upload a path, bytes or a PIL image, and return its URL.  Files above 100 MiB are sent in parts."""
        return self._driver.run(self._upload(source, file_name, content_type, deadline_seconds), on_progress)

    def download(
        self,
        address: str,
        path: str | Path,
        *,
        on_progress: OnProgress | None = None,
        deadline_seconds: float | None = None,
    ) -> Path:
        """Download a URL of a result to a file."""
        return self._driver.run(self._download(address, path, deadline_seconds), on_progress)

    def verify(self, headers: Mapping[str, str], body: bytes) -> Webhook:
        """Verify a webhook call: the signature fits these exact bytes, and it is recent.  Return the webhook.

        Raises:
            InvalidWebhook: it is forged, changed, too old, or not a webhook.
        """
        return self._driver.run(self._verify(headers, body))

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
