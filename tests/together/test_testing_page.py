"""What docs/testing.md shows is what runs."""

from __future__ import annotations

import inspect
import re

import pytest

from fakefal.testing import Fakefal
from support.machine import ROOT

PAGE = (ROOT / "docs" / "testing.md").read_text("utf-8")


def test_its_examples_pass(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    examples = re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for name, code in examples:
        (pytester.path / name).write_text(code)
    result = pytester.runpytest_subprocess("-p", "fakefal.pytest_plugin", "-W", "error")
    result.assert_outcomes(passed=len(re.findall(r"def test_", PAGE)))
    assert len(examples) == PAGE.count("```python")


def test_it_names_all_that_users_have() -> None:
    names = [name for name in vars(Fakefal) if not name.startswith("_")] + list(inspect.signature(Fakefal).parameters)
    internal = {"end", "intercepting", "report_part", "serve"}
    assert not [name for name in names if name not in internal and not re.search(rf"\b{name}\b", PAGE)]
