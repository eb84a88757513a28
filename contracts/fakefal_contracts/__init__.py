"""What fal accepts and answers: endpoints, rules with evidence, prices, and the validator.

This package opens no connections and reads no clock.
"""

from __future__ import annotations

from typing import Any

from fakefal_contracts.catalogue import BUILT_IN, FOUNDING, KLING, Catalogue, examples
from fakefal_contracts.endpoint import LATEST, Depth, Edition, Endpoint, Revision
from fakefal_contracts.errors import ContractError, UnknownContract, UnknownEndpoint, Unreadable
from fakefal_contracts.evidence import Evidence, Grade
from fakefal_contracts.judgement import Report, Unchecked, judge
from fakefal_contracts.media import Opener
from fakefal_contracts.model import Advice
from fakefal_contracts.openers import open_data_uris, open_for_fake
from fakefal_contracts.other_revisions import Note
from fakefal_contracts.price import Cost, Unit
from fakefal_contracts.rule import Rule, Stage, Violation
from fakefal_contracts.rulebooks import Rulebook, rulebook

__all__ = [
    "BUILT_IN",
    "FOUNDING",
    "KLING",
    "LATEST",
    "Advice",
    "Catalogue",
    "ContractError",
    "Cost",
    "Depth",
    "Edition",
    "Endpoint",
    "Evidence",
    "Grade",
    "Note",
    "Opener",
    "Report",
    "Revision",
    "Rule",
    "Rulebook",
    "Stage",
    "Unchecked",
    "Unit",
    "UnknownContract",
    "UnknownEndpoint",
    "Unreadable",
    "Violation",
    "check",
    "examples",
    "judge",
    "open_data_uris",
    "open_for_fake",
    "rulebook",
]


def check(
    endpoint: str,
    arguments: Any,
    *,
    contract: str = LATEST,
    opener: Opener = open_data_uris,
    catalogue: Catalogue = BUILT_IN,
) -> Report:
    """Check and price the arguments of a request before it is sent.

    Args:
        endpoint: the full id, such as ``fal-ai/flux/dev``.
        arguments: the decoded JSON body.
        contract: ``latest``, ``documented`` or an ISO day.
        opener: reads media at addresses; by default only ``data:`` URIs are read.
        catalogue: the known models; by default the built-in ones.

    Raises:
        UnknownEndpoint: the model is unknown.
        UnknownContract: the contract does not exist.
    """
    return judge(catalogue.find(endpoint).edition(contract), arguments, opener)
