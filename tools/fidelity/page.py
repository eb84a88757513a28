"""The fidelity report as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_HEAD = """# Fidelity

How far the emulator is known to agree with fal, rule by rule. Made by `make fidelity` from what the oracles left in
`tests/oracles`; `docs/oracles.md` and `docs/conformance.md` say what each of them is. Do not edit it.

- **agreed**: at least one oracle that can know says the same, and none says otherwise;
- **differs**: an oracle says otherwise;
- **unverified**: no oracle here can know. What we do then rests on its evidence alone.

Under *runtime* (fal's own, with models from fal's documents) and *document* (fal's OpenAPI, which shows limits but not
how they are refused) a dash means that no schema holds the rule; under *receipts* (quoted answers of the live service)
that none is about it. *Clients* is whether both of fal's own clients parse the refusal into the error they promise,
which says nothing about the rule.
"""


def page(found: Mapping[str, Any]) -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_summary(found), *_rules(found), *_receipts(found), *_known(found)])


def _summary(found: Mapping[str, Any]) -> Iterator[str]:
    oracles = found["oracles"]
    runtime, clients, quoted = oracles["runtime"], oracles["clients"], oracles["receipts"]
    live = "never asked from here: every rule is **unverified live**"
    if isinstance(oracles["live"], dict):
        live = (
            f"{oracles['live']['claims']} claims, asked on {oracles['live']['asked_on']} by somebody who kept the run"
        )
    counts = f"{found['agreed']} agreed, {found['differs']} differ, {found['unverified']} unverified"
    yield f"Contract `{found['contract']}`: {found['rules']} rules, {counts}."
    yield ""
    yield "| oracle | what was compared |"
    yield "|---|---|"
    equal = f"{runtime['agreed']:,} equal, {runtime['outside']:,} equal but for rules that no schema holds"
    rest = f"{runtime['known']:,} known differences, {runtime['unexplained']:,} unexplained"
    yield f"| fal's own runtime ({_versions(runtime)}) | {runtime['cases']:,} generated bodies: {equal}, {rest} |"
    published = oracles["published"]
    yield f"| fal's published contract | {published['documents']} OpenAPI documents of {published['date']} |"
    yield f"| fal's clients ({_versions(clients)}) | the refusals of {clients['rules']} rules |"
    known = quoted["with known differences"]
    yield f"| quoted receipts | {quoted['quoted']}, of which {known} with known differences |"
    yield f"| the live service | {live} |"
    yield ""
    yield "| endpoint | rules | agreed | differs | unverified |"
    yield "|---|---|---|---|---|"
    for name, one in found["endpoints"].items():
        yield f"| `{name}` | {len(one['rules'])} | {one['agreed']} | {one['differs']} | {one['unverified']} |"
    yield ""


def _versions(oracle: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(oracle["versions"].items()))


def _rules(found: Mapping[str, Any]) -> Iterator[str]:
    for name, one in found["endpoints"].items():
        yield f"## {name}"
        yield ""
        yield "| rule | it says | evidence | verdict | runtime | document | receipts | clients | live |"
        yield "|---|---|---|---|---|---|---|---|---|"
        prefix = ".".join(name.split("/")[2:])
        for row in one["rules"]:
            yield _row(row, prefix)
        yield ""


def _row(row: Mapping[str, Any], prefix: str) -> str:
    evidence, by = row["evidence"], row["by"]
    clients = sorted(set(row["clients"].values())) or ["unverified"]
    cells = (
        f"`{row['rule'].removeprefix(f'{prefix}.')}`",
        row["says"],
        f"{evidence['grade']}, {evidence['date']}: {evidence['source']}",
        f"**{row['verdict']}**" + (f", known: {row['why']}" if row["why"] else ""),
        _mark(by["runtime"]),
        _mark(by["published"]),
        ", ".join(f"`{one}`" for one in row["receipts"]) or "-",
        clients[-1] if len(clients) == 1 else "differs",
        by["live"],
    )
    return f"| {' | '.join(_cell(one) for one in cells)} |"


def _mark(verdict: str) -> str:
    return "-" if verdict == "outside" else verdict


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _receipts(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## Quoted receipts"
    yield ""
    yield "Answers of the live service as public sources quote them, and documents of fal's that print one; each is"
    yield "asked of the emulator by `tests/together/test_receipts.py`."
    yield ""
    yield "| receipt | seen | source | verdict |"
    yield "|---|---|---|---|"
    for one in found["receipts"]:
        why = "; ".join(f"{known['at']}: {known['why']}" for known in one["differs"])
        verdict = f"differs, known: {why}" if why else one["verdict"]
        yield f"| `{one['id']}` | {one['seen']}, {one['grade']} | {_cell(one['source'])} | {_cell(verdict)} |"
    yield ""


def _known(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## Known differences from published contracts"
    yield ""
    for one in found["known_differences"]:
        yield f"- `{one['place']}` ({one['aspect']}, {one['kind']}): {one['reason']}"
    yield ""
