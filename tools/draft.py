"""A drift as the revision that would explain it: Python to paste beside the endpoint's model.

``python -m tools.draft DOCUMENT...`` in a checkout, for documents that `fakefal drift` finds a drift in.
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
from fakefal_contracts.drift import Change, DriftFinding
from fakefal_contracts.endpoint import Endpoint
from fakefal_contracts.evidence import Evidence, documented
from fakefal_contracts.explanation import examine
from fakefal_contracts.kling.shared import Clip, Picture, Prompt
from fakefal_contracts.model import Model, bare_type, spots
from fakefal_contracts.published import ABSENT, INPUT, UNSAID, Place, Published, SourceKind
from fakefal_contracts.published.edition import limits_of, read_edition
from fakefal_contracts.published.endpoint_document import read_openapi

_SOURCES = {SourceKind.OPENAPI: "fal's OpenAPI document", SourceKind.TYPESCRIPT: "the types of fal's JavaScript client"}
_SAID = {"required", "nullable", "types", "choices", "default"}
_SCALARS = {"string": "str", "boolean": "bool", "integer": "int", "number": "float", "numeric": "float"}
_BOUNDS = {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"}
_NAMES = [
    (name, limits_of(bare_type(kind)[1])) for name, kind in (("Picture", Picture), ("Clip", Clip), ("Prompt", Prompt))
]


def draft(endpoint: Endpoint, theirs: Published, findings: Iterable[DriftFinding], day: dt.date) -> str:
    """The revisions that make the contract say what a source says, first seen on a day.

    The text is a sequence of ``Revision(...)`` for the endpoint's ``revisions``: one to insert where the
    source is older than our newest, else all of them, since every revision states its difference from
    the newest.  Fields that came are lines of the class, in a comment.  What neither can say (limits, inner
    models, fields that went, results) stands in comments, too; where nothing else is left there is no
    ``Revision`` (see `is_revision`).
    """
    findings = tuple(findings)
    text = _Draft(endpoint, theirs)
    fields = [name for name in endpoint.input.model_fields if any(_sayable(one, name) for one in findings)]
    older = day < endpoint.editions[-1].evidence.date
    added = {} if older else {one.place: name for one in findings if (name := _added(one))}
    said = [one for one in findings if one.place in added or any(_sayable(one, name) for name in fields)]
    rest = [f"# by hand: {_sentence(one)}" for one in findings if one not in said]
    evidence = documented(_SOURCES[theirs.kind], day.isoformat())
    if not said:
        return "\n".join(rest)
    if older:
        lines = [text.revision(evidence, theirs.places, fields)]
    else:
        lines = text.lines([*fields, *added.values()])
        if added:
            names = ", ".join(added.values())
            lines.append(f"# by hand: revisions cannot leave a field out, so that the older ones have {names}, too")
        for edition, revision in zip(endpoint.editions, endpoint.revisions, strict=True):
            places = read_edition(edition).places
            lines.append(text.revision(revision.evidence, places, [*dict.fromkeys((*revision.changes, *fields))]))
        lines.append(text.revision(evidence, {}, []))
    return "\n".join([*rest, *lines])


def is_revision(text: str) -> bool:
    """Whether a draft holds anything to paste, or comments only."""
    return any(not line.startswith("#") for line in text.splitlines())


def _added(finding: DriftFinding) -> str:
    """The name of the field of the body that came, if one did."""
    holder, _, name = finding.place.partition(".")
    came = finding.aspect == "field" and finding.change is Change.ADDED and holder == INPUT
    return name if came and name.isidentifier() else ""


def _sayable(finding: DriftFinding, name: str) -> bool:
    """Whether a finding is about the annotation or default of one field of the body."""
    path = f"{INPUT}.{name}"
    return finding.aspect in _SAID and finding.place.rstrip("[]") == path


def _sentence(finding: DriftFinding) -> str:
    before, after = (json.dumps(one, ensure_ascii=False) for one in (finding.before, finding.after))
    return f"{finding.place} {finding.aspect} {finding.change}: {before} -> {after}"


class _Draft:
    """Writes annotations with the names that the modules of the endpoints have."""

    def __init__(self, endpoint: Endpoint, theirs: Published) -> None:
        self._model, self._theirs = endpoint.input, theirs
        self._ours = read_edition(endpoint.editions[-1]).places
        self._classes = {
            f"{INPUT}.{spot.path}": spot.kind.__name__
            for spot in spots(endpoint.input)
            if isinstance(spot.kind, type) and issubclass(spot.kind, Model)
        }

    def lines(self, fields: list[str]) -> list[str]:
        """The fields of the newest model, as comments."""
        written = (self._field(self._theirs.places, name) for name in fields)
        lines = [
            f"#     {name}: {kind}" + ("" if default == "..." else f" = {default}")
            for name, (kind, default) in zip(fields, written, strict=True)
        ]
        return [f"# class {self._model.__name__} now says:", *lines] if lines else []

    def revision(self, evidence: Evidence, places: Mapping[str, Place], fields: list[str]) -> str:
        """One ``Revision(...)``."""
        said = f"{evidence.grade}({_python(evidence.source)}, {_python(evidence.date.isoformat())})"
        if not fields:
            return f"Revision({said}),"
        changes = (f"        {_python(name)}: ({', '.join(self._field(places, name))})," for name in fields)
        return "\n".join(["Revision(", f"    {said},", "    {", *changes, "    },", "),"])

    def _field(self, places: Mapping[str, Place], name: str) -> tuple[str, str]:
        """The annotation and the default of one field."""
        path = f"{INPUT}.{name}"
        place, kind = places[path], self._annotation(places, path)
        if place.required:
            return kind, "..."
        ours = self._ours.get(path)
        default = ours.default if place.default is UNSAID and ours is not None else place.default
        if default not in (ABSENT, UNSAID):
            return kind, _python(default)
        if ours is None and not kind.startswith("list[") and not kind.endswith("None"):
            return f"{kind} | None", "None"
        return kind, "Field(default_factory=list)" if kind.startswith("list[") and not kind.endswith("None") else "None"

    def _annotation(self, places: Mapping[str, Place], path: str) -> str:
        place, ours = places[path], self._ours.get(path)
        nullable = ours is not None and ours.nullable is True if place.nullable is UNSAID else place.nullable
        return " | ".join([*self._kinds(places, path), *(["None"] if nullable is True else [])])

    def _kinds(self, places: Mapping[str, Place], path: str) -> Iterator[str]:
        place, ours = places[path], self._ours.get(path)
        if place.choices is not None:
            yield f"Literal[{', '.join(map(_python, place.choices))}]"
            return
        limits = ours.limits if ours is not None else place.limits
        for one in sorted(place.types - {"integer"} if "number" in place.types else place.types) or ["anything"]:
            if one == "array":
                yield f"list[{self._annotation(places, f'{path}[]')}]"
            elif one == "string":
                yield _text(limits if isinstance(limits, dict) else {})
            elif one in ("integer", "number") and isinstance(limits, dict) and (bounds := _bounds(limits)):
                yield f"Annotated[{_SCALARS[one]}, Field({bounds})]"
            else:
                yield _SCALARS.get(one) or self._classes.get(path, "Any" if one == "anything" else "dict[str, Any]")


def _text(limits: dict[str, Any]) -> str:
    """A string with its limits, which are the newest known under every revision."""
    name = next((name for name, known in _NAMES if limits == known), None)
    if name or "maxLength" not in limits:
        return name or "str"
    return f"Annotated[str, MaxLen({limits['maxLength']})]"


def _bounds(limits: Mapping[str, Any]) -> str:
    return ", ".join(f"{ours}={limits[name]!r}" for name, ours in _BOUNDS.items() if name in limits)


def _python(value: Any) -> str:
    """A value as the formatter writes it."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


@click.command
@click.argument("documents", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--seen", type=click.DateTime(["%Y-%m-%d"]), help="The day of the revision (default: today).")
def command(documents: tuple[Path, ...], seen: dt.datetime | None) -> None:
    """Draft the revisions that explain what fal's OpenAPI documents say and our newest contract does not."""
    day = (seen or dt.datetime.now(dt.UTC)).date()
    for path in documents:
        try:
            theirs = read_openapi(load(path), str(path))
            endpoint = BUILT_IN.find(theirs.endpoint_id)
            drift = examine(endpoint.edition("latest"), theirs).drift()
        except (ContractError, NoContract) as error:
            raise click.UsageError(str(error)) from error
        click.echo(f"# {endpoint.id}\n{draft(endpoint, theirs, drift, day) if drift else '# no drift'}")


if __name__ == "__main__":
    command()
