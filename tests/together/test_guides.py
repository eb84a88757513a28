"""Tutorials, guides and explanations: a reader types them into an empty folder, and everything works as they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.guide import Reader
from support.machine import ROOT

DOCS = ROOT / "docs"
PAGES = [
    DOCS / "index.md",
    *(page for one in ("tutorials", "how-to", "explanation") for page in (DOCS / one).glob("*.md")),
]


@pytest.mark.parametrize("page", sorted(PAGES), ids=lambda page: str(page.relative_to(DOCS)))
def test_a_page_is_followed(page: Path, tmp_path: Path, offline: list[str]) -> None:
    Reader(tmp_path, offline).follow(page)
