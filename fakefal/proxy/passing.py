"""Passes one call to the service and its answer back; only headers of the connection change."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import cast

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from fakefal.proxy.upstream import AnswerLost, Broken, NotReached, Reply, Upstream
from fakefal.recording.calls import READS, CallKind, FalCall
from fakefal.recording.exchange import EVENTS, OURS, Exchange, RecordedAnswer, RecordedBody, RecordedRequest
from fakefal.recording.folder import ExchangeWriter
from fakefal.settings import MEBIBYTE
from fakefal.state import jsonio
from fakefal.wire.answers import HINT, WireError, header_text, refusal
from fakefal.wire.body import decoded, read_body
from fakefal.wire.faults import abort
from fakefal_contracts.hosts import BaseUrl, host_name, is_fal_host

LARGEST_BODY = 64 * MEBIBYTE
HOP_HEADERS = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade", "expect", "host"),
    }
)
UNPACKED = ("content-length", "content-encoding")
QUEUE_ADDRESS = b"https://queue.fal.run/"
LED_BACK = (CallKind.SUBMIT, CallKind.STATUS, CallKind.STREAM)

Seen = Callable[[Reply, bytes], None]


class Unsent(WireError):
    """There was no connection: the caller may try again without paying twice."""

    def __init__(self, why: str) -> None:
        text = f"fakefal did not send this request: {why}"
        super().__init__(502, {"detail": text}, {HINT: header_text(text)})
        self.why = why


class Passing:
    """One call, passed on once, with a whole or a streamed answer.

    Args:
        request: the request of the caller.
        call: its kind.
        upstream: sends it.
        recorder: writes the exchange.
        stopping: set when streams must end.
    """

    def __init__(
        self, request: Request, call: FalCall, upstream: Upstream, recorder: ExchangeWriter, stopping: asyncio.Event
    ) -> None:
        self.call = call
        self._request = request
        self._upstream = upstream
        self._recorder = recorder
        self._stopping = stopping
        self._base_url = cast("BaseUrl", request.state.base_url)
        self._read: bytes | None = None

    async def body(self) -> bytes:
        """The caller's body, read once."""
        if self._read is None:
            self._read = await read_body(self._request.receive, LARGEST_BODY)
        return self._read

    async def json(self) -> object:
        """The body of a paid call.

        Raises:
            WireError: 413 or 422, it is too large or not JSON, and is not sent.
        """
        raw = await self.body()
        try:
            return await decoded(raw) if raw.strip() else None
        except jsonio.InvalidJson as error:
            raise refusal(422, f"fakefal did not send this request: its body is not JSON: {error}") from error

    async def whole(self) -> tuple[Reply, bytes]:
        """Pass the call on and read its answer to the end.

        Raises:
            WireError: there was no connection, or no answer.
        """
        response = await self._send(await self.body())
        return response, await self._finish(response, await self._asked())

    def back(self, response: Reply, raw: bytes) -> Response:
        """The answer for the caller."""
        body = self._led_back(raw)
        answer = Response(body, response.status_code)
        if self.call.method == "HEAD":
            answer.raw_headers = self._headers(response)
        else:
            length = (b"content-length", str(len(body)).encode())
            answer.raw_headers = [*self._headers(response, *UNPACKED), length]
        return answer

    async def stream(self, at_end: Seen) -> Response:
        """Pass the call on, and its events back one by one.  `at_end` gets all of them."""
        response = await self._send(await self.body())
        recorded_request = await self._asked()
        if not response.headers.get("content-type", "").startswith(EVENTS):
            raw = await self._finish(response, recorded_request)
            at_end(response, raw)
            return self.back(response, raw)
        answer = StreamingResponse(self._events(response, recorded_request, at_end), response.status_code)
        answer.raw_headers = self._headers(response, *UNPACKED)
        return answer

    async def file(self) -> Response:
        """Pass an upload or a download on, without holding it in memory."""
        if self.call.method not in READS:
            return await self._upload()
        response = await self._send(b"")
        if response.status_code != HTTPStatus.OK or self.call.method == "HEAD":
            return self.back(response, await self._finish(response, RecordedBody()))
        answer = StreamingResponse(self._download(response), response.status_code)
        answer.raw_headers = self._headers(response)
        return answer

    async def refused(self, error: WireError) -> None:
        """Record a refusal that was given here, so that a replay gives it, too."""
        recorded_request = await self._asked()
        answered = await self._recorded(jsonio.dump(error.body))
        kept = {"content-type": "application/json", **self._recorder.scrubber.headers(error.headers)}
        self._write(recorded_request, RecordedAnswer(error.status, kept, answered), OURS)

    # -- there ----------------------------------------------------------------------------------

    async def _send(self, content: bytes | AsyncIterator[bytes]) -> Reply:
        named = host_name(self._request.headers.get("host", ""))
        host = named if is_fal_host(named) else host_name(BaseUrl().url(self.call.part, "").removeprefix("https://"))
        query = self._request.url.query
        headers = self._own_headers(streamed=not isinstance(content, bytes))
        clean = self._recorder.scrubber
        try:
            return await self._upstream.send(self.call.method, host, self.call.path, query, headers, content)
        except NotReached as error:
            why = f"{self._upstream.name} cannot be reached: {clean.text(str(error))}"
            raise Unsent(why) from error
        except AnswerLost as error:
            raise _lost(clean.text(str(error))) from error

    def _own_headers(self, *, streamed: bool) -> list[tuple[bytes, bytes]]:
        """The headers of the caller.  The answer must be uncompressed, because it is also read here."""
        left_out = HOP_HEADERS | {"accept-encoding", *(() if streamed else ("content-length",))}
        kept = [(k, v) for k, v in self._request.headers.raw if k.decode("latin-1").lower() not in left_out]
        return [*kept, (b"accept-encoding", b"identity")]

    async def _upload(self) -> Response:
        digest = hashlib.sha256()

        async def content() -> AsyncIterator[bytes]:
            async for chunk in self._request.stream():
                digest.update(chunk)
                yield chunk

        response = await self._send(content())
        return self.back(response, await self._finish(response, RecordedBody.digest(digest.hexdigest())))

    # -- and back -------------------------------------------------------------------------------

    async def _finish(self, response: Reply, recorded_request: RecordedBody) -> bytes:
        """The whole answer, which is recorded."""
        try:
            raw = await response.aread()
        except Broken as error:
            raise _lost(self._recorder.scrubber.text(str(error))) from error
        finally:
            await response.aclose()
        if self.call.recorded:
            self._record(response, recorded_request, await self._recorded(raw))
        return raw

    async def _events(self, response: Reply, recorded_request: RecordedBody, at_end: Seen) -> AsyncIterator[bytes]:
        seen: list[bytes] = []
        try:
            async for chunk in _until(self._stopping, _chunks(response, whole_lines=self._base_url.base is not None)):
                seen.append(chunk)
                yield self._led_back(chunk)
            if not self._stopping.is_set():
                self._record(response, recorded_request, await self._recorded(b"".join(seen)))
        except Broken:
            abort(self._request.scope)  # the caller sees its stream break, as it did
        finally:
            at_end(response, b"".join(seen))
            await response.aclose()

    async def _download(self, response: Reply) -> AsyncIterator[bytes]:
        keeper, whole = self._recorder.keep_file(), False
        try:
            async for chunk in response.aiter_raw():
                keeper.add(chunk)
                yield chunk
            whole = True
        except Broken:
            abort(self._request.scope)
        finally:
            if name := keeper.finish(whole=whole):
                self._record(response, RecordedBody(), RecordedBody.digest(name, "file"))
            await response.aclose()

    def _headers(self, response: Reply, *without: str) -> list[tuple[bytes, bytes]]:
        left_out = HOP_HEADERS.union(without)
        return [(k.lower(), v) for k, v in response.headers.raw if k.decode("latin-1").lower() not in left_out]

    def _led_back(self, raw: bytes) -> bytes:
        """For callers with a base URL, replace URLs of the queue by URLs of this proxy; nothing else changes."""
        if self._base_url.base is None or self.call.kind not in LED_BACK:
            return raw
        return raw.replace(QUEUE_ADDRESS, f"{self._base_url.base}/queue/".encode())

    async def _asked(self) -> RecordedBody:
        return await self._recorded(await self.body(), self._base_url)

    async def _recorded(self, raw: bytes, base_url: BaseUrl | None = None) -> RecordedBody:
        """A body for the recording; slow for a large one."""
        return await asyncio.to_thread(RecordedBody.of, raw, self._recorder.scrubber, base_url)

    def _record(self, response: Reply, recorded_request: RecordedBody, answered: RecordedBody) -> None:
        headers = self._recorder.scrubber.headers(response.headers)
        self._write(recorded_request, RecordedAnswer(response.status_code, headers, answered), self._recorder.source)

    def _write(self, recorded_request: RecordedBody, answered: RecordedAnswer, source: str) -> None:
        clean, now = self._recorder.scrubber, self._recorder.now()
        request = RecordedRequest.of(self.call, self._request.url.query, recorded_request, clean)
        self._recorder.write(Exchange(now, request, answered, source, clean.headers(self._request.headers)))


def _lost(why: str) -> WireError:
    """The answer if none came: a 500, which clients of fal do not repeat, so nothing is paid twice."""
    text = f"fakefal sent this request once and got no answer ({why}): it may have been accepted, and billed"
    return refusal(500, text, hint=text)


async def _chunks(response: Reply, *, whole_lines: bool) -> AsyncGenerator[bytes, None]:
    """The parts of a stream; whole lines if URLs in it must be replaced."""
    rest = b""
    async for chunk in response.aiter_bytes():
        if not whole_lines:
            yield chunk
            continue
        ready, end, rest = (rest + chunk).rpartition(b"\n")
        if end:
            yield ready + end
    if rest:
        yield rest


async def _until(stopping: asyncio.Event, chunks: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """The parts of a stream, until it ends or must end."""
    stop = asyncio.ensure_future(stopping.wait())
    following: asyncio.Future[bytes | None] | None = None
    try:
        while True:
            following = asyncio.ensure_future(anext(chunks, None))
            await asyncio.wait({stop, following}, return_when=asyncio.FIRST_COMPLETED)
            chunk = following.result() if following.done() else None
            if chunk is None:
                return
            yield chunk
    finally:
        stop.cancel()
        if following is not None and not following.done():
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
        await chunks.aclose()
