"""The catalogue of models: the user's documents override those of this package."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from fakefal_contracts.endpoint import APP_SEGMENTS, Endpoint
from fakefal_contracts.errors import UnknownEndpoint
from fakefal_contracts.evidence import third_party
from fakefal_contracts.kling.family import PREFIX, ROWS, in_depth
from fakefal_contracts.model import Input
from fakefal_contracts.price import Price, Unit
from fakefal_contracts.record import Record
from fakefal_contracts.shipped import is_shipped, is_shipped_app, shipped_ids, shipped_record, shipped_records

KLING = tuple(PREFIX + row.path for row in ROWS)
"""The ids of the Kling family; all of these models are known in depth."""

_NEAR = 0.75
_LONGEST = 200
"""Longer ids are not searched or cached: no model has one, and comparing takes quadratic time."""


class ModelHeading(NamedTuple):
    """The title of a model, and its category at fal."""

    id: str
    title: str
    category: str | None


class Catalogue(Collection[str]):
    """The models that fakefal knows, by endpoint id.

    A model is built on first use and cached.  `prices` override the known prices.
    """

    def __init__(self, own: Iterable[Record] = (), prices: Mapping[str, Price] | None = None) -> None:
        self.own = {record.id: record for record in own}
        self.prices = dict(prices or {})
        self._apps = {"/".join(one.split("/")[:APP_SEGMENTS]) for one in self.own}
        self._known: dict[str, Endpoint | None] = {}

    def get(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint with this id, or None if fakefal does not know it; fal may still have it."""
        if (found := self._known.get(endpoint_id)) is None and (found := self._read(endpoint_id)) is not None:
            self._known[endpoint_id] = found
        return found

    def _read(self, endpoint_id: str) -> Endpoint | None:
        if (record := self.own.get(endpoint_id)) is not None:
            found: Endpoint | None = _own(record)
        else:
            found = _shipped(endpoint_id) if len(endpoint_id) <= _LONGEST else None
        price = self.prices.get(endpoint_id)
        return found if found is None or price is None else _priced(found, price)

    def find(self, endpoint_id: str) -> Endpoint:
        """The endpoint with this id.

        Raises:
            UnknownEndpoint: fakefal does not know it; the message suggests the nearest id.
        """
        if endpoint := self.get(endpoint_id):
            return endpoint
        raise UnknownEndpoint(endpoint_id, self.nearest(endpoint_id))

    def __contains__(self, endpoint_id: object) -> bool:
        if endpoint_id in self._known or endpoint_id in self.own:
            return True
        return isinstance(endpoint_id, str) and is_shipped(endpoint_id)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    @cached_property
    def _ids(self) -> tuple[str, ...]:
        return tuple(sorted({*self.own, *shipped_ids()}))

    def records(self) -> Iterator[Record]:
        """The documents of all models, in the order of their ids."""
        found = {record.id: record for record in shipped_records()} | self.own
        return iter(sorted(found.values(), key=lambda record: record.id))

    def search(self, words: str = "", categories: Collection[str] = ()) -> list[str]:
        """The ids of models whose id, name or category contains all these words, in one of these categories."""
        wanted = words.casefold().split()
        return [
            one.id
            for one in self.headings.values()
            if (not categories or one.category in categories)
            and all(word in " ".join(map(str, one)).casefold() for word in wanted)
        ]

    @cached_property
    def headings(self) -> Mapping[str, ModelHeading]:
        """The titles of all models by id, in the order of ids; the first call takes half a second."""
        return {one.id: ModelHeading(one.id, one.title, one.category) for one in self.records()}

    def has_end(self, end: str) -> bool:
        """Whether the id of any model ends with this."""
        return any(one.endswith(end) for one in FOUNDING) or any(one.endswith(end) for one in self._ids)

    def has_app(self, app: str) -> bool:
        """Whether any model has this owner and application, such as ``fal-ai/flux``."""
        if app not in self._apps and is_shipped_app(app):
            self._apps.add(app)
        return app in self._apps

    def has_owner(self, owner: str) -> bool:
        """Whether any model has this owner, the first part of an id."""
        return any(app.startswith(f"{owner}/") for app in self._apps) or is_shipped_app(owner)

    def nearest(self, endpoint_id: str) -> str | None:
        """The most similar known id, compared as a whole or without its owner or application."""
        return _nearest(self._ids, endpoint_id) if len(endpoint_id) <= _LONGEST else None


