"""``fakefal drift``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from fakefal.cli.help_examples import examples
from fakefal.cli.options import full_id, settings_from, settings_options
from fakefal.conform.published import FAL, NoContract, fetch, load, read
from fakefal_contracts import FOUNDING, Catalogue, ContractError
from fakefal_contracts.drift import DriftFinding, Level, compare
from fakefal_contracts.errors import unknown_model
from fakefal_contracts.explanation import Comparison, Explained, examine
from fakefal_contracts.published import Published
from fakefal_contracts.published.endpoint_document import read_openapi
from fakefal_contracts.published.typescript import declared_ids, read_typescript

DRIFT = 1
_COLOURS = {Level.BREAKS: "red", Level.WIDENS: "yellow", Level.COSMETIC: "cyan"}
_LEVELS = click.Choice([level.value for level in Level])
_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@dataclass(frozen=True)
class _Job:
    """What to compare, and which differences count."""

    contract: str
    since: Path | None
    least: Level
    catalogue: Catalogue

    def run(self, theirs: Published, *, current: bool = False) -> Comparison:
        if self.since is not None:
            (before,) = _documents(self.since)
            if before.endpoint_id != theirs.endpoint_id:
                raise click.UsageError(f"{self.since} is about {before.endpoint_id}, not {theirs.endpoint_id}")
            return Comparison(before, theirs, tuple(map(Explained, compare(before, theirs))))
        return examine(self.catalogue.find(theirs.endpoint_id).edition(self.contract), theirs, current=current)


@click.command(
    epilog=examples(
        "fakefal drift --online",
        "fakefal drift --types node_modules/@fal-ai/client/src/types/endpoints.d.ts",
        "fakefal drift --document new.json --since old.json",
    )
)
@click.argument("endpoints", nargs=-1, metavar="[ENDPOINT]...")
@click.option("--document", "documents", multiple=True, type=_FILE, help="An OpenAPI document of fal. Repeatable.")
@click.option("--types", type=_FILE, help="src/types/endpoints.d.ts of the npm package @fal-ai/client.")
@click.option("--online", is_flag=True, help="Download the documents from fal, without a key.")
@click.option("--url", metavar="URL", default=FAL, help=f"Download from here (default: {FAL}).")
@click.option("--since", type=_FILE, help="Compare with this older document instead of the built-in schema.")
@click.option(
    "--contract", metavar="NAME", default="latest", help="The built-in schema: latest (default), documented, or a day."
)
@click.option("--level", type=_LEVELS, default=Level.COSMETIC.value, help="The lowest level that counts as drift.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@settings_options
def command(
    endpoints: tuple[str, ...],
    documents: tuple[Path, ...],
    types: Path | None,
    url: str,
    since: Path | None,
    contract: str,
    level: str,
    models: tuple[Path, ...],
    *,
    online: bool,
    as_json: bool,
) -> None:
    """Compare the built-in schemas with what fal publishes, or a published document with an older one.

    Without an ENDPOINT, compares every known model in the documents; with --types or --online, the Kling family.
    Lists ids that fakefal does not know.  Differences that an older schema or a known difference explains are listed
    with their reason and do not count.

    Exit code 0: no drift; 1: drift; 2: wrong usage, or nothing to compare with.
    """
    if not (documents or types or online):
        raise click.UsageError("give something to compare with: --document FILE, --types FILE or --online")
    if since and (types or online):
        raise click.UsageError("--since compares two documents: give the newer one with --document")
    catalogue = settings_from(models=models).catalogue()
    job = _Job(contract, since, Level(level), catalogue)
    wanted = [full_id(one, catalogue) for one in endpoints]
    try:
        published = (*_files(documents, wanted), *_typed(types, wanted))
        unknown = sorted({*_unknown(types, catalogue), *(one.endpoint_id for one in published)} - {*catalogue})
        results = [job.run(one) for one in published if one.endpoint_id in catalogue]
        results += [job.run(one, current=True) for one in _fetched(wanted, url if online else None)]
    except (ContractError, NoContract) as error:
        raise click.UsageError(str(error)) from error
    if unknown and not results:
        raise click.UsageError("; ".join(map(unknown_model, unknown)))
    if as_json:
        click.echo(json.dumps(_json(results, job.least) | {"unknown": unknown}, indent=2))
    else:
        click.echo(_text(results, job))
        for one in unknown:
            click.echo(unknown_model(one))
    sys.exit(DRIFT if any(_drifts(one, job.least) for one in results) else 0)


def _documents(path: Path) -> list[Published]:
    """The documents in a file: one, or those of a page of the models API."""
    value = load(path)
    every = value["models"] if isinstance(value, dict) and isinstance(value.get("models"), list) else [value]
    return [read_openapi(one, str(path)) for one in every]


def _files(paths: tuple[Path, ...], wanted: list[str]) -> Iterator[Published]:
    return (_about(wanted, one) for path in paths for one in _documents(path))


def _unknown(types: Path | None, catalogue: Catalogue) -> Iterator[str]:
    """The ids that are in fal's types but unknown to fakefal."""
    return (one for one in declared_ids(read(types)) if one not in catalogue) if types is not None else iter(())


def _about(wanted: list[str], found: Published) -> Published:
    if wanted and found.endpoint_id not in wanted:
        raise NoContract(f"{found.source} is about {found.endpoint_id}, not {' or '.join(wanted)}")
    return found


def _typed(path: Path | None, wanted: list[str]) -> Iterator[Published]:
    if path is not None:
        text = read(path)
        yield from (read_typescript(text, one, str(path)) for one in wanted or FOUNDING)


def _fetched(wanted: list[str], url: str | None) -> Iterator[Published]:
    if url is not None:
        yield from (_about([one], read_openapi(fetch(one, url), url)) for one in wanted or FOUNDING)


def _drifts(one: Comparison, least: Level) -> bool:
    return bool(one.drift(least) or one.stale)


def _json(results: Iterable[Comparison], least: Level) -> dict[str, Any]:
    rows = [one.as_dict() | {"drift": _drifts(one, least)} for one in results]
    return {"drift": any(row["drift"] for row in rows), "comparisons": rows}


def _text(results: Iterable[Comparison], job: _Job) -> str:
    return "\n".join(line for one in results for line in _lines(one, job))


def _lines(one: Comparison, job: _Job) -> Iterator[str]:
    word, colour = ("drift", "red") if _drifts(one, job.least) else ("same", "green")
    ours = "" if job.since else f"{job.catalogue.find(one.after.endpoint_id).depth}, "
    sides = f"{one.before.source} ({ours}{_day(one.before)}) -> {one.after.source} ({_day(one.after)})"
    yield f"{click.style(word, fg=colour, bold=True)}  {one.after.endpoint_id}: {sides}"
    for found in one.findings:
        yield f"  {click.style(found.finding.level, fg=_COLOURS[found.finding.level])}  {_sentence(found.finding)}"
        if found.why:
            yield f"    explained by {found.why}"
    for stale in one.stale:
        yield f"  a known difference no longer occurs, remove it: {stale.place} {stale.aspect} ({stale.reason})"


def _day(side: Published) -> str:
    return str(side.day or "undated")


def _sentence(finding: DriftFinding) -> str:
    head = f"{finding.place}: {finding.aspect} {finding.change}"
    if finding.aspect == "field":
        return f"{head} ({finding.before or finding.after})"
    before, after = (
        "none" if one is None else json.dumps(one, ensure_ascii=False) for one in (finding.before, finding.after)
    )
    return f"{head}: {before} -> {after}"
