"""What the pages show is what runs."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from fakefal.cli import main
from fakefal.cli.demo import demo_jobs
from fakefal.core.lifecycle import NEXT, State
from fakefal.settings import DEFAULT_PORT, Settings, load_settings
from fakefal.version import VERSION
from fakefal_contracts import BUILT_IN
from fakefal_contracts.shipped import shipped_record
from support.commands import all_commands
from support.machine import ROOT
from support.page_blocks import README, blocks_of, run_page

DOCS = ROOT / "docs"
FROM_NPM = bool(os.environ.get("TEST_NPM"))
"""Whether to run instead the pages that install much from npm; `make examples` does."""
OF_NPM = {DOCS / "tutorials" / "nextjs.md"}
SHOWN = [page for page in (README, *sorted(DOCS.rglob("*.md"))) if any(block.runs for block in blocks_of(page))]
PAGES = [page for page in SHOWN if (page in OF_NPM) is FROM_NPM]
EVERY_BLOCK_RUNS = {"tutorials", "how-to", "explanation"}
"""Folders whose pages show nothing that is not run."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT).with_suffix("")))
def test_what_a_page_shows_runs(page: Path, tmp_path: Path, offline: list[str]) -> None:
    run_page(page, tmp_path, offline, from_npm=FROM_NPM)


def test_tutorials_and_guides_show_only_files_and_commands() -> None:
    shown = [(page.name, one) for page in SHOWN if page.parent.name in EVERY_BLOCK_RUNS for one in blocks_of(page)]
    assert [(page, one.code) for page, one in shown if not (one.name or one.language == "bash")] == []


def test_a_page_whose_commands_fail_or_print_something_else_is_noticed(tmp_path: Path, offline: list[str]) -> None:
    page = tmp_path / "page.md"
    for number, shown in enumerate(["```bash\nfalse\n```", "```bash\necho 1\n```\n\n```text\n2...\n```"]):
        page.write_text(f"{shown}\n")
        folder = tmp_path / str(number)
        folder.mkdir()
        with pytest.raises(AssertionError):
            run_page(page, folder, offline)


def test_the_settings_file_of_the_page_of_models_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file,) = re.findall(r"```toml\n(.*?)```", (DOCS / "models.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "fakefal.toml").write_text(file)
    (tmp_path / "fal-models").mkdir()
    whisper = shipped_record("fal-ai/whisper")
    assert whisper is not None
    records = [whisper.as_json(), whisper.as_json() | {"id": "me/my-app"}]
    (tmp_path / "fal-models" / "own.jsonl").write_text("\n".join(map(json.dumps, records)))
    monkeypatch.chdir(tmp_path)
    settings = load_settings(environ={})
    assert [*settings.catalogue().own] == ["fal-ai/whisper", "me/my-app"]
    assert [*settings.catalogue().prices] == ["me/my-app"]


def test_the_readme_counts_the_models() -> None:
    assert f"{len(BUILT_IN):,} models" in README.read_text("utf-8")


def test_the_readme_counts_the_jobs_of_the_demo() -> None:
    jobs = demo_jobs()
    assert (len(jobs), sum(not job.purpose for job in jobs)) == (6, 4)
    assert "`make demo` sends six jobs\nthrough the queue and saves the videos of four." in README.read_text("utf-8")


def test_the_settings_table_is_complete() -> None:
    rows = re.findall(r"^\| (`.*?) \|", (DOCS / "settings.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(Settings.model_fields) == sorted(name for row in rows for name in re.findall(r"`(\w+)`", row))


def test_the_pages_explain_the_variables_of_the_helps() -> None:
    runner = CliRunner()
    helps = "".join(runner.invoke(main, [*words, "--help"]).output for words in all_commands())
    named = set(re.findall(r"FAKEFAL_[A-Z_]*[A-Z]", helps))
    pages = "".join(page.read_text("utf-8") for page in DOCS.rglob("*.md"))
    assert "FAKEFAL_PORT" in named
    assert named - set(re.findall(r"FAKEFAL_[A-Z_]*[A-Z]", pages)) == set()


def test_the_job_is_yaml() -> None:
    (job,) = (block.code for block in blocks_of(DOCS / "testing.md") if block.language == "yaml")
    steps = yaml.safe_load(job)["jobs"]["test"]["steps"]
    assert steps[-1]["run"] == "fakefal run --profile instant -- pytest"


def test_the_readme_is_two_screens_and_begins_with_a_whole_example() -> None:
    lines = README.read_text("utf-8").splitlines()
    assert len(lines) <= 180
    assert "fakefal run -- python app.py" in lines[:30]
    assert f"<http://127.0.0.1:{DEFAULT_PORT}>" in "\n".join(lines)


def test_the_diagram_is_drawn_from_the_table() -> None:
    lines = [f"    {before} --> {result}: {move}" for (before, move), result in NEXT.items()]
    diagram = "\n".join(["stateDiagram-v2", f"    [*] --> {State.IN_QUEUE}: submit", *lines])
    assert f"```mermaid\n{diagram}\n```" in (DOCS / "lifecycle.md").read_text("utf-8")


def test_the_changelog_knows_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest, *released = re.findall(r"^## (.+)$", changelog, re.MULTILINE)
    assert newest == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", release) for release in released)
    assert any(release.startswith(f"[{VERSION}]") for release in released) or f"will be {VERSION}." in changelog
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", changelog, re.MULTILINE)) <= kinds


def test_the_page_of_what_is_not_emulated_names_the_models_that_answer_nothing() -> None:
    page = (DOCS / "not-emulated.md").read_text("utf-8")
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
