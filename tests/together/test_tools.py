"""Tools that people use with fal, unmodified: two of docs/tools.md; `make examples` runs all."""

from __future__ import annotations

import sys

import pytest

from support.machine import required_in_ci
from tools.tried_tools import PAGE, PROGRAMS, TOOLS, measured


@pytest.mark.parametrize("name", ["ai_sdk", "hugging_face"])
def test_a_tool_does_what_the_page_says(name: str, offline: list[str], node: str) -> None:
    assert node
    if not (PROGRAMS / "node_modules").is_dir():
        required_in_ci("the tools of the examples are missing (make js)")
    (tool,) = (one for one in TOOLS if one.file.stem == name)
    outcome = measured(tool, sys.executable, offline, profile="instant")
    assert outcome.surprises == []
    assert outcome.findings in PAGE.read_text("utf-8")
    assert outcome.in_fixture is tool.is_python
