"""``llms.txt``: everything in it comes from the contract."""

from __future__ import annotations

import json
import re

import pytest

from fakefal_contracts import BUILT_IN, FOUNDING, examples, rulebook
from fakefal_contracts.llms import SHOWN_WITH_THE_FIELD, llms_txt
from support.endpoints import O3

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("contract", ["documented", "latest"])
@pytest.mark.parametrize("endpoint_id", FOUNDING)
class TestTheText:
    def test_it_names_every_field_and_choice(self, endpoint_id: str, contract: str) -> None:
        edition = BUILT_IN.find(endpoint_id).edition(contract)
        text = llms_txt(edition)
        assert set(edition.model.model_fields) <= set(re.findall(r"^- \*\*`(\w+)`\*\* \(", text, re.MULTILINE))
        for rule in rulebook(edition):
            if rule.kind == "one_of":
                assert f"Options: {rule.says.replace(' or ', ', ')}" in text

    def test_it_says_every_limit(self, endpoint_id: str, contract: str) -> None:
        edition = BUILT_IN.find(endpoint_id).edition(contract)
        lines = llms_txt(edition).splitlines()
        for rule in rulebook(edition):
            if rule.kind not in SHOWN_WITH_THE_FIELD:
                assert any(f"`{rule.field or 'body'}`" in line and rule.says in line for line in lines), rule.id

    def test_its_examples_are_the_documents(self, endpoint_id: str, contract: str) -> None:
        text = llms_txt(BUILT_IN.find(endpoint_id).edition(contract))
        shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)\n```", text, re.DOTALL)]
        assert shown == [examples(endpoint_id)[name] for name in ("required", "full", "output")]


def test_every_tier_has_its_price() -> None:
    text = llms_txt(BUILT_IN.find(O3).edition("latest"))
    assert re.findall(r"^- (\$[\d.]+) for each second", text, re.MULTILINE) == ["$0.112", "$0.14", "$0.168"]
    assert "Since 2026-04-01, inferred" in text


def test_an_older_contract_has_its_own_price() -> None:
    text = llms_txt(BUILT_IN.find(O3).edition("2026-03-01"))
    assert "$0.224 for each second\n" in text


def test_addresses_can_lead_to_the_emulator() -> None:
    text = llms_txt(BUILT_IN.find(O3).edition("latest"), run="http://here/run", queue="http://here/queue")
    assert f"`http://here/run/{O3}`" in text
    assert f"`http://here/queue/{O3}`" in text
