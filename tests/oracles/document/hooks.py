"""What Schemathesis cannot read off the document: addresses within addresses, and pydantic's lenience."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from zlib import crc32

import schemathesis
from pydantic import ValidationError
from schemathesis.generation.meta import StatefulPhaseData

from fakefal_contracts import ENDPOINTS, examples

SUBMIT = "POST /queue/{owner}/{app}/{path}"
NOBODY = "http://127.0.0.1:9/"
"""Where no webhook arrives."""

FILE = "#regex:/cdn/files/([^?]+)"
TOKEN = "#regex:upload_token=(.+)"


def links(field: str, *, targets: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Links to calls of a file whose address is in this field of an answer."""
    path = {"path": f"$response.body#/{field}{FILE}"}
    return {name: {"operationId": name, "parameters": path | more} for name, more in targets.items()}


UPLOAD_ID = {"upload_id": "$response.body#/uploadId"}
UPLOAD_TOKEN = {"upload_token": f"$response.body#/upload_url{TOKEN}"}
LINKS = {
    "/rest/storage/upload/initiate": links("upload_url", targets={"putFile": UPLOAD_TOKEN}),
    "/rest/storage/upload/initiate-multipart": links("upload_url", targets={"completeFile": UPLOAD_TOKEN}),
    "/cdn/files/upload": links("access_url", targets={"download": {}}),
    "/cdn/files/upload/multipart": links("access_url", targets={"putPart": UPLOAD_ID, "completeMultipart": UPLOAD_ID}),
}


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:  # noqa: ARG001
    """Lead from uploads to their files: standard links cannot cut a path out of an address."""
    for path, found in LINKS.items():
        raw_schema["paths"][path]["post"]["responses"]["200"].setdefault("links", {}).update(found)


@schemathesis.hook
def map_case(context: schemathesis.HookContext, case: schemathesis.Case) -> schemathesis.Case:  # noqa: ARG001
    """Give the submissions that lead further a body that its model takes, and let some run on and on.

    Of any JSON hardly anything has a result, and of requests that are over at once none can be cancelled.
    """
    meta = case.meta
    if case.operation.label != SUBMIT or meta is None or not isinstance(meta.phase.data, StatefulPhaseData):
        return case
    turn = crc32(repr((case.body, case.headers, case.query)).encode())
    endpoint = list(ENDPOINTS.values())[turn % len(ENDPOINTS)]
    path = quote(endpoint.id.removeprefix(f"{endpoint.app}/"), safe="")
    case.path_parameters = {**case.path_parameters, "path": path}
    case.body = examples(endpoint.id)["required"]
    if turn % 3 == 0:
        case.headers = {**(case.headers or {}), "X-Fakefal-Effect": "stuck"}
    elif turn % 3 == 1:
        case.query = {**(case.query or {}), "fal_webhook": NOBODY}
    return case


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case) -> bool:  # noqa: ARG001
    """Whether a body is as wrong as it is meant: pydantic, and so fal, reads 0 and "yes" as booleans."""
    endpoint = ENDPOINTS.get(case.path.removeprefix("/run/"))
    if endpoint is None or case.meta is None or case.meta.generation.mode.is_positive:
        return True
    try:
        endpoint.edition("documented").model.model_validate(case.body)
    except ValidationError:
        return True
    return False
