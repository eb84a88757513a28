"""The calls of the queue."""

from __future__ import annotations

from fakefal.document.operation import (
    EVENTS,
    KEY,
    TOKEN,
    DocumentedAnswer,
    Operation,
    either,
    link,
    parameter,
    refusals,
    request_body,
    stream_of,
)
from fakefal.wire import queue
from fakefal.wire.incoming import SHORTEST_START_TIMEOUT
from fakefal_contracts import FOUNDING, examples
from fakefal_contracts.failures import MODEL_ERRORS, PLATFORM_ERRORS
from fakefal_contracts.hosts import Part
from fakefal_contracts.openapi import schema_names

ID = ("x-fal-request-id",)
BILLED = (*ID, "x-fal-billable-units")
FAILED = (*BILLED, "x-fal-needs-retry", "x-fal-retryable")

_STATUSES = {one.status for one in MODEL_ERRORS.values()} | {one.status for one in PLATFORM_ERRORS.values()}
ENDINGS = sorted(_STATUSES - {400, 422})
"""The statuses of failures of model and platform, beside those of a wrong request."""

_OWN_APP = {"owner": "$request.path.owner", "app": "$request.path.app", "request_id": "$response.body#/request_id"}
LINKS = {
    "status": link("status", "Where the request stands.", **_OWN_APP),
    "stream": link("stream", "Every change of where it stands.", **_OWN_APP),
    "result": link("result", "What the model answered.", **_OWN_APP),
    "cancel": link("cancel", "End it.", **_OWN_APP),
    "inspect": link("inspectRequest", "What the developer sees of it.", request_id="$response.body#/request_id"),
    "advance": link("advanceRequest", "Bring it nearer its end.", request_id="$response.body#/request_id"),
    "replayWebhook": link("replayWebhook", "Send its webhook again.", request_id="$response.body#/request_id"),
    "erase": link("erasePayloads", "Forget what went in and came out.", request_id="$response.body#/request_id"),
}
EXAMPLES = [one.id.removeprefix(f"{one.app}/") for one in FOUNDING.values()]
OF_APPLICATION = (parameter("owner", "path", "Who owns the application."), parameter("app", "path", "The application."))
OF_ONE = (*OF_APPLICATION, parameter("request_id", "path", "The id that the submission answered."))
LOGS = parameter("logs", "query", "1 or true for log lines", default="0")
SUB_PATH = parameter("path", "path", "The model within the application; others end as 404.", examples=EXAMPLES)

ANY_JSON = request_body(
    {},
    required=False,
    text="The model's arguments; what is wrong with them shows in the result.",
    examples={schema_names(one)[0]: {"value": examples(one.id)["full"]} for one in FOUNDING.values()},
)
START_TIMEOUT = parameter(
    "X-Fal-Request-Start-Timeout",
    "header",
    "seconds until the start, or it fails",
    schema={"type": "number", "exclusiveMinimum": SHORTEST_START_TIMEOUT},
)
TAGS = parameter("X-Fal-Tags", "header", "labels of the request, as key=value,key=value; wrong ones are dropped")
SUBMIT_PARAMETERS = (
    parameter("fal_webhook", "query", "address that is called at the end"),
    parameter("fal_max_queue_length", "query", "refuse when more wait", schema={"type": "integer", "minimum": 0}),
    parameter("X-Fal-Queue-Priority", "header", "normal or low", default=""),
    TAGS,
    parameter("X-Fal-No-Retry", "header", "1, true or yes: failures are final"),
    START_TIMEOUT,
)

GATE = refusals("Refusal", 401, 403, 404, 413, 501, 503, headers=ID)
NOT_JSON = DocumentedAnswer("The body is not JSON, or a parameter has a wrong form.", "Problems", headers=ID)
NO_MODEL = {name: one for name, one in LINKS.items() if name != "result"}
"""There is none but fal's own 404."""

