"""The calls of the control API; what they answer with 200 stands at the routes."""

from __future__ import annotations

from fakefal.document.operation import CONTROL, DocumentedAnswer, Operation, either, refusals
from fakefal.document.queue import ID

PREFIX = "/_fakefal"
GUARD = refusals("Refusal", 401, 403, headers=ID)
WRONG = refusals(either("Problems", "Refusal"), 422, headers=ID)
BODY = {**refusals("Refusal", 400, 415, headers=ID), **WRONG}
CLASH = refusals("Refusal", 409, headers=ID)
NO_REQUEST = {404: DocumentedAnswer("No such request is stored.", "NotFound", headers=ID)}
STOPPING = refusals("Refusal", 503, headers=ID)
METRICS = {200: DocumentedAnswer("Counts and sums.", {"type": "string"}, "text/plain")}

_ANSWERS: dict[str, tuple[str, dict[int, DocumentedAnswer]]] = {
    "GET /health": ("health", {}),
    "GET /ready": ("ready", STOPPING),
    "GET /requests": ("inspectRequests", WRONG),
    "GET /requests/{request_id}": ("inspectRequest", {**WRONG, **NO_REQUEST}),
    "POST /requests/{request_id}/advance": ("advanceRequest", {**BODY, **NO_REQUEST, **CLASH}),
    "GET /scenarios": ("scenarios", WRONG),
    "POST /scenarios": ("addScenario", BODY),
    "DELETE /scenarios": ("removeScenarios", WRONG),
    "GET /ledger": ("ledger", WRONG),
    "GET /clock": ("clock", WRONG),
    "POST /clock": ("moveClock", BODY),
    "GET /webhooks": ("webhooks", WRONG),
    "POST /webhooks/{request_id}/replay": ("replayWebhook", {**WRONG, **NO_REQUEST, **CLASH}),
    "POST /webhooks/rotate": ("rotateSigningKey", {}),
    "POST /reset": ("reset", WRONG),
    "GET /journal": ("journal", WRONG),
    "GET /files": ("files", WRONG),
    "GET /metrics": ("metrics", METRICS),
}
OPERATIONS = {
    f"{verb} {PREFIX}{path}": Operation(name=name, answers={**GUARD, **answers}, security=(CONTROL,))
    for (verb, path), (name, answers) in ((key.split(), value) for key, value in _ANSWERS.items())
}
