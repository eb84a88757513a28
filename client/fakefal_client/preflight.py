"""Checks and prices requests before they are sent.

For fal, the newest schema decides, but a request that any known revision accepts only gets a warning.  For an emulator,
its own contract decides.
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
UNKNOWN_MODEL = Caution("unknown_model", "an unknown model is not checked or priced", _OURS)
OTHER_REVISION = Caution("other_revision", "the newest schema refuses what an older one accepts", _OURS)


@dataclass(frozen=True)
class Checked:
    """The result of the check: the report if a contract covers the endpoint, warnings, and prices in US dollars.

    `most_usd` is reserved.  It is higher than `usd` if the length of the job depends on a file that was not read.
    """

    report: Report | None
    warnings: tuple[Advice, ...]
    usd: Decimal | None = None
    most_usd: Decimal | None = None
    unit_usd: Decimal | None = None

    @property
    def unmeasured(self) -> str:
        """The argument whose file decides the price but was not read; empty if there is none."""
        length = self.report and self.report.length
        return length.assumed_of if length and self.usd is not None else ""


class Preflight:
    """Checks requests for one target.

    Args:
        target: the target, whose contract decides.
        contract: the name of a contract to use instead.
        catalogue: the known models.

    Attributes:
        opener: opens media that are not local; an emulator checks its own files itself.
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
        """Check and price a request; None if no contract covers the endpoint.

        An emulator is asked for its contract only if known revisions disagree about the request.
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
        """Check and price a request; with `strict`, raise if the target would refuse it.

        Raises:
            TestPromptRefused: it is a test prompt for the emulator, and the target is fal.
            InvalidRequest: `strict` is set, and the target would refuse it.
        """
        mark = next(marked_texts(arguments), None)
        if self._target.is_fal and mark is not None:
            raise TestPromptRefused(
                f"{mark} asks the emulator for an effect: fal would take it as a prompt, and bill it"
            )
        report = yield from self.judge(endpoint_id, arguments, opener, until=until)
        if report is None:
            hint = "with a budget, give reserve_usd=; the result shows whether the request was valid"
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
        """The newest revision that accepts the request; None for an emulator whose contract is known."""
        if not self._target.is_fal and not self._unsure:
            return None
        for edition in reversed(report.endpoint.editions):
            other = yield from _judged(edition, arguments, opener)
            if other.ok:
                return other
        return None

    def _ask(self, until: float | None) -> Flow[str | None]:
        """Ask the emulator for its contract; None if it does not tell, and then any revision may accept."""
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
    """Check a request, including its local media; the report has all warnings.

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
    """The cost of a request.

    Raises:
        InvalidRequest: it would be refused.
        UnknownPrice: it is valid, but its price is unknown.
    """
    if not report.ok:
        raise InvalidRequest(report)
    if (cost := report.cost) is None:
        raise UnknownPrice(f"the price of {report.endpoint.id} with these arguments is unknown")
    return cost


def _edition(endpoint: Endpoint, contract: str) -> Edition:
    """The edition under a contract; the first one if the endpoint did not exist yet."""
    try:
        return endpoint.edition(contract)
    except UnknownContract:
        return endpoint.editions[0]


def _judged(edition: Edition, arguments: Any, opener: Opener) -> Flow[Report]:
    """Check a request, in a worker thread if media must be read."""
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
    """Add the price, also if the report has errors: the service may still accept the request."""
    found, price = report._replace(warnings=warnings), report.endpoint.price(report.contract)
    if report.arguments is None or (cost := price_of(report.arguments, price, report.facts)) is None:
        return Checked(found, warnings)
    most = price_of(report.arguments, price, report.facts, at_most=True)
    return Checked(found, warnings, cost.usd, most and most.usd, cost.unit_usd)


def encode(arguments: Any) -> bytes:
    """Encode the arguments as JSON.

    Raises:
        UsageError: JSON cannot represent a value.
    """
    try:
        return json.dumps(arguments, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"the arguments cannot be sent as JSON: {error}") from error
