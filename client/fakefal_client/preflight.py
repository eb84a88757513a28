"""Checking and pricing before anything is sent.

Against fal the newest schema counts, and what any known revision accepts is a warning and never a block;
against a fake the fake's own contract counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fakefal_client.endpoint_call import EndpointCall
from fakefal_client.errors import InvalidRequest, TestPromptRefused, UnknownPrice, UsageError
from fakefal_client.local_media import local_media
from fakefal_client.retry import Deadline
from fakefal_client.steps import Flow, HttpCall, WireFailure, Work
from fakefal_client.target import Target
from fakefal_contracts import (
    BUILT_IN,
    Advice,
    Catalogue,
    Cost,
    Endpoint,
    Opener,
    Report,
    judge,
    open_data_uris,
    open_for_fake,
)
from fakefal_contracts.endpoint import LATEST, NAMED_CONTRACTS, Edition, parse_contract
from fakefal_contracts.errors import UnknownContract, unknown_model
from fakefal_contracts.evidence import inferred
from fakefal_contracts.model import Caution
from fakefal_contracts.other_revisions import OUTDATED
from fakefal_contracts.price import price_of
from fakefal_contracts.probe import is_data_uri
from fakefal_contracts.testprompt import marked_texts

HEALTH_SECONDS = 5.0
_OURS = inferred("a rule of this client, not of the service", "2026-11-20")
UNKNOWN_MODEL = Caution("unknown_model", "of an unknown model nothing is checked or priced", _OURS)
OTHER_REVISION = Caution("other_revision", "the newest schema refuses what an older one accepts", _OURS)


@dataclass(frozen=True)
class Checked:
    """What pre-flight found: the report, where a contract covers the endpoint, every warning, the price.

    `most_usd` is what is reserved: above `usd` where the job is as long as a file that nobody looked at.
    """

    report: Report | None
    warnings: tuple[Advice, ...]
    usd: Decimal | None = None
    most_usd: Decimal | None = None
    unit_usd: Decimal | None = None

    @property
    def unmeasured(self) -> str:
        """The argument whose file decides the price and was not looked at; empty where none does."""
        length = self.report and self.report.length
        return length.assumed_of if length and self.usd is not None else ""


class Preflight:
    """Checks requests for one target.

    Args:
        target: whose contract counts.
        contract: the name of a contract that counts instead.
        catalogue: the models that are known.

    Attributes:
        opener: what is looked at of media that are not local: a fake knows its own files best.
    """

    def __init__(self, target: Target, contract: str | None, catalogue: Catalogue = BUILT_IN) -> None:
        self._target = target
        self.catalogue = catalogue
        self._contract = contract or (LATEST if target.is_fal else None)
        self._unsure = False
        self.opener: Opener = open_data_uris if target.is_fal else open_for_fake
        if self._contract is not None and self._contract not in NAMED_CONTRACTS:
            parse_contract(self._contract)

    def judge(
        self, endpoint_id: str, arguments: Any, opener: Opener, *, until: float | None = None
    ) -> Flow[Report | None]:
        """Judge and price under the contract that counts; None where no contract covers the endpoint.

        A fake is asked for its contract only where one known revision accepts what another refuses.
        """
        endpoint = self.catalogue.get(endpoint_id)
        if endpoint is None:
            return None
        if self._contract is not None:
            return (yield from _judged(_edition(endpoint, self._contract), arguments, opener))
        first, *others = endpoint.editions
        report = yield from _judged(first, arguments, opener)
        for edition in others:
            if (yield from _judged(edition, arguments, opener)).ok != report.ok:
                break
        else:
            return report._replace(contract=LATEST)
        contract = yield from self._ask(until)
        return (yield from _judged(_edition(endpoint, contract or LATEST), arguments, opener))

    def check(
        self,
        endpoint_id: str,
        arguments: Any,
        opener: Opener,
        *,
        strict: bool,
        until: float | None = None,
    ) -> Flow[Checked]:
        """Judge, price, and with `strict` refuse what the target would refuse.

        Raises:
            TestPromptRefused: it asks the emulator for an effect, and would go to fal.
            InvalidRequest: `strict`, and the target would refuse it.
        """
        mark = next(marked_texts(arguments), None)
        if self._target.is_fal and mark is not None:
            raise TestPromptRefused(
                f"{mark} asks the emulator for an effect: fal would take it as a prompt, and bill it"
            )
        report = yield from self.judge(endpoint_id, arguments, opener, until=until)
        if report is None:
            hint = "send it with reserve_usd= under a budget; the result shows whether it was right"
            return Checked(None, (Advice(UNKNOWN_MODEL, (), unknown_model(endpoint_id), hint),))
        if report.ok:
            return _checked(report, report.warnings)
        accepting = yield from self._accepting(report, arguments, opener)
        if accepting is None and strict:
            raise InvalidRequest(report)
        if accepting is None:
            return _checked(report, report.warnings)
        by = f"accepted by the schema of {accepting.contract}"
        refused = tuple(Advice(OTHER_REVISION, one.loc, one.msg, f"{by}: {one.hint}") for one in report.errors)
        return _checked(accepting, (*refused, *(one for one in accepting.warnings if one.caution is not OUTDATED)))

    def _accepting(self, report: Report, arguments: Any, opener: Opener) -> Flow[Report | None]:
        """The newest revision that accepts what the newest schema refuses; only fal gets the benefit of the doubt."""
        if not self._target.is_fal and not self._unsure:
            return None
        for edition in reversed(report.endpoint.editions):
            other = yield from _judged(edition, arguments, opener)
            if other.ok:
                return other
        return None

    def _ask(self, until: float | None) -> Flow[str | None]:
        """The contract of the fake; None where it does not say, and then nothing is blocked by a guess."""
        call = HttpCall(
            "GET", f"{self._target.base_url.base}/_fakefal/health", timeout_seconds=HEALTH_SECONDS, until=until
        )
        try:
            reply = yield call
            said = reply.json()
        except WireFailure:
            said = None
        named = said.get("contract") if isinstance(said, dict) else None
        self._unsure = not isinstance(named, str)
        return named if isinstance(named, str) else None


def report_on(preflight: Preflight, endpoint_call: EndpointCall, deadline: Deadline) -> Flow[Report]:
    """The report on a request, local media included, with every warning.

    Raises:
        UnknownEndpoint: the endpoint has no known schema.
    """
    preflight.catalogue.find(endpoint_call.endpoint_id)
    media = yield from local_media(endpoint_call.arguments)
    opener = media.opener(preflight.opener)
    checked = yield from preflight.check(
        endpoint_call.endpoint_id, media.arguments, opener, strict=False, until=deadline.until
    )
    assert checked.report is not None
    return checked.report


def estimate(report: Report) -> Cost:
    """What a request costs.

    Raises:
        InvalidRequest: it would be refused.
        UnknownPrice: it would be accepted, and nobody knows the price.
    """
    if not report.ok:
        raise InvalidRequest(report)
    if (cost := report.cost) is None:
        raise UnknownPrice(f"the price of {report.endpoint.id} with these arguments is unknown")
    return cost


def _edition(endpoint: Endpoint, contract: str) -> Edition:
    """The edition of a contract; the first where the endpoint is younger than the contract's day."""
    try:
        return endpoint.edition(contract)
    except UnknownContract:
        return endpoint.editions[0]


def _judged(edition: Edition, arguments: Any, opener: Opener) -> Flow[Report]:
    """Judge; in a worker thread where media have to be read."""
    if opener in (open_data_uris, open_for_fake) and not any(map(is_data_uri, _texts(arguments))):
        return judge(edition, arguments, opener)
    report: Report = yield Work(lambda: judge(edition, arguments, opener))
    return report


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [text for item in inner for text in _texts(item)]


def _checked(report: Report, warnings: tuple[Advice, ...]) -> Checked:
    """With its price: also where the report refuses, since the service may accept it all the same."""
    found, price = report._replace(warnings=warnings), report.endpoint.price(report.contract)
    if report.arguments is None or (cost := price_of(report.arguments, price, report.facts)) is None:
        return Checked(found, warnings)
    most = price_of(report.arguments, price, report.facts, at_most=True)
    return Checked(found, warnings, cost.usd, most and most.usd, cost.unit_usd)


def encode(arguments: Any) -> bytes:
    """The JSON body.

    Raises:
        UsageError: a value is none that JSON has.
    """
    try:
        return json.dumps(arguments, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"the arguments cannot be sent as JSON: {error}") from error
