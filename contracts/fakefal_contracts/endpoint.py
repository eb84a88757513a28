"""An endpoint and its dated revisions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model

from fakefal_contracts.errors import UnknownContract
from fakefal_contracts.evidence import Evidence
from fakefal_contracts.model import Input
from fakefal_contracts.price import Price

APP_SEGMENTS = 2


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

    `input` is the newest model; `revisions` run from the oldest to the newest, and `documented`
    says on which founding document the contract of that name rests (its schema is the first
    revision).  `prices` run from the oldest to the newest.
    """

    id: str
    title: str
    tier: Literal["standard", "pro"]
    input: type[Input]
    documented: Evidence
    revisions: tuple[Revision, ...]
    prices: tuple[Price, ...]

    @property
    def output(self) -> type[BaseModel]:
        """The model of the result."""
        return self.input.output_type()

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
        """The start of every rule id: ``o1.standard.image-to-video``."""
        return self.path.replace("/", ".")

    def price(self, contract: str) -> Price:
        """The price on the day of a contract; the newest for ``documented`` and ``latest``."""
        if contract in NAMED_CONTRACTS:
            return self.prices[-1]
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
        known = [edition for edition in self.editions if edition.evidence.date <= day]
        if not known:
            first = self.editions[0].contract
            raise UnknownContract(
                f"{self.id} was first published on {first}, after {contract}; give that day or a later one"
            )
        return Edition(self, contract, known[-1].evidence, known[-1].model)


NAMED_CONTRACTS = ("documented", "latest")


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
