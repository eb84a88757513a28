"""What Schemathesis cannot read off the document: how calls hang together, and pydantic's lenience."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote
from zlib import crc32

import schemathesis
from pydantic import TypeAdapter, ValidationError
from schemathesis.generation.meta import StatefulPhaseData

from fakefal_contracts import IN_DEPTH, examples

INTEGERS = ("fal_max_queue_length", "limit", "recent")
"""Query parameters that are integers."""

NOBODY = "http://127.0.0.1:9/"
"""Where no webhook arrives."""

FILE = {"path": "$response.body#/access_url#regex:/cdn/files/(.+)"}
TOKEN = {"upload_token": "$response.body#/upload_url#regex:upload_token=(.+)"}
OF_TOKEN = {name: {"operationId": name, "parameters": TOKEN} for name in ("putFile", "completeFile")}
LINKS = {
    "/rest/storage/upload/initiate": OF_TOKEN,
    "/rest/storage/upload/initiate-multipart": OF_TOKEN,
    "/cdn/files/upload": {"download": {"operationId": "download", "parameters": FILE}},
}


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:  # noqa: ARG001 - Schemathesis names it
    """Lead from uploads to their files: standard links cannot cut a token or a path out of an address."""
    for path, found in LINKS.items():
        _answer(raw_schema, path).setdefault("links", {}).update(found)
    del _answer(raw_schema, "/cdn/files/{path}/complete")["links"]  # they would let histories begin with it, in vain


@schemathesis.hook
def map_case(context: schemathesis.HookContext, case: schemathesis.Case) -> schemathesis.Case:  # noqa: ARG001 - Schemathesis names it
    """Make the calls of a history fit together: of any JSON hardly anything has a result."""
    meta = case.meta
    if case.operation.definition.raw["operationId"] == "events" and case.query.get("follow", "1") == "1":
        case.query["follow"] = "0"  # else nothing ends it
    if meta is None or meta.generation.mode.is_negative or not isinstance(meta.phase.data, StatefulPhaseData):
        return case
    name = case.operation.definition.raw["operationId"]
    if name == "submit":
        _submit_well(case)
    elif name in ("putPart", "completeMultipart"):
        _name_file(case, case.path_parameters["upload_id"])
    elif name in ("putFile", "completeFile"):
        _name_file(case, case.query["upload_token"])
    return case


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case) -> bool:  # noqa: ARG001 - Schemathesis names it
    """Whether a case is as wrong as it is meant: pydantic, and so fal, reads "+1.0" as integer and 0 as boolean."""
    if case.meta is None or case.meta.generation.mode.is_positive:
        return True
    if any(_integer_by_lenience((case.query or {}).get(name)) for name in INTEGERS):
        return False
    endpoint = IN_DEPTH.get(case.path.removeprefix("/run/"))
    return endpoint is None or not _fits(endpoint.edition("latest").model, case.body)


def _answer(document: dict[str, Any], path: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][path]["post"]["responses"]["200"]
    return found


def _submit_well(case: schemathesis.Case) -> None:
    """A body that a model takes; a third runs until it is cancelled or advanced, a third has a webhook."""
    turn = crc32(repr((case.body, case.headers, case.query)).encode())
    endpoint = list(IN_DEPTH.values())[turn % len(IN_DEPTH)]
    case.path_parameters["path"] = quote(endpoint.id.removeprefix(f"{endpoint.app}/"), safe="")
    case.body = examples(endpoint.id)["required"]
    if turn % 3 == 0:
        case.headers["X-Fakefal-Effect"] = "stuck"
    elif turn % 3 == 1:
        case.query["fal_webhook"] = NOBODY


def _name_file(case: schemathesis.Case, token: str) -> None:
    """The path that a token is for, and a part that was probably sent."""
    try:
        claims = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))
        path = claims["path"].removeprefix("/files/")
    except (ValueError, KeyError, TypeError):
        return
    turn = crc32(repr(case.body).encode())
    numbered = case.operation.definition.raw["operationId"] == "putFile" and turn % 2
    case.path_parameters["path"] = quote(f"{path}/1" if numbered else path, safe="")
    if "number" in case.path_parameters:
        case.path_parameters["number"] = 1
    elif not numbered and case.method == "POST":
        case.body = {"parts": [{"partNumber": 1}]}


def _integer_by_lenience(given: object) -> bool:
    return isinstance(given, str) and _fits(int, given) and str(int(float(given))) != given


def _fits(kind: Any, value: object) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True
