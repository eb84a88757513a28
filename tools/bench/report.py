"""The outcome as JSON, and as the page ``docs/benchmarks.md``."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from tools.bench.table import RowOutcome

HEAD = """# Benchmarks

Made by `make bench`; do not edit. Every number is a ratio between two programs on one machine in one run: both sides in
turn, the median of the rounds. What is measured and how stands in `tools/bench/`; what profiles show in
[speed.md](speed.md), what it means for larger loads in [capacity.md](capacity.md).
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
    """The page that is kept in the repository."""
    rows = report["rows"]
    lines = ["| what | against | goal | result | met | fakefal | reference |", "|---|---|---|---|---|---|---|"]
    lines += [_line(row) for row in rows]
    missed = [f"`{row['name']}`: {shown(row)}, the goal is {row['goal']}" for row in rows if row["met"] is False]
    absent = [f"`{row['name']}`: {row['missing']}" for row in rows if row["missing"]]
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
