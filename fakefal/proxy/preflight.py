"""What is known of a paid request before it is sent: whether it can be accepted, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fakefal_contracts import BUILT_IN, Catalogue, Endpoint, Opener, Report, judge, open_data_uris
from fakefal_contracts.price import Cost, price_of

CONTRACT = "latest"


@dataclass(frozen=True)
class ProxyPreflight:
    """The judgement before the call.

    `predicted` is what the newest published schema makes of the request, `accepted` whether any known revision
    accepts it; `cost` is what it costs then, and None where nobody knows.
    """

    endpoint: Endpoint
    predicted: Report
    cost: Cost | None
    accepted: bool


def preflight(
    endpoint_id: str, body: Any, opener: Opener = open_data_uris, *, catalogue: Catalogue = BUILT_IN
) -> ProxyPreflight:
    """Judge and price a body under every known revision of its endpoint.

    Prices are today's, whichever revision accepts; `opener` is what is looked at of its media.
    Blocks for large ``data:`` URIs: call it in a thread.

    Raises:
        UnknownEndpoint: no contract covers the endpoint, so that its price is not known.
    """
    endpoint = catalogue.find(endpoint_id)
    predicted = judge(endpoint.edition(CONTRACT), body, opener)
    reports = [predicted] if predicted.ok else [judge(edition, body, opener) for edition in endpoint.editions]
    accepted = [(one.arguments, one.facts) for one in reports if one.ok and one.arguments is not None]
    priced = [price_of(arguments, endpoint.price(CONTRACT), facts) for arguments, facts in accepted]
    costs = [cost for cost in priced if cost is not None]
    return ProxyPreflight(endpoint, predicted, max(costs, key=lambda cost: cost.usd, default=None), bool(accepted))
