"""``python -m tools.bench`` in a checkout."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tools.bench.table import FULL, TINY, NotInstalled, RowOutcome, Size

if TYPE_CHECKING:
    from tools.bench.table import Row

LONGEST_FAILURE = 500


@click.command
@click.option("--only", "names", multiple=True, metavar="ROW", help="Measure this row only; may be repeated.")
@click.option("--tiny", is_flag=True, help="Measure next to nothing, to see that everything runs.")
@click.option("--rounds", type=click.IntRange(1), help=f"How many alternating rounds (default: {FULL.rounds}).")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write everything here as JSON.")
@click.option("--page", is_flag=True, help="Write the page that is kept in the repository.")
def command(names: tuple[str, ...], tiny: bool, rounds: int | None, json_file: Path | None, page: bool) -> None:  # noqa: FBT001
    """Measure this emulator side by side with named references, and print the table.

    The load comes from wrk; other mock servers are compared where `make bench` has installed them.
    Exit code 1: a row could not be measured although everything that it needs is installed.
    """
    import dataclasses

    from tools.bench import report
    from tools.bench.machine import machine
    from tools.bench.rows import ROWS

    size = TINY if tiny else FULL
    size = dataclasses.replace(size, rounds=rounds or size.rounds)
    unknown = set(names) - {row.name for row in ROWS}
    if unknown:
        raise click.UsageError(f"no row {', '.join(sorted(unknown))}; rows: {', '.join(row.name for row in ROWS)}")
    before = machine()
    outcomes = _measured([row for row in ROWS if not names or row.name in names], size)
    recorded = report.as_json(outcomes, before, [round(one, 2) for one in os.getloadavg()])
    if json_file is not None:
        json_file.write_text(json.dumps(recorded, indent=2, ensure_ascii=False) + "\n", "utf-8")
    if page:
        report.PAGE.write_text(report.page(recorded), "utf-8")
    verdicts, failed = Counter(one.met for one in outcomes), sum(bool(one.failed) for one in outcomes)
    click.echo(f"{verdicts[True]} goals met, {verdicts[False]} missed, {failed} rows failed")
    sys.exit(failed > 0)


def _measured(rows: Iterable[Row], size: Size) -> list[RowOutcome]:
    """Measure one row after the other, and report each as soon as it is ready."""
    outcomes = []
    for row in rows:
        began = time.monotonic()
        try:
            outcome = RowOutcome(row, row.measure(size))
        except NotInstalled as error:
            outcome = RowOutcome(row, missing=str(error))
        except (OSError, RuntimeError) as error:  # the other rows are not lost
            outcome = RowOutcome(row, failed=f"{type(error).__name__}: {error}"[:LONGEST_FAILURE])
        _tell(outcome, time.monotonic() - began)
        outcomes.append(outcome)
    return outcomes


def _tell(outcome: RowOutcome, seconds: float) -> None:
    from tools.bench.report import shown

    row = outcome.as_dict()
    verdict = "FAILED" if row["failed"] else {True: "met", False: "MISSED", None: ""}[row["met"]]
    sides = f"{row['ours']} : {row['theirs']}" if row["theirs"] else row["ours"] or row["missing"] or row["failed"]
    line = f"{row['name']:17} {shown(row):>13}  {row['goal']:18} {verdict:7} {sides}"
    click.echo(f"{line}  ({seconds:.0f} s)")
    sys.stdout.flush()


if __name__ == "__main__":
    command()
