"""The keyboard's interrupt, however early it comes."""

from __future__ import annotations

import signal
import sys

import pytest

from support.waiting import run_program

INTERRUPTED_AT = """
import importlib.abc, os, runpy, signal, sys

wanted = sys.argv[1]

class Interrupting(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == wanted:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
sys.argv = ["fakefal", "models"]
runpy.run_module("fakefal", run_name="__main__")
"""


@pytest.mark.quick
@pytest.mark.parametrize("module", ["click", "fakefal.cli.supervision", "fakefal.cli.models"])
def test_it_ends_a_command_without_a_word_while_that_is_imported(module: str) -> None:
    done = run_program([sys.executable, "-c", INTERRUPTED_AT, module])
    assert done.stderr == ""
    assert done.stdout == ""
    assert done.returncode in (-signal.SIGINT, 128 + signal.SIGINT)
