"""A model of fal under its endpoint id, and its dated revisions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property, partial
from typing import Any, Literal

from pydantic import BaseModel

from fakefal_contracts.errors import UnknownContract
from fakefal_contracts.evidence import UNDATED, Evidence
from fakefal_contracts.model import Input
from fakefal_contracts.price import Price
from fakefal_contracts.record import Record, Schema, Source
from fakefal_contracts.schema_media import limits_of
from fakefal_contracts.schema_models import NO_OVERLAY, Overlay, SchemaModels

APP_SEGMENTS = 2
STREAM = "/stream"
"""The suffix of the path for the event stream of a model."""

_OBVIOUS = ("fal-ai/kling-video/", "fal-ai/")
"""Prefixes of endpoint ids that rule ids leave out."""

Tier = Literal["standard", "pro", "4k", ""]
"""The quality tier of an endpoint; empty if unknown."""


class Depth(StrEnum):
    """How much is known about a model, from least to most."""

    TYPES = "types only"
    """Names, types, choices and defaults; no limits, no null."""
    DOCUMENT = "document"
    """The model's OpenAPI document."""
    IN_DEPTH = "in depth"
    """Rules beyond the document, prices, lengths, and the wording of refusals, each with its evidence."""


@dataclass(frozen=True, eq=False)
class Revision:
    """A published document: the day it was first seen, and its differences from the newest document.

    `changes` maps an argument to its older schema.
    """

    evidence: Evidence
    changes: Mapping[str, Schema] = field(default_factory=dict)

    @property
    def date(self) -> dt.date:
        """The day it was first seen."""
        return self.evidence.date

    def record(self, newest: Record) -> Record:
        """The document of this revision."""
        if not self.changes:
            return newest
        schema = newest.schemas[newest.input]
        older = {**schema, "properties": {**schema["properties"], **self.changes}}
        return replace(newest, schemas={**newest.schemas, newest.input: older})


@dataclass(frozen=True)
class Edition:
    """One endpoint under one contract: the document, the schema that judges, and its evidence."""

    endpoint: Endpoint
    contract: str
    evidence: Evidence
    record: Record = field(compare=False)
    model: type[Input]


