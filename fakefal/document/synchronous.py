"""The calls of fal.run: of any application, and of each model with its own schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from fakefal.document.operation import EVENTS, KEY, TOKEN, DocumentedAnswer, Operation, request_body, stream_of
from fakefal.document.queue import (
    ANY_JSON,
    BILLED,
    FAILED,
    FAILURES,
    GATE,
    ID,
    OF_APPLICATION,
    START_TIMEOUT,
    SUB_PATH,
    TAGS,
    WRONG_HEADER,
)
from fakefal.wire.synchronous import run
from fakefal_contracts import Edition, examples
from fakefal_contracts.endpoint import STREAM
from fakefal_contracts.hosts import Part
from fakefal_contracts.openapi import schema_names

ANSWERS = {
    200: DocumentedAnswer("The output of the model.", {}, headers=BILLED),
    **WRONG_HEADER,
    **GATE,
    **FAILURES,
    404: DocumentedAnswer("There is no such application or model.", "Refusal", headers=ID),
    429: DocumentedAnswer("All runners of the key are busy.", "LimitReached", headers=FAILED),
}
OPERATIONS = {
    f"POST /{Part.RUN}/{{owner}}/{{app}}": Operation(
        name="runApplication",
        answers=ANSWERS,
        security=(KEY, TOKEN),
        parameters=(*OF_APPLICATION, START_TIMEOUT, TAGS),
        body=ANY_JSON,
        function=run,
        tag="run",
    ),
    f"POST /{Part.RUN}/{{owner}}/{{app}}/{{path}}": Operation(
        name="run",
        answers={
            **ANSWERS,
            200: DocumentedAnswer("The output of the model.", {}, headers=BILLED, events=stream_of({})),
        },
        security=(KEY, TOKEN),
        parameters=(*OF_APPLICATION, SUB_PATH, START_TIMEOUT, TAGS),
        body=ANY_JSON,
        function=run,
        tag="run",
    ),
}


def model_operations(editions: Mapping[str, Edition]) -> Iterator[tuple[str, str, Operation]]:
    """A path, a title and an operation for each model; the schemas are those of `fakefal_contracts.openapi`."""
    for endpoint_id, edition in editions.items():
        given, made = schema_names(edition.endpoint)
        shown = examples(endpoint_id)
        values = {name: {"value": shown[name]} for name in ("required", "full")}
        operation = Operation(
            name=f"run{given.removesuffix('Input')}",
            answers={**ANSWERS, 200: _streamed() if endpoint_id.endswith(STREAM) else _made(made)},
            security=(KEY, TOKEN),
            parameters=(START_TIMEOUT, TAGS),
            body=request_body(given, examples=values),
        )
        yield f"/{Part.RUN}/{endpoint_id}", edition.endpoint.title, operation
        if edition.endpoint.streams and not endpoint_id.endswith(STREAM):
            answers = {**ANSWERS, 200: _streamed()}
            streaming = replace(operation, name=f"{operation.name}Stream", answers=answers)
            yield f"/{Part.RUN}/{endpoint_id}{STREAM}", edition.endpoint.title, streaming


def _made(schema: str) -> DocumentedAnswer:
    return DocumentedAnswer("The output of the model.", schema, headers=BILLED)


def _streamed() -> DocumentedAnswer:
    return DocumentedAnswer(
        "The output as server-sent events; the last event has the whole output.", stream_of({}), EVENTS, headers=ID
    )
