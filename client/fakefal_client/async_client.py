"""The client to be awaited, under asyncio or trio: the twin of `fakefal_client.client`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, cast, overload

from fakefal_client import jobs, sending
from fakefal_client.asked import Asked, Request, asked, asked_later, checked_request_id
from fakefal_client.downloads import download
from fakefal_client.errors import Attempt, MaybeAccepted
from fakefal_client.job import AsyncJob, OnProgress, OnUpdate
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


class AsyncClient(AnyClient):
    """As `Client`, to be awaited.  Safe across the tasks of one event loop.

    Args:
        target: see `Client`.
        http: speaks HTTP instead of a client of its own, and stays the caller's.
        sleep: makes pauses.
        options: see `ClientOptions`.
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        http: httpx.AsyncClient | None = None,
        sleep: Callable[[float], Awaitable[object]] | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(target, options)
        from fakefal_client.async_driver import AsyncDriver

        self._driver = AsyncDriver(http, clock=self._session.clock, sleep=sleep, trust_env=self._session.target.is_fal)

    @overload
    async def submit(self, request: Request[Out], /, **options: Unpack[SubmitOptions]) -> AsyncJob[Out]: ...
    @overload
    async def submit(
        self, request: str, arguments: Arguments, /, **options: Unpack[SubmitOptions]
    ) -> AsyncJob[dict[str, Any]]: ...
    async def submit(
        self, request: Request[Any] | str, arguments: Arguments | None = None, /, **options: Unpack[SubmitOptions]
    ) -> AsyncJob[Any]:
        """See `Client.submit`."""
        wanted = asked(request, arguments)
        accepted = await self._driver.run(sending.submit(self._session, wanted.endpoint_id, wanted.arguments, options))
        return self._job(accepted, wanted)

    @overload
    async def subscribe(
        self,
        request: Request[Out],
        /,
        *,
        on_update: OnUpdate | None = None,
        stream: bool = False,
        **options: Unpack[SubmitOptions],
    ) -> Out: ...
    @overload
    async def subscribe(
        self,
        request: str,
        arguments: Arguments,
        /,
        *,
        on_update: OnUpdate | None = None,
        stream: bool = False,
        **options: Unpack[SubmitOptions],
    ) -> dict[str, Any]: ...
    async def subscribe(
        self,
        request: Request[Any] | str,
        arguments: Arguments | None = None,
        /,
        *,
        on_update: OnUpdate | None = None,
        stream: bool = False,
        **options: Unpack[SubmitOptions],
    ) -> Any:
        """See `Client.subscribe`."""
        wanted = asked(request, arguments)
        flow = sending.subscribe(self._session, wanted.endpoint_id, wanted.arguments, options, stream=stream)
        accepted = await self._driver.run(flow, on_update)
        return wanted.parse(accepted.output, accepted.request_id)

    @overload
    async def run(self, request: Request[Out], /, **options: Unpack[SubmitOptions]) -> Out: ...
    @overload
    async def run(self, request: str, arguments: Arguments, /, **options: Unpack[SubmitOptions]) -> dict[str, Any]: ...
    async def run(
        self, request: Request[Any] | str, arguments: Arguments | None = None, /, **options: Unpack[SubmitOptions]
    ) -> Any:
        """See `Client.run`."""
        wanted = asked(request, arguments)
        accepted = await self._driver.run(sending.run(self._session, wanted.endpoint_id, wanted.arguments, options))
        return wanted.parse(accepted.output, accepted.request_id)

    @overload
    def resume(self, request_id: str, endpoint: type[Request[Out]]) -> AsyncJob[Out]: ...
    @overload
    def resume(self, request_id: str, endpoint: str = ...) -> AsyncJob[dict[str, Any]]: ...
    def resume(self, request_id: str, endpoint: type[Request[Any]] | str = jobs.KLING) -> AsyncJob[Any]:
        """See `Client.resume`."""
        wanted = asked_later(cast("type[Input] | str", endpoint))
        known = self._session.budget.find(checked_request_id(request_id))
        return self._job(Accepted(wanted.endpoint_id, request_id, reservation=known), wanted)

    async def reconcile(self, lost: MaybeAccepted | Attempt, *, deadline_seconds: float | None = None) -> Outcome:
        """See `Client.reconcile`."""
        attempt = lost.attempt if isinstance(lost, MaybeAccepted) else lost
        return await self._driver.run(reconcile(self._session, attempt, self._deadline(deadline_seconds)))

    @overload
    async def check(self, request: Request[Any], /, *, deadline_seconds: float | None = ...) -> Report: ...
    @overload
    async def check(self, request: str, arguments: Arguments, /, *, deadline_seconds: float | None = ...) -> Report: ...
    async def check(
        self,
        request: Request[Any] | str,
        arguments: Arguments | None = None,
        /,
        *,
        deadline_seconds: float | None = None,
    ) -> Report:
        """See `Client.check`."""
        wanted = asked(request, arguments)
        return await self._driver.run(
            report_on(self._session.preflight, wanted.endpoint_id, wanted.arguments, self._deadline(deadline_seconds))
        )

    @overload
    async def estimate(self, request: Request[Any], /, *, deadline_seconds: float | None = ...) -> Cost: ...
    @overload
    async def estimate(
        self, request: str, arguments: Arguments, /, *, deadline_seconds: float | None = ...
    ) -> Cost: ...
    async def estimate(
        self,
        request: Request[Any] | str,
        arguments: Arguments | None = None,
        /,
        *,
        deadline_seconds: float | None = None,
    ) -> Cost:
        """See `Client.estimate`."""
        return estimate(
            await self.check(cast("str", request), cast("Arguments", arguments), deadline_seconds=deadline_seconds)
        )

    async def upload(
        self,
        source: object,
        *,
        file_name: str | None = None,
        content_type: str | None = None,
        on_progress: OnProgress | None = None,
        deadline_seconds: float | None = None,
    ) -> str:
        """See `Client.upload`."""
        flow = upload(
            self._session, read_source(source, file_name), self._deadline(deadline_seconds), content_type, tell=True
        )
        return await self._driver.run(flow, on_progress)

    async def download(
        self,
        address: str,
        path: str | Path,
        *,
        on_progress: OnProgress | None = None,
        deadline_seconds: float | None = None,
    ) -> Path:
        """See `Client.download`."""
        flow = download(self._session, address, Path(path), self._deadline(deadline_seconds))
        return await self._driver.run(flow, on_progress)

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> Webhook:
        """See `Client.verify_webhook`."""
        return await self._driver.run(self._webhooks.verify(headers, body))

    async def close(self) -> None:
        """See `Client.close`."""
        await self._driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _job(self, accepted: Accepted, wanted: Asked) -> AsyncJob[Any]:
        return AsyncJob(self._session, self._driver, accepted, wanted)
