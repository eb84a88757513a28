"""Every rule has a stable name and its evidence; that each refuses alone is in test_strategies."""

from __future__ import annotations

import re

import pytest

from fakefal_contracts import FOUNDING, Edition, Endpoint, Grade, rulebook
from support.editions import every_edition


@pytest.mark.quick
@pytest.mark.parametrize("endpoint", FOUNDING.values(), ids=lambda one: one.name)
def test_the_names_of_contracts_mean_the_first_and_the_last_revision(endpoint: Endpoint) -> None:
    assert endpoint.edition("documented").model is endpoint.editions[0].model
    assert endpoint.edition("latest").model is endpoint.editions[-1].model


@every_edition
class TestEveryEdition:
    def test_rule_ids_are_stable_names(self, edition: Edition) -> None:
        ids = [rule.id for rule in rulebook(edition)]
        assert len(ids) == len(set(ids))
        for name in ids:
            assert name.startswith(f"{edition.endpoint.name}.")
            assert re.fullmatch(r"[a-z0-9.\-_\[\]]+", name)

    def test_every_rule_has_evidence(self, edition: Edition) -> None:
        for rule in rulebook(edition):
            assert rule.evidence.source
            assert rule.evidence.grade in Grade
            assert rule.says
