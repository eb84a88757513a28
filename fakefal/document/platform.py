"""The calls of the Platform API, and the models' documents on fal's site."""

from __future__ import annotations

from fakefal.document.operation import KEY, DocumentedAnswer, Json, Operation, parameter, refusals
from fakefal.document.queue import ID
from fakefal.platform_api.analytics import METRICS
from fakefal.platform_api.charges import AUTH_METHOD, AUTH_METHOD_STRUCTURED, CREDITS, SUMMARY, TIME_SERIES
from fakefal.platform_api.forms import MOST_IDS, PREFIX
from fakefal.platform_api.models import ENTERPRISE, OPENAPI
from fakefal.platform_api.request_list import PAYLOADS
from fakefal_contracts import FOUNDING
from fakefal_contracts.hosts import Part

SITE = f"/{Part.SITE}"
MODEL_IDS = list(FOUNDING)
"""Example endpoint ids."""

WRONG = refusals("PlatformRefusal", 400, headers=ID)
KEYED = refusals("PlatformRefusal", 400, 401, headers=ID)
NONE = refusals("PlatformRefusal", 404, headers=ID)
FOREIGN = refusals("PlatformRefusal", 403, 404, headers=ID)
PRICED = refusals("PlatformRefusal", 404, 501, headers=ID)
OF_FILE = {**KEYED, **FOREIGN}
MODEL = {
    404: DocumentedAnswer("The model is unknown.", {"type": "null"}, headers=ID),
    **refusals("Refusal", 501, headers=ID),
}


def _ids(ids: list[str], *, required: bool) -> Json:
    """The parameter for endpoint ids; a value can be several ids, separated by commas."""
    known = {"enum": ids if required else [*ids, ""]}  # an empty value is ignored if none is required
    rules = {"type": "array", "items": {"type": "string", **known}, "minItems": int(required)}
    text = f"Endpoint ids, repeated or separated by commas; at most {MOST_IDS} different ones."
    return parameter("endpoint_id", "query", text, required=required, schema=rules)


def _expand(*names: str) -> Json:
    """The parameter for optional parts of the answer; empty values are ignored."""
    rules = {"type": "array", "items": {"type": "string", "enum": [*names, ""]}}
    return parameter("expand", "query", "Optional parts of the answer.", schema=rules)


SERIES = (TIME_SERIES, SUMMARY)
AUTH_METHODS = (AUTH_METHOD, AUTH_METHOD_STRUCTURED)
SOME_IDS = (_ids(MODEL_IDS, required=True),)

