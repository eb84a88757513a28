"""Webhooks that are recorded with their signed bytes, and delivered when a test calls `deliver`."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, overload

import anyio.to_thread
import httpx

from fakefal.core.webhook import FIRST_TIMEOUT_SECONDS, Delivery, DeliveryAttempt
from fakefal.engine.webhooks import Sender, payload
from fakefal.state.attempts import attempted
from fakefal.state.requests import Snapshot
from fakefal.testing.lifespan import started
from fakefal.testing.waiting import in_coroutine

ASGI_PARAMETERS = 3
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class RecordedWebhook:
    """A webhook that fal would have sent.

    Attributes:
        request_id: the id of its request.
        url: the URL that was given as ``fal_webhook``.
        headers: the content type and the four headers that a receiver verifies.
        body: exactly the bytes that the signature covers.
        genuine: whether the signature is valid; only the effect ``webhook_bad_signature`` makes invalid ones.
    """

    request_id: str
    url: str
    headers: dict[str, str]
    body: bytes
    genuine: bool = True

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


@dataclass(frozen=True)
class WebhookRecorder(Sender):
    """Signs and records webhooks instead of sending them."""

    kept: list[RecordedWebhook] = field(default_factory=list)

    async def send(self, delivery: Delivery, look: Snapshot, now: float) -> DeliveryAttempt:
        """Record one; the emulator treats it as acknowledged."""
        body = payload(look)
        signed = self.signed_headers(look.record.id, look.record.key, body)
        headers = {"Content-Type": "application/json", **signed}
        self.kept.append(RecordedWebhook(look.record.id, delivery.url, headers, body, not self.forging))
        return attempted(now, None if self.forging else HTTPStatus.OK)


IN_COROUTINE = "in a coroutine, write: await fakefal.webhooks.adeliver(to=...)"
Target = str | Callable[..., Any]
"""A receiver of webhooks: a URL, an ASGI or WSGI application, or a function of headers and body."""


class RecordedWebhooks(Sequence[RecordedWebhook]):
    """The recorded webhooks, oldest first.

    Args:
        recorder: has the webhooks.
        settle: returns after everything due was recorded.
        on_forged: gets each request whose forged webhook was accepted, with the receiver's status.
    """

    def __init__(
        self, recorder: WebhookRecorder, settle: Callable[[], None], on_forged: Callable[[str, int], None]
    ) -> None:
        self._recorder = recorder
        self._settle = settle
        self._on_forged = on_forged
        self._taken: set[int] = set()

    @overload
    def __getitem__(self, index: int) -> RecordedWebhook: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[RecordedWebhook]: ...
    def __getitem__(self, index: int | slice) -> RecordedWebhook | Sequence[RecordedWebhook]:
        return self._all()[index]

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[RecordedWebhook]:
        return iter(self._all())

    def __repr__(self) -> str:
        return f"Webhooks({self._all()!r})"

    def deliver(self, to: Target, *, lifespan: bool = True) -> list[Any]:
        """Deliver every webhook that was not acknowledged yet.

        A status below 400 acknowledges a webhook.  If the receiver answers 4xx or 5xx, or raises, it gets the webhook
        again with the next call.  A webhook with an invalid signature is delivered once; the receiver should refuse it.

        Args:
            to: a URL, which gets a POST; an ASGI or WSGI application, which gets it under the path of the
                webhook's URL; or a function of headers and body.
            lifespan: whether to run the lifespan of an ASGI application.

        Returns:
            For each webhook the `httpx.Response`, or the return value of the function.

        Raises:
            Exception: the first error of a delivery, after all were tried; its notes list the others.  Or the error of
                an application that failed to start.
            RuntimeError: called from a running event loop for an ASGI application or a coroutine function: these
                may belong to that loop, so await `adeliver` there.
        """
        if _is_asgi(to) or inspect.iscoroutinefunction(to):
            if in_coroutine():
                raise RuntimeError(IN_COROUTINE)
            delivered: list[Any] = _awaited(self.adeliver(to, lifespan=lifespan))
            return delivered
        round_ = _Round(self._taken, self._on_forged)
        with _sender(to) as send:
            for number, one in self._waiting():
                with round_.trying(number, one):
                    answer = send(one)
                    round_.answered(number, one, _awaited(answer) if isinstance(answer, Coroutine) else answer)
        return round_.end()

    async def adeliver(self, to: Target, *, lifespan: bool = True) -> list[Any]:
        """`deliver` for coroutines: an ASGI application runs on the caller's loop, a WSGI application in a thread."""
        if _is_wsgi(to):
            return await anyio.to_thread.run_sync(self.deliver, to)
        round_ = _Round(self._taken, self._on_forged)
        async with _async_sender(to, lifespan=lifespan) as send:
            for number, one in self._waiting():
                with round_.trying(number, one):
                    answer = send(one)
                    round_.answered(number, one, await answer if isinstance(answer, Awaitable) else answer)
        return round_.end()

    def _all(self) -> list[RecordedWebhook]:
        self._settle()
        return list(self._recorder.kept)

    def _waiting(self) -> list[tuple[int, RecordedWebhook]]:
        """Webhooks that are not acknowledged yet, with their numbers."""
        return [(number, one) for number, one in enumerate(self._all()) if number not in self._taken]


