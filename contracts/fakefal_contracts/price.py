"""What a request costs: so many units at a price each, in exact decimals."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from fakefal_contracts.evidence import Evidence
from fakefal_contracts.length import length_of
from fakefal_contracts.media import Facts
from fakefal_contracts.model import Input

MILLION = 1_000_000
THOUSAND = 1000


class Unit(StrEnum):
    """What a price is for."""

    SECOND = "second"
    IMAGE = "image"
    MEGAPIXEL = "megapixel"
    REQUEST = "request"
    CHARACTERS = "1000 characters"

    def in_words(self, units: Decimal) -> str:
        """A number of units as text: ``3 images``."""
        number = f"{units.normalize():f}"
        if self is Unit.CHARACTERS:
            return f"{number} x {self}"
        return f"{number} {self}{'' if units == 1 else 's'}"

    @property
    def each(self) -> str:
        """One unit as text, after a price: ``an image``."""
        return f"an {self}" if self is Unit.IMAGE else f"{self}" if self is Unit.CHARACTERS else f"a {self}"


@dataclass(frozen=True)
class Price:
    """US dollars for each unit since a day; the dearest tier that applies counts.

    `by_resolution` has the prices of resolutions that cost another one: ``{"1080p": ...}``.  At least `least_units`
    are billed (five seconds at one flat price are five times the price of a second), and always a multiple of `step`.
    """

    since: dt.date
    usd: Decimal
    evidence: Evidence
    usd_with_audio: Decimal | None = None
    usd_with_clip: Decimal | None = None
    unit: Unit = Unit.SECOND
    by_resolution: Mapping[str, Decimal] = field(default_factory=dict)
    usd_with_voice: Decimal | None = None
    least_units: int = 0
    step: int = 0

    def __hash__(self) -> int:
        return hash((self.since, self.usd, self.unit))

    @property
    def tiers(self) -> Mapping[str, Decimal]:
        """The price of a unit by what makes it dearer, in words; the plain one first."""
        tiers = {
            "": self.usd,
            "with a sound track": self.usd_with_audio,
            "with voices of one's own": self.usd_with_voice,
            "with a clip among the inputs": self.usd_with_clip,
        }
        return {words: usd for words, usd in tiers.items() if usd is not None}

    @property
    def in_words(self) -> str:
        """The price with all its tiers: ``$0.112 a second, $0.14 a second with audio``."""
        tiers = dict(self.tiers) | {f"at {name}": usd for name, usd in self.by_resolution.items()}
        return ", ".join(f"{dollars(usd)} {self.unit.each} {words}".rstrip() for words, usd in tiers.items())

    def unit_usd(self, arguments: Input) -> Decimal:
        """US dollars for one unit with these arguments."""
        usd = self.usd
        if self.by_resolution:
            usd = self.by_resolution.get(str(arguments.argument("resolution")).lower(), usd)
        if self.usd_with_audio is not None and arguments.audio():
            usd = max(usd, self.usd_with_audio)
        if self.usd_with_voice is not None and arguments.uses_voice():
            usd = max(usd, self.usd_with_voice)
        if self.usd_with_clip is not None and arguments.uses_clip():
            usd = max(usd, self.usd_with_clip)
        return usd

    def units(self, arguments: Input, facts: Mapping[str, Facts], *, at_most: bool = False) -> Decimal | None:
        """How many units a request is billed for; None where neither its arguments nor its files tell."""
        units = _units(arguments, self.unit, facts, at_most=at_most)
        if units is None:
            return None
        if self.step:
            units = Decimal(math.ceil(units / self.step) * self.step)
        return max(units, Decimal(self.least_units)) if self.least_units else units


class Cost(NamedTuple):
    """The price of one request: `usd` is `units` times `unit_usd`."""

    usd: Decimal
    units: Decimal
    unit_usd: Decimal
    unit: Unit = Unit.SECOND


def price_of(
    arguments: Input, price: Price | None, facts: Mapping[str, Facts], *, at_most: bool = False
) -> Cost | None:
    """What these arguments cost when they are accepted; None where the price or the number of units is unknown.

    `facts` are what is known of the files among them, by their addresses; `at_most` assumes the longest of a file that
    nobody looked at, and so gives the most that they can cost (see `length_of`).
    """
    units = None if price is None else price.units(arguments, facts, at_most=at_most)
    if price is None or units is None:
        return None
    unit_usd = price.unit_usd(arguments)
    return Cost(unit_usd * units, units, unit_usd, price.unit)


def _units(arguments: Input, unit: Unit, facts: Mapping[str, Facts], *, at_most: bool) -> Decimal | None:
    match unit:
        case Unit.SECOND:
            length = length_of(arguments, facts, at_most=at_most)
            return None if length is None else length.seconds
        case Unit.IMAGE:
            return Decimal(arguments.pictures())
        case Unit.MEGAPIXEL:
            pixels = arguments.pixels()
            return None if pixels is None else arguments.pictures() * Decimal(pixels) / MILLION
        case Unit.CHARACTERS:
            return Decimal(arguments.characters()) / THOUSAND
        case Unit.REQUEST:
            return Decimal(1)


def billed(units: Decimal, unit_usd: Decimal) -> Decimal:
    """US dollars for what the service says it billed, in the units of ``x-fal-billable-units``."""
    return units * unit_usd


def dollars(usd: Decimal) -> str:
    """An amount as people read it: two digits, and more only where they matter."""
    exact = abs(usd.normalize())
    cents = exact.quantize(Decimal("0.01"))
    return f"{'-' if usd < 0 else ''}${cents if cents == exact else f'{exact:f}'}"
