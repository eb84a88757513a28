"""What docs/checking.md shows is what runs."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema_rs
import yaml

from fakefal.cli.check import FORMATS, command
from support.action import ACTION
from support.machine import ROOT
from support.programs import FAKEFAL
from support.waiting import run_program

PAGE = (ROOT / "docs" / "checking.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_its_commands_run_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "fakefal").write_text(f'#!/bin/sh\nexec {shlex.join(map(str, FAKEFAL))} "$@"\n')
    (tmp_path / "bin" / "fakefal").chmod(0o755)
    path = f"{tmp_path}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
    printed = ""
    for language, code in BLOCKS:
        if language == "bash":
            done = run_program(["bash", "-euo", "pipefail", "-c", code], cwd=tmp_path, env={**os.environ, "PATH": path})
            assert done.returncode == 0, done.stdout + done.stderr
            printed = done.stdout
        elif language == "text":
            assert printed == code
    suite = ET.parse(tmp_path / "report.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    (found,) = json.loads(next(code for language, code in BLOCKS if language == "json"))["json.schemas"]
    jsonschema_rs.validate(json.loads((tmp_path / found["url"]).read_text()), {"prompt": "x"})


def test_its_workflows_and_its_hook_are_as_the_repository_has_them() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    config, *workflows = (yaml.safe_load(code) for language, code in BLOCKS if language == "yaml")
    assert [one["id"] for one in config["repos"][0]["hooks"]] == [hook["id"]]
    assert len(workflows) == 2
    for workflow in workflows:
        (job,) = workflow["jobs"].values()
        assert job["steps"][-1]["with"].keys() <= ACTION["inputs"].keys()


def test_it_names_every_option_and_format() -> None:
    options = {one for option in command.params for one in option.opts if one.startswith("--")}
    assert not [one for one in options - {"--models", "--config"} if one not in PAGE]
    assert not [one for one in FORMATS if f"`{one}`" not in PAGE]
