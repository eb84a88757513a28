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
    "status": link("status", "Read the status of the request.", **_OWN_APP),
    "stream": link("stream", "Stream the status of the request.", **_OWN_APP),
    "result": link("result", "Read the result of the model.", **_OWN_APP),
    "cancel": link("cancel", "Cancel the request.", **_OWN_APP),
    "inspect": link(
        "inspectRequest", "Inspect the request, by the control API.", request_id="$response.body#/request_id"
    ),
    "advance": link(
        "advanceRequest", "Advance the request, by the control API.", request_id="$response.body#/request_id"
    ),
    "replayWebhook": link(
        "replayWebhook", "Send its webhook again, by the control API.", request_id="$response.body#/request_id"
    ),
    "erase": link("erasePayloads", "Delete its input and output.", request_id="$response.body#/request_id"),
}
EXAMPLES = [one.id.removeprefix(f"{one.app}/") for one in FOUNDING.values()]
OF_APPLICATION = (
    parameter("owner", "path", "The owner of the application, such as fal-ai."),
    parameter("app", "path", "The name of the application, such as kling-video."),
)
OF_ONE = (*OF_APPLICATION, parameter("request_id", "path", "The request_id from the answer to the submit."))
LOGS = parameter("logs", "query", "1 or true: include log lines", default="0")
SUB_PATH = parameter(
    "path", "path", "The rest of the endpoint id.  If it is unknown, the result is 404.", examples=EXAMPLES
)

ANY_JSON = request_body(
    {},
    required=False,
    text="The arguments of the model.  Errors in them show in the result.",
    examples={schema_names(one)[0]: {"value": examples(one.id)["full"]} for one in FOUNDING.values()},
)
START_TIMEOUT = parameter(
    "X-Fal-Request-Start-Timeout",
    "header",
    "Fail the request unless it starts within this many seconds.",
    schema={"type": "number", "exclusiveMinimum": SHORTEST_START_TIMEOUT},
)
TAGS = parameter("X-Fal-Tags", "header", "Tags of the request, as key=value,key=value.  Malformed tags are ignored.")
SUBMIT_PARAMETERS = (
    parameter("fal_webhook", "query", "The URL for a webhook when the request ends."),
    parameter(
        "fal_max_queue_length",
        "query",
        "Refuse with 429 if more requests of the key are waiting.",
        schema={"type": "integer", "minimum": 0},
    ),
    parameter("X-Fal-Queue-Priority", "header", "normal (default) or low", default=""),
    TAGS,
    parameter("X-Fal-No-Retry", "header", "1, true or yes: do not retry failures of the runner."),
    START_TIMEOUT,
)

GATE = refusals("Refusal", 401, 403, 404, 413, 501, 503, headers=ID)
NOT_JSON = DocumentedAnswer("The body is not JSON, or a parameter is malformed.", "Problems", headers=ID)
NO_MODEL = {name: one for name, one in LINKS.items() if name != "result"}
"""Without a model, the only result is fal's 404."""

WRONG_HEADER = {400: DocumentedAnswer("A header has an invalid value.", "Refusal", headers=ID)}
SUBMIT = {
    200: DocumentedAnswer("The request is in the queue.", "AcceptedBody", headers=ID, links=LINKS),
    **WRONG_HEADER,
    **GATE,
    422: NOT_JSON,
    429: DocumentedAnswer("More requests are waiting than fal_max_queue_length allows.", "Refusal", headers=ID),
}
NO_REQUEST = DocumentedAnswer("This application and API key have no such request.", "NotFoundBody", headers=ID)
OF_REQUEST = {**refusals("Refusal", 401, headers=ID), 404: NO_REQUEST}
FAILURES = {
    422: DocumentedAnswer("The model refused the arguments.", "Problems", headers=ID),
    **refusals(either("Problems", "Refusal"), *ENDINGS, headers=ID),
}
"""How a request can fail.  Failures of the model also have the headers of billing and retries."""

REQUEST = f"/{Part.QUEUE}/{{owner}}/{{app}}/requests/{{request_id}}"

OPERATIONS = {
    f"POST /{Part.QUEUE}/{{owner}}/{{app}}": Operation(
        name="submitToApplication",
        answers={
            **SUBMIT,
            200: DocumentedAnswer(
                "The request is in the queue, but the path names no model: its result is 404.",
                "AcceptedBody",
                headers=ID,
                links=NO_MODEL,
            ),
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
            200: DocumentedAnswer("The request has ended.", "StatusBody", headers=ID),
            202: DocumentedAnswer("The request is queued or running.", "StatusBody", headers=ID),
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
                "A status object for each change, as server-sent events.", stream_of("StatusBody"), EVENTS, headers=ID
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
            200: DocumentedAnswer("The output of the model.", {}, headers=BILLED),
            400: DocumentedAnswer("The request has not ended yet.", "Refusal", headers=ID),
            **OF_REQUEST,
            404: DocumentedAnswer(
                "There is no such request or no such model.", either("NotFoundBody", "Refusal"), headers=ID
            ),
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
            200: DocumentedAnswer("It was queued, and is now cancelled.", "Cancelled", headers=ID),
            202: DocumentedAnswer("It is running; the runner was asked to stop.", "Cancelled", headers=ID),
            400: DocumentedAnswer("It had already ended.", "Cancelled", headers=ID),
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
"""Example values of `owner` and `app`: those of the models in depth."""
