"""Judge the arguments of one request: the validator that emulator, client and tests share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from fakefal_contracts.body_parts import parts_of
from fakefal_contracts.endpoint import Edition, Endpoint
from fakefal_contracts.errors import Unreadable
from fakefal_contracts.evidence import inferred
from fakefal_contracts.failures import MODEL_ERRORS
from fakefal_contracts.hints import REMOVE, requirement_hint, schema_hint, unknown_key_hint
from fakefal_contracts.length import Length, length_of
from fakefal_contracts.measured import measured
from fakefal_contracts.media import BrokenLimit, Facts, Limits, Missing, Opener
from fakefal_contracts.model import (
    UNKNOWN_KEY,
    Advice,
    Caution,
    Input,
    Loc,
    Model,
    field_names,
    is_model,
    path_of,
    spot_at,
    spots,
)
from fakefal_contracts.openers import known_host, open_data_uris
from fakefal_contracts.other_revisions import (
    Note,
    accepted_no_more,
    accepted_since,
    other_revisions,
    refusing_revisions,
)
from fakefal_contracts.price import Cost, price_of
from fakefal_contracts.probe import is_data_uri
from fakefal_contracts.rule import Looked, Requirement, Stage, Violation
from fakefal_contracts.rulebooks import rulebook

LOCAL_NAME = Caution(
    "local_name",
    "a host without a dot, or below .local, .internal and their like, probably exists in one network only",
    inferred("fal downloads media over the internet", "2026-11-30"),
)
LONGEST_DATA_URI = 10 * 1024 * 1024
LONG_DATA_URI = Caution(
    "long_data_uri",
    f"a data: URI of more than {LONGEST_DATA_URI:,} characters may be refused",
    inferred("fal's staff said that those beyond about 10 MB fail (fal#178, 2024; one report has 3 MB)", "2026-11-30"),
)
MEDIA_CAUTIONS = (LOCAL_NAME, LONG_DATA_URI)
"""Warnings that any endpoint with media may give."""


class Unchecked(NamedTuple):
    """Media that were not checked, or not fully, and why."""

    loc: Loc
    address: str
    reason: str


class Report(NamedTuple):
    """The result of a check: errors mean that the request is refused; warnings and notes do not.

    `arguments` is the parsed body, if there are no schema errors; with schema errors, warnings are only about unknown
    keys. `facts` maps URLs of media to their measurements. Price and length are computed on each access.
    """

    endpoint: Endpoint
    contract: str
    errors: tuple[Violation, ...]
    warnings: tuple[Advice, ...]
    unchecked: tuple[Unchecked, ...]
    arguments: Input | None
    facts: dict[str, Facts]
    notes: tuple[Note, ...]

    @property
    def ok(self) -> bool:
        """Whether the service would accept the request."""
        return not self.errors

    @property
    def cost(self) -> Cost | None:
        """The price; None if it is unknown or there are errors, because fal does not bill refusals."""
        if self.errors or self.arguments is None:
            return None
        return price_of(self.arguments, self.endpoint.price(self.contract), self.facts)

    @property
    def length(self) -> Length | None:
        """The length of the result in seconds; None if unknown."""
        return None if self.arguments is None else length_of(self.arguments, self.facts)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON values, as in ``fakefal check --format json``."""
        name, cost = self.endpoint.name, self.cost
        return {
            "endpoint_id": self.endpoint.id,
            "contract": self.contract,
            "checked_against": self.endpoint.checked_against,
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
            "notes": [{"loc": ["body", *n.loc], "msg": n.msg} for n in self.notes],
            "cost": cost
            and {
                "usd": float(cost.usd),
                "units": float(cost.units),
                "unit": cost.unit.value,
                "unit_usd": float(cost.unit_usd),
            },
        }


MOST_MEANT = 20
"""Suggestions, which are slow, are made for at most this number of unknown keys."""

MOST_LOOKED_AT = 5000
"""How many values of a body are checked to list its faults, if there are more faults than are listed."""

MOST_FOUND = 1000
"""How many schema errors, and how many unknown keys, a report lists; the first ones."""


