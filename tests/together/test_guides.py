"""README, pages, tutorials and guides: a reader types them into an empty folder, and all works as they say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.guide import Reader, blocks
from support.machine import ROOT

README = ROOT / "README.md"
DOCS = ROOT / "docs"
FOLDERS = (".", "tutorials", "how-to", "explanation")
PAGES = {
    page
    for page in (
        README,
        *DOCS.glob("*.md"),
        *DOCS.glob("tutorials/*.md"),
        *DOCS.glob("how-to/*.md"),
        *DOCS.glob("explanation/*.md"),
    )
    if any(block.is_run for block in blocks(page))
}
FROM_NPM = bool(os.environ.get("TEST_NPM"))
OF_NPM = {DOCS / "tutorials" / "nextjs.md"}
"""Pages that install much from npm: `make examples` sets TEST_NPM, and runs these instead."""


@pytest.mark.parametrize(
    "page",
    sorted(OF_NPM if FROM_NPM else PAGES - OF_NPM),
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_a_page_is_followed(page: Path, tmp_path: Path, offline: list[str]) -> None:
    read = [README] if page.parent == DOCS else []
    Reader(tmp_path, offline, read=read, from_npm=FROM_NPM).follow(page)


@pytest.mark.parametrize("shown", ["```bash\nfalse\n```", "```bash\necho 1\n```\n\n```text\n2...\n```"])
def test_a_page_whose_commands_fail_or_print_something_else_is_noticed(
    shown: str, tmp_path: Path, offline: list[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{shown}\n")
    with pytest.raises(AssertionError):
        Reader(tmp_path, offline).follow(page)


@pytest.mark.parametrize("page", sorted(OF_NPM), ids=lambda page: page.stem)
def test_what_is_tested_elsewhere_has_only_files_and_commands(page: Path) -> None:
    assert [block.code for block in blocks(page) if not (block.name or block.language in ("bash", "text"))] == []
