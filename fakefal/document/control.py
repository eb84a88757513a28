"""The calls of the control API.  The schemas of their 200 answers come from the routes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fakefal.control import plain, watching
from fakefal.document.operation import (
    CONTROL,
    EVENTS,
    DocumentedAnswer,
    Json,
    Operation,
    either,
    parameter,
    refusals,
    stream_of,
)
from fakefal.document.queue import ID
from fakefal.state.events import MOST_EVENTS

PREFIX = "/_fakefal"
GUARD = refusals("Refusal", 401, 403, headers=ID)
WRONG = refusals(either("Problems", "Refusal"), 422, headers=ID)
BODY = {**refusals("Refusal", 400, 415, headers=ID), **WRONG}
CLASH = refusals("Refusal", 409, headers=ID)
NO_REQUEST = {404: DocumentedAnswer("The emulator has no such request.", "NotFoundBody", headers=ID)}
NO_MODEL = refusals("Refusal", 404, headers=ID)
STOPPING = refusals("Refusal", 503, headers=ID)
KEY = parameter("key", "query", "The id part of an API key; default: all keys.", minLength=1)
RECENT = parameter(
    "recent", "query", "Send this many past events first.", type="integer", minimum=0, maximum=MOST_EVENTS
)
FOLLOW = parameter(
    "follow", "query", "0: end the stream after past events.  1 (default): keep it open.", enum=["0", "1"], default="1"
)
LAST_ID = parameter(
    "last-event-id", "header", "The id of the last event that you received; later events are sent first."
)
COUNTS = {"type": "object", "additionalProperties": {"type": "integer"}}

_ANSWERS: dict[str, tuple[str, dict[int, DocumentedAnswer]]] = {
    "GET /requests": ("inspectRequests", WRONG),
    "GET /requests/{request_id}": ("inspectRequest", {**WRONG, **NO_REQUEST}),
    "POST /requests/{request_id}/advance": ("advanceRequest", {**BODY, **NO_REQUEST, **CLASH}),
    "GET /requests/{request_id}/details": ("requestDetails", {**WRONG, **NO_REQUEST}),
    "POST /requests/{request_id}/cancel": ("cancelRequest", {**WRONG, **NO_REQUEST, **CLASH}),
    "GET /jobs": ("jobs", WRONG),
    "GET /media": ("media", WRONG),
    "GET /models": ("searchModels", WRONG),
    "GET /models/form": ("modelForm", {**WRONG, **NO_MODEL}),
    "POST /check": ("checkArguments", {**BODY, **NO_MODEL}),
    "GET /effects": ("effects", {}),
    "GET /scenarios": ("scenarios", WRONG),
    "POST /scenarios": ("addScenario", BODY),
    "DELETE /scenarios": ("removeScenarios", WRONG),
    "GET /ledger": ("ledger", WRONG),
    "GET /balance": ("balance", WRONG),
    "POST /balance": ("topUp", {**BODY, **CLASH}),
    "GET /clock": ("clock", WRONG),
    "POST /clock": ("moveClock", BODY),
    "GET /webhooks": ("webhooks", WRONG),
    "POST /webhooks/{request_id}/replay": ("replayWebhook", {**WRONG, **NO_REQUEST, **CLASH}),
    "POST /webhooks/rotate": ("rotateSigningKey", {}),
    "GET /journal": ("journal", WRONG),
    "GET /verdict": ("verdict", WRONG),
    "GET /files": ("files", WRONG),
}
_PLAIN: dict[str, tuple[Callable[..., Any], dict[int, DocumentedAnswer]]] = {
    "GET /events": (
        watching.events,
        {200: DocumentedAnswer("Events, as server-sent events.", stream_of("EventInfo"), EVENTS), **WRONG},
    ),
    "GET /health": (plain.health, {200: DocumentedAnswer("The server is running.", "Health")}),
    "GET /ready": (plain.ready, {200: DocumentedAnswer("The server accepts requests.", "Ready"), **STOPPING}),
    "GET /metrics": (plain.metrics, {200: DocumentedAnswer("The metrics.", {"type": "string"}, "text/plain")}),
    "POST /reset": (
        plain.reset,
        {200: DocumentedAnswer("How many entries of each kind were deleted.", COUNTS), **WRONG},
    ),
}
_PARAMETERS: dict[Callable[..., Any], tuple[Json, ...]] = {
    plain.reset: (KEY,),
    watching.events: (KEY, RECENT, FOLLOW, LAST_ID),
}
OPERATIONS = {
    f"{verb} {PREFIX}{path}": Operation(name=name, answers={**GUARD, **answers}, security=(CONTROL,))
    for (verb, path), (name, answers) in ((key.split(), value) for key, value in _ANSWERS.items())
}
OPERATIONS |= {
    f"{call.replace(' ', f' {PREFIX}')}": Operation(
        name=function.__name__,
        answers={**GUARD, **answers},
        security=(CONTROL,),
        parameters=_PARAMETERS.get(function, ()),
        function=function,
        tag="control",
    )
    for call, (function, answers) in _PLAIN.items()
}
