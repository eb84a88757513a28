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
"""What stands for a model's id in the document; for others that fal has, some calls know a little, too."""

WRONG = refusals("PlatformRefusal", 400, headers=ID)
KEYED = refusals("PlatformRefusal", 400, 401, headers=ID)
NONE = refusals("PlatformRefusal", 404, headers=ID)
FOREIGN = refusals("PlatformRefusal", 403, 404, headers=ID)
PRICED = refusals("PlatformRefusal", 404, 501, headers=ID)
OF_FILE = {**KEYED, **FOREIGN}
MODEL = {
    404: DocumentedAnswer("There is no such model.", {"type": "null"}, headers=ID),
    **refusals("Refusal", 501, headers=ID),
}


def _ids(ids: list[str], *, required: bool) -> Json:
    """The parameter for endpoint ids; texts that hold several, separated by commas, are taken, too."""
    known = {"enum": ids if required else [*ids, ""]}  # where none is needed, an empty text is none
    rules = {"type": "array", "items": {"type": "string", **known}, "minItems": int(required)}
    text = f"ids, repeated or separated by commas; at most {MOST_IDS} different ones"
    return parameter("endpoint_id", "query", text, required=required, schema=rules)


def _expand(*names: str) -> Json:
    """The parameter for what is shown beside the usual; empty texts ask for nothing."""
    rules = {"type": "array", "items": {"type": "string", "enum": [*names, ""]}}
    return parameter("expand", "query", "what is shown beside the usual", schema=rules)


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
        answers={200: DocumentedAnswer("Prices.", "Prices"), **KEYED, **PRICED},
        security=(KEY,),
    ),
    f"POST {PREFIX}/models/pricing/estimate": Operation(
        name="estimate",
        answers={200: DocumentedAnswer("The sum.", "Estimated"), **KEYED, **PRICED},
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
        answers={200: DocumentedAnswer("What was charged.", "Usage"), **KEYED},
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
        answers={200: DocumentedAnswer("Counts and lengths.", "Analytics"), **KEYED},
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
        answers={200: DocumentedAnswer("They are forgotten.", "Removals"), **KEYED, **NONE},
        security=(KEY,),
    ),
    f"GET {PREFIX}/serverless/apps/{{owner}}/{{name}}/queue": Operation(
        name="queueSize",
        answers={200: DocumentedAnswer("Its size.", "QueueSize"), **KEYED, **NONE},
        security=(KEY,),
    ),
    f"DELETE {PREFIX}/serverless/apps/{{owner}}/{{name}}/queue": Operation(
        name="flushQueue",
        answers={204: DocumentedAnswer("Nothing waits any more."), **KEYED, **NONE},
        security=(KEY,),
    ),
    f"GET {PREFIX}/storage/files/acl": Operation(
        name="acl",
        answers={200: DocumentedAnswer("Who may read it.", "AnAcl"), **OF_FILE},
        security=(KEY,),
    ),
    f"PUT {PREFIX}/storage/files/acl": Operation(
        name="changeAcl",
        answers={200: DocumentedAnswer("Who may read it now.", "AnAcl"), **OF_FILE},
        security=(KEY,),
    ),
    f"POST {PREFIX}/storage/files/sign": Operation(
        name="sign",
        answers={200: DocumentedAnswer("The address.", "Signed"), **OF_FILE},
        security=(KEY,),
    ),
    f"GET {PREFIX}/storage/settings": Operation(
        name="settings",
        answers={200: DocumentedAnswer("What holds.", "StorageSettingsBody"), **KEYED},
        security=(KEY,),
    ),
    f"PUT {PREFIX}/storage/settings": Operation(
        name="changeSettings",
        answers={200: DocumentedAnswer("What holds now.", "StorageSettingsBody"), **KEYED},
        security=(KEY,),
    ),
    f"GET {PREFIX}/meta": Operation(name="meta", answers={200: DocumentedAnswer("The ranges.", "WebhookRanges")}),
    f"GET {SITE}/api/models": Operation(
        name="foundModels",
        answers={
            200: DocumentedAnswer("A page of models.", "FoundModels"),
            422: DocumentedAnswer("page or size is not a number of at least 1.", "Problems", headers=ID),
        },
    ),
    f"GET {SITE}/api/openapi/queue/openapi.json": Operation(
        name="modelDocument",
        answers={200: DocumentedAnswer("The document.", {"type": "object", "required": ["openapi", "paths"]}), **MODEL},
    ),
    f"GET {SITE}/models/{{endpoint_id}}/llms.txt": Operation(
        name="modelText",
        answers={200: DocumentedAnswer("The text.", {"type": "string"}, "text/plain"), **MODEL},
    ),
}
