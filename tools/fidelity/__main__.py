"""``python -m tools.fidelity`` in a checkout: writes docs/fidelity.md and docs/fidelity.json."""

from __future__ import annotations

from pathlib import Path

import click

from tools.fidelity.report import NoOracles, write_report


@click.command
def command() -> None:
    """Write the fidelity report from the oracles' outputs in the checkout."""
    try:
        written = write_report(Path.cwd())
    except NoOracles as error:
        raise click.UsageError(str(error)) from error
    click.echo("\n".join(map(str, written)))


if __name__ == "__main__":
    command()
