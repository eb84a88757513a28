"""Webhooks that are recorded with their signed bytes, and delivered when a test says so."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, overload

import httpx

from fakefal.core.webhook import Delivery, DeliveryAttempt
from fakefal.engine.webhooks import Sender, payload
from fakefal.state.attempts import attempted
from fakefal.state.requests import Snapshot
from fakefal.testing.waiting import in_coroutine

ASGI_PARAMETERS = 3


@dataclass(frozen=True)
class RecordedWebhook:
    """What fal would have sent: these headers and exactly these bytes, which the signature covers."""

    request_id: str
    url: str
    headers: dict[str, str]
    body: bytes

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
        self.kept.append(
            RecordedWebhook(look.record.id, delivery.url, {"Content-Type": "application/json", **signed}, body)
        )
        return attempted(now, HTTPStatus.OK)


Target = str | Callable[..., Any]


class RecordedWebhooks(Sequence[RecordedWebhook]):
    """The recorded webhooks, oldest first.

    Args:
        recorder: what keeps them.
        settle: returns once everything due was recorded.
    """

    def __init__(self, recorder: WebhookRecorder, settle: Callable[[], None]) -> None:
        self._recorder = recorder
        self._settle = settle
        self._delivered = 0

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

    def deliver(self, to: Target) -> list[Any]:
        """Deliver every webhook that was not delivered yet.

        Args:
            to: a URL, which gets a POST; an ASGI application, which gets it under the path of the webhook's
                own address; or a function of headers and body.

        Returns:
            For each webhook the `httpx.Response`, or what the function returned.

        Raises:
            Exception: the first that a delivery raised, once all were tried; its notes tell of the others.
            RuntimeError: called from a running loop for an application or a coroutine function: those may
                belong to that loop, so await `adeliver` there.
        """
        if isinstance(to, str):
            return self._each(lambda one: _post(one, to))
        if not (_is_app(to) or inspect.iscoroutinefunction(to)):
            return self._each(lambda one: to(dict(one.headers), one.body))
        if in_coroutine():
            raise RuntimeError("in a coroutine, write: await fakefal.webhooks.adeliver(to=...)")
        with ThreadPoolExecutor(1) as other:
            return other.submit(asyncio.run, self.adeliver(to)).result()

    async def adeliver(self, to: Target) -> list[Any]:
        """`deliver` for coroutines; an application runs on the caller's own loop."""
        if not isinstance(to, str) and not _is_app(to):
            return await self._each_awaited(lambda one: to(dict(one.headers), one.body))
        transport = httpx.AsyncHTTPTransport() if isinstance(to, str) else httpx.ASGITransport(app=to)
        async with httpx.AsyncClient(transport=transport) as client:
            return await self._each_awaited(
                lambda one: client.post(to if isinstance(to, str) else one.url, headers=one.headers, content=one.body)
            )

    def _each(self, send: Callable[[RecordedWebhook], Any]) -> list[Any]:
        round_ = _Round()
        for one in self._next():
            with round_.trying(one):
                round_.answers.append(send(one))
        return round_.end()

    async def _each_awaited(self, send: Callable[[RecordedWebhook], Any]) -> list[Any]:
        round_ = _Round()
        for one in self._next():
            with round_.trying(one):
                answer = send(one)
                round_.answers.append(await answer if isinstance(answer, Awaitable) else answer)
        return round_.end()

    def _all(self) -> list[RecordedWebhook]:
        self._settle()
        return list(self._recorder.kept)

    def _next(self) -> Iterator[RecordedWebhook]:
        """Those that were not delivered yet; each counts as delivered from the moment it is tried."""
        kept = self._all()
        while self._delivered < len(kept):
            self._delivered += 1
            yield kept[self._delivered - 1]


class _Round:
    """Deliveries that go on whatever one of them raises."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self._errors: list[Exception] = []

    @contextmanager
    def trying(self, webhook: RecordedWebhook) -> Iterator[None]:
        """Keep what is raised for the end."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - raised at the end, by `end`
            self._errors.append(error)
            if self._errors[0] is not error:
                self._errors[0].add_note(f"and the webhook of {webhook.request_id}: {error!r}")

    def end(self) -> list[Any]:
        """The answers, or the first error."""
        if self._errors:
            raise self._errors[0]
        return self.answers


def _post(webhook: RecordedWebhook, url: str) -> httpx.Response:
    return httpx.post(url, headers=webhook.headers, content=webhook.body, trust_env=False)


def _is_app(target: Callable[..., Any]) -> bool:
    """Whether it takes scope, receive and send."""
    parameters = inspect.signature(target).parameters.values()
    return sum(one.default is one.empty and one.kind is not one.VAR_KEYWORD for one in parameters) == ASGI_PARAMETERS
