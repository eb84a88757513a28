"""``fakefal models``: lists the known models, shows what is known of one, and adds models."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from fakefal.cli.help_examples import examples
from fakefal.cli.misspelt import no_such_command
from fakefal.cli.options import full_id, settings_from, settings_options
from fakefal_contracts import BUILT_IN, Catalogue, ContractError, Edition, Endpoint, rulebook
from fakefal_contracts.errors import UnreadableContract
from fakefal_contracts.example import example_input
from fakefal_contracts.judgement import MEDIA_CAUTIONS
from fakefal_contracts.openapi import input_schema
from fakefal_contracts.own_documents import read_models, records_of
from fakefal_contracts.record import Record

FOLDER = Path("fal-models")
_PAGE = re.compile(r"(?P<site>https?://[^/]+)/models/(?P<id>[^?#]+?)(/(api|playground|llms\.txt))?/?([?#].*)?")
"""The URL of a model's page on fal's site, as copied from a browser."""

LEGEND = "the last column says what arguments are checked against (docs/models.md)"

LISTING = ("list", "ls", "all")
"""The names that other programs use for it."""

LONGEST = 100
"""Longer rules are shortened; --json shows them in full."""


class _Models(click.Group):
    """Commands for models; an unknown command is answered with how to list models."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; for ``models list`` or the name of a model, say how models are listed."""
        if not (name := args[0]).startswith("-") and name not in self.commands:
            search = "" if name in LISTING else f" --search {shlex.quote(name)}"
            ctx.fail(no_such_command(name, self.commands, f"To list models, type: fakefal models{search}"))
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Models,
    invoke_without_command=True,
    epilog=examples(
        'fakefal models --search "flux schnell"',
        "fakefal models --kind text-to-speech",
        "fakefal models show fal-ai/flux/dev",
    ),
)
@click.option(
    "--search", default="", metavar="WORDS", help="Only models with these words in their id, name or category."
)
@click.option("--kind", metavar="CATEGORY", help="Only models of this category, such as text-to-image.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@settings_options
@click.pass_context
def command(ctx: click.Context, search: str, kind: str | None, models: tuple[Path, ...], *, as_json: bool) -> None:
    """List the models that fakefal knows.

    `models show ID` shows all that is known of one; `models add` adds the document of another.
    """
    if ctx.invoked_subcommand is not None:
        return
    catalogue = settings_from(models=models).catalogue()
    if kind is not None:
        _check_category(kind, catalogue)
    found = [catalogue.find(one) for one in catalogue.search(search, [kind] if kind else ())]
    rows = [{"endpoint_id": one.id, "category": one.category, "checked_against": one.checked_against} for one in found]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        width = max((len(one.id) for one in found), default=0)
        for one in found:
            click.echo(f"{one.id:{width}}  {one.category or '-':16}  {one.checked_against}")
        click.echo(f"{len(found)} of {len(catalogue)} models; {LEGEND}", err=True)


def _check_category(given: str, catalogue: Catalogue) -> None:
    known = sorted({one.category for one in catalogue.headings.values() if one.category})
    if given not in known:
        raise click.UsageError(f"--kind: no model has the category {given!r}; there are {', '.join(known)}")


@command.command(
    epilog=examples(
        "fakefal models show fal-ai/flux/dev",
        "fakefal models show fal-ai/flux/dev --json-schema > flux-dev.json",
    )
)
@click.argument("endpoint", metavar="ID")
@click.option("--contract", help="The schema to show: latest (default), documented, or a day.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--json-schema", is_flag=True, help="Print the JSON schema of the arguments, for editors.")
@settings_options
def show(endpoint: str, contract: str | None, models: tuple[Path, ...], *, as_json: bool, json_schema: bool) -> None:
    """Show the rules and the price of a model, how much is known of it, and arguments that it accepts."""
    settings = settings_from(contract=contract, models=models)
    catalogue = settings.catalogue()
    try:
        edition = catalogue.find(full_id(endpoint, catalogue)).edition(settings.contract)
        shown = input_schema(edition) if json_schema else _shown(edition)
    except ContractError as error:
        raise click.UsageError(str(error)) from error
    click.echo(json.dumps(shown, indent=2, ensure_ascii=False) if as_json or json_schema else "\n".join(_lines(shown)))


def _shown(edition: Edition) -> dict[str, Any]:
    endpoint = edition.endpoint
    price = endpoint.price(edition.contract)
    return {
        "endpoint_id": endpoint.id,
        "title": endpoint.title,
        "category": endpoint.category,
        "checked_against": endpoint.checked_against,
        "streams": endpoint.streams,
        "contract": edition.contract,
        "contracts": [one.evidence.day for one in endpoint.editions],
        "price": price.in_words if price else "unknown",
        "rules": [
            {"rule": rule.id, "says": rule.says, "evidence": _evidence(rule)}
            for rule in (*rulebook(edition), *_cautions(edition))
        ],
        "notes": list(endpoint.unread),
        "example": example_input(endpoint),
    }


class _Caution:
    """A warning in the form of a rule."""

    def __init__(self, endpoint: Endpoint, caution: Any) -> None:
        self.id, self.says = f"{endpoint.name}.{caution.code} (warning)", caution.says
        self.evidence = caution.evidence


def _cautions(edition: Edition) -> Iterator[_Caution]:
    yield from (_Caution(edition.endpoint, one) for one in (*edition.model.cautions, *MEDIA_CAUTIONS))


def _evidence(rule: Any) -> str:
    return f"{rule.evidence.grade}, {rule.evidence.source} ({rule.evidence.day})"


def _lines(shown: dict[str, Any]) -> Iterator[str]:
    yield click.style(shown["endpoint_id"], bold=True) + f"  {shown['title']}"
    yield f"  category   {shown['category'] or 'unknown'}"
    yield f"  checks     against {shown['checked_against']}"
    if len(shown["contracts"]) > 1:
        yield f"  contracts  {', '.join(shown['contracts'])}: days of fal's schemas; --contract chooses one"
    yield f"  price      {shown['price']}"
    if shown["streams"]:
        yield "  streaming  yes; how its events look is inferred (docs/models.md)"
    yield "\n  Each rule, and in brackets its evidence (docs/explanation/contracts.md):"
    width = max(len(rule["rule"]) for rule in shown["rules"])
    for rule in shown["rules"]:
        says = rule["says"] if len(rule["says"]) <= LONGEST else f"{rule['says'][: LONGEST - 3]}..."
        yield f"  {rule['rule']:{width}}  {says}  [{rule['evidence']}]"
    yield from (f"  note: {note}" for note in shown["notes"])
    yield "\n  Accepted, for example:"
    yield from (f"  {line}" for line in json.dumps(shown["example"], indent=2, ensure_ascii=False).splitlines())


@command.command(
    epilog=examples(
        "fakefal models add fal-ai/flux/dev",
        "fakefal models add openapi.json --id me/my-app",
    )
)
@click.argument("sources", nargs=-1, required=True, metavar="ID|FILE|FOLDER...")
@click.option("--id", "endpoint_id", metavar="ID", help="The id of the model, if the document has none.")
@click.option("--to", type=click.Path(path_type=Path), default=FOLDER, show_default=True, help="Write to this folder.")
@click.option("--url", metavar="URL", default="https://fal.ai", show_default=True, help="Download documents from here.")
def add(sources: tuple[str, ...], endpoint_id: str | None, to: Path, url: str) -> None:
    """Add documents of models to a folder that you commit.

    Give the ID of a model, or the URL of its page or document: fakefal downloads the document once, without a key.  Or
    give a file: an OpenAPI document of fal, a page of its models API, or the openapi.json of your own fal.App (with
    --id OWNER/APP).
    """
    found = [record for source in sources for record in _read(source, endpoint_id, url)]
    to.mkdir(parents=True, exist_ok=True)
    for record in found:
        path = to / f"{record.id.replace('/', '--')}.jsonl"
        path.write_text(json.dumps(record.as_json(), ensure_ascii=False) + "\n", "utf-8")
        known = " (it now wins over the built-in one)" if record.id in BUILT_IN else ""
        click.echo(f"{record.id}: {path}{known}")
    click.echo(f'To use {to}: models = ["{to}/"] in fakefal.toml, or --models {to}', err=True)


def _read(source: str, endpoint_id: str | None, url: str) -> list[Record]:
    path = Path(source)
    try:
        if path.exists():
            return [_built(record) for record in read_models(path, endpoint_id)]
        if path.suffix in (".json", ".jsonl"):
            raise click.UsageError(f"file {source} does not exist")
        from fakefal.conform.published import NoContract, fetch, fetch_address

        try:
            if page := _PAGE.fullmatch(source):
                found = records_of(fetch(page["id"], page["site"]), source, page["id"])
            elif source.startswith(("http://", "https://")):
                found = records_of(fetch_address(source), source, endpoint_id)
            else:
                found = records_of(fetch(source, url), f"{url}/models/{source}", source)
        except NoContract as error:
            raise click.UsageError(str(error)) from error
        return [_built(record) for record in found]
    except (UnreadableContract, OSError) as error:
        raise click.UsageError(str(error)) from error


def _built(record: Record) -> Record:
    """The record from which models can be built.

    Raises:
        UnreadableContract: no models can be built from it.
    """
    _ = Endpoint.of_record(record).input, Endpoint.of_record(record).output
    return record
