"""Pages that a reader follows: their files are written, their commands run in order, and what these print is compared.

- A block whose first line is a comment with a file's name, or which has a ``title``, is that file.
- A block of ``bash`` is typed.  It succeeds, or ends with the code of a comment ``<!-- exits 1 -->`` before it.
- A block of ``text`` follows one of ``bash``, and has lines of what that prints, in their order; ``...`` is anything.
- A job of a workflow for GitHub is run, too: each of its ``run`` steps.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from support.machine import required_in_ci
from support.programs import FAKEFAL, JS
from support.waiting import run_program

_BLOCK = re.compile(
    r'(?:^<!-- exits (?P<exits>\d+) -->\n)?^```(?P<language>\w*)(?: title="(?P<title>[^"]+)")?\n(?P<code>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)
_NAME = re.compile(r"(?:#|//|<!--) ([\w.@/\[\]-]*\.\w+)\b")
_NPM = """#!/bin/sh
# The same for packages of Node.
test "$1" = install && shift
for word; do test -d "node_modules/$word" || { echo "$word is missing"; exit 1; }; done
"""
_END = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"
"""Where a command fails, what runs beside it ends, too."""

_PIP = """#!{python}
# Everything is installed: this looks whether it is, which takes pip itself a second.
import re, sys
from importlib.metadata import version
from pathlib import Path

assert sys.argv[1] == "install", sys.argv
given = sys.argv[2:]
for wanted in Path(given[1]).read_text().splitlines() if given[0] == "-r" else given:
    version(re.match("[a-zA-Z0-9_-]+", wanted)[0])
"""
_NPM = """#!/bin/sh
# The same for packages of Node.
test "$1" = install && shift
for word; do test -d "node_modules/$word" || { echo "$word is missing"; exit 1; }; done
"""
_END = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"
"""Where a command fails, what runs beside it ends, too."""

_PIP = """#!/bin/sh
# Everything is installed: pip says so without a network, or fails.  Ours comes from this checkout.
test ! -e requirements.txt || sed -i 's/^fakefal @.*/fakefal/' requirements.txt
for word; do shift; case $word in fakefal*) word=fakefal;; esac; set -- "$@" "$word"; done
exec {python} -m pip "$@" --no-index --quiet --disable-pip-version-check
"""


@dataclass(frozen=True)
class Block:
    """A block of a page; `name` is that of its file, where it is one."""

    language: str
    name: str | None
    code: str
    exits: int


def blocks(page: Path) -> Iterator[Block]:
    """Every block of a page, in its order."""
    for found in _BLOCK.finditer(page.read_text("utf-8")):
        named = None if found["language"] in ("bash", "text") else _NAME.match(found["code"])
        yield Block(found["language"], found["title"] or (named and named[1]), found["code"], int(found["exits"] or 0))


class Reader:
    """Somebody who follows a page in an empty folder, without a network: `prefix` begins each command.

    Packages of Node are those of the tests, or `from_npm`, which is then the only registry that is asked.
    """

    def __init__(self, folder: Path, prefix: list[str], *, from_npm: bool = False) -> None:
        self.folder, self._prefix, self._from_npm = folder, prefix, from_npm
        self._env = {name: value for name, value in os.environ.items() if not name.startswith(("FAL_", "FAKEFAL_"))}
        self._env["PATH"] = f"{folder / '.bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        # of the plugins that happen to be installed here, those that a reader has
        self._env |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "fakefal.pytest_plugin,xdist.plugin"}
        self._command("fakefal", f'#!/bin/sh\nexec {" ".join(map(str, FAKEFAL))} "$@"\n')
        self._command("pip", _PIP.format(python=sys.executable))

    def _take_packages_of_node(self) -> None:
        if not ((JS / "node_modules").is_dir() and shutil.which("node")):
            required_in_ci("Node or its packages are missing (make js)")
        (self.folder / "node_modules").symlink_to(JS / "node_modules")
        self._command("npm", _NPM)

    def _command(self, name: str, script: str) -> None:
        (self.folder / ".bin").mkdir(exist_ok=True)
        (self.folder / ".bin" / name).write_text(script)
        (self.folder / ".bin" / name).chmod(0o755)

    def follow(self, page: Path) -> None:
        """Do what the page says."""
        printed, shown = "", list(blocks(page))
        if not self._from_npm and any(block.language == "javascript" for block in shown):
            self._take_packages_of_node()
        for block in shown:
            if block.language == "bash":
                printed = self._type(block.code, block.exits)
            elif block.language == "text" and block.name is None:
                _compare(block.code, printed)
            else:
                assert block.name, f"this block is no file and no command:\n{block.code}"
                self._write(block.name, block.code)

    def _write(self, name: str, code: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
        if path.parent.name == "workflows":
            self._run_jobs(code)

    def _run_jobs(self, workflow: str) -> None:
        for job in yaml.safe_load(workflow)["jobs"].values():
            for step in job["steps"]:
                if "run" in step:
                    self._type(step["run"], 0)

    def _type(self, code: str, exits: int) -> str:
        prefix = [] if self._from_npm and code.startswith("npm install ") else self._prefix
        command = [*prefix, "bash", "-euo", "pipefail", "-c", f"exec 2>&1\n{_END}\n{code}"]
        done = run_program(command, cwd=self.folder, env=self._env)
        assert done.returncode == exits, f"{code}\n{done.stdout}{done.stderr}"
        return done.stdout


def _compare(expected: str, printed: str) -> None:
    lines = iter(printed.splitlines())
    for line in expected.splitlines():
        wanted = re.compile(re.escape(line.rstrip()).replace(re.escape("..."), ".*"))
        assert any(wanted.fullmatch(one.rstrip()) for one in lines), f"{line!r} is missing in:\n{printed}"
