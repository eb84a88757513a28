"""The endpoints that the contracts cover, and the ids that fal has beyond them."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from fakefal_contracts.endpoint import Endpoint
from fakefal_contracts.errors import UnknownEndpoint
from fakefal_contracts.kling import o1, o3
from fakefal_contracts.model import Input

ENDPOINTS: dict[str, Endpoint] = {endpoint.id: endpoint for endpoint in (*o1.ENDPOINTS, *o3.ENDPOINTS)}


@cache
def known_ids() -> frozenset[str]:
    """Every Kling id that fal's catalogue had on 2026-06-11."""
    return frozenset(json.loads(files(__package__).joinpath("kling/index.json").read_text("utf-8")))


@cache
def examples(endpoint_id: str) -> dict[str, Any]:
    """The example bodies that fal's documents print for an endpoint: ``required``, ``full``, ``output``."""
    every = json.loads(files(__package__).joinpath("kling/examples.json").read_text("utf-8"))
    found: dict[str, Any] = every[endpoint_id]
    return found


@dataclass(frozen=True)
class Listing:
    """What fal's catalogue says of an endpoint beside its title (read on 2026-06-11; `about` is our own).

    `date` and `updated_at` are the ISO moments of its launch and its last change.
    """

    category: str
    about: str
    date: str
    updated_at: str
    license_type: str
    tags: list[str]
    group: dict[str, str]


@cache
def listing(endpoint_id: str) -> Listing:
    """The catalogue's entry for an endpoint that the contracts cover."""
    every = json.loads(files(__package__).joinpath("kling/listings.json").read_text("utf-8"))
    return Listing(**every[endpoint_id])


def find_endpoint(endpoint_id: str) -> Endpoint:
    """The endpoint with this id.

    Raises:
        UnknownEndpoint: no contract covers it; the message lists what is covered.
    """
    if endpoint := ENDPOINTS.get(endpoint_id):
        return endpoint
    raise UnknownEndpoint(endpoint_id, nearest_ids(endpoint_id), exists_at_fal=endpoint_id in known_ids())


def endpoint_of(request: type[Input]) -> Endpoint:
    """The endpoint whose input model this is, or derives from.

    Raises:
        UnknownEndpoint: it is no endpoint's.
    """
    models = {endpoint.input: endpoint for endpoint in ENDPOINTS.values()}
    for kind in request.__mro__:
        if endpoint := models.get(kind):
            return endpoint
    raise UnknownEndpoint(request.__name__, list(ENDPOINTS))


def nearest_ids(endpoint_id: str) -> list[str]:
    """The covered ids, the most similar first."""
    near = difflib.get_close_matches(endpoint_id, ENDPOINTS, n=1)
    return near + [one for one in ENDPOINTS if one not in near]
