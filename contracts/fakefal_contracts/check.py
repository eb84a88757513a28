"""Judge the arguments of one request: the validator that emulator, client and tests share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fakefal_contracts.endpoint import Edition, Endpoint
from fakefal_contracts.errors import Unreadable
from fakefal_contracts.hints import schema_hint, unknown_key_hint
from fakefal_contracts.media import Facts, Limits, Missing, Opener
from fakefal_contracts.model import Advice, Input, Loc, Model, path_of, spots, values
from fakefal_contracts.price import Cost, price_of
from fakefal_contracts.probe import is_data_uri, read_data_uri
from fakefal_contracts.rule import Requirement, Stage, Violation
from fakefal_contracts.rulebook import Rulebook, rulebook


@dataclass(frozen=True)
class Unchecked:
    """Media that nobody looked at, and why."""

    loc: Loc
    address: str
    reason: str


@dataclass(frozen=True)
class Report:
    """What a request is worth: errors refuse it, warnings do not.

    `arguments` is the parsed body, and `cost` what it costs, where there are no schema errors.
    `facts` maps addresses to what was measured.
    """

    endpoint: Endpoint
    contract: str
    errors: tuple[Violation, ...] = ()
    warnings: tuple[Advice, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()
    arguments: Input | None = None
    cost: Cost | None = None
    facts: dict[str, Facts] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the service would accept the request."""
        return not self.errors

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON values: the format of ``fakefal check --json``."""
        name = self.endpoint.name
        return {
            "endpoint_id": self.endpoint.id,
            "contract": self.contract,
            "ok": self.ok,
            "errors": [
                {"rule": e.rule.id, "type": e.type, "loc": ["body", *e.loc], "msg": e.msg, "hint": e.hint}
                for e in self.errors
            ],
            "warnings": [
                {"rule": f"{name}.{w.code}", "loc": ["body", *w.loc], "msg": w.msg, "hint": w.hint}
                for w in self.warnings
            ],
            "unchecked": [{"loc": ["body", *u.loc], "url": u.address, "reason": u.reason} for u in self.unchecked],
            "cost": self.cost
            and {"usd": float(self.cost.usd), "seconds": self.cost.seconds, "unit_usd": float(self.cost.unit_usd)},
        }


def open_data_uris(address: str) -> bytes | Path | None:
    """The default opener: ``data:`` URIs are read, other http(s) addresses are left unchecked.

    Raises:
        Missing: the address is of no kind that a service could download.
    """
    if is_data_uri(address):
        return read_data_uri(address)[1]
    if address.lower().startswith(("http://", "https://")):
        return None
    raise Missing(f"{address[:80]!r} is not an http(s) or data: address")


def judge(edition: Edition, body: Any, opener: Opener = open_data_uris) -> Report:
    """Judge a decoded JSON body under one edition.

    Schema first, then the model's own rules, then media; a stage is only reached when the one
    before found nothing, as at fal.  `opener` may read files and may block; nothing else does.
    """
    endpoint, contract = edition.endpoint, edition.contract
    book = rulebook(edition)
    try:
        arguments = edition.model.model_validate(body, from_attributes=True)
    except ValidationError as error:
        return Report(endpoint, contract, tuple(_schema_errors(edition, book, error, body)))
    warnings = (*arguments.advice(), *_unknown_keys(body, arguments))
    errors = tuple(_model_errors(book, arguments))
    media = _Media(book, arguments, opener)
    if not errors:
        media.look()
    cost = price_of(arguments, endpoint.price)
    return Report(
        endpoint,
        contract,
        errors or tuple(media.errors),
        warnings,
        tuple(media.unchecked),
        arguments,
        cost,
        media.facts,
    )


def media_addresses(arguments: Input) -> Iterator[tuple[Loc, str, Limits]]:
    """Every picture and clip of a parsed body: its location, its address, its limits."""
    for loc, value, metadata in values(arguments, type(arguments)):
        for extra in metadata:
            if isinstance(extra, Limits):
                yield loc, value, extra


class _Media:
    """One look at all media of a request; each address is measured once."""

    def __init__(self, book: Rulebook, arguments: Input, opener: Opener) -> None:
        self._book, self._arguments, self._opener = book, arguments, opener
        self._seen: dict[tuple[str, int], Facts | Unreadable | None] = {}
        self.errors: list[Violation] = []
        self.unchecked: list[Unchecked] = []
        self.facts: dict[str, Facts] = {}

    def look(self) -> None:
        for loc, address, limits in media_addresses(self._arguments):
            found = self._measure(address, limits)
            if found is None:
                self.unchecked.append(Unchecked(loc, address, "not fetched: only data: URIs and known files are read"))
                continue
            findings = [limits.unreachable(found)] if isinstance(found, Unreadable) else list(limits.judge(found))
            for finding in findings:
                rule = self._book.get(path_of(loc), finding.kind)
                self.errors.append(
                    Violation(rule, Stage.MODEL, loc, finding.type, finding.msg, address, finding.ctx, finding.hint)
                )

    def _measure(self, address: str, limits: Limits) -> Facts | Unreadable | None:
        key = address, id(limits)
        if key not in self._seen:
            try:
                source = self._opener(address)
                self._seen[key] = None if source is None else limits.measure(source)
            except Unreadable as error:
                self._seen[key] = error
        found = self._seen[key]
        if found is not None and not isinstance(found, Unreadable):
            self.facts[address] = found
        return found


def _schema_errors(edition: Edition, book: Rulebook, error: ValidationError, body: Any) -> Iterator[Violation]:
    places = {spot.path: spot for spot in spots(edition.model)}
    for found in error.errors(include_url=False):
        item = _as_fastapi({**found}, body)
        loc: Loc = item["loc"]
        spot = places[path_of(loc)]
        rule, requirement = book.of_item(spot.path, item["type"], item.get("ctx", {}))
        hint = requirement.hint if requirement else schema_hint(item, spot, body)
        hint += _other_revisions(edition, item, body)
        yield Violation(rule, Stage.SCHEMA, loc, item["type"], item["msg"], item["input"], item.get("ctx"), hint)


def _as_fastapi(item: dict[str, Any], body: Any) -> dict[str, Any]:
    """A body of ``null`` is a missing body to FastAPI, which fal's runners are built on."""
    if body is None and item["loc"] == ():
        return {"type": "missing", "loc": (), "msg": "Field required", "input": None}
    return item


