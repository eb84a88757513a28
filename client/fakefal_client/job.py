"""Jobs: the objects that `submit` returns, blocking and async."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from fakefal_client import jobs
from fakefal_client.downloads import download_result
from fakefal_client.jobs import Accepted, about
from fakefal_client.parsing import Completed, Status
from fakefal_client.retry import Deadline
from fakefal_client.session import Session
from fakefal_client.steps import Flow
from fakefal_client.uploads import Progress
from fakefal_contracts import Advice, Report

if TYPE_CHECKING:
    from fakefal_client.async_driver import AsyncDriver
    from fakefal_client.driver import Driver

Out = TypeVar("Out")
OnProgress = Callable[[Progress], object]
OnUpdate = Callable[[Status], object]


class BaseJob(Generic[Out]):
    """What both kinds of job share.

    Attributes:
        request_id: the service's id; `resume` takes it.
        endpoint_id: the endpoint it was sent to.
    """

    def __init__(self, session: Session, accepted: Accepted) -> None:
        self._session, self._accepted = session, accepted
        self.request_id = accepted.request_id
        self.endpoint_id = accepted.endpoint_call.endpoint_id

    @property
    def report(self) -> Report | None:
        """The report of the check before sending; None for resumed jobs and endpoints without a contract."""
        return self._accepted.checked.report if self._accepted.checked else None

    @property
    def warnings(self) -> tuple[Advice, ...]:
        """The warnings of the check before sending."""
        return self._accepted.checked.warnings if self._accepted.checked else ()

    @property
    def estimated_usd(self) -> Decimal | None:
        """The estimated cost in US dollars; None if unknown."""
        return self._accepted.checked.usd if self._accepted.checked else None

    def _status(self, seconds: float | None) -> Flow[Status]:
        return about(self._accepted, jobs.status(self._session, self._accepted, self._deadline(seconds)))

    def _updates(self, seconds: float | None, *, stream: bool) -> Flow[Completed]:
        flow = jobs.follow(self._session, self._accepted, self._deadline(seconds), stream=stream)
        return about(self._accepted, flow)

    def _result(self, seconds: float | None) -> Flow[Out]:
        yield from about(self._accepted, jobs.result(self._session, self._accepted, self._deadline(seconds)))
        return cast("Out", self._accepted.parse())

    def _cancel(self, seconds: float | None) -> Flow[bool]:
        return about(self._accepted, jobs.cancel(self._session, self._accepted, self._deadline(seconds)))

    def _download(self, path: str | Path, seconds: float | None) -> Flow[Path]:
        flow = download_result(self._session, self._accepted, Path(path), self._deadline(seconds))
        return about(self._accepted, flow)

    def _deadline(self, seconds: float | None) -> Deadline:
        return Deadline(seconds, self._session.clock)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.endpoint_id!r}, {self.request_id!r})"


class Job(BaseJob[Out]):
    """An accepted job."""

    def __init__(self, session: Session, driver: Driver, accepted: Accepted) -> None:
        super().__init__(session, accepted)
        self._driver = driver

    def status(self, *, deadline_seconds: float | None = None) -> Status:
        """The current state, with every log line that the service still shows."""
        return self._driver.run(self._status(deadline_seconds))

    def updates(self, *, stream: bool = False, deadline_seconds: float | None = None) -> Iterator[Status]:
        """Yield the state at each change, with new log lines, until the job is over.

        Args:
            stream: follow the event stream of the service instead of polling.
            deadline_seconds: when to give up; the job goes on.
        """
        yield from self._driver.play(self._updates(deadline_seconds, stream=stream))

    def result(self, *, deadline_seconds: float | None = None) -> Out:
        """Wait for the end, and return the result.

        Raises:
            ServiceError: it was refused, or failed.
            DeadlineExceeded: the job goes on.
        """
        return self._driver.run(self._result(deadline_seconds))

    def cancel(self, *, deadline_seconds: float | None = None) -> bool:
        """Ask for the end of the job; False if it was already over.  A running job may still complete, and cost."""
        return self._driver.run(self._cancel(deadline_seconds))

    def download(
        self, path: str | Path, *, on_progress: OnProgress | None = None, deadline_seconds: float | None = None
    ) -> Path:
        """Wait for the end, and write the video to a file; a failed download leaves no file.

        Raises:
            UsageError: the file cannot be written; raised before waiting.
        """
        return self._driver.run(self._download(path, deadline_seconds), on_progress)


class AsyncJob(BaseJob[Out]):
    """The async version of `Job`."""

    def __init__(self, session: Session, driver: AsyncDriver, accepted: Accepted) -> None:
        super().__init__(session, accepted)
        self._driver = driver

    async def status(self, *, deadline_seconds: float | None = None) -> Status:
        """See `Job.status`."""
        return await self._driver.run(self._status(deadline_seconds))

    async def updates(self, *, stream: bool = False, deadline_seconds: float | None = None) -> AsyncIterator[Status]:
        """See `Job.updates`."""
        async with aclosing(self._driver.play(self._updates(deadline_seconds, stream=stream))) as playing:
            async for update in playing:
                yield update

    async def result(self, *, deadline_seconds: float | None = None) -> Out:
        """See `Job.result`."""
        return await self._driver.run(self._result(deadline_seconds))

    async def cancel(self, *, deadline_seconds: float | None = None) -> bool:
        """See `Job.cancel`."""
        return await self._driver.run(self._cancel(deadline_seconds))

    async def download(
        self, path: str | Path, *, on_progress: OnProgress | None = None, deadline_seconds: float | None = None
    ) -> Path:
        """See `Job.download`."""
        return await self._driver.run(self._download(path, deadline_seconds), on_progress)
