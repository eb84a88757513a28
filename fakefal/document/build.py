"""Builds the OpenAPI document from FastAPI's routes and from `OPERATIONS`, which adds details and other calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from fakefal.document import answer_bodies, charge_bodies, control, files, platform, queue, synchronous
from fakefal.document.operation import CONTROL, KEY, TOKEN, UPLOAD, Json, Operation, first_sentence
from fakefal.engine.emulator import Emulator
from fakefal.engine.judge import UnknownPath
from fakefal.version import VERSION
from fakefal.wire.auth import TOKEN as TOKEN_PARAMETER
from fakefal_contracts import FOUNDING, Edition
from fakefal_contracts.openapi import KEY_SCHEME, schemas

OPERATIONS: dict[str, Operation] = {
    **queue.OPERATIONS,
    **synchronous.OPERATIONS,
    **files.OPERATIONS,
    **platform.OPERATIONS,
    **control.OPERATIONS,
}
"""What the document adds to each call, by method and path."""

ABOUT = """\
The HTTP API of fal as fakefal emulates it, and the control API of fakefal.  A path prefix stands for each host of fal:
`/queue` for queue.fal.run, `/run` for fal.run, `/platform` for api.fal.ai.

- Submitting to the queue accepts any JSON.  Errors in the arguments show in the result.
- The calls of fal.run that name a model show that model's schemas.
- `/proxy` forwards any of these calls.
- Answers that you ask for by effects are not listed."""

SCHEMES: Json = {
    KEY: KEY_SCHEME,
    TOKEN: {
        "type": "apiKey",
        "in": "query",
        "name": TOKEN_PARAMETER,
        "description": "a token from the operation browserToken",
    },
    UPLOAD: {"type": "http", "scheme": "bearer", "description": "the token from the operation uploadGrant"},
    CONTROL: {"type": "http", "scheme": "bearer", "description": "the setting control_token"},
}
KNOWN: dict[str, Json] = {
    **{name: {"enum": values} for name, values in queue.APPLICATIONS.items()},
    "name": {"enum": queue.APPLICATIONS["app"]},
    "endpoint_id": {"examples": platform.MODEL_IDS},
}
"""Schemas of parameters with these names, if they are plain strings."""

TEXTS = {
    "owner": "The owner of the application, such as fal-ai.",
    "name": "The name of the application, such as kling-video.",
    "endpoint_id": "The full endpoint id.",
    "request_id": "The id of the request.",
    "path": "The path of the file, from its URL.",
    "upload_id": "The uploadId of the multipart upload.",
    "number": "The number of the part, from 1.",
    "identity": "The token of a signed URL.",
}
"""Descriptions of parameters with these names, if their route has none."""


def document(routes: Sequence[BaseRoute], emulator: Emulator) -> Json:
    """The OpenAPI document of an emulator with these routes.

    It is 3.2, the first version that can describe server-sent events.
    """
    whole = get_openapi(title="fakefal", version=VERSION, openapi_version="3.2.0", description=ABOUT, routes=routes)
    for call, operation in OPERATIONS.items():
        if operation.function is not None:
            method, path = call.split()
            whole["paths"].setdefault(path, {})[method.lower()] = operation.begun()
    guarded = emulator.settings.control_token is not None
    for path, item in whole["paths"].items():
        for method, shown in item.items():
            _complete(shown, OPERATIONS[f"{method.upper()} {path}"], guarded=guarded)
    editions = _editions(emulator)
    for path, title, operation in synchronous.model_operations(editions):
        shown = {"tags": ["run"], "summary": title}
        _complete(shown, operation, guarded=guarded)
        whole["paths"][path] = {"post": shown}
    components = whole.setdefault("components", {})
    components["securitySchemes"] = {name: one for name, one in SCHEMES.items() if guarded or name != CONTROL}
    components["schemas"] = {**_models(), **_without_fastapis(components["schemas"]), **_of_models(editions)}
    return whole


def _complete(shown: Json, operation: Operation, *, guarded: bool) -> None:
    """Add to a route what its `Operation` declares."""
    shown["operationId"] = operation.name
    if "description" in shown:
        shown["summary"] = first_sentence(shown["description"])
    own = [one for one in shown.pop("parameters", []) if one["name"] != "path" or one["in"] != "query"]
    said = {one["name"] for one in operation.parameters}
    parameters = [*(_with_known(one) for one in own if one["name"] not in said), *operation.parameters]
    if parameters:
        shown["parameters"] = parameters
    if operation.body is not None:
        shown["requestBody"] = operation.body
    answers = {status: one.shown() for status, one in sorted(operation.answers.items())}
    found = shown.get("responses", {}).get("200")
    if not set(answers) & {200, 204} and found:
        answers = {200: found, **answers}
    if not guarded and CONTROL in operation.security:
        answers.pop(401)
    shown["responses"] = {str(status): answer for status, answer in answers.items()}
    needed = [name for name in operation.security if guarded or name != CONTROL]
    if needed:
        shown["security"] = [*({name: []} for name in needed), *([{}] if operation.anonymous else [])]


def _with_known(parameter: Json) -> Json:
    schema, name = parameter["schema"], parameter["name"]
    if name in TEXTS:
        parameter = {"description": TEXTS[name], **parameter}
    if name in KNOWN and schema.get("type") == "string":
        return {**parameter, "schema": {**schema, **KNOWN[name]}}
    return parameter


def _editions(emulator: Emulator) -> dict[str, Edition]:
    """The models that exist under the server's contract."""
    found = {}
    for endpoint_id in FOUNDING:
        try:
            found[endpoint_id] = emulator.judge.edition(endpoint_id)
        except UnknownPath:
            continue
    return found


def _models() -> dict[str, Any]:
    """The schemas of `fakefal.document.answer_bodies` and `fakefal.document.charge_bodies`."""
    wanted: list[tuple[type[BaseModel], Any]] = []
    for module in (answer_bodies, charge_bodies):
        own = [one for name, one in vars(module).items() if name.isidentifier()]  # pydantic adds `RootModel[...]`
        wanted += [(one, "validation") for one in own if isinstance(one, type) and one.__module__ == module.__name__]
    found: dict[str, Any] = models_json_schema(wanted, ref_template="#/components/schemas/{model}")[1]["$defs"]
    return found


def _without_fastapis(found: Json) -> Json:
    """The schemas of the routes, without those of FastAPI's own refusals, which the emulator does not send."""
    return {name: one for name, one in found.items() if name not in ("HTTPValidationError", "ValidationError")}


def _of_models(editions: dict[str, Edition]) -> Json:
    return {name: one for edition in editions.values() for name, one in schemas(edition).items()}