def judge(edition: Edition, body: Any, opener: Opener = open_data_uris) -> Report:
    """Judge a decoded JSON body under one edition.

    The schema is judged first, then the rules of the model, then the media. As at fal, later stages run only if the
    earlier ones found no error. At most `MOST_FOUND` errors are reported. Only `opener` may read files and block.
    """
    endpoint, contract = edition.endpoint, edition.contract
    try:  # `model_validate` reads options of its own first
        arguments = edition.model.__pydantic_validator__.validate_python(body, from_attributes=True)
    except ValidationError as error:
        refused = tuple(_schema_errors(edition, error, body))
        seen = islice(_objects_at_sight(edition.model, body), MOST_LOOKED_AT)
        return Report(endpoint, contract, refused, tuple(_unknown_keys(seen)), (), None, {}, ())
    parts = parts_of(arguments, body)
    errors = [_violation(edition, rule, (*loc, rule.at), body) for loc, rule in parts.broken]
    media = _Media(edition, arguments, opener)
    if parts.media and not errors:
        media.look(parts.media)
        errors = media.errors
        if media.facts and not errors:
            errors += _errors_about_media(edition, arguments, media.facts, body)
    warnings, notes = list(arguments.advice()), list[Note]()
    if parts.strange:
        warnings += _unknown_keys(parts.strange)
    if refusing := refusing_revisions(edition, body):
        warnings += accepted_no_more(edition, refusing)
        notes += accepted_since(edition, refusing)
    if arguments.follows:
        notes += _assumed(arguments, media.facts)
    return Report(
        endpoint,
        contract,
        tuple(errors),
        (*warnings, *media.warnings),
        tuple(media.unchecked),
        arguments,
        media.facts,
        tuple(notes),
    )


def media_addresses(arguments: Input) -> Iterator[tuple[Loc, str, Limits]]:
    """Every picture and clip of a parsed body: its location, its address, its limits."""
    return iter(parts_of(arguments).media)


class _Media:
    """One check of all media of a request; each address is measured once."""

    def __init__(self, edition: Edition, arguments: Input, opener: Opener) -> None:
        self._edition, self._arguments, self._opener = edition, arguments, opener
        self._seen: dict[str, dict[int, Facts | BrokenLimit]] = {}
        self.errors: list[Violation] = []
        self.warnings: list[Advice] = []
        self.unchecked: list[Unchecked] = []
        self.facts: dict[str, Facts] = {}

    def look(self, media: list[tuple[Loc, str, Limits]]) -> None:
        """Open, measure and judge all media."""
        for loc, address, limits in media:
            known = self._seen.get(address)
            found = self._open(address, limits) if known is None or id(limits) not in known else known[id(limits)]
            if found is None:
                self.unchecked.append(Unchecked(loc, address, "not fetched: only data: URIs and known files are read"))
                if (host := known_host(address)).is_local_name:
                    msg = f"{host.name[:80]} looks like the name of one network"
                    hint = "upload the file, or give an address on the internet"
                    self.warnings.append(Advice(LOCAL_NAME, loc, msg, hint))
            elif isinstance(found, BrokenLimit):
                self._add(loc, address, found)
            else:
                self._judge(loc, address, limits, found)

    def _judge(self, loc: Loc, address: str, limits: Limits, facts: Facts) -> None:
        self.facts[address] = facts
        if len(address) > LONGEST_DATA_URI and is_data_uri(address):
            msg = f"the data: URI has {len(address):,} characters"
            self.warnings.append(
                Advice(LONG_DATA_URI, loc, msg, "upload the file, and send the address that comes back")
            )
        findings = list(limits.judge(facts))
        for finding in findings:
            self._add(loc, address, finding)
        if findings:
            return
        if unjudged := limits.unjudged(facts):
            self.unchecked.append(Unchecked(loc, address, unjudged))
        self.warnings += self._arguments.media_advice(loc, facts)

    def _add(self, loc: Loc, address: str, finding: BrokenLimit) -> None:
        rule = rulebook(self._edition).get(path_of(loc), finding.kind)
        self.errors.append(
            Violation(rule, Stage.MODEL, loc, finding.type, finding.msg, address, finding.ctx, finding.hint)
        )

    def _open(self, address: str, limits: Limits) -> Facts | BrokenLimit | None:
        """What is at an address; None, which is not remembered, if it must not be opened."""
        try:
            if (source := self._opener(address)) is None:
                return None
            found = _measure(source, limits)
        except Unreadable as error:
            found = limits.unreachable(error)
        except FileNotFoundError as error:
            found = limits.unreachable(Missing(f"{address} is gone: {error.strerror}"))
        self._seen.setdefault(address, {})[id(limits)] = found
        return found


def _measure(source: bytes | Path, limits: Limits) -> Facts | BrokenLimit:
    if isinstance(source, bytes):
        return limits.too_large() if len(source) > limits.most_bytes else limits.measure(source)
    state = source.stat()
    if state.st_size > limits.most_bytes:
        return limits.too_large()
    return measured(source, state, limits.noun, limits.measure)