OPERATIONS = {
    f"GET {PREFIX}/models": Operation(
        name="models",
        parameters=(_ids(MODEL_IDS, required=False), _expand(OPENAPI, ENTERPRISE)),
        answers={200: DocumentedAnswer("A page of models.", "Models"), **KEYED, **NONE},
        security=(KEY,),
        anonymous=True,
    ),
    f"GET {PREFIX}/models/pricing": Operation(
        name="pricing",
        parameters=SOME_IDS,
        answers={200: DocumentedAnswer("The prices.", "Prices"), **KEYED, **PRICED},
        security=(KEY,),
    ),
    f"POST {PREFIX}/models/pricing/estimate": Operation(
        name="estimate",
        answers={200: DocumentedAnswer("The estimate.", "Estimated"), **KEYED, **PRICED},
        security=(KEY,),
    ),
    f"GET {PREFIX}/account/billing": Operation(
        name="accountBilling",
        parameters=(_expand(CREDITS),),
        answers={200: DocumentedAnswer("The account.", "AccountBilling"), **KEYED},
        security=(KEY,),
    ),
    f"GET {PREFIX}/models/usage": Operation(
        name="usage",
        parameters=(_ids(MODEL_IDS, required=False), _expand(*SERIES, *AUTH_METHODS)),
        answers={200: DocumentedAnswer("The charges.", "Usage"), **KEYED},
        security=(KEY,),
    ),
    f"GET {PREFIX}/models/billing-events": Operation(
        name="billingEvents",
        parameters=(_ids(MODEL_IDS, required=False), _expand(*AUTH_METHODS)),
        answers={200: DocumentedAnswer("A page of charges.", "BillingEvents"), **KEYED},
        security=(KEY,),
    ),
    f"GET {PREFIX}/models/analytics": Operation(
        name="analytics",
        parameters=(*SOME_IDS, _expand(*SERIES, *METRICS)),
        answers={200: DocumentedAnswer("The metrics.", "Analytics"), **KEYED},
        security=(KEY,),
    ),
    f"GET {PREFIX}/models/requests/search": Operation(
        name="searchRequests",
        parameters=(_ids(MODEL_IDS, required=False),),
        answers={200: DocumentedAnswer("A page of requests.", "FoundRequests"), **KEYED},
        security=(KEY,),
    ),
    f"GET {PREFIX}/models/requests/by-endpoint": Operation(
        name="pastRequests",
        parameters=(*SOME_IDS, _expand(PAYLOADS)),
        answers={200: DocumentedAnswer("A page of requests.", "PastRequests"), **KEYED},
        security=(KEY,),
    ),
    f"DELETE {PREFIX}/models/requests/{{request_id}}/payloads": Operation(
        name="erasePayloads",
        answers={200: DocumentedAnswer("Input and output are deleted.", "Removals"), **KEYED, **NONE},
        security=(KEY,),
    ),
    f"GET {PREFIX}/serverless/apps/{{owner}}/{{name}}/queue": Operation(
        name="queueSize",
        answers={200: DocumentedAnswer("The number of waiting requests.", "QueueSize"), **KEYED, **NONE},
        security=(KEY,),
    ),
    f"DELETE {PREFIX}/serverless/apps/{{owner}}/{{name}}/queue": Operation(
        name="flushQueue",
        answers={204: DocumentedAnswer("No request of the key is waiting any more."), **KEYED, **NONE},
        security=(KEY,),
    ),
    f"GET {PREFIX}/storage/files/acl": Operation(
        name="acl",
        answers={200: DocumentedAnswer("The access control list.", "AnAcl"), **OF_FILE},
        security=(KEY,),
    ),
    f"PUT {PREFIX}/storage/files/acl": Operation(
        name="changeAcl",
        answers={200: DocumentedAnswer("The new access control list.", "AnAcl"), **OF_FILE},
        security=(KEY,),
    ),
    f"POST {PREFIX}/storage/files/sign": Operation(
        name="sign",
        answers={200: DocumentedAnswer("The signed URL.", "Signed"), **OF_FILE},
        security=(KEY,),
    ),
    f"GET {PREFIX}/storage/settings": Operation(
        name="settings",
        answers={200: DocumentedAnswer("The settings.", "StorageSettingsBody"), **KEYED},
        security=(KEY,),
    ),
    f"PUT {PREFIX}/storage/settings": Operation(
        name="changeSettings",
        answers={200: DocumentedAnswer("The new settings.", "StorageSettingsBody"), **KEYED},
        security=(KEY,),
    ),
    f"GET {PREFIX}/meta": Operation(name="meta", answers={200: DocumentedAnswer("The IP ranges.", "WebhookRanges")}),
    f"GET {SITE}/api/models": Operation(
        name="foundModels",
        answers={
            200: DocumentedAnswer("A page of models.", "FoundModels"),
            422: DocumentedAnswer("page or size is not a number of at least 1.", "Problems", headers=ID),
        },
    ),
    f"GET {SITE}/api/openapi/queue/openapi.json": Operation(
        name="modelDocument",
        answers={
            200: DocumentedAnswer("The OpenAPI document.", {"type": "object", "required": ["openapi", "paths"]}),
            **MODEL,
        },
    ),
    f"GET {SITE}/models/{{endpoint_id}}/llms.txt": Operation(
        name="modelText",
        answers={200: DocumentedAnswer("The description, as text.", {"type": "string"}, "text/plain"), **MODEL},
    ),
}
