"""``fakefal mcp``."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from fakefal.cli.help_examples import examples
from fakefal.cli.options import emulator_options, given_options, settings_from, stand_in
from fakefal.cli.supervision import BY_SIGNAL
from fakefal.version import install_line

FOR_CHECKS = {"contract", "models"}
"""The options that are allowed with an attached server, because `check_request` judges here."""


@click.command(epilog=examples("fakefal mcp", "fakefal mcp --root .", "fakefal mcp --attach http://127.0.0.1:8710"))
@click.option("--attach", metavar="URL", help="Use a running `fakefal serve` (default: start an emulator).")
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Allow uploads of files in this folder (default: no uploads).",
)
@emulator_options
def command(attach: str | None, root: Path | None, **given: Any) -> None:
    """Serve MCP tools on standard input and output, with which coding agents rehearse calls to fal.

    The tools have the same names as those of the MCP server of fal.  Nothing is generated or charged, and fal is never
    called.  The server stops at the end of its input.  Needs the extra `mcp`: fakefal[mcp].
    """
    if attach is not None:
        _refuse_emulator_options(given)
        stand_in(
            attach,
            malformed="--attach: give the URL of a `fakefal serve`, such as http://127.0.0.1:8710",
            of_fal="--attach: this is a fal host; give the URL of a `fakefal serve`",
        )
    settings = settings_from(**given)

    try:
        from fakefal.mcp_server.stdio import RehearsalServer
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("mcp"):
            raise
        raise click.ClickException(f"fakefal mcp needs the package mcp, 2 or later: {install_line('mcp')}") from error
    from fakefal.mcp_server.emulator_calls import EmulatorCalls, NotAnEmulator
    from fakefal.mcp_server.local_files import LocalFiles
    from fakefal.mcp_server.rehearsal import Rehearsal
    from fakefal.server.serving import serving

    with ExitStack() as ends:
        _end_with(ends)
        url = attach or ends.enter_context(serving(settings)).url
        calls = EmulatorCalls(url, settings)
        try:
            ends.enter_context(calls.connected())
        except NotAnEmulator as error:
            raise click.ClickException(str(error)) from error
        files = f"files below {root.resolve()} may be uploaded" if root else "no files may be uploaded (see --root)"
        click.echo(f"fakefal mcp: rehearses at {url}; {files}", err=True)
        RehearsalServer(Rehearsal(calls, settings, LocalFiles(root))).run("stdio")


def _refuse_emulator_options(given: dict[str, Any]) -> None:
    for option in given_options({name: value for name, value in given.items() if name not in FOR_CHECKS}):
        raise click.UsageError(f"{option} has no effect with --attach: give it to fakefal serve")


def _end_with(ends: ExitStack) -> None:
    """Let signals end the process; otherwise the thread that waits for input would block the exit."""

    def end(number: int, _: object) -> None:
        ends.close()
        sys.stderr.flush()
        os._exit(BY_SIGNAL + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)
