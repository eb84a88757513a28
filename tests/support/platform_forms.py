"""fal's forms of the Platform API's answers about money and past requests, and calls that are held against them."""

from __future__ import annotations

from typing import Any

import jsonschema_rs

from support.server import Server

V1 = "/platform/v1"
O1 = "fal-ai/kling-video/o1/reference-to-video"
FLUX = "fal-ai/flux/dev"
Query = dict[str, Any]
AMOUNT, COUNT, TEXT = {"type": "number", "minimum": 0}, {"type": "integer", "minimum": 0}, {"type": "string"}


def form(required: Query, optional: Query | None = None) -> Query:
    """A JSON schema: an object with these members and no others."""
    known = {"properties": required | (optional or {}), "required": [*required], "additionalProperties": False}
    return {"type": "object"} | known


def listed(item: Query) -> Query:
    return {"type": "array", "items": item}


def maybe(kind: str) -> Query:
    return {"type": [kind, "null"]}


# By hand from fal's OpenAPI document of the Platform API, as the public repository tryAGI/Fal has it (2026-08-21);
# `quantity`, `unit` and `tags` of billing events from its later version (autumn 2026).
PAGE = {"next_cursor": maybe("string"), "has_more": {"type": "boolean"}}
CHARGE = {
    "percent_discount": {"type": ["number", "null"], "minimum": 0, "maximum": 100},
    "cost_subtotal": AMOUNT,
    "cost_discount": AMOUNT,
    "cost_total": AMOUNT,
}
WHO = {"auth_method": TEXT, "auth_method_structured": form({"detail": TEXT}, {"api_key_id": TEXT})}
LINE = form(
    {
        "endpoint_id": TEXT,
        "unit": TEXT,
        "quantity": AMOUNT,
        "unit_price": AMOUNT,
        **CHARGE,
        "cost": AMOUNT,
        "currency": {"type": "string", "minLength": 3, "maxLength": 3},
    },
    WHO,
)
EVENT = form(
    {
        "request_id": TEXT,
        "endpoint_id": TEXT,
        "timestamp": TEXT,
        "output_units": {"type": ["number", "null"], "minimum": 0},
        "unit_price": {"type": ["number", "null"], "minimum": 0},
        **CHARGE,
        "cost_estimate_nano_usd": AMOUNT,
    },
    {
        **WHO,
        "quantity": maybe("number"),
        "unit": maybe("string"),
        "tags": {"type": "object", "additionalProperties": TEXT},
    },
)
COUNTS = [
    *("request_count", "success_count", "user_error_count", "error_count", "cold_boot_count"),
    *(f"{kind}_error_count" for kind in ("startup", "connection", "timeout", "runtime")),
]
LENGTHS = [
    *(f"p{n}_prepare_duration" for n in (50, 75, 90, 95, 99)),
    *(f"p{n}_duration" for n in (25, 50, 75, 90, 95, 99)),
    *(f"p{n}_cold_boot_duration" for n in (50, 75, 90)),
    "total_billable_duration",
]
NUMBERS = dict.fromkeys(COUNTS, COUNT) | dict.fromkeys(LENGTHS, AMOUNT)
MEASURED = form({"endpoint_id": TEXT}, NUMBERS)


def series(line: Query) -> Query:
    bucket = form({"bucket": TEXT, "results": listed(line)})
    return form(PAGE, {"time_series": listed(bucket), "summary": listed(line)})


FORMS = {
    "account/billing": form({"username": TEXT}, {"credits": form({"current_balance": AMOUNT, "currency": TEXT})}),
    "models/usage": series(LINE),
    "models/analytics": series(MEASURED),
    "models/billing-events": form(PAGE | {"billing_events": listed(EVENT)}),
    "models/requests/search": form(
        PAGE
        | {
            "results": listed(
                form(
                    {"request_id": TEXT, "endpoint_id": TEXT, "started_at": TEXT, "sent_at": TEXT},
                    {
                        "ended_at": maybe("string"),
                        "status_code": maybe("integer"),
                        "duration": maybe("number"),
                        "similarity": {"type": "number", "minimum": 0, "maximum": 1},
                    },
                )
            )
        }
    ),
}


def get(server: Server, path: str, headers: dict[str, str] | None = None, **params: Any) -> Any:
    """What a call answers, once it was held against fal's form."""
    answer = server.http.get(f"{V1}/{path}", params=params, headers=headers or {})
    assert answer.status_code == 200, answer.text
    jsonschema_rs.validate(FORMS[path], answer.json())
    return answer.json()


def refused(server: Server, path: str, **params: Any) -> str:
    """Why a call is refused."""
    answer = server.http.get(f"{V1}/{path}", params=params)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "validation_error"), answer.text
    message: str = answer.json()["error"]["message"]
    return message


def run(server: Server, endpoint_id: str = O1, prompt: str = "x", **headers: str) -> str:
    request_id: str = server.submit(endpoint_id, {"prompt": prompt}, **headers)["request_id"]
    return request_id
