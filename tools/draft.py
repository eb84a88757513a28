"""Drafts the revision that explains a drift: Python to paste into the endpoint's row in ``kling/family.py``.

``python -m tools.draft DOCUMENT...`` in a checkout, for documents in which `fakefal drift` finds a drift.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from fakefal.conform.published import NoContract, load
from fakefal_contracts import BUILT_IN, ContractError
from fakefal_contracts.drift import DriftFinding
from fakefal_contracts.endpoint import Endpoint
from fakefal_contracts.evidence import Evidence, documented
from fakefal_contracts.explanation import examine
from fakefal_contracts.own_documents import records_of
from fakefal_contracts.published import INPUT
from fakefal_contracts.published.endpoint_document import read_openapi
from fakefal_contracts.record import Record, Schema
from tools.catalogue import without_words


def draft(endpoint: Endpoint, theirs: Record, findings: Iterable[DriftFinding], day: dt.date) -> str:
    """The revisions under which the contract agrees with a document, first seen on a day.

    The text is a sequence of ``Revision(...)`` for the endpoint's ``revisions``. If the document is older than our
    newest, it is the one revision to insert. Otherwise it is all of them, to go with the new document in the catalogue,
    since every revision states its difference from the newest. Changes that no revision can express (nested objects,
    arguments that were removed, added or made required, results) become comments; if there are only such changes, there
    is no ``Revision`` (see `is_revision`).

    Args:
        endpoint: our endpoint.
        theirs: the document in the catalogue's form (see `stored`).
        findings: the differences from `compare`.
        day: the day of the document.
    """
    ours, new = _fields(endpoint.record), _fields(theirs)
    changed = [name for name in ours if name in new and ours[name] != new[name]]
    rest = [f"# by hand: {_sentence(one)}" for one in findings if one.aspect == "required" or _top(one) not in changed]
    evidence = documented("fal's OpenAPI document", day.isoformat())
    if not changed:
        return "\n".join(rest)
    if day < endpoint.editions[-1].evidence.date:
        return "\n".join([*rest, _revision(evidence, {name: new[name] for name in changed})])
    older = (
        _revision(
            one.evidence, {name: {**ours, **one.changes}[name] for name in dict.fromkeys((*one.changes, *changed))}
        )
        for one in endpoint.revisions
    )
    return "\n".join([*rest, *older, _revision(evidence, {})])


def is_revision(text: str) -> bool:
    """Whether a draft has anything to paste besides comments."""
    return any(not line.startswith("#") for line in text.splitlines())


def stored(document: Any, name: str) -> Record:
    """A document of fal's in the catalogue's form.

    Raises:
        UnreadableContract: it is not one.
    """
    return Record.from_json(without_words(records_of(document, name)[0]).as_json())


def _fields(record: Record) -> dict[str, Schema]:
    """The arguments by their schemas, without examples."""
    fields: dict[str, Schema] = record.schemas[record.input]["properties"]
    return {name: {key: value for key, value in one.items() if key != "examples"} for name, one in fields.items()}


def _top(finding: DriftFinding) -> str:
    """The argument that a finding is about, itself or its items; empty for other findings."""
    holder, _, name = finding.place.partition(".")
    return name.rstrip("[]") if holder == INPUT else ""


def _sentence(finding: DriftFinding) -> str:
    before, after = (json.dumps(one, ensure_ascii=False) for one in (finding.before, finding.after))
    return f"{finding.place} {finding.aspect} {finding.change}: {before} -> {after}"


def _revision(evidence: Evidence, changes: Mapping[str, Schema]) -> str:
    """One ``Revision(...)``."""
    said = f"{evidence.grade}({_python(evidence.source)}, {_python(evidence.date.isoformat())})"
    if not changes:
        return f"Revision({said}),"
    return "\n".join(["Revision(", f"    {said},", "    {", *_lines(changes), "    },", "),"])


def _lines(changes: Mapping[str, Schema]) -> Iterator[str]:
    return (f"        {_python(name)}: {_python(schema)}," for name, schema in changes.items())


def _python(value: Any) -> str:
    """A JSON value as the formatter writes it."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_python(key)}: {_python(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_python, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


@click.command
@click.argument("documents", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--seen", type=click.DateTime(["%Y-%m-%d"]), help="The day of the revision (default: today).")
def command(documents: tuple[Path, ...], seen: dt.datetime | None) -> None:
    """Draft the revisions for what fal's OpenAPI documents say and our newest contract does not."""
    day = (seen or dt.datetime.now(dt.UTC)).date()
    for path in documents:
        try:
            document = load(path)
            theirs = read_openapi(document, str(path))
            endpoint = BUILT_IN.find(theirs.endpoint_id)
            drift = examine(endpoint.edition("latest"), theirs).drift()
            text = draft(endpoint, stored(document, str(path)), drift, day) if drift else "# no drift"
        except (ContractError, NoContract) as error:
            raise click.UsageError(str(error)) from error
        click.echo(f"# {endpoint.id}\n{text}")


if __name__ == "__main__":
    command()
