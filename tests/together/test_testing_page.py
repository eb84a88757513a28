"""docs/testing.md names all that users have."""

from __future__ import annotations

import inspect
import re

from fakefal.testing import Fakefal
from support.machine import ROOT

PAGE = (ROOT / "docs" / "testing.md").read_text("utf-8")


def test_it_names_all_that_users_have() -> None:
    names = [name for name in vars(Fakefal) if not name.startswith("_")] + list(inspect.signature(Fakefal).parameters)
    internal = {"end", "intercepting", "report_part", "serve"}
    assert not [name for name in names if name not in internal and not re.search(rf"\b{name}\b", PAGE)]
