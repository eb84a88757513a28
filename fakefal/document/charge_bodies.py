"""The bodies of the Platform API's answers about money and past requests, as fal's documents of 2026 have them.

Source: the OpenAPI documents of the Platform API in the public repository tryAGI/Fal, August 2026 and later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from fakefal.document.answer_bodies import Page
from fakefal.platform_api.analytics import METRICS

Amount = Annotated[float, Field(ge=0)]
Counted = {name: {"type": "integer" if name.endswith("_count") else "number", "minimum": 0} for name in METRICS}


class NamedMembers(BaseModel):
    """An answer without other keys than those listed."""

    model_config = ConfigDict(extra="forbid")


class Credits(NamedMembers):
    """The balance of an account."""

    current_balance: Amount
    currency: Literal["USD"]


class AccountBilling(NamedMembers):
    """The account of an API key.  `credits` is included with expand=credits."""

    username: str
    credits: Credits | None = None


class AuthMethodStructured(NamedMembers):
    """The API key of a job."""

    detail: str
    api_key_id: str


class ChargeBody(NamedMembers):
    """Charges in US dollars.  fakefal gives no discounts."""

    percent_discount: None
    cost_subtotal: Amount
    cost_discount: Amount
    cost_total: Amount
    auth_method: str = ""
    auth_method_structured: AuthMethodStructured | None = None


class UsageLine(ChargeBody):
    """The charges of one endpoint at one unit price, in US dollars."""

    endpoint_id: str
    unit: str
    quantity: Amount
    unit_price: Amount
    cost: Amount
    currency: Literal["USD"]


class UsageBucket(NamedMembers):
    """The charges of one bucket; `bucket` is its start."""

    bucket: str
    results: list[UsageLine]


class Usage(Page):
    """Charges over time (`time_series`) and in total (`summary`)."""

    time_series: Sequence[UsageBucket] = ()
    summary: Sequence[UsageLine] = ()


class BillingEvent(ChargeBody):
    """One charge.  `tags` is included with source=tagged-billed."""

    request_id: str
    endpoint_id: str
    timestamp: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    quantity: Amount
    output_units: Amount
    unit: str | None
    unit_price: Amount | None
    cost_estimate_nano_usd: Annotated[int, Field(ge=0)]
    tags: dict[str, str] = {}


class BillingEvents(Page):
    """A page of charges, newest first."""

    billing_events: list[BillingEvent]


MetricsLine = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "required": ["endpoint_id"],
            "properties": {"endpoint_id": {"type": "string"}, **Counted},
            "additionalProperties": False,
        }
    ),
]
"""The requested metrics of one endpoint."""


class AnalyticsBucket(NamedMembers):
    """The metrics of one bucket; `bucket` is its start."""

    bucket: str
    results: list[MetricsLine]


class Analytics(Page):
    """Metrics over time (`time_series`) and in total (`summary`)."""

    time_series: Sequence[AnalyticsBucket] = ()
    summary: Sequence[MetricsLine] = ()


class FoundRequest(NamedMembers):
    """A request that was found.  `similarity`, from 0 to 1, is included if the search compares."""

    request_id: str
    endpoint_id: str
    started_at: str
    sent_at: str
    ended_at: str | None
    status_code: int | None
    duration: float | None
    similarity: Annotated[float, Field(ge=0, le=1)] = 1.0


class FoundRequests(Page):
    """A page of the requests of an API key."""

    results: list[FoundRequest]
