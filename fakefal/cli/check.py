"""``fakefal check``."""

from __future__ import annotations

import io
import os
import sys
from decimal import Decimal
from pathlib import Path

import click

from fakefal.cli.inputs import ENVELOPE, STDIN, SUFFIXES, find_files, read_inputs, shown
from fakefal.cli.judging import Checker, CheckTotals
from fakefal.cli.options import full_id, models_option, settings_from, usd
from fakefal.cli.printing import (
    CheckFormat,
    GitHubFormat,
    JsonFormat,
    JsonLinesFormat,
    JunitFormat,
    TextFormat,
)
from fakefal_contracts import Catalogue, ContractError
from fakefal_contracts.endpoint import parse_contract
from fakefal_contracts.errors import unknown_model

FORMATS = ("text", "json", "jsonl", "junit", "github")
WIDEST = 60
"""Longer places push their row to the right."""


@click.command
@click.argument("arguments", nargs=-1, metavar="[ID] PATH...")
@click.option("--contract", help="latest (default), documented, or a day such as 2026-06-11.")
@models_option
@click.option("--local-files", is_flag=True, help="Open and judge the local paths in media fields, as if uploaded.")
@click.option("--strict", is_flag=True, help="Warnings and media that nobody looked at fail, too.")
@click.option("--max-usd", type=usd, metavar="USD", help="Fail if all of it may cost more than this.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="What to print.")
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
    """Judge and price inputs of models, from files, folders, globs or standard input (-).

    A file is one JSON object, a list of them, or JSON lines.  An input names its model, as in {"endpoint_id":
    "fal-ai/flux/dev", "input": {...}}, or is the arguments alone, and the ID of its model comes first: the first
    argument is an ID if it is a known model's; ./ makes it a path.  Nothing is sent anywhere.

    Exit code 0: all are valid; 1: refused, or failed by --strict or --max-usd; 2: used wrongly, or an input could not
    be judged, because it is not JSON or names no known model.

    Example: fakefal check fal/ --max-usd 5
    """
    settings = settings_from(contract=contract, models=models)
    catalogue = settings.catalogue()
    try:
        parse_contract(settings.contract)
    except ContractError as error:
        raise click.UsageError(str(error)) from error
    endpoint_id, paths = _divided(arguments, catalogue)
    files = find_files(paths or [STDIN])
    if STDIN in files and sys.stdin is None:
        raise click.UsageError("standard input is closed: name files or folders")
    if STDIN in files and sys.stdin.isatty():
        wanted = f"the arguments of {endpoint_id}" if endpoint_id else f"inputs such as {ENVELOPE}"
        click.echo(f"fakefal check: waiting for {wanted}, as JSON; end them with Ctrl-D", err=True)
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
    """The id that comes first, or an empty one, and the paths behind it.

    A whole id goes before a path of the same name, a path before the end of an id.

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
        message = f"{unknown_model(shown(first), catalogue.nearest(first))}; nor is there a file of this name"
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
