"""What is legal on fal's wire: endpoints, rules with evidence, prices, and the one validator.

Nothing in here opens a connection or reads a clock.
"""

from __future__ import annotations

from typing import Any

from fakefal_contracts.catalogue import ENDPOINTS, examples, find_endpoint, known_ids
from fakefal_contracts.check import Report, Unchecked, judge, open_data_uris, open_for_fake
from fakefal_contracts.endpoint import Edition, Endpoint, Revision
from fakefal_contracts.errors import ContractError, UnknownContract, UnknownEndpoint, Unreadable
from fakefal_contracts.evidence import Evidence, Grade
from fakefal_contracts.media import Opener
from fakefal_contracts.model import Advice
from fakefal_contracts.price import Cost
from fakefal_contracts.rule import Rule, Stage, Violation
from fakefal_contracts.rulebook import Rulebook, rulebook

__all__ = [
    "ENDPOINTS",
    "Advice",
    "ContractError",
    "Cost",
    "Edition",
    "Endpoint",
    "Evidence",
    "Grade",
    "Opener",
    "Report",
    "Revision",
    "Rule",
    "Rulebook",
    "Stage",
    "Unchecked",
    "UnknownContract",
    "UnknownEndpoint",
    "Unreadable",
    "Violation",
    "check",
    "examples",
    "find_endpoint",
    "judge",
    "known_ids",
    "open_data_uris",
    "open_for_fake",
    "rulebook",
]


def check(endpoint: str, arguments: Any, *, contract: str = "documented", opener: Opener = open_data_uris) -> Report:
    """Judge and price the arguments of a request before it is sent.

    Args:
        endpoint: the full id, such as ``fal-ai/kling-video/o1/image-to-video``.
        arguments: the decoded JSON body.
        contract: ``documented``, ``latest`` or an ISO day.
        opener: finds the content of media addresses; by default only ``data:`` URIs are read.

    Raises:
        UnknownEndpoint: no contract covers the endpoint.
        UnknownContract: the contract does not exist.
    """
    return judge(find_endpoint(endpoint).edition(contract), arguments, opener)
