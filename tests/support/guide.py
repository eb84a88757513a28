"""Pages that a reader follows: their files are written, their commands run in order, and what these print is compared.

- A block whose first line is a comment with a file's name, or which has a ``title``, is that file.
- A block of ``bash`` is typed.  It succeeds, or ends with the code of a comment ``<!-- exits 1 -->`` before it.
- A block of ``text`` directly behind one of ``bash`` has lines of what that prints, in their order; ``...`` is anything.
- A job of a workflow for GitHub is run, too: each of its ``run`` steps.
- Other blocks of Python are programs, and run under ``fakefal run --profile instant``; other ``json``, ``toml`` and ``yaml``
  is read.
- Files of tests that no command names are run by pytest at the end.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
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

_PIP = """#!/bin/sh
# Everything is installed: pip says so without a network, or fails.  Ours comes from this checkout.
test ! -e requirements.txt || sed -i 's/^fakefal @.*/fakefal/' requirements.txt
for word; do shift; case $word in fakefal*) word=fakefal;; esac; set -- "$@" "$word"; done
exec {python} -m pip "$@" --no-index --quiet --disable-pip-version-check
"""


_TESTS = "python -m pytest -W error -W default::ResourceWarning"
"""aiohttp leaves the end of a TLS connection to a loop that may be over."""
_READERS: dict[str, Callable[[str], object]] = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}


@dataclass(frozen=True)
class Block:
    """A block of a page; `name` is that of its file, where it is one.  It may print what the block before it does."""

    language: str
    name: str | None
    code: str
    exits: int
    follows: bool

    @property
    def is_run(self) -> bool:
        """Whether a reader does something with it."""
        return self.language in ("bash", "python", "javascript")


def blocks(page: Path) -> Iterator[Block]:
    """Every block of a page, in its order."""
    text, end = page.read_text("utf-8"), 0
    for found in _BLOCK.finditer(text):
        named = None if found["language"] in ("bash", "text") else _NAME.match(found["code"])
        name = found["title"] or (named and named[1])
        follows = not text[end : found.start()].strip()
        yield Block(found["language"], name, found["code"], int(found["exits"] or 0), follows)
        end = found.end()


class Reader:
    """Somebody who follows a page in an empty folder, without a network: `prefix` begins each command.

    The files of the pages that were `read` before are there.  Packages of Node are those of the tests, or `from_npm`,
    which is then the only registry that is asked.
    """

    def __init__(self, folder: Path, prefix: list[str], *, read: Iterable[Path] = (), from_npm: bool = False) -> None:
        self.folder, self._prefix, self._from_npm = folder, prefix, from_npm
        self._env = {name: value for name, value in os.environ.items() if not name.startswith(("FAL_", "FAKEFAL_"))}
        self._env["PATH"] = f"{folder / '.bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        # of the plugins that happen to be installed here, those that a reader has
        self._env |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "fakefal.pytest_plugin,xdist.plugin"}
        self._command("fakefal", f'#!/bin/sh\nexec {" ".join(map(str, FAKEFAL))} "$@"\n')
        self._command("pip", _PIP.format(python=sys.executable))
        for block in (one for page in read for one in blocks(page)):
            if block.name:
                self._write(block.name, block.code)

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
        printed, before, shown = "", "", list(blocks(page))
        if not self._from_npm and any("node" in block.code for block in shown if block.language == "bash"):
            self._take_packages_of_node()
        for block in shown:
            if block.name:
                self._write(block.name, block.code)
            elif block.language == "bash":
                printed = self._type(block.code, block.exits)
            elif block.language == "text" and before == "bash" and block.follows:
                _compare(block.code, printed)
            elif block.language == "python":
                self._type(shlex.join(["fakefal", "run", "--profile", "instant", "--", "python", "-c", block.code]), 0)
            elif block.language in _READERS:
                _READERS[block.language](block.code)
            before = block.language
        typed = "".join(block.code for block in shown if block.language == "bash")
        names = [block.name for block in shown if block.name and Path(block.name).name.startswith("test_")]
        if tests := [name for name in names if name not in typed and "pytest" not in typed]:
            self._type(f"{_TESTS} {shlex.join(tests)}", 0)

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
