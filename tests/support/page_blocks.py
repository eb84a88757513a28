"""Runs the blocks of a page, in their order, as a reader would.

- A block that begins with a comment such as ``# app.py``, or whose fence has a ``title``, is a file of that name.  For
  the pages directly in ``docs/``, those of the README are there, too.
- ``bash`` blocks run in one folder, offline.  They succeed, or end with the code of a comment such as
  ``<!-- exits 1 -->``.  A ``text`` block directly behind one is what it prints: ``...`` stands for anything.
- Files named ``test_*.py`` that no command runs are run by pytest at the end.
- Other Python blocks are programs: they run under ``fakefal run --profile instant``.
- In the folders of ``docs/``, a workflow of GitHub runs: all steps of its jobs that are commands.
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
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from support.machine import ROOT, required_in_ci
from support.programs import FAKEFAL, JS
from support.waiting import run_program

README = ROOT / "README.md"
BLOCK = re.compile(
    r'(?:^<!-- exits (?P<exits>\d+) -->\n)?^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<code>.*?)^```$',
    re.DOTALL | re.MULTILINE,
)
NAME = re.compile(r"(?:#|//) ([\w.@/\[\]-]*\.\w+)\b")
READERS: dict[str, Callable[[str], object]] = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}
PROGRAMS = {"python", "javascript"}
PYTEST = "python -m pytest -W error -W default::ResourceWarning"
"""aiohttp leaves the end of a TLS connection to a loop that may be over."""

PIP = """#!{python}
# Everything is installed: this looks whether it is, which takes pip itself a second.
import re, sys
from importlib.metadata import version
from pathlib import Path

assert sys.argv[1] == "install", sys.argv
given = sys.argv[2:]
for wanted in Path(given[1]).read_text().splitlines() if given[0] == "-r" else given:
    version(re.match("[a-zA-Z0-9_-]+", wanted)[0])
"""
NPM = """#!/bin/sh
test "$1" = install && shift
for word; do test -d "node_modules/$word" || { echo "$word is missing"; exit 1; }; done
"""
END = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"
"""Where a command fails, what runs beside it ends, too."""


@dataclass(frozen=True)
class Block:
    """A block of code on a page.

    Attributes:
        language: the word behind its fence.
        code: what stands in it.
        title: what its fence names it.
        exits: the exit code that it ends with.
        prints: what the page says that it prints; None where it says nothing.
    """

    language: str
    code: str
    title: str | None = None
    exits: int = 0
    prints: str | None = None

    @property
    def name(self) -> str | None:
        """The name of the file that this block is."""
        found = None if self.language in ("bash", "text") else NAME.match(self.code)
        return self.title or (found[1] if found else None)

    @property
    def is_workflow(self) -> bool:
        """Whether GitHub runs this."""
        return bool(self.name and self.name.startswith(".github/workflows/"))

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
        block = Block(found["language"], found["code"], found["title"], int(found["exits"] or 0))
        behind = not text[end : found.start()].strip()
        if block.language == "text" and not block.title and behind and blocks and blocks[-1].language == "bash":
            blocks[-1] = replace(blocks[-1], prints=block.code)
        else:
            blocks.append(block)
        end = found.end()
    return blocks


def run_page(page: Path, folder: Path, offline: list[str], *, from_npm: bool = False) -> None:
    """Do all that a page shows.

    Args:
        page: the page.
        folder: an empty folder, which becomes the reader's.
        offline: what to put before a command so that it reaches nothing but this machine.
        from_npm: packages of Node come from npm, the only registry that is asked, and not from the tests.
    """
    blocks = blocks_of(page)
    typed = "".join(block.code for block in blocks if block.language == "bash" or block.is_workflow)
    reader = Reader(folder, offline, from_npm=from_npm)
    if not from_npm and re.search(r"\b(node|npm|npx)\b", typed):
        reader.take_packages_of_node()
    in_folder = page.parent != ROOT / "docs"
    for block in () if in_folder else blocks_of(README):
        reader.write(block)
    for block in blocks:
        if block.language == "bash":
            reader.type(block)
        elif block.name:
            reader.write(block)
            if in_folder and block.is_workflow:
                reader.run_jobs(block)
        elif block.language == "python":
            run = ["fakefal", "run", "--profile", "instant", "--", "python", "-c", block.code]
            reader.type(Block("bash", shlex.join(run)))
        elif block.language in READERS:
            READERS[block.language](block.code)
    tests = [block.name for block in blocks if block.name and block.name.startswith("test_")]
    if untyped := [name for name in tests if name not in typed and not re.search(r"\bpytest\b(?! test_)", typed)]:
        reader.type(Block("bash", f"{PYTEST} {shlex.join(untyped)}"))


class Reader:
    """Somebody who follows a page."""

    def __init__(self, folder: Path, offline: list[str], *, from_npm: bool) -> None:
        self._folder, self._offline, self._from_npm = folder, offline, from_npm
        self._environ = os.environ | {
            "PATH": f"{folder}/.bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",
            # of the plugins that happen to be installed here, those that a reader has
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_PLUGINS": "fakefal.pytest_plugin,xdist.plugin",
        }
        self._command("fakefal", f'#!/bin/sh\nexec {shlex.join(FAKEFAL)} "$@"\n')
        self._command("pip", PIP.format(python=sys.executable))

    def _command(self, name: str, script: str) -> None:
        """Put a command in front of the search path."""
        path = self._folder / ".bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(script)
        path.chmod(0o755)

    def take_packages_of_node(self) -> None:
        if not ((JS / "node_modules").exists() and shutil.which("node")):
            required_in_ci("Node or its packages are missing (make js)")
        (self._folder / "node_modules").symlink_to(JS / "node_modules")
        self._command("npm", NPM)

    def write(self, block: Block) -> None:
        if block.name is None:
            return
        path = self._folder / block.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.code)

    def run_jobs(self, workflow: Block) -> None:
        jobs = yaml.safe_load(workflow.code)["jobs"].values()
        for command in [step["run"] for job in jobs for step in job["steps"] if "run" in step]:
            self.type(Block("bash", command))

    def type(self, block: Block) -> None:
        prefix = [] if self._from_npm and block.code.startswith("npm install ") else self._offline
        command = [*prefix, "bash", "-euo", "pipefail", "-c", f"exec 2>&1\n{END}\n{block.code}"]
        done = run_program(command, cwd=self._folder, env=self._environ)
        assert done.returncode == block.exits, f"{block.code}\n{done.stdout}{done.stderr}"
        if block.prints is not None:
            shown = re.escape(block.prints).replace(re.escape("..."), ".*")
            printed = f"{done.stdout.rstrip()}\n"
            assert re.fullmatch(shown, printed, re.DOTALL), f"{block.code}\n{printed}\nis not:\n{block.prints}"
