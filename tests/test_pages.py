"""What the pages show is what runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from fakefal.core.lifecycle import NEXT, State
from fakefal.settings import DEFAULT_PORT, Settings, load_settings
from fakefal.version import VERSION
from fakefal_contracts import BUILT_IN
from fakefal_contracts.shipped import shipped_record
from support.machine import ROOT, required_in_ci
from support.waiting import run_program

README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[str]:
    return [code for one, code in BLOCKS if one == language]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder with the files that the README shows."""
    for code in blocks("python") + blocks("javascript"):
        name = re.match(r"(?:#|//) (\w+\.\w+)", code)
        assert name, code
        (tmp_path / name[1]).write_text(code)
    (tmp_path / "node_modules").symlink_to(ROOT / "tests" / "js" / "node_modules")
    return tmp_path


@pytest.mark.parametrize("code", blocks("bash"), ids=lambda code: code.split("\n")[0][:40])
def test_the_commands_of_the_readme(code: str, folder: Path, offline: list[str]) -> None:
    if "node" in code and not ((folder / "node_modules").exists() and shutil.which("node")):
        required_in_ci("Node or its packages are missing (make js)")
    (folder / "bin").mkdir()
    (folder / "bin" / "fakefal").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fakefal "$@"\n')
    (folder / "bin" / "fakefal").chmod(0o755)
    path = f"{folder}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = [*offline, "bash", "-euo", "pipefail", "-c", code]
    done = run_program(command, cwd=folder, env={**os.environ, "PATH": path})
    assert done.returncode == 0, done.stdout + done.stderr
    if "--effect" in code:
        assert "\n504 [" in done.stdout
        assert "content_policy_violation" in done.stdout
    if "fakefal check fal/" in code:
        assert "1 input under contract latest: 1 valid; $0.025 in total" in done.stdout
    elif "fakefal check" in code:
        assert "refused" in done.stdout
        assert 'send it as a string: "5"' in done.stdout
    elif code.startswith("pytest"):
        assert "fakefal: 1 request, 1 done, 0 refused, $1.12 not spent" in done.stdout
    elif "_fakefal/clock" in code:
        assert '"now"' in done.stdout or not _curl_knows_json()
    else:
        assert re.search(r"/files/b/[0-9a-f]{8}/[\w-]{21}_output\.mp4", done.stdout), done.stdout


def _curl_knows_json() -> bool:
    """curl has `--json` since 7.82; older ones end with 2."""
    return "--json" in run_program(["curl", "--help", "all"]).stdout


def test_the_settings_file_of_the_page_of_models_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "models.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "fakefal.toml").write_text(file)
    (tmp_path / "fal-models").mkdir()
    whisper = shipped_record("fal-ai/whisper")
    assert whisper is not None
    (tmp_path / "fal-models" / "whisper.jsonl").write_text(json.dumps(whisper.as_json()))
    monkeypatch.chdir(tmp_path)
    settings = load_settings(environ={})
    assert [*settings.catalogue().own] == ["fal-ai/whisper"]
    assert [*settings.catalogue().prices] == ["me/my-app"]


def test_the_readme_counts_the_models() -> None:
    assert f"{len(BUILT_IN):,} models" in README


def test_the_settings_table_is_complete() -> None:
    listed = set(re.findall(r"`(\w+)`", README[README.index("| setting |") :].partition("\n\n")[0]))
    assert set(vars(Settings())) <= listed


def test_the_job_is_yaml() -> None:
    (job,) = blocks("yaml")
    steps = yaml.safe_load(job)["jobs"]["test"]["steps"]
    assert steps[-1]["run"] == "fakefal run --profile instant -- pytest"


def test_the_readme_begins_with_a_whole_example() -> None:
    assert "fakefal run -- python app.py" in "\n".join(README.splitlines()[:30])
    assert str(DEFAULT_PORT) in README
    assert Settings().profile == "quick"


def test_the_diagram_is_drawn_from_the_table() -> None:
    lines = [f"    {before} --> {result}: {move}" for (before, move), result in NEXT.items()]
    diagram = "\n".join(["stateDiagram-v2", f"    [*] --> {State.IN_QUEUE}: submit", *lines])
    assert f"```mermaid\n{diagram}\n```" in (ROOT / "docs" / "lifecycle.md").read_text("utf-8")


def test_the_changelog_knows_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest, *released = re.findall(r"^## (.+)$", changelog, re.MULTILINE)
    assert newest == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", release) for release in released)
    assert any(release.startswith(f"[{VERSION}]") for release in released) or f"will be {VERSION}." in changelog
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", changelog, re.MULTILINE)) <= kinds


def test_the_page_of_what_is_not_emulated_names_the_models_that_answer_nothing() -> None:
    page = (ROOT / "docs" / "not-emulated.md").read_text("utf-8")
    silent = {
        one.id
        for one in BUILT_IN.records()
        if not one.schemas.get(one.output, {}).keys() - {"type", "additionalProperties"}
        and not one.id.endswith("/stream")
    }
    assert (
        set(re.findall(r"`([\w.-]+/[\w./-]+)`", page.partition("Of 17 models")[2].partition("## Calls")[0])) == silent
    )
    assert len(silent) == 17
