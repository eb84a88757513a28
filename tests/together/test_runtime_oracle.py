"""The emulator answers as fal's own runtime does, whose classes come from fal's documents and not from us."""

from __future__ import annotations

import ast
import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import pydantic
import pytest

from fakefal.state import jsonio
from fakefal_contracts import BUILT_IN, FOUNDING, judge, rulebook
from oracles import author, runtime, strip
from oracles.drawing import VERSIONS
from oracles.install import READY, RUNTIME
from oracles.runtime import (
    ACCEPTED,
    CONTRACT,
    REFUSED,
    Findings,
    Pair,
    asked,
    chunk,
    compare,
    each_breach,
    each_rule,
    outside,
    pair,
)
from support.endpoints import O3
from support.machine import ROOT, SHARED, not_tested_here, required_in_ci
from support.models import sample

ORACLES = ROOT / "tests" / "oracles"
TURBO = "fal-ai/kling-video/v3/turbo/pro/image-to-video"
"""One of those of which only types are known."""
CASES = 500
"""Per endpoint in depth."""
MODEL_CASES = 15
"""Per model of the catalogue, beside the plainest body for every rule; ``make oracle-full`` makes 309."""


@pytest.fixture(scope="module")
def both() -> Iterator[Pair]:
    """An emulator and fal's own runtime."""
    if not READY.exists():
        required_in_ci("fal's own runtime is not installed (make oracle-runtime)")
    with pair(sample()) as started:
        yield started


@pytest.mark.parametrize("endpoint_id", FOUNDING)
def test_generated_bodies_and_each_rule_get_equal_answers(endpoint_id: str, both: Pair) -> None:
    generated, by_rule = chunk(both, endpoint_id, CASES, 0), each_rule(both, endpoint_id)
    tally = generated.endpoints[endpoint_id]
    assert generated.unexplained == []
    assert tally.cases == CASES == tally.agreed + tally.outside + tally.known
    assert tally.agreed > CASES / 2
    rules = [rule.id for rule in rulebook(BUILT_IN.find(endpoint_id).edition(CONTRACT)) if rule.kind != "max_bytes"]
    seen = by_rule.endpoints[endpoint_id].rules
    assert sorted(seen) == sorted(rules)
    for rule_id, outcomes in seen.items():
        assert set(outcomes) == ({"outside"} if rule_id in outside(endpoint_id) else {"agreed"}), rule_id
    kept = json.loads((ORACLES / "runtime.json").read_text("utf-8"))
    drawn_with = {name: kept["versions"][name] for name in VERSIONS}
    if drawn_with != VERSIONS:
        not_tested_here(f"the kept summary, which was drawn with {drawn_with}, and here is {VERSIONS}")
    generated.add(by_rule)
    assert generated.report(both.versions)["endpoints"][endpoint_id] == kept["endpoints"][endpoint_id], "make fidelity"


@pytest.mark.parametrize("endpoint_id", sample())
def test_any_model_answers_equally(endpoint_id: str, both: Pair) -> None:
    """Generated bodies, the plainest body for every rule, and both sides of every limit."""
    findings = each_breach(both, endpoint_id)
    findings.add(chunk(both, endpoint_id, MODEL_CASES, 0))
    assert findings.unexplained == []
    tally = findings.endpoints[endpoint_id]
    assert tally.cases >= MODEL_CASES
    assert tally.cases == tally.agreed + tally.outside + tally.known
    edition = BUILT_IN.find(endpoint_id).edition(CONTRACT)
    kinds = {rule.kind for rule in rulebook(edition) if rule.id in asked(endpoint_id)}
    assert {kind for kind, counts in tally.rules.items() if counts["agreed"] or counts["outside"]} >= kinds
    assert tally.known == 0 or endpoint_id == "fal-ai/flux-general"


def test_classes_are_written_as_an_author_would() -> None:
    record = author.records({"fal-ai/ben/v2/video"})["fal-ai/ben/v2/video"]
    source, name = author.Author(record).source(record["input"])
    assert name == "Ben2InputVideo"
    assert source.removeprefix(author.HEAD).strip().splitlines() == [
        "class Ben2InputVideo(BaseModel):",
        "    video_url: str = Field(...)",
        "    background_color: Optional[Tuple[int, int, int]] = Field(None)",
        "    output_format: Literal['mp4', 'webm'] = Field('mp4')",
        "    seed: Optional[int] = Field(None)",
    ]


def test_two_runs_give_equal_reports(both: Pair) -> None:
    first, second = (chunk(both, O3, 40, 7).report(both.versions) for _ in range(2))
    assert json.dumps(first) == json.dumps(second)
    assert first["cases"] == first["endpoints"][O3]["cases"] == 40


