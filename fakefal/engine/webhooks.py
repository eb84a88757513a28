"""Sending webhooks in fal's form: payload, signature, tries.

Bodies are as captured in July 2025: keys sorted at every level, Python's own separators, ``error`` null on success. A
result that is not JSON is not sent; the body only says that it is not JSON.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from fakefal.core.errors import UnknownRequest
from fakefal.core.plan import Quirk
from fakefal.core.webhook import NO_ANSWER, REFUSED, Delivery, DeliveryAttempt
from fakefal.engine.effect_outcome import gateway_id
from fakefal.files.pinned import (
    Resolve,
    TargetRefused,
    pinned_client,
    pinned_request,
    resolve,
    send_unlogged,
)
from fakefal.state.attempts import attempted
from fakefal.state.clock import Clock, wall_time
from fakefal.state.endings import ending_of, result_value
from fakefal.state.patience import until_written
from fakefal.state.queue import BEFORE_ALL_TIME, QueueStore
from fakefal.state.requests import Record, Snapshot
from fakefal.state.signing import SigningKeys
from fakefal_contracts.addresses import LOOPBACK, UNSPECIFIED, unreachable_kind

if TYPE_CHECKING:
    import httpx  # imported late elsewhere, because many emulators never send a webhook

ELSEWHERE_SECONDS = 0.02

FORGED = "00" * 64
"""A well-formed signature that no key made."""

NO_TARGET = "x-fakefal-no-target"
"""A header of answers to which a webhook must never be sent."""

#: As quoted in an issue report of June 2025 and in fal's documentation of webhooks.
NOT_JSON = (
    "Response payload is not JSON serializable. Either return a JSON serializable object or use the queue endpoint to "
    "retrieve the response."
)


OnTry = Callable[[Delivery, Snapshot, DeliveryAttempt], None]
"""Is called after each try with the delivery before it, the request and the result."""


@dataclass(frozen=True)
class Sender:
    """Sends one signed webhook.

    `anywhere` allows targets beyond loopback, and `loopback` targets on it. `wall` gives the timestamp, because
    receivers compare it with their own clock. With `forging` the signature is `FORGED`.
    """

    keys: SigningKeys
    anywhere: bool = False
    loopback: bool = True
    resolve: Resolve = resolve
    transport: httpx.AsyncBaseTransport | None = None
    wall: Callable[[], float] = wall_time
    forging: bool = False

    async def send(self, delivery: Delivery, look: Snapshot, now: float) -> DeliveryAttempt:
        """Try once; any outcome becomes a `DeliveryAttempt` at the emulated moment `now`."""
        import httpx

        try:
            body = payload(look)
            headers = {"Content-Type": "application/json", **self.signed_headers(look.record.id, look.record.key, body)}
            async with (
                asyncio.timeout(delivery.timeout_seconds),
                pinned_client(self.transport) as client,
            ):
                request = await pinned_request(
                    client,
                    "POST",
                    httpx.URL(delivery.url),
                    resolve=self.resolve,
                    allow=self._allows,
                    headers=headers,
                    content=body,
                )
                response = await send_unlogged(client, request)
                await response.aclose()
                problem = f"{REFUSED}the control API takes no webhooks" if NO_TARGET in response.headers else None
                return attempted(now, response.status_code, problem)
        except (TargetRefused, httpx.InvalidURL) as error:
            return attempted(now, None, f"{REFUSED}{error}")
        except TimeoutError:
            return attempted(now, None, f"{NO_ANSWER}{delivery.timeout_seconds:g} s")
        except Exception as error:  # noqa: BLE001 - whatever it was, the delivery must go on
            return attempted(now, None, f"{type(error).__name__}: {error}")

    def signed_headers(self, request_id: str, user_id: str, body: bytes) -> dict[str, str]:
        """The four headers that a receiver verifies."""
        timestamp = str(int(self.wall()))
        return {
            "X-Fal-Webhook-Request-Id": request_id,
            "X-Fal-Webhook-User-Id": user_id,
            "X-Fal-Webhook-Timestamp": timestamp,
            "X-Fal-Webhook-Signature": FORGED if self.forging else self.keys.sign(request_id, user_id, timestamp, body),
        }

    def _allows(self, address: str) -> bool:
        local = unreachable_kind(address) in (LOOPBACK, UNSPECIFIED)  # this address leads to loopback too
        if not (self.loopback if local else self.anywhere):
            setting = "webhooks_loopback" if local else "webhooks_anywhere"
            raise TargetRefused(f"it leads to {address}, which is not allowed here: set {setting} to allow it")
        return True


def payload(look: Snapshot) -> bytes:
    """The body of a request's webhook."""
    ending = ending_of(look)
    assert ending is not None
    body: dict[str, Any] = {
        "error": None if ending.ok else f"Invalid status code: {ending.status}",
        "gateway_request_id": gateway_id(look.record.id, ending.attempts),
        "payload": None if ending.text else result_value(ending, look.record.base_url),
        "request_id": look.record.id,
        "status": "OK" if ending.ok else "ERROR",
    }
    if ending.text:
        body["payload_error"] = NOT_JSON
    return json.dumps(body, sort_keys=True).encode("ascii")


