"""Audit programs that make one call by each client, and write the tables of `docs/audit.md`.

Run by hand (`make docs-audit`) when a client or an effect changes; its output is committed, and a test audits some of
it again.  It needs Node and `make js`; clients that are nobody's dependency here are installed in `.oracle/audit`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fakefal_contracts.price import dollars

ROOT = Path(__file__).parent.parent
PAGE = Path(__file__).parent / "audit.md"
MEASURED = re.compile("(?<=<!-- measured -->\n).*(?=\n<!-- end -->)", re.DOTALL)
"""The part of the page that is written here; the rest is written by hand."""

PYTHON_PROGRAM = ROOT / "tests" / "together" / "programs" / "official.py"
JS_PROGRAM = ROOT / "tests" / "js" / "official.mjs"
APART = ROOT / ".oracle" / "audit"
NODE_PACKAGES = ("ai@6.0.326", "@ai-sdk/fal@2.0.59")
LITELLM = "litellm==1.110.2"
RUN_SECONDS = 90
"""fal's Python client tries for about a minute before it gives up."""


@dataclass(frozen=True)
class Audited:
    """One column: its heading, its version, and the command that makes one call; whether by the queue."""

    title: str
    version: str
    command: tuple[str, ...]
    queued: bool = True


def clients() -> list[Audited]:
    """Those that are installed here anyway."""
    python = sys.executable, str(PYTHON_PROGRAM)
    of_javascript = json.loads((ROOT / "tests/js/node_modules/@fal-ai/client/package.json").read_text("utf-8"))
    return [
        Audited("fal-client, `subscribe`", version("fal-client"), (*python, "sync")),
        Audited("fal-client, `subscribe_async`", version("fal-client"), (*python, "async")),
        Audited("@fal-ai/client", of_javascript["version"], ("node", str(JS_PROGRAM), "fal")),
        Audited("fakefal_client, `Client`", version("fakefal"), (*python, "own")),
    ]


def others() -> list[Audited]:
    """Those that live apart; they are installed when they are missing."""
    node, python = APART / "node", APART / "python"
    if not (node / "node_modules" / "ai").exists():
        node.mkdir(parents=True, exist_ok=True)
        npm = str(shutil.which("npm"))
        subprocess.run([npm, "install", "--no-save", "--silent", "--prefix", node, *NODE_PACKAGES], check=True)
    if not (python / "bin" / "litellm").exists():
        venv.create(python, clear=True, with_pip=True)
        subprocess.run([python / "bin" / "pip", "install", "--quiet", LITELLM], check=True)
    program = shutil.copy(JS_PROGRAM, node)  # Node looks for packages beside the program
    return [
        Audited("@ai-sdk/fal", NODE_PACKAGES[1].rpartition("@")[2], ("node", str(program), "ai-sdk"), queued=False),
        Audited(
            "LiteLLM",
            LITELLM.rpartition("=")[2],
            (str(python / "bin" / "python"), str(PYTHON_PROGRAM), "litellm"),
            queued=False,
        ),
    ]


def audit(client: Audited, *options: str) -> list[dict[str, Any]]:
    """The runs of one client."""
    command = [sys.executable, "-m", "fakefal", "audit", "--json", "--yes", "--profile", "instant"]
    command += ["--jobs", str(os.cpu_count() or 2), "--run-seconds", str(RUN_SECONDS), *options, "--", *client.command]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    if not done.stdout:
        sys.exit(f"{client.title}: it could not be audited")
    runs: list[dict[str, Any]] = json.loads(done.stdout)["runs"]
    return runs


def cell(run: dict[str, Any]) -> str:
    """Jobs and how many dollars, how it ended, and what was found; bold where that is proven."""
    if not run["reached"]:
        return "not reached"
    grades = dict.fromkeys((one["kind"], one["grade"]) for one in run["findings"])
    found = [f"**{kind}**" if grade == "proven" else f"{kind} (possible)" for kind, grade in sorted(grades)]
    ending = {"exit 0": "result"}.get(run["ending"], "error" if run["code"] else run["ending"])
    return ", ".join([f"{run['jobs']} ({dollars(Decimal(str(run['usd'])))})", ending, *found])


def table(columns: Sequence[Audited], audits: Sequence[list[dict[str, Any]]]) -> str:
    """A table of clients that call in the same way: a row for each fault."""
    lines = [["call", "failure", *(client.title for client in columns)]]
    lines.append(["---"] * len(lines[0]))
    for row in zip(*audits, strict=True):
        call = row[0]["call"]
        lines.append([call["kind"] if call else "", row[0]["failure"], *map(cell, row)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def measured_part(columns: Sequence[Audited], audits: Sequence[list[dict[str, Any]]]) -> str:
    """Both tables, and whose they are."""
    versions = dict.fromkeys(f"{client.title.partition(',')[0]} {client.version}" for client in columns)
    parts = [f"Measured with {', '.join(versions)}."]
    for heading, queued in (("Through the queue", True), ("By fal.run", False)):
        chosen = [at for at, client in enumerate(columns) if client.queued is queued]
        parts += [f"### {heading}", table([columns[at] for at in chosen], [audits[at] for at in chosen])]
    return "\n\n".join(parts)


def main() -> None:
    """Write the page, or with --check say whether its tables are still true."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the page differs")
    given = parser.parse_args()
    columns = [*clients(), *others()]
    measured = measured_part(columns, [audit(client) for client in columns])
    text = PAGE.read_text("utf-8")
    if not given.check:
        PAGE.write_text(MEASURED.sub(lambda _: measured, text), "utf-8")
    elif measured not in text:
        sys.exit(f"{PAGE.name} is stale: run `make docs-audit`.  Measured was:\n\n{measured}")


if __name__ == "__main__":
    main()