WRONG_HEADER = {400: DocumentedAnswer("A header has a wrong value.", "Refusal", headers=ID)}
SUBMIT = {
    200: DocumentedAnswer("Accepted.", "AcceptedBody", headers=ID, links=LINKS),
    **WRONG_HEADER,
    **GATE,
    422: NOT_JSON,
    429: DocumentedAnswer("More requests wait than fal_max_queue_length allows.", "Refusal", headers=ID),
}
NO_REQUEST = DocumentedAnswer("No such request of this application and key.", "NotFoundBody", headers=ID)
OF_REQUEST = {**refusals("Refusal", 401, headers=ID), 404: NO_REQUEST}
FAILURES = {
    422: DocumentedAnswer("The model refuses the arguments.", "Problems", headers=ID),
    **refusals(either("Problems", "Refusal"), *ENDINGS, headers=ID),
}
"""How a request ends that does not succeed; the headers of billing and retries stand on those of the model."""

REQUEST = f"/{Part.QUEUE}/{{owner}}/{{app}}/requests/{{request_id}}"

OPERATIONS = {
    f"POST /{Part.QUEUE}/{{owner}}/{{app}}": Operation(
        name="submitToApplication",
        answers={
            **SUBMIT,
            200: DocumentedAnswer("Accepted, though no model is named.", "AcceptedBody", headers=ID, links=NO_MODEL),
        },
        security=(KEY, TOKEN),
        parameters=(*OF_APPLICATION, *SUBMIT_PARAMETERS),
        body=ANY_JSON,
        function=queue.submit,
        tag="queue",
    ),
    f"POST /{Part.QUEUE}/{{owner}}/{{app}}/{{path}}": Operation(
        name="submit",
        answers=SUBMIT,
        security=(KEY, TOKEN),
        parameters=(*OF_APPLICATION, SUB_PATH, *SUBMIT_PARAMETERS),
        body=ANY_JSON,
        function=queue.submit,
        tag="queue",
    ),
    f"GET {REQUEST}/status": Operation(
        name="status",
        answers={
            200: DocumentedAnswer("It is over.", "StatusBody", headers=ID),
            202: DocumentedAnswer("It is not over.", "StatusBody", headers=ID),
            **OF_REQUEST,
        },
        security=(KEY, TOKEN),
        parameters=(*OF_ONE, LOGS),
        function=queue.status,
        tag="queue",
    ),
    f"GET {REQUEST}/status/stream": Operation(
        name="stream",
        answers={
            200: DocumentedAnswer(
                "Status objects, one whenever something changed.", stream_of("StatusBody"), EVENTS, headers=ID
            ),
            **OF_REQUEST,
        },
        security=(KEY, TOKEN),
        parameters=(*OF_ONE, LOGS),
        function=queue.stream,
        tag="queue",
    ),
    f"GET {REQUEST}": Operation(
        name="result",
        answers={
            200: DocumentedAnswer("What the model made.", {}, headers=BILLED),
            400: DocumentedAnswer("It is not over.", "Refusal", headers=ID),
            **OF_REQUEST,
            404: DocumentedAnswer("No such request, or no such model.", either("NotFoundBody", "Refusal"), headers=ID),
            **FAILURES,
        },
        security=(KEY, TOKEN),
        parameters=OF_ONE,
        function=queue.result,
        tag="queue",
    ),
    f"PUT {REQUEST}/cancel": Operation(
        name="cancel",
        answers={
            200: DocumentedAnswer("It was waiting, and is over.", "Cancelled", headers=ID),
            202: DocumentedAnswer("It was running; the runner is told.", "Cancelled", headers=ID),
            400: DocumentedAnswer("It was over.", "Cancelled", headers=ID),
            **OF_REQUEST,
        },
        security=(KEY, TOKEN),
        parameters=OF_ONE,
        function=queue.cancel,
        tag="queue",
    ),
}
APPLICATIONS = {
    "owner": sorted({one.app.partition("/")[0] for one in FOUNDING.values()}),
    "app": sorted({one.app.partition("/")[2] for one in FOUNDING.values()}),
}
"""What stands for owner and application: those of the models in depth, for all others."""
