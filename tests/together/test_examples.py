"""The examples, by the commands of their READMEs: two here; `make examples` runs all."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from support.action import ACTION
from support.machine import ROOT
from support.programs import FAKEFAL
from tools.run_examples import COMPOSED, EXAMPLES, NAMES, blocks, run_example


@pytest.fixture
def programs(tmp_path: Path) -> list[Path]:
    """This checkout as what was installed."""
    (tmp_path / "fakefal").write_text(f'#!/bin/sh\nexec {shlex.join(map(str, FAKEFAL))} "$@"\n')
    (tmp_path / "fakefal").chmod(0o755)
    return [tmp_path, Path(sys.executable).parent]


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("batch", ["3 requests, 3 done, 0 refused, $1.68", "6 requests, 6 done, 0 refused, $3.36"]),
        ("fastapi", ["3 requests, 2 done, 1 refused (1 may be charged, $0.56), $1.12"]),
    ],
)
def test_an_example_does_what_its_readme_says(
    name: str, ends: list[str], programs: list[Path], offline: list[str]
) -> None:
    said = run_example(name, programs, offline, install=False)
    assert sorted(re.findall(r"^fakefal: (\d+ requests, .*) not spent$", said, re.MULTILINE)) == ends


def test_every_example_is_listed_and_can_be_tried() -> None:
    listed = re.findall(r"^\| \[([\w-]+)\]\(\1\)", (EXAMPLES / "README.md").read_text("utf-8"), re.MULTILINE)
    assert {*NAMES, "tools", COMPOSED} == set(listed)
    assert all(re.search(r"\b(?:fakefal run|pytest|npm test)\b", "\n".join(blocks(name))) for name in NAMES)


def test_the_pins_have_what_the_package_needs() -> None:
    lines = (EXAMPLES / "requirements.txt").read_text("utf-8").splitlines()
    pins = [Requirement(line) for line in lines]
    for needed in map(
        Requirement, tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    ):
        versions = [str(pin.specifier).removeprefix("==") for pin in pins if pin.name == needed.name]
        assert versions, f"{needed.name} has no pin: make constraints"
        assert all(version in needed.specifier for version in versions), f"{needed}: {versions}"


def test_locks_name_no_registry() -> None:
    locks = list(EXAMPLES.glob("*/package-lock.json"))
    assert len(locks) == 4
    assert [path for path in locks if '"resolved": "http' in path.read_text("utf-8")] == []


def test_the_workflow_gives_the_action_what_it_takes() -> None:
    workflow = yaml.safe_load((EXAMPLES / "github-actions/.github/workflows/fal.yml").read_text("utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    given = [step["with"] for step in steps if step.get("uses", "").startswith("OWNER/fakefal@")]
    assert len(given) == 2
    assert {name for one in given for name in one} <= ACTION["inputs"].keys()
