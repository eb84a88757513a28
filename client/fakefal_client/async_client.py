"""The async client, for asyncio and trio; see `fakefal_client.client`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, overload

from fakefal_client.base_client import Arguments, BaseClient
from fakefal_client.call_options import ClientOptions
from fakefal_client.endpoint_call import Request
from fakefal_client.errors import Attempt, MaybeAccepted
from fakefal_client.job import AsyncJob, OnProgress, OnUpdate
from fakefal_client.reconcile import Outcome
from fakefal_client.sending import SubmitOptions
from fakefal_client.verification import Webhook
from fakefal_contracts import Cost, Report

if TYPE_CHECKING:
    import httpx

Out = TypeVar("Out")


class AsyncClient(BaseClient):
    """The async version of `Client`.  Safe across the tasks of one event loop.

    Args:
        target: see `Client`.
        http: the HTTP client to use; the caller closes it.  By default, this client creates its own.
        sleep: the function that pauses.
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
        accepted = await self._driver.run(self._submit(request, arguments, options))
        return AsyncJob(self._session, self._driver, accepted)

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
        return await self._driver.run(self._subscribe(request, arguments, options, stream=stream), on_update)

    @overload
    async def run(self, request: Request[Out], /, **options: Unpack[SubmitOptions]) -> Out: ...
    @overload
    async def run(self, request: str, arguments: Arguments, /, **options: Unpack[SubmitOptions]) -> dict[str, Any]: ...
    async def run(
        self, request: Request[Any] | str, arguments: Arguments | None = None, /, **options: Unpack[SubmitOptions]
    ) -> Any:
        """See `Client.run`."""
        return await self._driver.run(self._run(request, arguments, options))

    @overload
    def resume(self, request_id: str, endpoint: type[Request[Out]]) -> AsyncJob[Out]: ...
    @overload
    def resume(self, request_id: str, endpoint: str) -> AsyncJob[dict[str, Any]]: ...
    def resume(self, request_id: str, endpoint: type[Request[Any]] | str) -> AsyncJob[Any]:
        """See `Client.resume`."""
        return AsyncJob(self._session, self._driver, self._resumed(request_id, endpoint))

    async def reconcile(self, lost: MaybeAccepted | Attempt, *, deadline_seconds: float | None = None) -> Outcome:
        """See `Client.reconcile`."""
        return await self._driver.run(self._reconcile(lost, deadline_seconds))

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
        return await self._driver.run(self._check(request, arguments, deadline_seconds))

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
        return await self._driver.run(self._estimate(request, arguments, deadline_seconds))

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
        return await self._driver.run(self._upload(source, file_name, content_type, deadline_seconds), on_progress)

    async def download(
        self,
        address: str,
        path: str | Path,
        *,
        on_progress: OnProgress | None = None,
        deadline_seconds: float | None = None,
    ) -> Path:
        """See `Client.download`."""
        return await self._driver.run(self._download(address, path, deadline_seconds), on_progress)

    async def verify(self, headers: Mapping[str, str], body: bytes) -> Webhook:
        """See `Client.verify`."""
        return await self._driver.run(self._verify(headers, body))

    async def close(self) -> None:
        """See `Client.close`."""
        await self._driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
