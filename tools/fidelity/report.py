"""The fidelity report: the oracles' findings for every model and, in depth, the evidence of every rule.

Its inputs are kept by the project: the rules, fal's own documents and the summaries that the oracles left in
``tests/oracles``. It contains no date of a run, so that equal inputs give equal bytes.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakefal.proxy.upstream import FAL
from fakefal_contracts import BUILT_IN, FOUNDING, Endpoint, Rule, examples, judge
from fakefal_contracts.endpoint import LATEST, Edition
from fakefal_contracts.explanation import Comparison, examine
from fakefal_contracts.kling.shared import OPENAPI
from fakefal_contracts.known_differences import KNOWN_DIFFERENCES
from fakefal_contracts.published import INPUT, Place
from fakefal_contracts.published.endpoint_document import read_openapi
from fakefal_contracts.record import Record
from fakefal_contracts.rulebooks import rulebook
from tools.fidelity import page as fidelity_page
from tools.receipts import Receipt, receipts

CONTRACT = "latest"
ORACLES = Path("tests") / "oracles"
PAGE, DATA = "docs/fidelity.md", "docs/fidelity.json"
AGREED, DIFFERS, UNVERIFIED = "agreed", "differs", "unverified"
OUTCOMES = ("cases", "agreed", "outside", "known", "unexplained")
OUTSIDE = "outside"
"""The oracle cannot tell: no schema holds the rule, or no receipt is about it."""

#: Where fal's documents state a rule: aspects of a place, or names in its limits.
_ASPECTS = {"required": ("required",), "type": ("types", "nullable"), "one_of": ("choices",)}
_LIMITS = {
    "max_length": ("maxLength",),
    "max_bytes": ("max_file_size",),
    "reachable": ("timeout",),
    "min_pixels": ("min_width", "min_height"),
    "max_pixels": ("max_width", "max_height"),
    "ratio": ("min_aspect_ratio", "max_aspect_ratio"),
    "min_seconds": ("min_duration",),
    "max_seconds": ("max_duration",),
    "min_fps": ("min_fps",),
    "max_fps": ("max_fps",),
}


class NoOracles(Exception):
    """An input is missing; ``str()`` says which."""


@dataclass(frozen=True)
class Sources:
    """The outputs of the oracles: summaries by name, and fal's documents by endpoint.

    `models` is the large run of the runtime, over models of every category, and `family` the one over the Kling family;
    `round_trip` covers all models that have documents.
    """

    runtime: Mapping[str, Any]
    models: Mapping[str, Any]
    family: Mapping[str, Any]
    round_trip: Mapping[str, Any]
    clients: Mapping[str, Any]
    live: Mapping[str, Any] | None
    documents: Mapping[str, Any]


def write_report(root: Path) -> tuple[Path, Path]:
    """Write the report into the root of a checkout; returns both files.

    Raises:
        NoOracles: an input is missing.
    """
    found = report(read_sources(root))
    page, data = root / PAGE, root / DATA
    page.parent.mkdir(exist_ok=True)
    page.write_text(fidelity_page.page(found), "utf-8")
    data.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return page, data


def read_sources(root: Path) -> Sources:
    """The outputs of the oracles in a checkout; those of the live service only if somebody called it.

    Raises:
        NoOracles: a file is missing or malformed, or a run that is said to be of the live service was of another
            service or under another contract.
    """
    folder = root / ORACLES
    try:
        live = folder / "live.json"
        return Sources(
            _read(folder / "runtime.json"),
            _read(folder / "models.json"),
            _read(folder / "kling.json"),
            _read(folder / "round_trip.json"),
            _read(folder / "clients.json"),
            _live_run(live) if live.exists() else None,
            {one: _read(folder / "openapi" / f"{one.replace('/', '--')}.json") for one in FOUNDING},
        )
    except (OSError, ValueError) as error:
        raise NoOracles(
            f"--report runs in a checkout of fakefal, where its oracles left their results: {error}"
        ) from error


def _live_run(path: Path) -> Any:
    """A run against fal itself, under the contract that is reported."""
    found = _read(path)
    about = {name: found.get(name) for name in ("target", "contract")} if isinstance(found, dict) else found
    if about != {"target": FAL, "contract": CONTRACT}:
        raise ValueError(f"{path.name} is no run against {FAL} under {CONTRACT}, but {about}")
    try:
        dt.date.fromisoformat(found.get("asked_on"))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path.name} does not say on which day it was asked (asked_on)") from error
    return found


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def report(sources: Sources) -> dict[str, Any]:
    """The report as plain JSON values."""
    quoted = _receipts_by_rule()
    endpoints = {one: _endpoint(endpoint, sources, quoted) for one, endpoint in FOUNDING.items()}
    rows = [row for one in endpoints.values() for row in one["rules"]]
    return {
        "contract": CONTRACT,
        "rules": len(rows),
        **_counts(rows),
        "oracles": _oracles(sources),
        "endpoints": endpoints,
        "models": {record.id: _model(record, sources) for record in BUILT_IN.records()},
        "kinds": sources.models["kinds"],
        "known": {name: one["reason"] for name, one in sources.models["known"].items()} | sources.round_trip["reasons"],
        "receipts": [_receipt(one) for one in receipts()],
        "known_differences": [
            {"place": one.place, "aspect": one.aspect, "kind": one.kind, "reason": one.reason}
            for one in KNOWN_DIFFERENCES
        ],
    }


def _model(record: Record, sources: Sources) -> dict[str, Any]:
    """The facts about one model, and its outcome; a model that the runtime did not judge has no counts."""
    endpoint = BUILT_IN.find(record.id)
    runs = (sources.runtime["endpoints"], sources.family["models"], sources.models["models"])
    asked = next((one[record.id] for one in runs if record.id in one), None)
    return {
        "depth": endpoint.depth.value,
        "seen": record.seen.isoformat(),
        "category": record.category,
        "runtime": asked and {name: asked[name] for name in OUTCOMES},
        "document": sources.round_trip["models"].get(record.id, []),
    }


def _counts(rows: list[dict[str, Any]]) -> dict[str, int]:
    counted = Counter(row["verdict"] for row in rows)
    return {name: counted[name] for name in (AGREED, DIFFERS, UNVERIFIED)}


def _oracles(sources: Sources) -> dict[str, Any]:
    tallies = sources.runtime["endpoints"].values()
    return {
        "runtime": {
            "versions": sources.runtime["versions"],
            **{name: sum(tally[name] for tally in tallies) for name in OUTCOMES},
        },
        "models": _large(sources.models),
        "family": _large(sources.family),
        "published": {"documents": len(sources.documents), "date": OPENAPI.date.isoformat()},
        "clients": {"versions": sources.clients["versions"], "rules": len(sources.clients["rules"])},
        "receipts": {"quoted": len(receipts()), "with known differences": sum(bool(one.differs) for one in receipts())},
        "live": {"claims": len(sources.live["outcomes"]), "asked_on": sources.live["asked_on"]}
        if sources.live
        else "never asked",
    }


def _large(run: Mapping[str, Any]) -> dict[str, Any]:
    """The sums of a run of the runtime over many models."""
    tallies = run["models"].values()
    sums = {name: sum(one[name] for one in tallies) for name in OUTCOMES}
    return {"versions": run["versions"], "asked": len(tallies), **sums}


def _endpoint(endpoint: Endpoint, sources: Sources, quoted: Mapping[str, list[Receipt]]) -> dict[str, Any]:
    edition = endpoint.edition(CONTRACT)
    places = read_openapi(_whole(endpoint.id, sources.documents[endpoint.id]), "fal's OpenAPI document")
    compared = examine(edition, places)
    ran = sources.runtime["endpoints"][endpoint.id]["rules"]
    live = _live(sources, endpoint.id)
    rules = [
        _row(
            rule,
            {
                "runtime": _by_runtime(ran.get(rule.id, {})),
                "published": _by_document(edition, rule, places.places, compared),
                "receipts": _by_receipts(quoted.get(rule.id, [])),
                "live": live.get(rule.id, UNVERIFIED),
            },
            quoted.get(rule.id, []),
            sources.clients["rules"].get(rule.id, {}),
        )
        for rule in rulebook(edition)
    ]
    return {"title": endpoint.title, **_counts(rules), "rules": rules}


def _whole(endpoint_id: str, kept: Mapping[str, Any]) -> dict[str, Any]:
    """A kept document with the paths that lead to its schemas, which fal names after the endpoint's id."""
    name = "".join(word.capitalize() for word in re.split("[/-]", endpoint_id.partition("/")[2]))

    def content(schema: str) -> dict[str, Any]:
        return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}{schema}"}}}}

    paths = {
        f"/{endpoint_id}": {"post": {"requestBody": content("Input")}},
        f"/{endpoint_id}/requests/{{request_id}}": {"get": {"responses": {"200": content("Output")}}},
    }
    return {"endpoint_id": endpoint_id, "openapi": {**kept, "paths": paths}}


