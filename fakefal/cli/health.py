"""``fakefal health``."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request

import click

from fakefal.settings import DEFAULT_PORT


@click.command
@click.option(
    "--url",
    default=lambda: os.environ.get("FAKEFAL_URL", f"http://127.0.0.1:{DEFAULT_PORT}"),
    help="Base URL (default: FAKEFAL_URL, else the default port).",
)
def command(url: str) -> None:
    """Ask a running emulator whether it is ready.  Exit code 0: yes; 1: no."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{url.rstrip('/')}/_fakefal/ready", timeout=5):
            click.echo(f"{url} is ready")
    except (urllib.error.URLError, OSError, ValueError) as error:
        click.echo(f"{url} is not ready: {error}", err=True)
        sys.exit(1)
