"""``fakefal effects``."""

from __future__ import annotations

import json

import click

from fakefal.cli.help_examples import examples
from fakefal.effects.explained import EFFECTS
from fakefal.effects.known import KNOWN


@click.command(epilog=examples("fakefal effects", "fakefal effects --status 429"))
@click.option("--status", type=int, metavar="STATUS", help="Only effects that answer with this status.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(status: int | None, *, as_json: bool) -> None:
    """List the effects: how each makes a call or a job fail, and the arguments that it takes.

    Use one as in `fakefal run --effect 'stuck when nth=2' -- CMD`.
    """
    found = {name: one for name, one in EFFECTS.items() if status in (None, one.status)}
    if not found:
        there = sorted({one.status for one in EFFECTS.values() if one.status})
        raise click.UsageError(f"--status {status}: no effect answers so; there are {', '.join(map(str, there))}")
    if as_json:
        rows = [{"effect": name, **one._asdict(), "arguments": KNOWN[name]} for name, one in found.items()]
        click.echo(json.dumps(rows, indent=2))
        return
    width = max(map(len, found))
    for name, one in found.items():
        takes = f"  ({', '.join(KNOWN[name])})" if KNOWN[name] else ""
        click.echo(f"{name:{width}}  {one.status or '-':>3}  {one.does}{takes}")
