"""The base of both clients: a flow for each call."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

from fakefal_client import sending
from fakefal_client.budget import Budget
from fakefal_client.call_options import ClientOptions, make_session
from fakefal_client.downloads import download
from fakefal_client.endpoint_call import Request, checked_request_id, endpoint_call, endpoint_call_later
from fakefal_client.errors import Attempt, MaybeAccepted
from fakefal_client.jobs import Accepted
from fakefal_client.local_media import LocalFile, read_source
from fakefal_client.preflight import estimate, report_on
from fakefal_client.reconcile import Outcome, reconcile
from fakefal_client.retry import Deadline
from fakefal_client.sending import SubmitOptions
from fakefal_client.steps import Flow, Work
from fakefal_client.uploads import upload
from fakefal_client.verification import Webhook, WebhookVerifier
from fakefal_contracts import Cost, Report
from fakefal_contracts.model import Input

Arguments = Mapping[str, Any]
AnyRequest = Request[Any] | str


class BaseClient:
    """What both clients share; it does no I/O."""

    def __init__(self, target: str | None, options: ClientOptions) -> None:
        self._session = make_session(target, options, type(self).__name__)
        self._webhooks = WebhookVerifier(self._session)

    @property
    def target(self) -> str:
        """The target: ``fal``, or a base URL."""
        return str(self._session.target)

    @property
    def budget(self) -> Budget:
        """The budget, with its limit and its ledger."""
        return self._session.budget

    def _submit(self, request: AnyRequest, arguments: Arguments | None, options: SubmitOptions) -> Flow[Accepted]:
        return sending.submit(self._session, endpoint_call(request, arguments), options)

    def _subscribe(
        self, request: AnyRequest, arguments: Arguments | None, options: SubmitOptions, *, stream: bool
    ) -> Flow[Any]:
        return sending.subscribe(self._session, endpoint_call(request, arguments), options, stream=stream)

    def _run(self, request: AnyRequest, arguments: Arguments | None, options: SubmitOptions) -> Flow[Any]:
        return sending.run(self._session, endpoint_call(request, arguments), options)

    def _resumed(self, request_id: str, endpoint: type[Request[Any]] | str) -> Accepted:
        wanted = endpoint_call_later(cast("type[Input] | str", endpoint))
        return Accepted(wanted, request_id, reservation=self.budget.find(checked_request_id(request_id)))

    def _reconcile(self, lost: MaybeAccepted | Attempt, seconds: float | None) -> Flow[Outcome]:
        attempt = lost.attempt if isinstance(lost, MaybeAccepted) else lost
        return reconcile(self._session, attempt, self._deadline(seconds))

    def _check(self, request: AnyRequest, arguments: Arguments | None, seconds: float | None) -> Flow[Report]:
        return report_on(self._session.preflight, endpoint_call(request, arguments), self._deadline(seconds))

    def _estimate(self, request: AnyRequest, arguments: Arguments | None, seconds: float | None) -> Flow[Cost]:
        return estimate((yield from self._check(request, arguments, seconds)))

    def _upload(
        self, source: object, file_name: str | None, content_type: str | None, seconds: float | None
    ) -> Flow[str]:
        deadline = self._deadline(seconds)
        file: LocalFile = yield Work(partial(read_source, source, file_name))
        return (yield from upload(self._session, file, deadline, content_type, tell=True))

    def _download(self, address: str, path: str | Path, seconds: float | None) -> Flow[Path]:
        return download(self._session, address, Path(path), self._deadline(seconds))

    def _verify(self, headers: Mapping[str, str], body: bytes) -> Flow[Webhook]:
        return self._webhooks.verify(headers, body)

    def _deadline(self, seconds: float | None) -> Deadline:
        return Deadline(seconds, self._session.clock)
