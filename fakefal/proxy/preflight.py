"""What is known of a paid request before it is sent: whether it can be accepted, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fakefal_contracts import BUILT_IN, Catalogue, Endpoint, Report, judge
from fakefal_contracts.price import Cost, price_of

CONTRACT = "latest"


@dataclass(frozen=True)
class ProxyPreflight:
    """The judgement before the call.

    `predicted` is what the newest published schema makes of the request; `cost` what it costs where any
    known revision accepts it, and None where none does.
    """

    endpoint: Endpoint
    predicted: Report
    cost: Cost | None


def preflight(endpoint_id: str, body: Any, catalogue: Catalogue = BUILT_IN) -> ProxyPreflight:
    """Judge and price a body under every known revision of its endpoint.

    Prices are today's, whichever revision accepts.  Blocks for large ``data:`` URIs: call it in a thread.

    Raises:
        UnknownEndpoint: no contract covers the endpoint, so that its price is not known.
    """
    endpoint = catalogue.find(endpoint_id)
    predicted = judge(endpoint.edition(CONTRACT), body)
    reports = [predicted] if predicted.ok else [judge(edition, body) for edition in endpoint.editions]
    accepted = [report.arguments for report in reports if report.ok and report.arguments is not None]
    priced = [price_of(arguments, endpoint.price(CONTRACT)) for arguments in accepted]
    costs = [cost for cost in priced if cost is not None]
    return ProxyPreflight(endpoint, predicted, max(costs, key=lambda cost: cost.usd, default=None))
