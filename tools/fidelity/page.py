"""The fidelity report as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST_FAMILIES = 25
_HEAD = """# Fidelity

How well the emulator agrees with fal, in totals. `make fidelity` generates this page from the results of the oracles in
`tests/oracles`; [oracles.md](oracles.md) and [conformance.md](conformance.md) describe each oracle. Do not edit it.
[fidelity.json](fidelity.json) has the details: every model with its counts, and for models in depth every rule with its
evidence, its verdict and the oracles that tested it.

The result for a body that was sent to fal's own runtime:

- **equal**: equal status, and for a refusal equal bytes;
- **outside**: equal except for rules that no schema contains, such as the size of a picture;
- **known**: a difference that is listed below with its reason;
- **unexplained**: any other difference.

The result for a rule in depth:

- **agreed**: at least one oracle agrees with it, and none disagrees;
- **differs**: an oracle disagrees;
- **unverified**: no oracle here can test it. The rule is based on its evidence alone.
"""
_DEPTHS = {"in depth": "in depth", "document": "fal's document", "types only": "types only"}


def page(found: Mapping[str, Any]) -> str:
    """The whole page."""
    parts = (_summary, _by_depth, _by_family, _by_kind, _in_depth, _receipts, _known)
    return "\n".join([_HEAD, *(line for part in parts for line in part(found))])


def _by_depth(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## By depth"
    yield ""
    yield "How much is known about a model: rules beyond its document, its document, or only the types of fal's client."
    yield "*Printed equal* counts models whose JSON schema, exported by pydantic, equals fal's document."
    yield ""
    yield from _sums("depth", {name: _with(found, "depth", depth) for depth, name in _DEPTHS.items()})


def _by_family(found: Mapping[str, Any]) -> Iterator[str]:
    families: dict[str, list[Mapping[str, Any]]] = {}
    for endpoint_id, one in found["models"].items():
        families.setdefault("/".join(endpoint_id.split("/")[:2]), []).append(one)
    largest = sorted(families, key=lambda name: (-len(families[name]), name))
    named = {f"`{name}`": families[name] for name in largest[:MOST_FAMILIES]}
    rest = largest[MOST_FAMILIES:]
    yield "## By family"
    yield ""
    yield "A family is owner and application: the first two parts of an endpoint id."
    yield ""
    yield from _sums("family", {**named, f"{len(rest)} others": [one for name in rest for one in families[name]]})


def _with(found: Mapping[str, Any], key: str, value: str) -> list[Mapping[str, Any]]:
    return [one for one in found["models"].values() if one[key] == value]


def _sums(what: str, groups: Mapping[str, list[Mapping[str, Any]]]) -> Iterator[str]:
    """One row for each group of models: how many, and the outcome for those that the runtime judged."""
    yield f"| {what} | models | printed equal | run at fal's runtime | bodies | equal | outside | known | unexplained |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, models in groups.items():
        asked = [one["runtime"] for one in models if one["runtime"]]
        equal = sum(not one["document"] for one in models if one["depth"] != "in depth")
        sums = (sum(one[key] for one in asked) for key in ("cases", "agreed", "outside", "known", "unexplained"))
        counts = " | ".join(f"{one:,}" for one in (len(models), equal, len(asked), *sums))
        yield f"| {name} | {counts} |"
    yield ""


def _by_kind(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## By kind of rule"
    yield ""
    yield "Bodies of models that are not in depth, by the kind of rule that they break."
    yield ""
    yield "| kind | equal | outside | known | unexplained |"
    yield "|---|---|---|---|---|"
    for kind, one in found["kinds"].items():
        counts = (one.get(name, 0) for name in ("agreed", "outside", "known", "unexplained"))
        yield f"| `{kind}` | {' | '.join(f'{count:,}' for count in counts)} |"
    yield ""


def _summary(found: Mapping[str, Any]) -> Iterator[str]:
    oracles = found["oracles"]
    runtime, clients, quoted = oracles["runtime"], oracles["clients"], oracles["receipts"]
    live = "not tested yet: every rule is **unverified live**"
    if isinstance(oracles["live"], dict):
        live = (
            f"{oracles['live']['claims']} claims, asked on {oracles['live']['asked_on']} by somebody who kept the run"
        )
    counts = f"{found['agreed']} agreed, {found['differs']} differ, {found['unverified']} unverified"
    yield f"Contract `{found['contract']}`: {found['rules']} rules, {counts}."
    yield ""
    yield "| oracle | what was compared |"
    yield "|---|---|"
    yield f"| fal's own runtime ({_versions(runtime)}) | {_bodies(runtime, 'the first four models')} |"
    for run, models in (("family", "other models of the Kling family"), ("models", "models of every category")):
        others = f"{oracles[run]['asked']} {models}"
        yield f"| the same, `make oracle-full` | {_bodies(oracles[run], others)} |"
    published = oracles["published"]
    yield f"| fal's published contract | {published['documents']} OpenAPI documents of {published['date']} |"
    yield f"| fal's clients ({_versions(clients)}) | the refusals of {clients['rules']} rules |"
    known = quoted["with known differences"]
    yield f"| quoted receipts | {quoted['quoted']}, of which {known} with known differences |"
    yield f"| the live service | {live} |"
    yield ""


def _in_depth(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## In depth"
    yield ""
    yield "| endpoint | rules | agreed | differs | unverified |"
    yield "|---|---|---|---|---|"
    for name, one in found["endpoints"].items():
        yield f"| `{name}` | {len(one['rules'])} | {one['agreed']} | {one['differs']} | {one['unverified']} |"
    yield ""


def _bodies(oracle: Mapping[str, Any], which: str) -> str:
    equal = f"{oracle['agreed']:,} equal, {oracle['outside']:,} equal except for rules that no schema contains"
    rest = f"{oracle['known']:,} known differences, {oracle['unexplained']:,} unexplained"
    return f"{oracle['cases']:,} generated bodies for {which}: {equal}, {rest}"


def _versions(oracle: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(oracle["versions"].items()))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _receipts(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## Quoted receipts"
    yield ""
    yield "Answers of the live service that public sources quote, and examples in fal's documents.  Each is"
    yield "replayed against the emulator by `tests/together/test_receipts.py`."
    yield ""
    yield "| receipt | seen | source | verdict |"
    yield "|---|---|---|---|"
    for one in found["receipts"]:
        why = "; ".join(f"{known['at']}: {known['why']}" for known in one["differs"])
        verdict = f"differs, known: {why}" if why else one["verdict"]
        yield f"| `{one['id']}` | {one['seen']}, {one['grade']} | {_cell(one['source'])} | {_cell(verdict)} |"
    yield ""


def _known(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## Known differences"
    yield ""
    for name, reason in found["known"].items():
        yield f"- {name}: {reason}"
    yield ""
    yield "Models in depth against published contracts:"
    yield ""
    for one in found["known_differences"]:
        yield f"- `{one['place']}` ({one['aspect']}, {one['kind']}): {one['reason']}"
    yield ""
