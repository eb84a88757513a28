"""Judges the inputs of ``fakefal check`` and adds up the results."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from fakefal.cli.inputs import CheckInput
from fakefal_contracts import Catalogue, ContractError, Edition, Report, judge, open_for_fake
from fakefal_contracts.endpoint import LATEST
from fakefal_contracts.evidence import inferred
from fakefal_contracts.judgement import media_addresses
from fakefal_contracts.media import Missing
from fakefal_contracts.model import Advice, Caution
from fakefal_contracts.openers import UPLOAD, not_an_address
from fakefal_contracts.price import Cost, dollars, price_of


class CheckStatus(StrEnum):
    """The result for an input."""

    VALID = "valid"
    FAILED = "failed"
    """The service would accept it, but ``--strict`` does not, because of warnings or media that were not read."""
    REFUSED = "refused"
    UNUSABLE = "unusable"
    """It could not be checked: it is not JSON, or names no known model."""


@dataclass(slots=True)
class CheckedInput:
    """One input with its report, or with the problem that prevented one.

    `cost` is None if it is refused, or if its price is unknown.
    """

    given: CheckInput
    status: CheckStatus
    report: Report | None = None
    cost: Cost | None = None
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The input as plain JSON values."""
        place = {"file": self.given.file, "line": self.given.line, "place": self.given.place, "status": self.status}
        if self.report is None:
            return {**place, "ok": False, "problem": self.problem}
        report = self.report.as_dict()
        for finding in (*report["errors"], *report["warnings"], *report["notes"], *report["unchecked"]):
            finding["line"] = self.given.line_of(tuple(finding["loc"][1:]))
        return {**place, **report}


class Checker:
    """Checks inputs under one contract.

    Args:
        catalogue: the known models.
        contract: the name of the contract.
        local_files: whether to open the files of this machine that an input names.
        strict: whether warnings and unchecked media fail.
    """

    def __init__(self, catalogue: Catalogue, contract: str, *, local_files: bool, strict: bool) -> None:
        self._local_files = local_files
        self._strict = strict

        @cache
        def edition(endpoint_id: str) -> Edition:
            return catalogue.find(endpoint_id).edition(contract)

        self._edition = edition

    def check(self, given: CheckInput) -> CheckedInput:
        """Check one input."""
        if given.problem:
            return CheckedInput(given, CheckStatus.UNUSABLE, problem=given.problem)
        opener = _Opener(given.file) if self._local_files else _open_none
        try:
            report = judge(self._edition(given.endpoint_id), given.body, opener)
        except ContractError as error:
            return CheckedInput(given, CheckStatus.UNUSABLE, problem=str(error))
        if isinstance(opener, _Opener) and opener.local:
            report = report._replace(warnings=(*report.warnings, *_uploads(report, opener)))
        return CheckedInput(given, self._status(report), report, report.cost)

    def _status(self, report: Report) -> CheckStatus:
        if report.errors:
            return CheckStatus.REFUSED
        strictly = self._strict and (report.warnings or report.unchecked)
        return CheckStatus.FAILED if strictly else CheckStatus.VALID