def _other_revisions(edition: Edition, item: dict[str, Any], body: Any) -> str:
    """Name the contracts that would not make this complaint, where they differ from this one."""
    accepting = []
    for other in edition.endpoint.editions:
        if other.model is edition.model:
            continue
        try:
            other.model.model_validate(body, from_attributes=True)
        except ValidationError as error:
            complaints = {(complaint["loc"], complaint["type"]) for complaint in error.errors(include_url=False)}
            if (item["loc"], item["type"]) in complaints:
                continue
        accepting.append(other.contract)
    return f"; accepted under contract {', '.join(accepting)}" if accepting else ""


def _model_errors(book: Rulebook, arguments: Input) -> Iterator[Violation]:
    for loc, value, _ in values(arguments, type(arguments)):
        if isinstance(value, Model):
            for requirement in value.requirements:
                if requirement.stage is Stage.MODEL and not requirement.holds(value):
                    yield _violation(book, requirement, loc, value)


def _violation(book: Rulebook, requirement: Requirement, loc: Loc, value: Model) -> Violation:
    place = (*loc, requirement.at) if requirement.at else loc
    rule = book.get(path_of(place), requirement.kind)
    given = getattr(value, requirement.at) if requirement.at else value.model_dump(exclude_unset=True)
    return Violation(rule, Stage.MODEL, place, requirement.type, requirement.message, given, None, requirement.hint)


def _unknown_keys(body: Any, arguments: Input) -> Iterator[Advice]:
    """Keys that the service silently drops, in the body and in the objects inside it."""
    for loc, value, _ in values(arguments, type(arguments)):
        if not isinstance(value, Model):
            continue
        sent = body
        for part in loc:
            sent = sent[part]
        for key in sent:
            if key not in type(value).model_fields:
                yield Advice("unknown_key", (*loc, key), f'"{key}" is ignored', unknown_key_hint(key, type(value)))
