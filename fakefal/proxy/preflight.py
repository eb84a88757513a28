"""Checks and prices a paid request before it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fakefal_contracts import BUILT_IN, Catalogue, Endpoint, Opener, Report, judge, open_data_uris
from fakefal_contracts.price import Cost, Price, price_of

CONTRACT = "latest"


@dataclass(frozen=True)
class ProxyPreflight:
    """The result of the check.

    `predicted` is the report of the newest published schema, and `accepted` says whether any known revision accepts the
    request.  `cost` is its cost then.  `most` is its highest possible cost if the price depends on a file that was not
    read.  Both are None if unknown.
    """

    endpoint: Endpoint
    predicted: Report
    cost: Cost | None
    most: Cost | None
    accepted: bool


def preflight(
    endpoint_id: str, body: Any, opener: Opener = open_data_uris, *, catalogue: Catalogue = BUILT_IN
) -> ProxyPreflight:
    """Judge and price a body under every known revision of its endpoint.

    Prices are the current ones, for any revision; `opener` opens its media.
    Blocks for large ``data:`` URIs: call it in a thread.

    Raises:
        UnknownEndpoint: no contract covers the endpoint, so its price is unknown.
    """
    endpoint = catalogue.find(endpoint_id)
    predicted = judge(endpoint.edition(CONTRACT), body, opener)
    reports = [predicted] if predicted.ok else [judge(edition, body, opener) for edition in endpoint.editions]
    accepted = [one for one in reports if one.ok]
    cost, most = (_dearest(accepted, endpoint.price(CONTRACT), at_most=at_most) for at_most in (False, True))
    return ProxyPreflight(endpoint, predicted, cost, most, bool(accepted))


def _dearest(reports: list[Report], price: Price | None, *, at_most: bool) -> Cost | None:
    priced = (price_of(one.arguments, price, one.facts, at_most=at_most) for one in reports if one.arguments)
    return max((cost for cost in priced if cost is not None), key=lambda cost: cost.usd, default=None)
