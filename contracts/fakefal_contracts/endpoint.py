"""A model of fal under its endpoint id, and its dated revisions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model

from fakefal_contracts.errors import UnknownContract
from fakefal_contracts.evidence import UNDATED, Evidence
from fakefal_contracts.model import Input
from fakefal_contracts.price import Price
from fakefal_contracts.record import Record, Source
from fakefal_contracts.schema_media import limits_of
from fakefal_contracts.schema_models import NO_OVERLAY, Overlay, SchemaModels
from fakefal_contracts.shipped import shipped_record

APP_SEGMENTS = 2
_OBVIOUS = ("fal-ai/kling-video/", "fal-ai/")
"""The beginnings of ids that rule ids leave out."""

Tier = Literal["standard", "pro", "4k", ""]
"""The quality that an endpoint is sold in; empty where that is unknown."""


class Depth(StrEnum):
    """How much is known of a model, least first."""

    TYPES = "types only"
    """Names, types, choices and defaults: no limits, no null."""
    DOCUMENT = "document"
    """All that the model's own OpenAPI document says."""
    IN_DEPTH = "in depth"
    """Rules beyond the document, prices, lengths, and the wording of refusals, each with its evidence."""


@dataclass(frozen=True)
class Revision:
    """A published schema: since when it is known, and what it says differently from the newest.

    `changes` maps a field to its older annotation and default; nothing else is ever repeated.
    """

    evidence: Evidence
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def date(self) -> dt.date:
        """The day it was first seen."""
        return self.evidence.date

    def model(self, newest: type[Input]) -> type[Input]:
        """The input model of this revision."""
        if not self.changes:
            return newest
        overrides: dict[str, Any] = {
            name: (Annotated[kind, Field(description=newest.model_fields[name].description)], default)
            for name, (kind, default) in self.changes.items()
        }
        return create_model(newest.__name__, __base__=newest, __doc__=newest.__doc__, **overrides)


@dataclass(frozen=True)
class Edition:
    """One endpoint under one contract: the model that judges, and why it is believed."""

    endpoint: Endpoint
    contract: str
    evidence: Evidence
    model: type[Input]


@dataclass(frozen=True, eq=False)
class Endpoint:
    """What is known of one endpoint.

    `source` is the newest model of its arguments, written by hand, or the record that models are built from
    when they are first asked for; `overlay` is what is known beyond that record.  `revisions` run from the oldest to
    the newest, and `documented` says on which founding document the contract of that name rests (its schema is the
    first revision).  `prices` run from the oldest to the newest; there may be none.  `run_seconds` is how long it was
    seen to take.
    """

    id: str
    title: str
    source: type[Input] | Record
    documented: Evidence
    revisions: tuple[Revision, ...]
    prices: tuple[Price, ...] = ()
    tier: Tier = ""
    run_seconds: int | None = None
    overlay: Overlay | None = None

    @classmethod
    def of_record(cls, record: Record) -> Endpoint:
        """An endpoint of which its document is all that is known."""
        return cls(record.id, record.title, record, record.evidence, (Revision(record.evidence),))

    @property
    def depth(self) -> Depth:
        """How much is known of it."""
        if self.overlay is not None or not isinstance(self.source, Record):
            return Depth.IN_DEPTH
        return Depth.TYPES if self.source.source is Source.TYPES else Depth.DOCUMENT

    @property
    def depth_in_words(self) -> str:
        """How deep and how old the knowledge is: ``fal's document (2026-06-11)``."""
        if self.depth is Depth.IN_DEPTH or not isinstance(self.source, Record):
            return self.depth.value
        names = {Source.TYPES: "types only", Source.DOCUMENT: "fal's document", Source.OWN: "your document"}
        return f"{names[self.source.source]} ({self.source.evidence.day})"

    @cached_property
    def record(self) -> Record | None:
        """The document in the catalogue; None for a model that no catalogue has."""
        return self.source if isinstance(self.source, Record) else shipped_record(self.id)

    @cached_property
    def _models(self) -> SchemaModels:
        assert isinstance(self.source, Record)
        limits = partial(limits_of, evidence=self.documented, category=self.category)
        return SchemaModels(self.source, limits, self.overlay or NO_OVERLAY)

    @cached_property
    def input(self) -> type[Input]:
        """The newest model of the arguments."""
        return self._models.input() if isinstance(self.source, Record) else self.source

    @cached_property
    def output(self) -> type[BaseModel]:
        """The model of the result."""
        return self._models.output() if isinstance(self.source, Record) else self.source.output_type()

    @property
    def unread(self) -> tuple[str, ...]:
        """What its document left open, and any value is therefore taken for."""
        if not isinstance(self.source, Record):
            return ()
        _ = self.input, self.output
        return tuple(self._models.notes)

    @property
    def category(self) -> str | None:
        """Fal's category, such as ``image-to-video``; None where it is not known."""
        return self.record.category if self.record else None

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What fal's catalogue says of it, by fal's own keys."""
        return self.record.metadata if self.record else {}

    @property
    def launched(self) -> dt.date:
        """The day it was launched, as far as the catalogue knows; else the first of all days."""
        day = self.metadata.get("date")
        return dt.date.fromisoformat(day[:10]) if day else UNDATED

    @property
    def app(self) -> str:
        """Owner and application, the only part of the id that fal's queue URLs carry."""
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
            Edition(self, revision.date.isoformat(), revision.evidence, revision.model(self.input))
            for revision in self.revisions
        )

    @cached_property
    def _named(self) -> dict[str, Edition]:
        oldest, newest = self.editions[0], self.editions[-1]
        return {
            "documented": Edition(self, "documented", self.documented, oldest.model),
            "latest": Edition(self, "latest", newest.evidence, newest.model),
        }

    def edition(self, contract: str) -> Edition:
        """The edition that a contract name stands for.

        ``documented`` is what the founding documents say, ``latest`` the newest published schema,
        and an ISO day the newest revision first seen by then.

        Raises:
            UnknownContract: the name is none of these, or the day lies before the first revision.
        """
        if named := self._named.get(contract):
            return named
        day = parse_contract(contract)
        if isinstance(self.source, Record) and self.launched <= day:
            return Edition(self, contract, self.documented, self.input)  # its one document, whatever its day
        known = [edition for edition in self.editions if edition.evidence.date <= day]
        if not known:
            first = self.launched if isinstance(self.source, Record) else self.editions[0].contract
            raise UnknownContract(
                f"{self.id} was first published on {first}, after {contract}; give that day or a later one"
            )
        return Edition(self, contract, known[-1].evidence, known[-1].model)


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
            f"{contract!r} is no contract: say documented, latest or a day such as 2026-06-11"
        ) from error
