"""``fakefal check``."""

from __future__ import annotations

import io
import os
import sys
from decimal import Decimal
from pathlib import Path

import click

from fakefal.cli.help_examples import examples
from fakefal.cli.inputs import ENVELOPE, STDIN, SUFFIXES, find_files, read_inputs
from fakefal.cli.judging import Checker, CheckTotals
from fakefal.cli.options import full_id, settings_from, settings_options, usd
from fakefal.cli.printing import CheckFormat, GitHubFormat, JsonFormat, JsonLinesFormat, JunitFormat, TextFormat
from fakefal.state.printable import shown
from fakefal_contracts import Catalogue
from fakefal_contracts.errors import unknown_model

FORMATS = ("text", "json", "jsonl", "junit", "github")
WIDEST = 60
"""Longer places shift the rest of their row to the right."""


@click.command(
    epilog=examples(
        "fakefal check fal/ --max-usd 5               # the files in a folder",
        'fakefal check fal-ai/flux/dev prompts.jsonl  # lines such as {"prompt": "a lighthouse"}',
        """echo '{"prompt": "a lighthouse"}' | fakefal check fal-ai/flux/dev""",
    )
)
@click.argument("arguments", nargs=-1, metavar="[ID] PATH...")
@click.option("--contract", help="The schema that judges: latest (default), documented, or a day.")
@settings_options
@click.option("--local-files", is_flag=True, help="Judge local paths in media fields as if they were uploaded.")
@click.option("--strict", is_flag=True, help="Also fail on warnings, and on media that were not read.")
@click.option("--max-usd", type=usd, metavar="USD", help="Fail if all inputs together may cost more.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="The format of the output."
)
def command(
    arguments: tuple[str, ...],
    contract: str | None,
    models: tuple[Path, ...],
    form: str,
    max_usd: Decimal | None,
    *,
    local_files: bool,
    strict: bool,
) -> None:
    """Check and price arguments from files, folders, globs or standard input (-).  Nothing is sent.

    A file contains one JSON object, a list of objects, or JSON lines.  Each object names its model: {"endpoint_id":
    "fal-ai/flux/dev", "input": {...}}.  If the objects are arguments only, give the ID of the model first.  The first
    argument is an ID if fakefal knows a model of this id; write ./ before it to make it a path.

    Exit code 0: all are valid; 1: refused, or failed by --strict or --max-usd; 2: wrong usage, or an input that is not
    JSON or names no known model.
    """
    settings = settings_from(contract=contract, models=models)
    catalogue = settings.catalogue()
    endpoint_id, paths = _divided(arguments, catalogue)
    files = find_files(paths or [STDIN])
    if STDIN in files and sys.stdin is None:
        raise click.UsageError("standard input is closed: give files or folders")
    if STDIN in files and sys.stdin.isatty():
        wanted = f"the arguments of {endpoint_id}" if endpoint_id else f"inputs such as {ENVELOPE}"
        click.echo(f"fakefal check: waiting for {wanted}, as JSON; finish with Ctrl-D", err=True)
    printed = _format(form, files, strict=strict)
    totals = CheckTotals(settings.contract, max_usd)
    checker = Checker(catalogue, settings.contract, local_files=local_files, strict=strict)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    for file in files:
        for given in read_inputs(file, endpoint_id):
            checked = checker.check(given)
            totals.add(checked)
            sys.stdout.write(printed.one(checked))
    sys.stdout.write(printed.end(totals))
    sys.stdout.flush()
    if not printed.tells_totals:
        click.echo(f"fakefal check: {totals}{f'; {totals.over}' if totals.over else ''}", err=True)
    sys.exit(totals.exit_code)


def _divided(arguments: tuple[str, ...], catalogue: Catalogue) -> tuple[str, tuple[str, ...]]:
    """The model id given first, or an empty one, and the paths after it.

    A whole id takes precedence over a path of the same name, and a path over the end of an id.

    Raises:
        click.UsageError: the first argument is neither.
    """
    if not arguments:
        return "", ()
    first, *paths = arguments
    if first in catalogue:
        return first, tuple(paths)
    try:
        find_files([first])
    except click.UsageError:
        if (found := full_id(first, catalogue)) in catalogue:
            return found, tuple(paths)
        if first.startswith((".", "/", "{", "[")) or first.endswith(SUFFIXES) or "*" in first or Path(first).exists():
            raise
        message = f"{unknown_model(shown(first), catalogue.nearest(first))}. There is no file of this name, either"
        raise click.UsageError(message) from None
    return "", arguments


def _format(form: str, files: list[str], *, strict: bool) -> CheckFormat:
    match form:
        case "json":
            return JsonFormat()
        case "jsonl":
            return JsonLinesFormat()
        case "junit":
            return JunitFormat()
        case "github":
            return GitHubFormat(strict=strict)
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return TextFormat(min(WIDEST, max(len("standard input"), *map(len, files))), colour=colour)
