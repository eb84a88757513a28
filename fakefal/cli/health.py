"""``fakefal health``."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from http import HTTPStatus

import click

from fakefal.cli.examples import examples
from fakefal.settings import DEFAULT_PORT


@click.command(epilog=examples("fakefal health", "fakefal health --url http://127.0.0.1:8710"))
@click.option(
    "--url",
    default=lambda: os.environ.get("FAKEFAL_URL", f"http://127.0.0.1:{os.environ.get('FAKEFAL_PORT', DEFAULT_PORT)}"),
    help="Base URL (default: FAKEFAL_URL, else FAKEFAL_PORT or the default port).",
)
def command(url: str) -> None:
    """Ask a running emulator whether it is ready.  Exit code 0: yes; 1: no.

    A server that listens beyond loopback needs its token in FAKEFAL_CONTROL_TOKEN.
    """
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    token = os.environ.get("FAKEFAL_CONTROL_TOKEN")
    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"--url {url}: begin it with http:// or https://")
    try:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"{url.rstrip('/')}/_fakefal/ready", headers=headers)  # noqa: S310
        with direct.open(request, timeout=5):
            click.echo(f"{url} is ready")
    except (urllib.error.URLError, OSError, ValueError) as error:
        why = (
            f"{error}; set FAKEFAL_CONTROL_TOKEN to the token of the server"
            if getattr(error, "code", 0) == HTTPStatus.UNAUTHORIZED
            else error
        )
        click.echo(f"{url} is not ready: {why}", err=True)
        sys.exit(1)
