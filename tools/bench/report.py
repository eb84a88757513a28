"""The outcome as JSON, and as a page."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tools.bench.table import RowOutcome

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
"""The page that is kept in the repository."""


def _link(path: str) -> str:
    return f"[{path}]({os.path.relpath(ROOT / path, PAGE.parent)})"


HEAD = f"""# Benchmarks

Made by `make bench`; do not edit. Every number compares two programs on one machine in one run: both sides in turn, the
median of the rounds. `tools/bench/` says what is measured and how, {_link("docs/speed.md")} what profiles show,
{_link("docs/capacity.md")} what larger loads need.

Rows under load show the server's processor time for each call or job, the rate, and how many connections were opened.
Their result is the reference's processor time divided by ours: more is better, and other programs on the machine change
it less than the rate. Both sides keep their connections, and no two submits have one body. Every answer is checked.
A row fails if an answer is wrong, if a connection is opened beyond those asked for, or if a server sleeps.

The other rows show processor time where one process does all the work, and the wall clock where processes start or
streams wait: lower is better. Only a quiet machine makes the wall clock worth reading.
"""
VERDICTS = {True: "yes", False: "**no**", None: ""}


def as_json(outcomes: Iterable[RowOutcome], machine: dict[str, Any], load_after: Iterable[float]) -> dict[str, Any]:
    """Everything as plain JSON values."""
    return {
        "machine": {**machine, "load_after": list(load_after)},
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "rows": [one.as_dict() for one in outcomes],
    }


def page(report: dict[str, Any]) -> str:
    """The text of `PAGE`."""
    rows = report["rows"]
    lines = ["| what | against | goal | result | met | fakefal | reference |", "|---|---|---|---|---|---|---|"]
    lines += [_line(row) for row in rows]
    missed = [f"`{row['name']}`: {shown(row)}, the goal is {row['goal']}" for row in rows if row["met"] is False]
    absent = [f"`{row['name']}`: {row['missing'] or row['failed']}" for row in rows if row["value"] is None]
    notes = [f"`{row['name']}`: {row['note']}" for row in rows if row["note"]]
    parts = [HEAD, "\n".join(lines), *_listed("Goals missed", missed), *_listed("Not measured", absent)]
    parts += [*_listed("Notes", notes), *_listed("Every round", map(_rounds, rows)), _machine(report)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _line(row: dict[str, Any]) -> str:
    cells = (row["what"], row["against"], row["goal"], shown(row), VERDICTS[row["met"]], row["ours"], row["theirs"])
    return f"| {' | '.join(cell or '' for cell in cells)} |"


def shown(row: dict[str, Any]) -> str:
    """The result of a row in words."""
    if row["value"] is None:
        return "not measured"
    return f"{row['value']:.2f} {row['unit']}".strip()


def _listed(title: str, lines: Iterable[str]) -> list[str]:
    lines = [line for line in lines if line]
    return [f"## {title}\n\n" + "\n".join(f"- {line}" for line in lines)] if lines else []


def _rounds(row: dict[str, Any]) -> str:
    values = row["rounds"] or []
    return f"`{row['name']}`: {', '.join(f'{one:.2f}' for one in values)}" if values else ""


def _machine(report: dict[str, Any]) -> str:
    machine = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    pinned = "servers on one core, load from another" if machine["pinned"] else "nothing pinned"
    load = " ".join(map(str, machine["load"])), " ".join(map(str, machine["load_after"]))
    return (
        f"## Machine\n\n{machine['processor']}, {machine['cores']} cores, {machine['system']}; {pinned}; "
        f"load average before {load[0]}, after {load[1]}; {report['date']}.\n\n{versions}."
    )
