"""Tutorials and how-to guides: a reader types them into an empty folder, and everything works as they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.guide import Reader, guides
from support.machine import ROOT


@pytest.mark.parametrize("page", guides("tutorials", "how-to", "explanation"))
def test_a_page_is_followed(page: str, tmp_path: Path, offline: list[str]) -> None:
    Reader(tmp_path, offline).follow(ROOT / page)
