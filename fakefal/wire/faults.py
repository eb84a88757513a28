"""Faults of a call: failures of the gateway, the ingress or the connection.

Bodies: the locked account and the limit as captured in 2026; those of the full queue and of the gateway's 503
are not published.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.responses import HTMLResponse, Response
from starlette.types import Message, Receive, Scope, Send

from fakefal.core.effects import Effect
from fakefal.core.errors import Busy, QueueFull
from fakefal.effects.known import EXHAUSTED, LOCKS, RETRY_AFTER
from fakefal.engine.emulator import Emulator
from fakefal.wire.answers import ANSWERS, invalid_key, malformed_key, refusal
from fakefal.wire.body import too_large
from fakefal_contracts.failures import LOCK_REASONS

NGINX = """<html>
<head><title>{0}</title></head>
<body>
<center><h1>{0}</h1></center>
<hr><center>nginx</center>
</body>
</html>
"""

INGRESS = {
    "ingress_502": (502, "502 Bad Gateway"),
    "ingress_503": (503, "503 Service Temporarily Unavailable"),
    "ingress_504": (504, "504 Gateway Time-out"),
}


ABORT = "fakefal.abort"
"""The ASGI extension that lets an application drop the caller's connection: a call without arguments."""


GONE = "fakefal.gone"
"""The ASGI extension that tells whether the caller has disconnected: a function without arguments."""


ARRIVED = "fakefal.arrived"
"""The ASGI extension that tells whether the whole body had come when the call began."""


def abort(scope: Scope) -> None:
    """Drop the caller's connection.

    Raises:
        ConnectionResetError: the server has no such extension.
    """
    kill: Callable[[], None] | None = scope.get("extensions", {}).get(ABORT)
    if kill is None:
        raise ConnectionResetError("fakefal: the connection was dropped by an effect")
    kill()


class DroppedAnswer(Response):
    """No answer, or only the head and the first bytes; then the connection is dropped."""

    def __init__(self, answer: Response | None = None, sent: int = 0) -> None:
        super().__init__()
        self._answer = answer
        self._sent = sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Drop the connection, and return after that."""
        left = self._sent

        async def cut(message: Message) -> None:
            nonlocal left
            if message["type"] == "http.response.body":
                body = message.get("body", b"")
                whole = left >= len(body)
                if whole and not message.get("more_body"):
                    left = len(body) - 1  # an answer must not arrive whole
                message = {**message, "body": body[: max(left, 0)], "more_body": True}
                left -= len(body)
            await send(message)
            if left < 0:
                abort(scope)

        if self._answer is not None:
            await self._answer(scope, receive, cut)
        abort(scope)
        while (await receive())["type"] != "http.disconnect":
            pass


async def with_fault(
    emulator: Emulator, effect: Effect | None, receive: Receive, accept: Callable[[], Awaitable[Response]]
) -> Response:
    """The answer to a call with an effect; `accept` handles the call.

    Raises:
        WireError: fal would refuse the call.
    """
    if effect is None:
        return await accept()
    match effect.name:
        case "drop_before_accept":
            return DroppedAnswer()
        case "accept_then_drop":
            answer = await accept()
            sent = effect.arguments.get("bytes")
            return DroppedAnswer() if sent is None else DroppedAnswer(answer, sent)
        case name if name in INGRESS:
            status, title = INGRESS[name]
            # no x-fal-request-id: so clients tell it from fal
            return HTMLResponse(NGINX.format(title), status, _retry_after(effect))
        case "slow_response":
            answer = await accept()  # first: who stops waiting for the answer does not take the job back
            seconds = float(effect.arguments.get("seconds", 10))
            await emulator.unless_stopping(_pause(receive, seconds))
            return answer
        case _:
            try:
                refuse(effect)
            except tuple(ANSWERS) as error:
                said = ANSWERS[type(error)](error)
                said.headers.update(_retry_after(effect))
                raise said from error
            return await accept()


def _retry_after(effect: Effect) -> dict[str, str]:
    """The Retry-After of the effect, if any."""
    seconds = effect.arguments.get(RETRY_AFTER)
    return {} if seconds is None else {"retry-after": f"{seconds:g}"}


async def _pause(receive: Receive, seconds: float) -> None:
    """Wait this long, or until the caller has disconnected."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass


def refuse(effect: Effect) -> None:
    """Refuse the call if the effect does that.

    Raises:
        WireError, Busy, QueueFull: the call is refused.
    """
    match effect.name:
        case "concurrent_requests_limit":
            raise Busy(int(effect.arguments.get("limit", 2)))
        case "queue_full":
            raise QueueFull(0)
        case name if name in LOCKS:
            reason = lock_reason(effect)
            hint = "the balance is used up: POST /_fakefal/balance adds to it" if effect == EXHAUSTED else ""
            raise refusal(403, f"User is locked. Reason: {LOCK_REASONS.get(reason, reason)}", hint=hint)
        case "invalid_key":
            raise invalid_key()
        case "malformed_key":
            raise malformed_key()
        case "request_too_large":
            raise too_large()
        case "gateway_503":
            raise refusal(503, "Service Unavailable")  # with x-fal-request-id: it is fal that speaks


def lock_reason(effect: Effect) -> str:
    """Why the account is locked: the name of one of fal's reasons, or a text."""
    return str(effect.arguments.get("reason", "exhausted_balance"))