def _row(rule: Rule, by: dict[str, str], quoted: list[Receipt], parsed: Mapping[str, bool]) -> dict[str, Any]:
    evidence = rule.evidence
    found = set(by.values())
    verdict = DIFFERS if DIFFERS in found else AGREED if AGREED in found else UNVERIFIED
    return {
        "rule": rule.id,
        "says": rule.says,
        "evidence": {"grade": evidence.grade, "source": evidence.source, "date": evidence.date.isoformat()},
        "verdict": verdict,
        "why": "; ".join(known.why for one in quoted for known in one.differs) if verdict == DIFFERS else "",
        "by": by,
        "receipts": [one.id for one in quoted],
        "clients": {name: AGREED if agreed else DIFFERS for name, agreed in parsed.items()},
    }


def _by_runtime(outcomes: Mapping[str, int]) -> str:
    """How fal's own runtime judged bodies that break the rule."""
    if outcomes.get("unexplained") or outcomes.get("known"):
        return DIFFERS
    return AGREED if outcomes.get("agreed") and not outcomes.get("outside") else OUTSIDE


def _by_document(edition: Edition, rule: Rule, places: Mapping[str, Place], compared: Comparison) -> str:
    """Whether fal's document states the rule as we do."""
    path = f"{INPUT}.{rule.field}"
    written = {one.id for _, one, _ in rulebook(edition).written()}
    place = places.get(path)
    if place is None or rule.id in written:
        return OUTSIDE
    aspects = _ASPECTS.get(rule.kind, ())
    limits = _LIMITS.get(rule.kind, ())
    if not aspects and not (isinstance(place.limits, dict) and set(limits) & set(place.limits)):
        return OUTSIDE
    found = [one.finding for one in compared.findings if one.finding.place == path and one.why is None]
    return DIFFERS if any(one.aspect in (*aspects, *limits, "field") for one in found) else AGREED


