"""Webhooks, recorded with their signed bytes, and delivered when a test asks for it."""

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
        """The body, read."""
        return json.loads(self.body)


@dataclass(frozen=True)
class WebhookRecorder(Sender):
    """Signs and keeps webhooks instead of sending them."""

    kept: list[RecordedWebhook] = field(default_factory=list)

    async def send(self, delivery: Delivery, look: Snapshot, now: float) -> DeliveryAttempt:
        """Keep one; for the emulator, it was taken."""
        body = payload(look)
        signed = self.signed_headers(look.record.id, look.record.key, body)
        headers = {"Content-Type": "application/json", **signed}
        self.kept.append(RecordedWebhook(look.record.id, delivery.url, headers, body, not self.forging))
        return attempted(now, None if self.forging else HTTPStatus.OK)


IN_COROUTINE = "in a coroutine, write: await fakefal.webhooks.adeliver(to=...)"
Target = str | Callable[..., Any]
"""Who gets webhooks: an address, an ASGI or WSGI application, or a function of headers and body."""


class RecordedWebhooks(Sequence[RecordedWebhook]):
    """The recorded webhooks, oldest first.

    Args:
        recorder: what keeps them.
        settle: returns once everything due was recorded.
        on_forged: is told of each request whose forged webhook was taken, with the receiver's status.
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
        """Deliver every webhook that was not taken yet.

        A webhook is taken once its receiver answers below 400.  A receiver that answers 4xx or 5xx, or raises, gets it
        again with the next call.  One with a wrong signature is delivered once, and every refusal of it is fine.

        Args:
            to: an address, which gets a POST; an ASGI or WSGI application, which gets it under the path of the
                webhook's own address; or a function of headers and body.
            lifespan: whether an ASGI application is started before, and ended after that.

        Returns:
            For each webhook the `httpx.Response`, or what the function returned.

        Raises:
            Exception: the first that a delivery raised, once all were tried; its notes tell of the others.  Or what an
                application raised that could not start.
            RuntimeError: called from a running loop for an ASGI application or a coroutine function: those may
                belong to that loop, so await `adeliver` there.
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
        """Those that nobody took yet, with their numbers."""
        return [(number, one) for number, one in enumerate(self._all()) if number not in self._taken]


class _Round:
    """Deliveries that go on whatever one of them raises.

    Args:
        taken: gets the numbers of those that were taken.
        on_forged: is told of the forged ones among them.
    """

    def __init__(self, taken: set[int], on_forged: Callable[[str, int], None]) -> None:
        self._taken = taken
        self._on_forged = on_forged
        self._answers: list[Any] = []
        self._errors: list[Exception] = []

    @contextmanager
    def trying(self, number: int, webhook: RecordedWebhook) -> Iterator[None]:
        """Keep what is raised for the end."""
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
        """Keep an answer, or what a function returned; 4xx and 5xx mean that the webhook was not taken."""
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
    """How a webhook gets to an address, a WSGI application or a function."""
    if isinstance(to, str) or _is_wsgi(to):
        transport = httpx.HTTPTransport() if isinstance(to, str) else httpx.WSGITransport(app=to)
        with httpx.Client(transport=transport, timeout=FIRST_TIMEOUT_SECONDS) as client:
            yield partial(_post, client, to)
    else:
        yield _handing(to)


@asynccontextmanager
async def _async_sender(to: Target, *, lifespan: bool) -> AsyncIterator[Send]:
    """How a webhook gets to an address, an ASGI application or a function, which may be a coroutine function."""
    if isinstance(to, str) or _is_asgi(to):
        async with AsyncExitStack() as stack:
            app = await stack.enter_async_context(started(to)) if lifespan and not isinstance(to, str) else to
            transport = httpx.AsyncHTTPTransport() if isinstance(app, str) else httpx.ASGITransport(app=app)
            client = httpx.AsyncClient(transport=transport, timeout=FIRST_TIMEOUT_SECONDS)
            yield partial(_post, await stack.enter_async_context(client), to)
    else:
        yield _handing(to)


def _handing(to: Callable[..., Any]) -> Send:
    """How a function gets a webhook.

    Raises:
        TypeError: it takes other arguments.
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
    """What a coroutine returns, on a loop of its own.

    Raises:
        RuntimeError: the caller has a loop, to which it may belong.
    """
    if in_coroutine():
        work.close()
        raise RuntimeError(IN_COROUTINE)
    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, work).result()


def _is_asgi(to: Target) -> bool:
    """Whether it takes scope, receive and send; a function that calls its first parameter otherwise does not."""
    required = _required(to)
    return len(required) == ASGI_PARAMETERS and not (inspect.isroutine(to) and required[0] != "scope")


def _is_wsgi(to: Target) -> bool:
    """Whether it takes an environment and a function to start the answer, which every framework calls so."""
    return _required(to)[1:] == ["start_response"]


def _required(to: Target) -> list[str]:
    """The names of the arguments that something has to be called with."""
    if isinstance(to, str):
        return []
    parameters = inspect.signature(to).parameters.values()
    return [one.name for one in parameters if one.default is one.empty and one.kind in POSITIONAL]
