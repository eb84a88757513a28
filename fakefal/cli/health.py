"""``fakefal health``."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import click

from fakefal.cli.asking import NoAnswer, ask, url_option
from fakefal.cli.help_examples import examples

PAUSE_SECONDS = 0.1


@click.command(epilog=examples("fakefal health", "fakefal health --wait 10 --url http://127.0.0.1:8710"))
@url_option
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Take URL and token from the file that serve --ready-file wrote.",
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0,
    metavar="SECONDS",
    help="Wait at most this long until it is ready.",
)
def command(url: str, ready_file: Path | None, wait: float) -> None:
    """Ask a running emulator whether it is ready.  Exit code 0: yes; 1: no.

    A server that listens beyond loopback needs its token in FAKEFAL_CONTROL_TOKEN.
    """
    end = time.monotonic() + wait
    while True:
        try:
            found = _ready(url, ready_file)
        except NoAnswer as error:
            if time.monotonic() >= end:
                click.echo(f"{ready_file or url} is not ready: {error}", err=True)
                sys.exit(1)
            time.sleep(PAUSE_SECONDS)
        else:
            click.echo(f"{found} is ready")
            return


def _ready(url: str, ready_file: Path | None) -> str:
    """Ask the server once; returns its URL.

    Raises:
        NoAnswer: it is not ready.
    """
    token = None
    if ready_file is not None:
        url, token = _read(ready_file)
    ask(url, "ready", token)
    return url


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