def _schema_errors(edition: Edition, error: ValidationError, body: Any) -> Iterator[Violation]:
    book = rulebook(edition)
    for found in _bounded(edition, error, body).errors(include_url=False)[:MOST_FOUND]:
        item = _as_fastapi({**found}, body)
        loc: Loc = item["loc"]
        spot = spot_at(edition.model, loc)
        rule, requirement = book.of_item(spot.path, item["type"], item.get("ctx", {}))
        own = requirement_hint(requirement.hint, item["input"], spot.kind) if requirement else ""
        hint = own or schema_hint(item, spot)
        hint += other_revisions(edition, loc, item["input"])
        yield Violation(rule, Stage.SCHEMA, loc, item["type"], item["msg"], item["input"], item.get("ctx"), hint)


def _bounded(edition: Edition, error: ValidationError, body: Any) -> ValidationError:
    """For a body with very many faults, the error of its beginning: pydantic lists all faults in one long call."""
    if error.error_count() <= MOST_FOUND:
        return error
    try:
        edition.model.model_validate(_beginning(body, [MOST_LOOKED_AT]), from_attributes=True)
    except ValidationError as shorter:
        return shorter
    return error


def _beginning(value: Any, left: list[int]) -> Any:
    """The value, cut to the number of items that are left."""
    left[0] -= 1
    if isinstance(value, dict):
        return {key: _beginning(item, left) for key, item in value.items() if left[0] > 0}
    if isinstance(value, list):
        return [_beginning(item, left) for item in value if left[0] > 0]
    return value


def _as_fastapi(item: dict[str, Any], body: Any) -> dict[str, Any]:
    """FastAPI, on which fal's runners are built, treats a body of ``null`` as missing."""
    if body is None and item["loc"] == ():
        return {"type": "missing", "loc": (), "msg": "Field required", "input": None}
    return item


def _errors_about_media(
    edition: Edition, arguments: Input, facts: Mapping[str, Facts], body: Any
) -> Iterator[Violation]:
    """The broken rules about an argument and its file, as far as the file was read."""
    for requirement in arguments.requirements:
        if requirement.stage is not Stage.MEDIA:
            continue
        known = facts.get(str(arguments.argument(requirement.at)))
        if known is not None and not requirement.holds(looked := Looked(arguments, known)):
            yield _violation(edition, requirement, (requirement.at,), body, requirement.ctx and requirement.ctx(looked))


def _violation(
    edition: Edition, requirement: Requirement, place: Loc, body: Any, ctx: dict[str, Any] | None = None
) -> Violation:
    """A broken requirement of the model's stages, which is always about one field of an object."""
    rule = rulebook(edition).get(path_of(place), requirement.kind)
    error = replace(MODEL_ERRORS[requirement.type], template=requirement.message)
    msg = error.message(ctx) if ctx else requirement.message
    given = _sent(body, place)
    return Violation(rule, Stage.MODEL, place, requirement.type, msg, given, ctx, requirement.hint)


def _sent(body: Any, place: Loc) -> Any:
    """The value at a place of a body; for an omitted list, the empty list that is judged instead."""
    for step in place[:-1]:
        body = body[step]
    return body.get(place[-1], [])


def _assumed(arguments: Input, facts: Mapping[str, Facts]) -> Iterator[Note]:
    """A note that the result is as long as a file that was not read."""
    if (length := length_of(arguments, facts)) and length.assumed_of:
        msg = f"the result is as long as this file, which was not read; {length.seconds} s are assumed"
        yield Note((length.assumed_of,), msg)


@cache
def _object_kinds(model: type[Model]) -> dict[str, type[Model]]:
    """The objects of a model by their paths, unless a union leaves open which object it is."""
    return {spot.path: spot.kind for spot in spots(model) if is_model(spot.kind)}


def _objects_at_sight(
    model: type[Model], body: Any, path: str = "", loc: Loc = ()
) -> Iterator[tuple[Loc, type[Model], dict[str, Any]]]:
    """The objects of a refused body, outermost first, as far as their places identify them."""
    if isinstance(body, dict) and (kind := _object_kinds(model).get(path)):
        yield loc, kind, body
        for key, value in body.items():
            if isinstance(value, dict | list) and key in field_names(kind):
                yield from _objects_at_sight(model, value, f"{path}.{key}" if path else key, (*loc, key))
    elif isinstance(body, list) and path:
        for index, value in enumerate(body):
            yield from _objects_at_sight(model, value, f"{path}[]", (*loc, index))


def _unknown_keys(objects: Iterable[tuple[Loc, type[Model], dict[str, Any]]]) -> Iterator[Advice]:
    """Keys that the service silently drops, at most `MOST_FOUND`, in these objects of the body."""
    strangers = ((loc, kind, sent, key) for loc, kind, sent in objects for key in sent if key not in field_names(kind))
    for number, (loc, kind, sent, key) in enumerate(islice(strangers, MOST_FOUND)):
        hint = unknown_key_hint(key, kind, sent) if number < MOST_MEANT else REMOVE
        yield Advice(UNKNOWN_KEY, (*loc, key), f'"{key}" is ignored', hint)
