"""Rebuild the shipped catalogue of models from a listing of fal's models API.

Usage: ``python -m tools.catalogue PAGE.json... [--seen DAY] [--whole]``, where the pages are answers of ``GET
https://api.fal.ai/v1/models?expand=openapi-3.0``. Models in the pages replace those of the catalogue; with ``--whole``
the others are marked as no longer listed. Facts are kept, fal's prose is not.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from fakefal_contracts.own_documents import read_models
from fakefal_contracts.record import Record, Source
from fakefal_contracts.shipped import shipped_records

CATALOGUE = Path(__file__).parents[1] / "contracts" / "fakefal_contracts" / "models.jsonl"
WORDS = {"description", "summary", "limit_description", "ui", "_fal_ui_field", "$comment", "example"}
"""Keys of a schema that hold fal's prose, or hints for its own pages."""

_ADDRESS = re.compile(r"https?://\S*?(?:\.([A-Za-z0-9]{1,12}))?(?:[?#]\S*)?")
LONGEST_NAME = 3
"""The number of words up to which an example may be a name; a longer one is prose."""

_NO_EXAMPLE = object()


@click.command
@click.argument("pages", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--seen", default=dt.date.today().isoformat, help="The day of the copy (default: today).")  # noqa: DTZ011
@click.option("--whole", is_flag=True, help="The pages are the whole listing: other models are marked as not listed.")
@click.option("--to", type=click.Path(path_type=Path), default=CATALOGUE, help="Where to write the catalogue.")
def main(pages: tuple[Path, ...], seen: str, to: Path, *, whole: bool) -> None:
    """Write the catalogue."""
    given = {record.id: record for page in pages for record in read_models(page)}
    day = dt.date.fromisoformat(seen)
    found = {one.id: replace(one, listed=False) if whole else one for one in shipped_records()}
    found |= {name: without_words(replace(one, seen=day, source=Source.DOCUMENT)) for name, one in given.items()}
    write(found.values(), to)
    click.echo(f"{len(given)} models read, {len(found)} written to {to}")


def write(records: Iterable[Record], to: Path) -> None:
    """Write records as lines, sorted by the bytes of their ids."""
    ordered = sorted(records, key=lambda record: record.id.encode())
    lines = (json.dumps(one.as_json(), separators=(",", ":"), ensure_ascii=False) for one in ordered)
    to.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def without_words(record: Record) -> Record:
    """A record without fal's prose."""
    return replace(record, schemas={name: _facts(schema) for name, schema in record.schemas.items()})


def _facts(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_facts(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in WORDS or not isinstance(value, str | dict)}
    found: dict[str, Any] = {}
    for key, value in kept.items():
        if key == "properties":
            found[key] = {name: _facts(one) for name, one in value.items()}
        elif key == "examples":
            values = [one for one in map(_example, value) if one is not _NO_EXAMPLE]
            found |= {key: values} if values else {}
        else:
            found[key] = value if key in ("default", "enum", "const", "x-fal") else _facts(value)
    return found


def _example(value: Any) -> Any:
    """An example as a fact: an address becomes one of ours with the same extension, and prose is removed."""
    if isinstance(value, dict):
        return {key: one for key, item in value.items() if (one := _example(item)) is not _NO_EXAMPLE}
    if isinstance(value, list):
        return [one for one in map(_example, value) if one is not _NO_EXAMPLE]
    if not isinstance(value, str):
        return value
    if found := _ADDRESS.fullmatch(value):
        return f"https://v3b.fal.media/files/example{f'.{found[1]}' if found[1] else ''}"
    return value if len(value.split()) <= LONGEST_NAME else _NO_EXAMPLE


if __name__ == "__main__":
    main()
