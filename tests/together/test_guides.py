"""Tutorials, guides and explanations: a reader types them into an empty folder, and everything works as they say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.guide import Reader, blocks
from support.machine import ROOT

DOCS = ROOT / "docs"
PAGES = [
    DOCS / "index.md",
    *(page for one in ("tutorials", "how-to", "explanation") for page in (DOCS / one).glob("*.md")),
]
FROM_NPM = bool(os.environ.get("TEST_NPM"))
OF_NPM = {DOCS / "tutorials" / "nextjs.md"}
"""Pages that install much from npm: `make examples` sets TEST_NPM, and runs these instead."""


@pytest.mark.parametrize(
    "page",
    sorted(OF_NPM if FROM_NPM else {*PAGES} - OF_NPM),
    ids=lambda page: str(page.relative_to(DOCS)),
)
def test_a_page_is_followed(page: Path, tmp_path: Path, offline: list[str]) -> None:
    Reader(tmp_path, offline, from_npm=FROM_NPM).follow(page)


@pytest.mark.parametrize("page", sorted(OF_NPM), ids=lambda page: page.stem)
def test_what_is_tested_elsewhere_has_only_files_and_commands(page: Path) -> None:
    assert [block.code for block in blocks(page) if not (block.name or block.language in ("bash", "text"))] == []