@dataclass(frozen=True, eq=False)
class Endpoint:
    """Everything that is known about one endpoint.

    `record` is its newest document; models are built from it on first use.  `overlay` is what is known beyond it.
    `revisions` are in order from the oldest to the newest; `documented` is the source of the contract of that name
    (its schema is the first revision).  `prices` are in order from the oldest to the newest, and may be empty.
    `run_seconds` is a measured run time.
    """

    record: Record
    documented: Evidence
    revisions: tuple[Revision, ...]
    prices: tuple[Price, ...] = ()
    tier: Tier = ""
    run_seconds: int | None = None
    overlay: Overlay | None = None

    @classmethod
    def of_record(cls, record: Record) -> Endpoint:
        """An endpoint that is known from its document only."""
        return cls(record, record.evidence, (Revision(record.evidence),))

    @property
    def id(self) -> str:
        """The endpoint id."""
        return self.record.id

    @property
    def title(self) -> str:
        """Its title."""
        return self.record.title

    @property
    def depth(self) -> Depth:
        """How much is known about it."""
        if self.overlay is not None:
            return Depth.IN_DEPTH
        return Depth.TYPES if self.record.source is Source.TYPES else Depth.DOCUMENT

    @cached_property
    def checked_against(self) -> str:
        """What arguments are checked against, and how old that is: ``fal's schema (2026-06-11)``."""
        if self.depth is Depth.IN_DEPTH:
            return "fal's schema and further rules"
        names = {Source.TYPES: "fal's types, no limits", Source.DOCUMENT: "fal's schema", Source.OWN: "your schema"}
        return f"{names[self.record.source]} ({self.record.evidence.day})"

    @property
    def streams(self) -> bool:
        """Whether fal lists it as a model that streams, or its id ends with ``/stream``."""
        record = self.record
        return self.id.endswith(STREAM) or (record is not None and bool(record.metadata.get("streams")))

    @cached_property
    def _models(self) -> SchemaModels:
        limits = partial(limits_of, evidence=self.documented, category=self.category)
        return SchemaModels(self.record, limits, self.overlay or NO_OVERLAY)

    @cached_property
    def input(self) -> type[Input]:
        """The newest model of the arguments."""
        return self._models.input()

    @cached_property
    def output(self) -> type[BaseModel]:
        """The model of the result."""
        return self._models.output()

    @property
    def unread(self) -> tuple[str, ...]:
        """The parts of its document that cannot be judged, where any value is accepted."""
        _ = self.input, self.output
        return tuple(self._models.notes)

    @property
    def category(self) -> str | None:
        """The category, such as ``image-to-video``; None if unknown."""
        return self.record.category

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Its entry in the catalogue of fal, with the keys of fal."""
        return self.record.metadata

    @property
    def launched(self) -> dt.date:
        """The day of its launch, if the catalogue knows it; otherwise the first of all days."""
        day = self.metadata.get("date")
        return dt.date.fromisoformat(day[:10]) if day else UNDATED

    @property
    def app(self) -> str:
        """Owner and application: the only part of the id in the URLs of the queue."""
        return "/".join(self.id.split("/")[:APP_SEGMENTS])

    @property
    def path(self) -> str:
        """What follows the app: ``o1/standard/image-to-video``."""
        return "/".join(self.id.split("/")[APP_SEGMENTS:])

    @property
    def name(self) -> str:
        """The start of every rule id: ``o1.standard.image-to-video``, ``flux.dev``."""
        short = next((self.id.removeprefix(one) for one in _OBVIOUS if self.id.startswith(one)), self.id)
        return short.replace("/", ".")

    def price(self, contract: str) -> Price | None:
        """The price on the day of a contract, the newest for ``documented`` and ``latest``; None if it is unknown."""
        if contract in NAMED_CONTRACTS or not self.prices:
            return self.prices[-1] if self.prices else None
        day = parse_contract(contract)
        return next((price for price in reversed(self.prices) if price.since <= day), self.prices[0])

    @cached_property
    def editions(self) -> tuple[Edition, ...]:
        """Every revision as a contract named by its date, oldest first."""
        return tuple(
            Edition(self, one.date.isoformat(), one.evidence, one.record(self.record), self._model(one))
            for one in self.revisions
        )

    def _model(self, revision: Revision) -> type[Input]:
        return self._models.older(self.input, revision.changes) if revision.changes else self.input

    @cached_property
    def _named(self) -> dict[str, Edition]:
        oldest, newest = self.editions[0], self.editions[-1]
        return {
            "documented": replace(oldest, contract="documented", evidence=self.documented),
            "latest": replace(newest, contract="latest"),
        }

    def edition(self, contract: str) -> Edition:
        """The edition that a contract name stands for.

        ``documented`` is what the pages of fal said from December 2025 to early 2026, ``latest`` the newest published
        schema, and an ISO day the newest revision first seen by then: for a day since the launch, at least the first.

        Raises:
            UnknownContract: the name is none of these, or the day lies before the launch.
        """
        if named := self._named.get(contract):
            return named
        day = parse_contract(contract)
        if day < (first := min(self.launched, self.editions[0].evidence.date)):
            raise UnknownContract(
                f"{self.id} was first published on {first}, after {contract}; give that day or a later one"
            )
        known = [one for one in self.editions if one.evidence.date <= day] or self.editions[:1]
        return replace(known[-1], contract=contract)


LATEST = "latest"
"""The default contract: the newest schema that is known."""
NAMED_CONTRACTS = ("documented", LATEST)


def parse_contract(contract: str) -> dt.date:
    """The day that a contract name gives; the two fixed names are as good as today.

    Raises:
        UnknownContract: it is neither a known name nor an ISO day.
    """
    if contract in NAMED_CONTRACTS:
        return dt.date.max
    try:
        return dt.date.fromisoformat(contract)
    except ValueError as error:
        raise UnknownContract(
            f"{contract!r} is not a contract: use documented, latest or a day such as 2026-06-11"
        ) from error