@lru_cache(maxsize=2048)
def _shipped(endpoint_id: str) -> Endpoint | None:
    """A built-in endpoint; all catalogues share it, so its models are built once."""
    if (record := shipped_record(endpoint_id)) is None:
        return None
    return in_depth(record) or replace(Endpoint.of_record(record), prices=_third_party_prices(endpoint_id))


@lru_cache(maxsize=2048)
def _own(record: Record) -> Endpoint:
    """The endpoint of a user's document.  Catalogues share it, so its models are built once."""
    return Endpoint.of_record(record)


@lru_cache(maxsize=2048)
def _priced(endpoint: Endpoint, price: Price) -> Endpoint:
    """An endpoint at a user's price, shared as well."""
    return replace(endpoint, prices=(price,))


BUILT_IN = Catalogue()
"""The built-in models."""

FOUNDING = {one: BUILT_IN.find(one) for one in (PREFIX + row.path for row in ROWS if row.revisions)}
"""The first four endpoints, with documents and examples of several days."""


@cache
def _listed_prices() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files(__package__).joinpath("prices.json").read_text("utf-8"))
    return found


def _third_party_prices(endpoint_id: str) -> tuple[Price, ...]:
    """The price of a model in a third-party price list, if there is one."""
    if (listed := _listed_prices().get(endpoint_id)) is None:
        return ()
    evidence = third_party("the price list of the LiteLLM project, a third party", "2026-11-30")
    tiers = {name: Decimal(usd) for name, usd in listed.get("by_resolution", {}).items()}
    unit = Unit(listed["unit"])
    return (Price(evidence.date, Decimal(listed["usd"]), evidence, unit=unit, by_resolution=tiers),)


@lru_cache(maxsize=1024)
def _nearest(ids: tuple[str, ...], given: str) -> str | None:
    ends = _ends(ids)
    if given in ends:
        return ends[given]
    near = difflib.get_close_matches(given, ends, n=1, cutoff=_NEAR)
    return ends[near[0]] if near else None


@cache
def _ends(ids: tuple[str, ...]) -> dict[str, str]:
    """Ids by themselves, without the owner, and without the application."""
    found: dict[str, str] = {}
    for one in (*FOUNDING, *sorted(ids, key=len)):
        parts = one.split("/")
        for first in range(min(APP_SEGMENTS + 1, len(parts) - 1)):
            found.setdefault("/".join(parts[first:]), one)
    return found


@cache
def examples(endpoint_id: str) -> dict[str, Any]:
    """The example bodies in fal's documents for an endpoint in depth: ``required``, ``full``, ``output``."""
    every = json.loads(files(__package__).joinpath("kling/examples.json").read_text("utf-8"))
    found: dict[str, Any] = every[endpoint_id]
    return found


@cache
def words() -> dict[str, str]:
    """Our descriptions of objects and fields of the Kling family, by ``Object.field`` or ``field``."""
    every: dict[str, str] = json.loads(files(__package__).joinpath("kling/words.json").read_text("utf-8"))
    return every


@cache
def about(endpoint_id: str) -> str:
    """Our description of a model, or empty."""
    every: dict[str, str] = json.loads(files(__package__).joinpath("kling/about.json").read_text("utf-8"))
    return every.get(endpoint_id, "")


def endpoint_of(request: type[Input]) -> Endpoint:
    """The endpoint of an input model or of its base class.

    Raises:
        UnknownEndpoint: it is not the input model of an endpoint.
    """
    if not request.endpoint_id:
        raise UnknownEndpoint(request.__name__, None)
    return BUILT_IN.find(request.endpoint_id)
