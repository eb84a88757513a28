"""``fakefal health``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from fakefal.cli.asking import NoAnswer, ask, url_option
from fakefal.cli.help_examples import examples


@click.command(epilog=examples("fakefal health", "fakefal health --url http://127.0.0.1:8710"))
@url_option
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Take URL and token from the file that serve --ready-file wrote.",
)
def command(url: str, ready_file: Path | None) -> None:
    """Ask a running emulator whether it is ready.  Exit code 0: yes; 1: no.

    A server that listens beyond loopback needs its token in FAKEFAL_CONTROL_TOKEN.
    """
    token = None
    try:
        if ready_file is not None:
            url, token = _read(ready_file)
        ask(url, "ready", token)
    except NoAnswer as error:
        click.echo(f"{url if ready_file is None else ready_file} is not ready: {error}", err=True)
        sys.exit(1)
    click.echo(f"{url} is ready")


def _read(ready_file: Path) -> tuple[str, str | None]:
    """The URL and the token in the ready file of a server.

    Raises:
        NoAnswer: there is no such file, or the server has ended.
    """
    try:
        ready = json.loads(ready_file.read_text("utf-8"))
        return ready["url"], ready.get("control_token")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoAnswer(f"no server has written it: {error}") from error
