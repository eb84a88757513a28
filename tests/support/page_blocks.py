"""Runs the blocks of a page, in their order, as a reader would.

- A block that begins with a comment such as ``# app.py`` is a file of that name.  Those of the README are there, too.
- ``bash`` blocks run in one folder, offline.  A ``text`` block directly behind one is what it prints: ``...`` stands
  for anything.
- Files named ``test_*.py`` that no command runs are run by pytest at the end.
- Other Python blocks are programs: they run under ``fakefal run --profile instant``.
- Other ``json``, ``toml`` and ``yaml`` blocks must be valid.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from support.machine import ROOT, required_in_ci
from support.programs import FAKEFAL
from support.waiting import run_program

README = ROOT / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAME = re.compile(r"(?:#|//) ([\w.-]+\.\w+)\b")
READERS: dict[str, Callable[[str], object]] = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}
PROGRAMS = {"python", "javascript"}
PYTEST = "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 python -m pytest -p fakefal.pytest_plugin -W error"


@dataclass(frozen=True)
class Block:
    """A block of code on a page.

    Attributes:
        language: the word behind its fence.
        code: what stands in it.
        prints: what the page says that it prints; None where it says nothing.
    """

    language: str
    code: str
    prints: str | None = None

    @property
    def name(self) -> str | None:
        """The name of the file that this block is."""
        found = NAME.match(self.code)
        return found[1] if found and self.language != "bash" else None

    @property
    def runs(self) -> bool:
        """Whether somebody types this."""
        return self.language in {"bash", *PROGRAMS}


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page; what a command prints belongs to its block."""
    text = page.read_text("utf-8")
    blocks: list[Block] = []
    end = 0
    for found in BLOCK.finditer(text):
        language, code = found.groups()
        if language == "text" and blocks and blocks[-1].language == "bash" and not text[end : found.start()].strip():
            blocks[-1] = Block("bash", blocks[-1].code, code)
        else:
            blocks.append(Block(language, code))
        end = found.end()
    return blocks


def run_page(page: Path, folder: Path, offline: list[str]) -> None:
    """Do all that a page shows.

    Args:
        page: the page.
        folder: an empty folder, which becomes the reader's.
        offline: what to put before a command so that it reaches nothing but this machine.
    """
    blocks = blocks_of(page)
    environ = os.environ | {"PATH": _path(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    if any("node" in block.code for block in blocks if block.language == "bash"):
        modules = ROOT / "tests" / "js" / "node_modules"
        if not (modules.exists() and shutil.which("node")):
            required_in_ci("Node or its packages are missing (make js)")
        (folder / "node_modules").symlink_to(modules)
    for block in (*blocks_of(README), *blocks):
        if block.name:
            (folder / block.name).write_text(block.code)
        elif block.language in READERS:
            READERS[block.language](block.code)
    for command, prints in _commands(blocks):
        shell = [*offline, "bash", "-euo", "pipefail", "-c", f"exec 2>&1\n{command}"]
        done = run_program(shell, cwd=folder, env=environ)
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        if prints is not None:
            shown = re.escape(prints).replace(re.escape("..."), ".*")
            assert re.fullmatch(shown, f"{done.stdout.rstrip()}\n", re.DOTALL), f"{command}\n{done.stdout}"


def _commands(blocks: list[Block]) -> Iterator[tuple[str, str | None]]:
    """What is typed, with what it prints."""
    typed = "".join(block.code for block in blocks if block.language == "bash")
    for block in blocks:
        if block.language == "bash":
            yield block.code, block.prints
        elif block.language == "python" and block.name is None:
            yield shlex.join(["fakefal", "run", "--profile", "instant", "--", "python", "-c", block.code]), None
    tests = [name for block in blocks if (name := block.name) and name.startswith("test_") and name not in typed]
    if tests:
        yield f"{PYTEST} {shlex.join(tests)}", None


def _path(folder: Path) -> str:
    """A search path on which `fakefal` and `python` are those of this checkout."""
    (folder / ".bin").mkdir()
    (folder / ".bin" / "fakefal").write_text(f'#!/bin/sh\nexec {shlex.join(FAKEFAL)} "$@"\n')
    (folder / ".bin" / "fakefal").chmod(0o755)
    return f"{folder}/.bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
