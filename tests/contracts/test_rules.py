"""Every rule has a stable name and its evidence; that each refuses alone is in test_strategies."""

from __future__ import annotations

import re

import pytest

from fakefal_contracts import IN_DEPTH, Edition, Grade, rulebook

EDITIONS = [endpoint.edition(name) for endpoint in IN_DEPTH.values() for name in ("documented", "latest")]


@pytest.mark.parametrize("edition", EDITIONS, ids=lambda one: f"{one.contract}:{one.endpoint.name}")
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
