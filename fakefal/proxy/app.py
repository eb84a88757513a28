"""The validating proxy as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from fakefal.proxy.paid_jobs import ForwardedJob, Jobs, NotSent
from fakefal.proxy.passing import Passing, Seen, Unsent
from fakefal.proxy.preflight import CONTRACT, ProxyPreflight, preflight
from fakefal.proxy.report import RunReport
from fakefal.proxy.upstream import Reply, Upstream
from fakefal.recording.calls import CallKind, read_call
from fakefal.recording.folder import ExchangeWriter
from fakefal.recording.front import front
from fakefal.recording.spend_limit import OverSpendLimit, SpendLimit
from fakefal.wire.answers import BILLABLE_UNITS, HINT, REQUEST_ID, WireError, header_text, refusal
from fakefal_contracts import BUILT_IN, Catalogue, Endpoint, UnknownEndpoint, open_data_uris, open_for_fake
from fakefal_contracts.errors import how_to_price
from fakefal_contracts.testprompt import PROMPT_MARK


class ValidatingProxy:
    """Checks and prices paid calls, passes calls on once each, records them, and compares.

    Args:
        upstream: sends calls to fal.
        budget: the spend limit.
        recorder: writes the exchanges.
        catalogue: the known models and their prices.
    """

    def __init__(
        self, upstream: Upstream, budget: SpendLimit, recorder: ExchangeWriter, *, catalogue: Catalogue = BUILT_IN
    ) -> None:
        self._catalogue = catalogue
        self.jobs = Jobs(budget)
        self._upstream = upstream
        self._recorder = recorder
        self._began_at = recorder.now()
        self._stopping = asyncio.Event()

    def app(self) -> ASGIApp:
        """The application; its lifespan ends with the connections."""
        return front(self._answer, f"a validating proxy for {self._upstream.name}", living=self._living)

    def report(self) -> RunReport:
        """The report on the run so far."""
        return RunReport(self._upstream.name, self._began_at, self.jobs, self._recorder)

    def keep_secret(self, key: str) -> None:
        """Remove a key from recordings; keys in calls are recognized without this."""
        self._recorder.scrubber.learn(key)

    def close_streams(self) -> None:
        """End open streams, so that the server can stop."""
        self._stopping.set()

    @asynccontextmanager
    async def _living(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await self._upstream.close()
            self._recorder.close()

    async def _answer(self, request: Request) -> Response:
        call = read_call(request.method, request.scope["path"])
        self._recorder.scrubber.learn(request.headers.get("authorization"))
        if call is None or call.kind is CallKind.OTHER:
            recorded_request = f"{request.method} {request.scope['path']}"
            text = f"fakefal does not know whether {recorded_request} costs anything: it was not sent"
            raise refusal(501, text, hint="queue, fal.run, storage and CDN are passed on, and reads of the account")
        passing = Passing(request, call, self._upstream, self._recorder, self._stopping)
        if call.is_paid:
            return await self._paid(passing)
        if call.kind is CallKind.STREAM:
            return await passing.stream(self._watch_stream(call.request_id))
        if call.kind is CallKind.FILE:
            return await passing.file()
        response, raw = await passing.whole()
        match call.kind:
            case CallKind.STATUS:
                self.jobs.looked(call.request_id, raw)
            case CallKind.CANCEL:
                self.jobs.cancelled(call.request_id, response.status_code)
            case CallKind.RESULT:
                self.jobs.read(call.request_id, response.status_code, response.headers, raw)
        return passing.back(response, raw)

    async def _paid(self, passing: Passing) -> Response:
        """Send a paid call, once, if it can be accepted and the limit allows it."""
        job = await self._begin(passing)
        try:
            if passing.call.endpoint_id != passing.call.path.strip("/"):
                return await passing.stream(self._watch_run(job))
            response, raw = await passing.whole()
        except Unsent as error:
            self.jobs.never_sent(job, error.why)
            raise
        except WireError:
            job.outcome = "unknown: no answer came"
            raise
        if passing.call.kind is CallKind.SUBMIT:
            self.jobs.submitted(job, response.status_code, raw)
        else:
            self._ran(job, response, raw)
        return passing.back(response, raw)

    async def _begin(self, passing: Passing) -> ForwardedJob:
        endpoint_id = passing.call.endpoint_id
        try:
            opener = open_data_uris if self._upstream.is_fal else open_for_fake
            body = await passing.json()
            before = await asyncio.to_thread(preflight, endpoint_id, body, opener, catalogue=self._catalogue)
        except UnknownEndpoint as error:
            raise self._refused(endpoint_id, "no price is known", str(error), 501) from error
        if before.accepted and before.cost is None:
            raise self._refused(endpoint_id, "no price is known", _why_unpriced(before.endpoint), 501)
        if before.cost is not None and before.most is None:
            detail = "its price depends on the length of a file that fakefal cannot read: send it as a data: URI"
            raise self._refused(endpoint_id, "no price is known", detail, 501)
        if before.cost is None:
            refused = self._unacceptable(before)
            await passing.refused(refused)
            raise refused
        if self._upstream.is_fal and PROMPT_MARK.search((await passing.body()).decode()):
            raise self._refused(endpoint_id, "a test prompt", "the prompt asks fakefal for an effect", 422)
        try:
            return self.jobs.begin(before, self._recorder.now())
        except OverSpendLimit as error:
            raise self._refused(endpoint_id, "spend limit", str(error), 403) from error

    def _refused(self, endpoint_id: str, reason: str, detail: str, status: int) -> WireError:
        """The answer to a call that is not sent.  Clients of fal do not repeat calls with these statuses."""
        self.jobs.not_sent.append(NotSent(endpoint_id, reason, detail))
        text = f"fakefal did not send this request: {reason}: {detail}"
        return refusal(status, text, hint=text, headers={BILLABLE_UNITS: "0"})

    def _unacceptable(self, before: ProxyPreflight) -> WireError:
        """Fal's refusal, without sending the call."""
        errors = before.predicted.errors
        detail = "; ".join(f"{'.'.join(map(str, ('body', *one.loc)))}: {one.msg}" for one in errors)
        self.jobs.not_sent.append(NotSent(before.endpoint.id, "no known revision accepts it", detail))
        hint = header_text(f"fakefal did not send this request: {errors[0].rule.id}: {errors[0].hint}")
        return WireError(422, {"detail": [one.wire() for one in errors]}, {HINT: hint, BILLABLE_UNITS: "0"})

    def _ran(self, job: ForwardedJob, response: Reply, raw: bytes) -> None:
        """Record the answer to a synchronous call."""
        job.request_id = response.headers.get(REQUEST_ID, "")
        self.jobs.answered(job, response.status_code, response.headers, raw)
        if job.ending is None:
            self.jobs.submitted(job, response.status_code, b"")

    def _watch_stream(self, request_id: str) -> Seen:
        return lambda _, text: self.jobs.looked(request_id, _last_event(text))

    def _watch_run(self, job: ForwardedJob) -> Seen:
        return lambda response, text: self._ran(job, response, _last_event(text))


def _why_unpriced(endpoint: Endpoint) -> str:
    price = endpoint.price(CONTRACT)
    return f"its arguments do not say how many {price.unit}s it bills" if price else how_to_price(endpoint.id)


def _last_event(text: bytes) -> bytes:
    """The data of the last server-sent event."""
    lines = [line for line in text.splitlines() if line.startswith(b"data:")]
    return lines[-1].removeprefix(b"data:").strip() if lines else text