class WebhookDispatcher:
    """Sends what is due. The store knows what is due and which replica sends it.

    Args:
        queue: stores the deliveries.
        clock: tells when they are due.
        sender: sends one webhook.
        on_try: is called after every try.
        on_forged: is called with a receiver's response to a wrong signature.
    """

    def __init__(
        self,
        queue: QueueStore,
        clock: Clock,
        sender: Sender,
        on_try: OnTry = lambda *_: None,
        on_forged: Callable[[Record, int], None] = lambda *_: None,
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._sender = sender
        self._on_try = on_try
        self._on_forged = on_forged
        self._tasks: dict[str, set[asyncio.Task[None]]] = {}

    def spare_loopback(self) -> None:
        """Stop sending to loopback."""
        self._sender = replace(self._sender, loopback=False)

    async def begin(self, key: str) -> None:
        """Start every try that is due for a key, without waiting for the receivers."""
        for delivery in await self._queue.claim_webhooks(key, self._clock.now(key)):
            task = asyncio.create_task(self._try(key, delivery))
            self._tasks.setdefault(key, set()).add(task)
            task.add_done_callback(partial(self._forget, key))

    async def finish(self, key: str) -> None:
        """Return once everything that is due for a key was tried."""
        await self.begin(key)
        while True:
            if tasks := self._tasks.get(key):
                await asyncio.wait(tuple(tasks))
            elif await self._queue.trying(key):
                await asyncio.sleep(ELSEWHERE_SECONDS)  # another replica is sending it
            else:
                return
            await self.begin(key)

    async def settle(self, seconds: float) -> None:
        """Wait for the tries in progress, for at most this number of real seconds."""
        if tasks := [task for some in self._tasks.values() for task in some]:
            await asyncio.wait(tasks, timeout=seconds)

    async def replay(self, request_id: str) -> Delivery:
        """Send a webhook again, whether or not it was delivered.

        Raises:
            UnknownRequest: the request is not stored, or has no webhook yet.
        """
        delivery = await self._queue.webhook(request_id)
        if delivery is None:
            raise UnknownRequest(request_id)
        look = await self._queue.look(request_id, BEFORE_ALL_TIME)
        attempt = await self._send(delivery, look, self._clock.now(look.record.key))
        return await self._queue.webhook_replayed(request_id, attempt) or delivery

    async def stop(self, key: str) -> None:
        """Stop all tries of a key."""
        tasks = tuple(self._tasks.get(key, ()))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Stop all tries."""
        for key in tuple(self._tasks):
            await self.stop(key)

    def _forget(self, key: str, task: asyncio.Task[None]) -> None:
        self._tasks[key].discard(task)
        if not self._tasks[key]:
            del self._tasks[key]

    async def _send(self, delivery: Delivery, look: Snapshot, now: float) -> DeliveryAttempt:
        attempt = await self._sender.send(delivery, look, now)
        self._on_try(delivery, look, attempt)
        return attempt

    async def _send_forged(self, delivery: Delivery, look: Snapshot) -> None:
        """Send what fal never sends: the webhook with a wrong signature."""
        forger = replace(self._sender, forging=True)
        attempt = await forger.send(delivery, look, delivery.due_at)
        if attempt.status is not None:
            self._on_forged(look.record, attempt.status)

    async def _try(self, key: str, delivery: Delivery) -> None:
        """Try a due delivery. The try counts at the moment when it was due, so that the clock can be moved."""
        try:
            look = await until_written(lambda: self._queue.look(delivery.request_id, BEFORE_ALL_TIME))
            quirks = look.plan.quirks if look.plan is not None else ()
            if Quirk.WEBHOOK_BAD_SIGNATURE in quirks and not delivery.attempts:
                await self._send_forged(delivery, look)
            attempt = await self._send(delivery, look, delivery.due_at)
            if attempt.timed_out:
                attempt = replace(attempt, at=max(delivery.due_at, self._clock.now(key)))
            await until_written(lambda: self._queue.webhook_tried(delivery.request_id, attempt))
            if attempt.acknowledged and Quirk.WEBHOOK_DUPLICATE in quirks:
                twin = await self._send(delivery, look, attempt.at)
                await until_written(lambda: self._queue.webhook_replayed(delivery.request_id, twin))
        except UnknownRequest:
            pass  # it was reset in the meantime
