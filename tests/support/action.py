"""The steps of the GitHub action, each run as a runner does it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import yaml

from support.machine import ROOT
from support.waiting import run_program

ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}


def run_step(
    name: str, runner: Path, cwd: Path, *, action: Path = ROOT, **given: str
) -> subprocess.CompletedProcess[str]:
    """Run one step with these inputs.

    Args:
        name: of the step.
        runner: the runner's temporary folder; programs in its `bin` go before others.
        cwd: the checkout of the user's repository.
        action: the action's own folder.
        given: inputs, with underscores.
    """
    inputs = {key: str(value["default"]) for key, value in ACTION["inputs"].items()}
    inputs |= {key.replace("_", "-"): value for key, value in given.items()}
    context = {f"inputs.{key}": value for key, value in inputs.items()}
    context |= {"github.repository": "me/project", "github.event.pull_request.number": "7"}
    env = {key: _filled(value, context) for key, value in STEPS[name].get("env", {}).items()}
    env |= {
        "RUNNER_TEMP": str(runner),
        "GITHUB_STEP_SUMMARY": f"{runner}/summary.md",
        "GITHUB_ACTION_PATH": str(action),
    }
    script = runner / "step.sh"
    script.write_text(STEPS[name]["run"])
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", script]
    return run_program(command, cwd=cwd, env={**os.environ, "PATH": f"{runner}/bin:{os.environ['PATH']}", **env})


def _filled(text: str, context: dict[str, str]) -> str:
    return re.sub(r"\$\{\{ *([\w.-]+) *\}\}", lambda found: context[found[1]], text)