def _by_receipts(quoted: list[Receipt]) -> str:
    """The quoted answers of the live service; one with a known difference shows the rule in older words."""
    if not quoted:
        return OUTSIDE
    return AGREED if any(not one.differs for one in quoted) else DIFFERS


def _receipts_by_rule() -> dict[str, list[Receipt]]:
    """The quoted refusals, by the rules that their requests break."""
    found: dict[str, list[Receipt]] = {}
    for receipt in receipts():
        for rule in _rules_of(receipt):
            found.setdefault(rule, []).append(receipt)
    return found


def _rules_of(receipt: Receipt) -> Iterator[str]:
    submit = receipt.given.get("submit", {})
    endpoint = FOUNDING.get(submit.get("endpoint", ""))
    if endpoint is None or receipt.response.get("status") != 422:  # noqa: PLR2004 - the wire's own number
        return
    arguments = submit["json"] if "json" in submit else examples(endpoint.id)[submit["example"]]
    contract = receipt.given.get("settings", {}).get("contract", LATEST)
    yield from dict.fromkeys(error.rule.id for error in judge(endpoint.edition(contract), arguments).errors)


def _receipt(one: Receipt) -> dict[str, Any]:
    return {
        "id": one.id,
        "source": one.source,
        "seen": one.seen,
        "grade": one.grade,
        "verdict": DIFFERS if one.differs else AGREED,
        "differs": [{"at": known.at, "why": known.why} for known in one.differs],
    }


def _live(sources: Sources, endpoint_id: str) -> dict[str, str]:
    """The findings of a run of ``fakefal conform --target fal --json``, if one was kept."""
    states = {"agreed": AGREED, "worded": AGREED, "differs": DIFFERS}
    found: dict[str, str] = {}
    for one in sources.live["outcomes"] if sources.live else ():
        if one.get("endpoint_id") == endpoint_id and one["state"] in states:
            worse = DIFFERS in (states[one["state"]], found.get(one["claim"]))
            found[one["claim"]] = DIFFERS if worse else AGREED
    return found