def test_draws_do_not_depend_on_what_is_loaded(both: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of the user's, full of literals, changes nothing in what the oracle asks."""
    before = chunk(both, O3, 60, 3).report({})
    literals = ", ".join(f"'literal {number}', {1000 + number}" for number in range(200))
    (tmp_path / "full_of_literals.py").write_text(f"LITERALS = [{literals}]\n")
    monkeypatch.setattr("hypothesis.internal.conjecture.providers.is_local_module_file", lambda _: True)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("full_of_literals")
    assert chunk(both, O3, 60, 3).report({}) == before


def test_it_is_fals_runtime_with_our_pydantic(both: Pair) -> None:
    assert both.versions["pydantic"] == pydantic.VERSION
    assert f"fal=={both.versions['fal']}" in RUNTIME


class TestWhatCountsAsWhat:
    """The comparison itself, on answers that are made up."""

    GOOD = b'{"prompt": "x"}'
    MIXED = json.dumps({"multi_prompt": [{"prompt": "x" * 513}], "duration": 5}).encode()

    def outcome(self, raw: bytes, ours: tuple[int, bytes], theirs: tuple[int, bytes]) -> dict[str, int]:
        findings = Findings()
        compare(O3, raw, ours, theirs, findings)
        tally = findings.endpoints[O3]
        names = ("agreed", "outside", "known", "unexplained")
        return {name: getattr(tally, name) for name in names if getattr(tally, name)}

    def refusal(self, raw: bytes) -> bytes:
        edition = BUILT_IN.find(O3).edition(CONTRACT)
        return jsonio.dump({"detail": [error.wire() for error in judge(edition, json.loads(raw)).errors]})

    def test_equal_answers_agree_and_results_need_not_be_equal(self) -> None:
        assert self.outcome(self.GOOD, (ACCEPTED, b"{}"), (ACCEPTED, b'{"video":{}}')) == {"agreed": 1}

    @pytest.mark.parametrize(
        "theirs", [(REFUSED, b"{}"), (500, b"{}"), (REFUSED, b'{"detail":[]}')], ids=["refused", "failed", "empty"]
    )
    def test_what_nothing_explains_is_shown(self, theirs: tuple[int, bytes]) -> None:
        assert self.outcome(self.GOOD, (ACCEPTED, b"{}"), theirs) == {"unexplained": 1}

    def test_items_of_rules_that_no_schema_holds_are_left_out(self) -> None:
        whole = self.refusal(self.MIXED)
        first, second = json.loads(whole)["detail"]
        theirs = jsonio.dump({"detail": [second]})
        assert first["type"] == "value_error"
        assert self.outcome(self.MIXED, (REFUSED, whole), (REFUSED, theirs)) == {"outside": 1}
        assert self.outcome(self.MIXED, (REFUSED, whole), (ACCEPTED, b"{}")) == {"unexplained": 1}
        assert self.outcome(self.MIXED, (REFUSED, whole), (REFUSED, theirs + b" ")) == {"unexplained": 1}

    def test_a_schema_rule_that_only_one_has_is_no_rule_outside(self) -> None:
        raw = b'{"prompt": "x", "duration": 5}'
        assert self.outcome(raw, (REFUSED, self.refusal(raw)), (ACCEPTED, b"{}")) == {"unexplained": 1}

    def test_a_known_difference_is_counted_by_its_name(self) -> None:
        raw = b'{"loras": [{"path": "x", "scale": {}}]}'
        assert self.outcome(raw, (ACCEPTED, b"{}"), (500, b"{}")) == {"known": 1}
        assert self.outcome(raw, (ACCEPTED, b"{}"), (REFUSED, b"{}")) == {"unexplained": 1}

    @pytest.mark.parametrize(("endpoint_id", "outcome"), [(TURBO, "known"), (O3, "unexplained")])
    def test_only_types_have_no_order_of_errors(self, endpoint_id: str, outcome: str) -> None:
        raw, findings = b'{"multi_prompt": [{"duration": 5}]}', Findings()
        edition = BUILT_IN.find(endpoint_id).edition(CONTRACT)
        items = [error.wire() for error in judge(edition, json.loads(raw)).errors if error.loc[0] == "multi_prompt"]
        ours, theirs = (jsonio.dump({"detail": one}) for one in (items, items[::-1]))
        assert len(items) > 1
        compare(endpoint_id, raw, (REFUSED, ours), (REFUSED, theirs), findings)
        assert getattr(findings.endpoints[endpoint_id], outcome) == 1

    def test_every_known_difference_has_a_name_and_a_reason(self) -> None:
        names = [one.name for one in runtime.DIFFERENCES]
        assert len(names) == len(set(names))
        assert all(len(one.reason) > 20 for one in runtime.DIFFERENCES)


def test_the_oracle_knows_nothing_of_ours() -> None:
    for name in ("runtime_app.py", "author.py"):
        tree = ast.parse((ORACLES / name).read_text("utf-8"))
        used = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        used |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {one for one in used if one.startswith(("fakefal", "oracles"))}


def test_the_documents_are_fals_without_their_words() -> None:
    documents = SHARED / "reference" / "openapi" / "2026-06-11"
    for endpoint_id in FOUNDING:
        kept = json.loads(path_of(strip.FOLDER, endpoint_id).read_text("utf-8"))
        assert not strip.WORDS & keys(kept["components"]["schemas"])
    if not documents.is_dir():
        required_in_ci("fal's OpenAPI documents are not beside the project (../shared)")
    for endpoint_id in FOUNDING:
        theirs = json.loads(path_of(documents, endpoint_id).read_text("utf-8"))
        kept = json.loads(path_of(strip.FOLDER, endpoint_id).read_text("utf-8"))
        assert strip.kept(endpoint_id, theirs) == kept


def path_of(folder: Path, endpoint_id: str) -> Path:
    return folder / f"{endpoint_id.replace('/', '--')}.json"


def keys(value: object) -> set[str]:
    """Every key of a JSON value, but for names of fields."""
    if isinstance(value, list):
        return set().union(*map(keys, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    inner = [keys(one) for key, one in value.items() if key != "properties"]
    inner += [keys(one) for one in value.get("properties", {}).values()]
    return set(value).union(*inner)
