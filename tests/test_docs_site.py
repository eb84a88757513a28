"""The site of the documentation: it is complete, and nothing in it leads nowhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import fakefal.testing
import fakefal_client
import fakefal_contracts
from fakefal.settings import Settings
from fakefal_contracts import KLING
from support.machine import ROOT
from support.waiting import run_program


def build(config: Path, site: Path, offline: list[str]) -> subprocess.CompletedProcess[str]:
    command = [*offline, sys.executable, "-m", "mkdocs", "build", "--config-file", config, "--site-dir", site]
    return run_program(command, cwd=ROOT)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, offline: list[str]) -> Path:
    """The site as `make docs` builds it, without a network."""
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT / "mkdocs.yml", folder, offline)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def text(site: Path, page: str) -> str:
    return (site / page / "index.html").read_text("utf-8")


def test_readers_fetch_nothing_from_elsewhere(site: Path) -> None:
    fetched = re.compile(
        r'<(?:script|img|iframe)\b[^>]*\ssrc="?(https?:[^" >]+)|<link\b[^>]*rel="?stylesheet[^>]*href="?(https?:)'
    )
    assert [page for page in site.rglob("*.html") if fetched.search(page.read_text("utf-8"))] == []


def test_the_reference_is_made_from_the_code(site: Path) -> None:
    assert not [
        name for name in Settings.model_fields if f"<code>FAKEFAL_{name.upper()}</code>" not in text(site, "settings")
    ]
    assert not [name for name in KLING if name not in text(site, "reference/models")]
    assert "POST /_fakefal/clock" in text(site, "reference/control-api")
    assert "content_policy_violation" in text(site, "reference/errors")
    assert "--report FILE" in text(site, "reference/commands")
    for page, package in (("testing", fakefal.testing), ("client", fakefal_client), ("contracts", fakefal_contracts)):
        names = {f"{package.__name__}.{name}" for name in package.__all__} - {"fakefal_client.kling"}
        assert not [name for name in names if f'id="{name}"' not in text(site, f"reference/{page}")]
    assert "<!-- generated" not in "".join(page.read_text("utf-8") for page in site.rglob("*.html"))


def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path, offline: list[str]) -> None:
    wrong = ["missing.md", "index.md#missing", "../missing.txt", "/absolute"]
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# One\n\n" + "".join(f"- [there]({one})\n" for one in wrong))
    config = tmp_path / "mkdocs.yml"
    inherited = {"INHERIT": str(ROOT / "mkdocs.yml"), "docs_dir": "docs", "nav": ["index.md"], "plugins": []}
    config.write_text(yaml.safe_dump({**inherited, "hooks": [str(ROOT / "tools" / "site" / "hooks.py")]}))
    done = build(config, tmp_path / "site", offline)
    assert done.returncode == 1, done.stderr
    warned = [line for line in done.stderr.splitlines() if line.startswith("WARNING") and "index.md" in line]
    assert [one for one in wrong if not any(one in line for line in warned)] == []
    assert len(warned) == len(wrong)
