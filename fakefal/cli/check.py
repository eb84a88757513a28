"""``fakefal check``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import unquote, urlsplit

import click

from fakefal.cli.options import full_id, models_option, settings_from
from fakefal.state import jsonio
from fakefal_contracts import ContractError, Cost, Report, check, open_for_fake
from fakefal_contracts.check import media_addresses
from fakefal_contracts.evidence import inferred
from fakefal_contracts.media import Missing
from fakefal_contracts.model import Advice, Caution
from fakefal_contracts.price import dollars

REFUSED = 1


@click.command
@click.argument("endpoint")
@click.argument("file", default="-", type=click.File("r", encoding="utf-8"))
@click.option("--contract", help="latest (default), documented, or a day such as 2026-06-11.")
@models_option
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--local-files", is_flag=True, help="Open and judge the local paths in media fields, as if uploaded.")
def command(
    endpoint: str, file: TextIO, contract: str | None, models: tuple[Path, ...], *, as_json: bool, local_files: bool
) -> None:
    """Judge and price the arguments of a request, from a file or standard input.

    Nothing is sent anywhere.  A local path in a media field is refused, as fal does, unless --local-files is given.
    Exit code 0: valid; 1: refused; 2: used wrongly.
    """
    settings = settings_from(contract=contract, models=models)
    catalogue = settings.catalogue()
    opener = _Opener(_folder(file), local_files=local_files)
    try:
        name = full_id(endpoint, catalogue)
        report = check(name, _body(file), contract=settings.contract, opener=opener, catalogue=catalogue)
    except ContractError as error:
        raise click.UsageError(str(error)) from error
    report = replace(report, warnings=(*report.warnings, *_uploads(report, opener)))
    click.echo(json.dumps(report.as_dict(), indent=2) if as_json else _text(report))
    sys.exit(0 if report.ok else REFUSED)


def _body(file: TextIO) -> Any:
    """The JSON value of a file; a broken one ends the command with exit code 2."""
    try:
        text = file.read()
        return jsonio.parse(text.encode("utf-8", "surrogateescape"))
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{file.name} is not UTF-8") from error
    except jsonio.InvalidJson as error:
        if not text.strip():
            raise click.UsageError(f"{file.name} is empty: give the arguments as a JSON object") from error
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        raise click.UsageError(f"{file.name} is not JSON: {error.reason}, line {line} column {column}") from error


LOCAL = Caution(
    "local_file",
    "a local file must be uploaded before the request is sent",
    inferred("fal downloads media by address", "2026-11-20"),
)


def _uploads(report: Report, opener: _Opener) -> Iterator[Advice]:
    """A warning for every local file: the service cannot open it."""
    if report.arguments is None:
        return
    for loc, address, _ in media_addresses(report.arguments):
        if address in opener.local:
            hint = "upload it, for example with fal_client.upload_file, and send the address that comes back"
            yield Advice(LOCAL, loc, f"{address[:80]} is a file of this machine", hint)


def _folder(file: TextIO) -> Path:
    """Where relative paths of a body are looked for, beside the working folder."""
    return Path(file.name).parent if file.name != "<stdin>" else Path()


class _Opener:
    """Reads ``data:`` URIs and, with `local_files`, files of this machine; leaves other addresses unchecked."""

    def __init__(self, folder: Path, *, local_files: bool) -> None:
        self._folder = folder
        self._local_files = local_files
        self.local: set[str] = set()

    def __call__(self, address: str) -> bytes | Path | None:
        scheme = urlsplit(address[:20]).scheme.lower()
        if scheme in ("data", "http", "https"):
            return open_for_fake(address)
        if not self._local_files:
            raise Missing(
                f"{address[:80]!r} is not an http(s) or data: address; if it is a file of this machine, "
                "upload it, or judge it here with --local-files"
            )
        named = Path(unquote(urlsplit(address).path) if scheme == "file" else address)
        for place in (named, self._folder / named):
            try:
                if place.is_file():
                    self.local.add(address)
                    return place
            except (OSError, ValueError):
                break
        raise Missing(f"there is no file {address[:80]}")


def _text(report: Report) -> str:
    lines = [_headline(report)]
    for violation in report.errors:
        lines += ["", f"  {_place(violation.loc)}: {violation.msg}", f"    rule  {violation.rule.id}"]
        lines += [f"    known {violation.rule.evidence.grade}: {violation.rule.evidence.source}"]
        lines += [f"    hint  {violation.hint}"]
    for advice in report.warnings:
        lines += ["", f"  warning, {_place(advice.loc)}: {advice.msg}", f"    hint  {advice.hint}"]
    lines += [f"  note, {_place(note.loc)}: {note.msg}" for note in report.notes]
    lines += [f"  unchecked, {_place(media.loc)}: {media.address[:100]} ({media.reason})" for media in report.unchecked]
    return "\n".join(lines)


def _headline(report: Report) -> str:
    name = f"{report.endpoint.id} (contract {report.contract}, {report.endpoint.depth_in_words})"
    if not report.ok:
        return click.style("refused", fg="red", bold=True) + f"  {name}"
    cost = "its price is unknown" if report.cost is None else _price(report.cost)
    return click.style("valid", fg="green", bold=True) + f"  {name}: {cost}"


def _price(cost: Cost) -> str:
    """The price in words: ``$0.56 for 5 seconds at $0.112 a second``."""
    return f"{dollars(cost.usd)} for {cost.unit.in_words(cost.units)} at {dollars(cost.unit_usd)} {cost.unit.each}"


def _place(loc: tuple[Any, ...]) -> str:
    return ".".join(map(str, loc)) or "the body"
