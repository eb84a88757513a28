"""``fakefal health``."""

from __future__ import annotations

import sys

import click

from fakefal.cli.asking import NoAnswer, ask, url_option


@click.command
@url_option
def command(url: str) -> None:
    """Ask a running emulator whether it is ready.  Exit code 0: yes; 1: no.

    Beyond loopback it asks for FAKEFAL_CONTROL_TOKEN.
    """
    try:
        ask(url, "ready")
    except NoAnswer as error:
        click.echo(f"{url} is not ready: {error}", err=True)
        sys.exit(1)
    click.echo(f"{url} is ready")