class _Round:
    """Deliveries that continue after an error.

    Args:
        taken: gets the numbers of acknowledged webhooks.
        on_forged: gets the forged ones among them.
    """

    def __init__(self, taken: set[int], on_forged: Callable[[str, int], None]) -> None:
        self._taken = taken
        self._on_forged = on_forged
        self._answers: list[Any] = []
        self._errors: list[Exception] = []

    @contextmanager
    def trying(self, number: int, webhook: RecordedWebhook) -> Iterator[None]:
        """Collect errors until the end."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - raised at the end, by `end`
            if not webhook.genuine:
                self._taken.add(number)
                return
            self._errors.append(error)
            if self._errors[0] is not error:
                self._errors[0].add_note(f"and the webhook of {webhook.request_id}: {error!r}")

    def answered(self, number: int, webhook: RecordedWebhook, answer: Any) -> None:
        """Record an answer or a return value; 4xx and 5xx mean that the webhook was not acknowledged."""
        self._answers.append(answer)
        status = getattr(answer, "status_code", None)
        if not webhook.genuine:
            self._taken.add(number)
            self._on_forged(webhook.request_id, status if isinstance(status, int) else HTTPStatus.OK)
        if not isinstance(status, int) or status < HTTPStatus.BAD_REQUEST:
            self._taken.add(number)

    def end(self) -> list[Any]:
        """The answers, or the first error."""
        if self._errors:
            raise self._errors[0]
        return self._answers


Send = Callable[[RecordedWebhook], Any]


@contextmanager
def _sender(to: Target) -> Iterator[Send]:
    """A function that sends a webhook to a URL, a WSGI application or a function."""
    if isinstance(to, str) or _is_wsgi(to):
        transport = httpx.HTTPTransport() if isinstance(to, str) else httpx.WSGITransport(app=to)
        with httpx.Client(transport=transport, timeout=FIRST_TIMEOUT_SECONDS) as client:
            yield partial(_post, client, to)
    else:
        yield _handing(to)


@asynccontextmanager
async def _async_sender(to: Target, *, lifespan: bool) -> AsyncIterator[Send]:
    """A function that sends a webhook to a URL, an ASGI application, a function or a coroutine function."""
    if isinstance(to, str) or _is_asgi(to):
        async with AsyncExitStack() as stack:
            app = await stack.enter_async_context(started(to)) if lifespan and not isinstance(to, str) else to
            transport = httpx.AsyncHTTPTransport() if isinstance(app, str) else httpx.ASGITransport(app=app)
            client = httpx.AsyncClient(transport=transport, timeout=FIRST_TIMEOUT_SECONDS)
            yield partial(_post, await stack.enter_async_context(client), to)
    else:
        yield _handing(to)


def _handing(to: Callable[..., Any]) -> Send:
    """A function that passes a webhook to the user's function.

    Raises:
        TypeError: the user's function takes other arguments.
    """
    try:
        inspect.signature(to).bind({}, b"")
    except TypeError as error:
        raise TypeError(
            f"{to!r} takes {', '.join(_required(to)) or 'nothing'}: a function that receives webhooks takes headers "
            "and body, and an ASGI application scope, receive and send"
        ) from error
    return lambda one: to(dict(one.headers), one.body)


def _post(client: httpx.Client | httpx.AsyncClient, to: Target, one: RecordedWebhook) -> Any:
    return client.post(to if isinstance(to, str) else one.url, headers=one.headers, content=one.body)


def _awaited(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on a new event loop.

    Raises:
        RuntimeError: the caller has an event loop, which the coroutine may belong to.
    """
    if in_coroutine():
        work.close()
        raise RuntimeError(IN_COROUTINE)
    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, work).result()


def _is_asgi(to: Target) -> bool:
    """Whether it is an ASGI application: it takes scope, receive and send, and its first parameter is named so."""
    required = _required(to)
    return len(required) == ASGI_PARAMETERS and not (inspect.isroutine(to) and required[0] != "scope")


def _is_wsgi(to: Target) -> bool:
    """Whether it is a WSGI application: it takes environ and start_response, the names that every framework uses."""
    return _required(to)[1:] == ["start_response"]


def _required(to: Target) -> list[str]:
    """The names of the required arguments."""
    if isinstance(to, str):
        return []
    parameters = inspect.signature(to).parameters.values()
    return [one.name for one in parameters if one.default is one.empty and one.kind in POSITIONAL]