@dataclass
class CheckTotals:
    """All inputs together.

    `usd` is the total of the known prices.  For `most_usd`, files that were not read count as the longest that
    is allowed.  `unknown` counts inputs that are not refused and have no known price.
    """

    contract: str
    max_usd: Decimal | None
    by_status: Counter[CheckStatus] = field(default_factory=Counter)
    warnings: int = 0
    usd: Decimal = Decimal(0)
    most_usd: Decimal = Decimal(0)
    unknown: int = 0

    def add(self, one: CheckedInput) -> None:
        """Count one more input."""
        self.by_status[one.status] += 1
        report = one.report
        if report is None:
            return
        self.warnings += len(report.warnings)
        if one.cost is not None:
            self.usd += one.cost.usd
            self.most_usd += one.cost.usd if self.max_usd is None else _most(report, one.cost)
        elif report.ok:
            self.unknown += 1

    @property
    def over(self) -> str:
        """Why these inputs may cost more than ``--max-usd`` allows; empty if they cannot."""
        if self.max_usd is None:
            return ""
        if self.usd > self.max_usd:
            return f"{dollars(self.usd)} is more than --max-usd {dollars(self.max_usd)}"
        if self.most_usd > self.max_usd:
            return (
                f"up to {dollars(self.most_usd)}, because the files that decide were not read, "
                f"is more than --max-usd {dollars(self.max_usd)}"
            )
        if self.unknown:
            return (
                f"the price of {self.unknown} is unknown, so --max-usd cannot be checked: "
                'set it in fakefal.toml: [prices."MODEL"] usd = "0.025", unit = "image"'
            )
        return ""

    @property
    def exit_code(self) -> int:
        """0 if all inputs are valid, 2 if an input could not be checked, otherwise 1."""
        if self.by_status[CheckStatus.UNUSABLE]:
            return 2
        return 1 if self.over or self.by_status[CheckStatus.REFUSED] or self.by_status[CheckStatus.FAILED] else 0

    def as_dict(self) -> dict[str, Any]:
        """The totals as plain JSON values."""
        counts = {str(status): self.by_status[status] for status in CheckStatus}
        prices = {"usd": float(self.usd), "unknown_prices": self.unknown, "over_max_usd": self.over or None}
        return {
            "contract": self.contract,
            "inputs": self.by_status.total(),
            **counts,
            "warnings": self.warnings,
            **prices,
        }

    def __str__(self) -> str:
        """One sentence: ``3 inputs: 2 valid, 1 refused; 1 warning; $0.56 in total``."""
        counts = ", ".join(f"{self.by_status[one]} {one}" for one in CheckStatus if self.by_status[one])
        contract = "" if self.contract == LATEST else f" (contract: {self.contract})"
        words = f"{_counted(self.by_status.total(), 'input')}{contract}: {counts}"
        words += f"; {_counted(self.warnings, 'warning')}" if self.warnings else ""
        words += f"; {dollars(self.usd)} in total"
        return words + (f", and {self.unknown} of unknown price" if self.unknown else "")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _most(report: Report, cost: Cost) -> Decimal:
    assert report.arguments is not None, "what is priced was parsed"
    most = price_of(report.arguments, report.endpoint.price(report.contract), report.facts, at_most=True)
    return cost.usd if most is None else most.usd


LOCAL = Caution(
    "local_file",
    "a local file must be uploaded before the request is sent",
    inferred("fal downloads media by address", "2026-11-20"),
)


def _uploads(report: Report, opener: _Opener) -> Iterator[Advice]:
    """A warning for every local file: the service cannot open it."""
    if report.arguments is None:
        return
    for loc, address, _ in media_addresses(report.arguments):
        if address in opener.local:
            yield Advice(LOCAL, loc, f"{address[:80]} is a file of this machine", UPLOAD)


_ADDRESS = re.compile("data:|https?://")
"""How most URLs start; a fast first test."""


def _scheme(address: str) -> str:
    return urlsplit(address[:20]).scheme.lower()


def _open_none(address: str) -> bytes | Path | None:
    """Reads ``data:`` URIs; leaves URLs unchecked."""
    if _ADDRESS.match(address) or _scheme(address) in ("data", "http", "https"):
        return open_for_fake(address)
    raise not_an_address(address, "; --local-files checks it here")


class _Opener:
    """Also reads local files, relative to the working folder or to the folder of the input file."""

    def __init__(self, file: str) -> None:
        self._folder = Path(file).parent
        self.local: set[str] = set()

    def __call__(self, address: str) -> bytes | Path | None:
        scheme = _scheme(address)
        if scheme in ("data", "http", "https"):
            return open_for_fake(address)
        named = Path(unquote(urlsplit(address).path) if scheme == "file" else address)
        for place in (named, self._folder / named):
            try:
                if place.is_file():
                    self.local.add(address)
                    return place
            except (OSError, ValueError):
                break
        raise Missing(f"there is no file {address[:80]}")
