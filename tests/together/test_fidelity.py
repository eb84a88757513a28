"""The fidelity report is what the oracles found, and fresh."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fakefal.conform.results import SuiteRun
from fakefal_contracts import BUILT_IN, FOUNDING, KLING, rulebook
from oracles import clients
from oracles.runtime import outside
from support.endpoints import O1
from support.machine import ROOT, required_in_ci
from tools.fidelity import report as fidelity
from tools.fidelity.__main__ import command
from tools.fidelity.page import page
from tools.fidelity.report import DATA, PAGE, NoOracles, Sources, read_sources, report, write_report

LIVE = {"target": "fal", "contract": "latest", "asked_on": "2026-11-20", "outcomes": []}
AGREEMENT = (ROOT / "docs" / "agreement.md").read_text("utf-8")
DURATION = "o1.reference-to-video.duration.one_of"


@pytest.fixture
def sources() -> Sources:
    return deepcopy(read_sources(ROOT))


def rows(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["rule"]: row for one in found["endpoints"].values() for row in one["rules"]}


def test_the_report_is_not_stale(sources: Sources) -> None:
    found = report(sources)
    hint = "run `make fidelity`, or after a change of the contracts alone `fakefal conform --report`"
    assert (ROOT / PAGE).read_text("utf-8") == page(found), hint
    assert json.loads((ROOT / DATA).read_text("utf-8")) == json.loads(json.dumps(found)), hint


def test_the_numbers_of_the_page_are_the_reports(sources: Sources) -> None:
    found = report(sources)
    runtime, quoted = found["oracles"]["runtime"], found["oracles"]["receipts"]
    equal = quoted["quoted"] - quoted["with known differences"]
    said = set(re.findall(r"\d[\d.,]*\d|\d", AGREEMENT.partition("\n## ")[0]))
    for number in (runtime["cases"], quoted["quoted"], quoted["with known differences"]):
        assert f"{number:,}" in said
    for part, whole in ((runtime["agreed"], runtime["cases"]), (equal, quoted["quoted"])):
        assert f"{part / whole * 100:.1f}" in said
    for number in (found["oracles"]["clients"]["rules"], found["rules"], found["agreed"], found["differs"]):
        assert str(number) in said


def test_every_model_is_in_the_sums(sources: Sources) -> None:
    found = report(sources)
    assert list(found["models"]) == list(BUILT_IN)
    text = page(found)
    for heading in ("## By depth", "## By family", "## By kind of rule", "## In depth"):
        assert heading in text
    by_depth, by_family = (part_of(text, heading) for heading in ("## By depth", "## By family"))
    for part in (by_depth, by_family):
        sums = [[int(cell.replace(",", "")) for cell in row.split(" | ")[1:]] for row in part]
        models, equal, asked, cases, *outcomes = map(sum, zip(*sums, strict=True))
        assert models == len(BUILT_IN)
        # models in depth print more than their documents say
        assert equal == len(set(BUILT_IN) - set(KLING) - set(sources.round_trip["models"]))
        assert asked == len({*sources.models["models"], *sources.family["models"], *FOUNDING}) >= 300
        assert cases == sum(outcomes) >= 100_000
        assert outcomes[-1] == 0, "unexplained"


def part_of(text: str, heading: str) -> list[str]:
    """The rows of the table below a heading."""
    lines = text.partition(heading)[2].partition("\n## ")[0].splitlines()
    return [line.strip("| ") for line in lines if line.startswith("| ")][1:]


def test_the_large_run_was_of_every_category(sources: Sources) -> None:
    asked = {record.category for record in BUILT_IN.records() if record.id in sources.models["models"]}
    assert asked == {record.category for record in BUILT_IN.records()}
    assert sources.models["unexplained"] == []


def test_the_runtime_was_asked_about_every_model_of_the_kling_family(sources: Sources) -> None:
    asked = {**sources.family["models"], **{one: sources.runtime["endpoints"][one] for one in FOUNDING}}
    assert set(asked) == set(KLING)
    assert all(one["cases"] >= 200 and one["unexplained"] == 0 for one in asked.values())
    assert sum(one["cases"] for one in asked.values()) >= 20_000
    assert sources.family["unexplained"] == []


def test_two_runs_write_equal_bytes(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "oracles").symlink_to(ROOT / "tests" / "oracles")
    first = [path.read_bytes() for path in write_report(tmp_path)]
    second = [path.read_bytes() for path in write_report(tmp_path)]
    assert first == second == [(ROOT / name).read_bytes() for name in (PAGE, DATA)]


def test_every_rule_is_in_it_with_its_evidence(sources: Sources) -> None:
    found = rows(report(sources))
    rules = [rule for endpoint in FOUNDING.values() for rule in rulebook(endpoint.edition("latest"))]
    assert list(found) == [rule.id for rule in rules]
    for rule in rules:
        row = found[rule.id]
        assert (row["evidence"]["grade"], row["evidence"]["date"]) == (rule.evidence.grade, str(rule.evidence.date))
        assert row["by"]["live"] == "unverified"
        assert row["clients"] == {"python": "agreed", "javascript": "agreed"}
        assert row["verdict"] != "differs" or row["why"]


def test_what_was_measured_is_there_for_every_rule(sources: Sources) -> None:
    """The summary of the runtime says what `test_runtime_oracle` finds anew: agreed, or held by no schema."""
    for endpoint_id in FOUNDING:
        ran = sources.runtime["endpoints"][endpoint_id]["rules"]
        for rule in rulebook(FOUNDING[endpoint_id].edition("latest")):
            if rule.kind != "max_bytes":
                expected = "outside" if rule.id in outside(endpoint_id) else "agreed"
                assert set(ran[rule.id]) == {expected}, rule.id


def test_the_clients_parse_as_the_summary_says(sources: Sources) -> None:
    if not (clients.JS / "node_modules" / "@fal-ai").is_dir():
        required_in_ci("Node's packages are missing (make js)")
    assert clients.summary()["rules"] == sources.clients["rules"]


class TestWhatMakesAVerdict:
    def row(self, sources: Sources, rule: str = DURATION) -> dict[str, Any]:
        return rows(report(sources))[rule]

    def test_a_difference_of_the_runtime(self, sources: Sources) -> None:
        sources.runtime["endpoints"][O1]["rules"][DURATION] = {"agreed": 3, "unexplained": 1}
        row = self.row(sources)
        assert (row["verdict"], row["by"]["runtime"]) == ("differs", "differs")

    def test_a_difference_of_the_document(self, sources: Sources) -> None:
        schema = sources.documents[O1]["components"]["schemas"]["KlingVideoO1ReferenceToVideoInput"]
        schema["properties"]["duration"]["enum"].append("11")
        row = self.row(sources)
        assert (row["verdict"], row["by"]["published"]) == ("differs", "differs")
        assert rows(report(sources))["o1.reference-to-video.aspect_ratio.one_of"]["by"]["published"] == "agreed"

    def test_a_limit_of_the_document(self, sources: Sources) -> None:
        schema = sources.documents[O1]["components"]["schemas"]["KlingVideoO1ReferenceToVideoInput"]
        schema["properties"]["prompt"]["maxLength"] = 2000
        assert self.row(sources, "o1.reference-to-video.prompt.max_length")["by"]["published"] == "differs"

    def test_nobody_can_know(self, sources: Sources) -> None:
        row = self.row(sources, "o1.reference-to-video.image_urls[].readable")
        assert row["verdict"] == "unverified"
        assert set(row["by"].values()) == {"outside", "unverified"}

    @pytest.mark.parametrize(
        ("state", "verdict"), [("agreed", "agreed"), ("differs", "differs"), ("not run", "unverified")]
    )
    def test_a_run_against_the_live_service_counts(self, sources: Sources, state: str, verdict: str) -> None:
        rule = "o1.reference-to-video.image_urls[].readable"
        outcome = {"area": "refusals", "claim": rule, "state": state, "endpoint_id": O1, "cases": 1}
        row = self.row(replace(sources, live=LIVE | {"outcomes": [outcome]}), rule)
        assert (row["verdict"], row["by"]["live"]) == (verdict, verdict)

    def test_a_quoted_refusal_names_its_rule(self, sources: Sources) -> None:
        assert self.row(sources)["receipts"] == ["result.duration"]
        assert fidelity._receipts_by_rule()["o1.reference-to-video.prompt.max_length"]


class TestLiveRun:
    @pytest.fixture
    def checkout(self, tmp_path: Path) -> Path:
        """A checkout with copies of what the oracles left."""
        shutil.copytree(ROOT / "tests" / "oracles", tmp_path / "tests" / "oracles")
        return tmp_path

    def test_its_day_is_reported(self, checkout: Path) -> None:
        (checkout / "tests" / "oracles" / "live.json").write_text(json.dumps(LIVE))
        written, _ = write_report(checkout)
        assert "0 claims, asked on 2026-11-20" in written.read_text("utf-8")

    def test_a_run_says_its_day(self) -> None:
        run = SuiteRun("fal", "latest", 0, 1, asked_on=dt.date(2026, 11, 20))
        assert LIVE.items() <= run.as_dict().items()

    @pytest.mark.parametrize(
        ("other", "says"),
        [
            ({"target": "http://127.0.0.1:8710"}, "is no run against fal under latest"),
            ({"target": "fal, by way of http://127.0.0.1:8710"}, "is no run against fal under latest"),
            ({"contract": "documented"}, "is no run against fal under latest"),
            ({"asked_on": None}, "does not say on which day"),
        ],
    )
    def test_what_is_no_run_against_fal_is_refused(self, other: dict[str, Any], says: str, checkout: Path) -> None:
        (checkout / "tests" / "oracles" / "live.json").write_text(json.dumps(LIVE | other))
        with pytest.raises(NoOracles, match=says):
            write_report(checkout)


class TestCommand:
    def test_it_writes_into_a_checkout(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "tests").mkdir()
        (tmp_path / "tests" / "oracles").symlink_to(ROOT / "tests" / "oracles")
        monkeypatch.chdir(tmp_path)
        done = CliRunner().invoke(command, [])
        assert (done.exit_code, done.output.split()) == (0, [str(tmp_path / PAGE), str(tmp_path / DATA)])

    def test_elsewhere_it_is_used_wrongly(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        done = CliRunner().invoke(command, [])
        assert done.exit_code == 2
        assert "runs in a checkout of fakefal" in " ".join(done.output.split())
