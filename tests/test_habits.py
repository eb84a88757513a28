"""What GitHub and contributors read is well-formed, and names only what exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.machine import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
FORMS = sorted(set(GITHUB.glob("ISSUE_TEMPLATE/*.yml")) - {GITHUB / "ISSUE_TEMPLATE" / "config.yml"})
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def steps(workflow: Path) -> list[dict[str, Any]]:
    found = yaml.safe_load(workflow.read_text("utf-8"))
    return [step for job in found["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_pins_its_actions_and_asks_for_targets_that_exist(workflow: Path) -> None:
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert used
    assert [use for use in used if not re.fullmatch(r"actions/[a-z-]+@v\d+|[\w./-]+@[0-9a-f]{40}", use)] == []
    asked = re.findall(r"\bmake ([a-z-]+)", " ".join(step.get("run", "") for step in steps(workflow)))
    assert set(asked) <= TARGETS


def test_github_runs_what_ci_runs() -> None:
    assert [step["run"].split()[-1] for step in steps(GITHUB / "workflows" / "ci.yml") if "run" in step] == [".ci/run"]


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_has_what_github_asks_for(form: Path) -> None:
    found = yaml.safe_load(form.read_text("utf-8"))
    assert {"name", "description", "body"} <= found.keys()
    names = [field["id"] for field in found["body"] if field["type"] != "markdown"]
    assert len(names) == len(set(names)) > 0


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md", ".github/pull_request_template.md"])
def test_a_page_names_only_what_exists(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) <= TARGETS
    paths = re.findall(r"\((?!http)([\w./-]+\.md)\)|`((?:tests|docs|tools)/[\w./-]+)`|pytest (tests/\S+)", text)
    assert [path for groups in paths for path in groups if path and not (ROOT / path).exists()] == []


def test_hooks_run_ruff_as_make_does() -> None:
    found = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    hooks = [hook["entry"].split()[:2] for repo in found["repos"] for hook in repo["hooks"]]
    assert hooks == [[".venv/bin/ruff", "check"], [".venv/bin/ruff", "format"]]
