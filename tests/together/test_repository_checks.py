"""The pre-commit hook and the GitHub action, as far as they can be tried on one machine."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.action import STEPS, run_step
from support.machine import ROOT
from support.namespaces import namespace
from support.programs import FAKEFAL
from support.waiting import run_program

FLUX = "fal-ai/flux/dev"
GOOD = {"endpoint_id": FLUX, "input": {"prompt": "x"}}
BAD = {"endpoint_id": FLUX, "input": {"prompt": 5}}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A user's repository with inputs, and files that are none."""
    project = tmp_path / "project"
    (project / "fal" / "deep").mkdir(parents=True)
    (project / "fal" / "good.json").write_text(json.dumps(GOOD))
    (project / "fal" / "deep" / "two.jsonl").write_text(f"{json.dumps(GOOD)}\n{json.dumps(GOOD)}\n")
    (project / "fal" / "README.md").write_text("Inputs of ours.\n")
    (project / "other.json").write_text("{}")
    for command in (["init", "--quiet"], ["add", "."]):
        run_program(["git", *command], cwd=project, check=True)
    return project


def add(project: Path, name: str, value: Any) -> None:
    (project / name).write_text(json.dumps(value))


class TestHook:
    def by_hand(self, project: Path) -> subprocess.CompletedProcess[str]:
        """What pre-commit does: the entry, with the files whose names match, relative to the repository."""
        (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
        files = run_program(["git", "ls-files", "-z"], cwd=project, check=True).stdout.split("\0")
        program, *entry = shlex.split(hook["entry"])
        assert program == "fakefal"
        return run_program([*FAKEFAL, *entry, *filter(re.compile(hook["files"]).search, files)], cwd=project)

    def by_pre_commit(self, project: Path) -> subprocess.CompletedProcess[str]:
        """pre-commit itself, without a network: it installs a clone, whose dependencies are those of this process."""
        clone = project.parent / "fakefal"
        if not clone.exists():
            run_program(["git", "clone", "--quiet", ROOT, clone], check=True)
            head = run_program(["git", "rev-parse", "HEAD"], cwd=clone, check=True).stdout.strip()
            hooks = [{"id": "fakefal-check"}]
            config = {"repos": [{"repo": str(clone), "rev": head, "hooks": hooks}]}
            (project / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
            run_program(["git", "add", "."], cwd=project, check=True)
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        environ |= {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}  # pip's word for: none
        environ |= {"PYTHONPATH": sysconfig.get_path("purelib"), "PRE_COMMIT_HOME": str(project.parent / "cache")}
        command = [sys.executable, "-m", "pre_commit", "run", "--all-files", "--verbose"]
        return run_program([*namespace("-rn", "loopback_only.py", "true"), *command], cwd=project, env=environ)

    @pytest.mark.parametrize("way", ["by_hand", "by_pre_commit"])
    def test_it_passes_and_refuses(self, way: str, project: Path) -> None:
        hook = getattr(self, way)
        done = hook(project)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "3 inputs: 3 valid; $0.075 in total" in done.stdout
        add(project, "fal/bad.json", BAD)
        run_program(["git", "add", "."], cwd=project, check=True)
        done = hook(project)
        assert done.returncode == 1
        assert "4 inputs: 3 valid, 1 refused; $0.075 in total" in done.stdout
        add(project, "fal/bad.json", {"prompt": "x"})
        run_program(["git", "add", "."], cwd=project, check=True)
        done = hook(project)
        assert done.returncode == (2 if way == "by_hand" else 1), "pre-commit has one code for all failures"
        assert "names no model" in done.stdout


class TestAction:
    @pytest.fixture
    def runner(self, tmp_path: Path) -> Path:
        """A runner's temporary folder, with this checkout as what was installed."""
        programs = tmp_path / "runner" / "fakefal" / "bin"
        programs.mkdir(parents=True)
        (programs / "fakefal").write_text(f'#!/bin/sh\nexec {shlex.join(map(str, FAKEFAL))} "$@"\n')
        (programs / "fakefal").chmod(0o755)
        return tmp_path / "runner"

    def test_no_text_of_others_becomes_a_script(self) -> None:
        assert not [step["name"] for step in STEPS.values() if "${{" in step.get("run", "")]
        assert "pull_request_target" not in (ROOT / "action.yml").read_text()
        assert "head.repo.full_name == github.repository" in STEPS["Comment"]["if"]

    def test_a_check_writes_annotations_and_a_summary(self, runner: Path, project: Path) -> None:
        assert run_step("Check", runner, project).returncode == 0
        summary = (runner / "summary.md").read_text()
        assert "\n3 inputs: 3 valid; $0.075 in total\n\n```text\nvalid " in summary
        add(project, "fal/bad\n```.json", BAD)
        done = run_step("Check", runner, project)
        assert done.returncode == 1
        assert done.stdout.startswith("::error file=fal/bad%0A```.json,line=1,title=flux.dev.prompt.type::")
        summary = (runner / "summary.md").read_text()
        assert "\nrefused   fal/bad\\n```.json " in summary
        assert "    hint 5 has the wrong JSON type" in summary
        assert len(re.findall(r"^ {0,3}```", summary, re.MULTILINE)) == 4, "no name ends a block"

    @pytest.mark.parametrize(
        ("given", "code", "said"),
        [
            ({"paths": "other.json\n\nfal/good.json", "model": FLUX}, 1, "2 inputs: 1 valid, 1"),
            ({"max_usd": "0.05"}, 1, "too expensive: $0.075 is more than --max-usd $0.05"),
            ({"contract": "documented"}, 0, "3 inputs (contract: documented): 3 valid"),
            ({"paths": "fal/deep/*.jsonl"}, 0, "2 inputs: 2 valid"),
            ({"paths": "no such folder/"}, 2, "Error: fakefal knows no model no such folder/"),
            ({"paths": "--strict"}, 2, "Error: fakefal knows no model --strict"),
            ({"paths": "$(touch owned); `touch owned`"}, 2, "Error: fakefal knows no model"),
            ({"paths": "warned.json", "strict": "true"}, 1, "1 input: 1 failed; 1 warning"),
        ],
    )
    def test_inputs_reach_the_command(
        self, given: dict[str, str], code: int, said: str, runner: Path, project: Path
    ) -> None:
        add(project, "warned.json", {"endpoint_id": FLUX, "input": {"prompt": "x", "y": 1}})
        done = run_step("Check", runner, project, **given)
        assert done.returncode == code, done.stdout + done.stderr
        assert f"\n{said}" in (runner / "summary.md").read_text()
        assert not (project / "owned").exists()

    def test_a_comment_is_written_once_and_then_changed(self, runner: Path, project: Path) -> None:
        assert run_step("Check", runner, project).returncode == 0
        self.gh(runner, 'echo "$@" >> "$RUNNER_TEMP/calls"')
        assert run_step("Comment", runner, project).returncode == 0
        calls = (runner / "calls").read_text().splitlines()
        assert calls[0].startswith("api --paginate repos/me/project/issues/7/comments --jq ")
        body = f"--field body=@{runner}/fakefal-check.md"
        assert calls[1:] == [f"api --silent --method POST repos/me/project/issues/7/comments {body}"]
        self.gh(runner, 'echo "$@" >> "$RUNNER_TEMP/calls"; case "$*" in *--paginate*) echo 41; echo 42;; esac')
        assert run_step("Comment", runner, project).returncode == 0
        changed = (runner / "calls").read_text().splitlines()[-1]
        assert changed == f"api --silent --method PATCH repos/me/project/issues/comments/41 {body}"

    def test_a_token_that_may_not_comment_fails_nothing(self, runner: Path, project: Path) -> None:
        self.gh(runner, 'echo "HTTP 403: Resource not accessible by integration" >&2; exit 1')
        done = run_step("Comment", runner, project)
        assert done.returncode == 0
        assert done.stdout.startswith("::notice title=fakefal::No comment was written.")

    def gh(self, runner: Path, script: str) -> None:
        """A stand-in for GitHub's own program."""
        (runner / "bin").mkdir(exist_ok=True)
        (runner / "bin" / "gh").write_text(f"#!/bin/bash\n{script}\n")
        (runner / "bin" / "gh").chmod(0o755)

    def test_a_run_leaves_its_report(self, runner: Path, project: Path) -> None:
        done = run_step("Run", runner, project, run='test "$HTTPS_PROXY" && echo "it ran"')
        assert (done.returncode, done.stdout) == (0, "it ran\n"), done.stderr
        assert "<html" in (runner / "fakefal-report.html").read_text()
        assert STEPS["Keep the report"]["with"]["path"] == "${{ runner.temp }}/fakefal-report.html"
        assert run_step("Run", runner, project, run="false | true").returncode == 1
