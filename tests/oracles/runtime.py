"""The emulator against fal's own runtime: the same bodies, the same status, the same bytes of refusal.

Usage: PYTHONPATH=tests python -m oracles.runtime [--cases N] [--models N] [--workers N] [--minutes N] [--report FILE]
The endpoints in depth are always asked, and so many models of the catalogue besides.
Ends with 1 where a difference is explained neither by a rule that no schema holds nor by `DIFFERENCES`.
The report is described in docs/oracles.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from fakefal.server.serving import serving
from fakefal.settings import Settings
from fakefal.state import jsonio
from fakefal_contracts import BUILT_IN, FOUNDING, judge, rulebook
from fakefal_contracts.media import Limits
from fakefal_contracts.record import Source
from fakefal_contracts.strategies import Broken, anything, invalid, valid
from fakefal_contracts.strategies.bodies import Builder
from fakefal_contracts.strategies.broken import breaches
from fakefal_contracts.strategies.places import places
from oracles.drawing import VERSIONS, by_seed_alone
from oracles.install import PYTHON, READY
from support.models import family, sample
from support.waiting import LIMIT

CONTRACT = "latest"
CHUNK = 500
"""How many cases one run of hypothesis makes: its memory of what it tried grows with them."""

REFUSED, ACCEPTED, FAILED = 422, 200, 500
MOST_SHOWN, LONGEST_SHOWN = 20, 2000
HEADERS = {"Content-Type": "application/json", "Authorization": "Key oracle:secret"}

OUTCOMES = ("cases", "agreed", "outside", "known", "unexplained")

Answer = tuple[int, bytes]


@dataclass(frozen=True)
class Difference:
    """A known difference: its name, why it is there, and how it is recognized from both answers."""

    name: str
    reason: str
    matches: Callable[[str, Any, Answer, Answer], bool]


def _scaled_by_dictionary(body: Any) -> bool:
    """Whether a scale, anywhere in a body, is a dictionary."""
    if isinstance(body, dict):
        return any(
            _scaled_by_dictionary(value) or (name.endswith("scale") and isinstance(value, dict))
            for name, value in body.items()
        )
    return isinstance(body, list) and any(map(_scaled_by_dictionary, body))


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "a dictionary where a union has bounds",
        "fal's own validation fails there with an internal error: pydantic cannot compare a dictionary with the bound "
        "of a number.  Whoever sends one means to be accepted, and fakefal accepts it.",
        lambda _id, body, _ours, theirs: theirs[0] == FAILED and _scaled_by_dictionary(body),
    ),
    Difference(
        "the order of shots",
        "Types have no order of fields, which decides the order of errors: the shots of v3/turbo are those of v3.",
        lambda endpoint_id, _body, ours, theirs: (
            BUILT_IN.find(endpoint_id).record.source is Source.TYPES
            and ours != theirs
            and _sorted(ours) == _sorted(theirs)
        ),
    ),
)


def _sorted(answer: Answer) -> tuple[int, list[str]]:
    """An answer with the items of a refusal in one order, whichever they had."""
    status, body = answer
    items = json.loads(body)["detail"] if status == REFUSED else []
    return status, sorted(json.dumps(item, sort_keys=True) for item in items)


@dataclass
class Tally:
    """What came of the cases of one endpoint, in all and by rule; of a model that is not in depth by kind of rule."""

    cases: int = 0
    agreed: int = 0
    outside: int = 0
    known: int = 0
    unexplained: int = 0
    rules: dict[str, Counter[str]] = field(default_factory=dict)

    def count(self, outcome: str, rules: dict[str, str]) -> None:
        """Add a case; `rules` says for each rule that it broke what came of it."""
        self.cases += 1
        setattr(self, outcome, getattr(self, outcome) + 1)
        for rule, one in rules.items():
            self.rules.setdefault(rule, Counter())[one] += 1

    def add(self, other: Tally) -> None:
        """Add the cases of another tally."""
        for name in OUTCOMES:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for rule, counts in other.rules.items():
            self.rules.setdefault(rule, Counter()).update(counts)


@dataclass
class Findings:
    """Everything that a comparison finds, by endpoint, and the differences themselves."""

    endpoints: dict[str, Tally] = field(default_factory=dict)
    known: Counter[str] = field(default_factory=Counter)
    unexplained: list[dict[str, Any]] = field(default_factory=list)

    def add(self, other: Findings) -> None:
        """Add what another comparison found."""
        for endpoint_id, tally in other.endpoints.items():
            self.endpoints.setdefault(endpoint_id, Tally()).add(tally)
        self.known.update(other.known)
        self.unexplained += other.unexplained

    def report(self, versions: dict[str, str]) -> dict[str, Any]:
        """The report as plain JSON values; equal runs give equal reports."""
        reasons = {one.name: one.reason for one in DIFFERENCES}
        return {
            "oracle": "runtime",
            "contract": CONTRACT,
            "versions": versions,
            "cases": sum(tally.cases for tally in self.endpoints.values()),
            "endpoints": {
                endpoint_id: asdict(tally)
                | {"rules": {rule: dict(sorted(counts.items())) for rule, counts in sorted(tally.rules.items())}}
                for endpoint_id, tally in sorted(self.endpoints.items())
            },
            "known": {name: {"cases": self.known[name], "reason": reasons[name]} for name in sorted(reasons)},
            "unexplained": sorted(self.unexplained, key=lambda one: (len(str(one)), str(one)))[:MOST_SHOWN],
        }


@cache
def outside(endpoint_id: str) -> frozenset[str]:
    """The rules that no schema holds: those written by hand, and what is measured in media."""
    edition = BUILT_IN.find(endpoint_id).edition(CONTRACT)
    book = rulebook(edition)
    every = places(edition.model)
    limits = [(place.spot.path, one) for place in every for one in place.spot.metadata if isinstance(one, Limits)]
    measured = {book.get(path, kind).id for path, one in limits for kind in one.says()}
    return frozenset({rule.id for _, rule, _ in book.written()} | measured)


def bodies(endpoint_id: str) -> st.SearchStrategy[Any]:
    """Valid, with one broken rule, and arbitrary.

    No megabytes that break a size, which is outside anyway; of a model that is not in depth no media at all.
    """
    broken = invalid(endpoint_id, contract=CONTRACT, rules=asked(endpoint_id)).map(lambda one: one.arguments)
    return valid(endpoint_id, contract=CONTRACT) | broken | anything(endpoint_id, contract=CONTRACT)


@cache
def asked(endpoint_id: str) -> tuple[str, ...]:
    """The rules that bodies break."""
    edition = BUILT_IN.find(endpoint_id).edition(CONTRACT)
    beyond = frozenset[str]() if endpoint_id in FOUNDING else outside(endpoint_id)
    every = (one.rule for one in breaches(edition))
    return tuple(dict.fromkeys(rule.id for rule in every if rule.kind != "max_bytes" and rule.id not in beyond))


def compare(endpoint_id: str, raw: bytes, ours: Answer, theirs: Answer, findings: Findings) -> None:
    """Judge one pair of answers, and write it down."""
    body = json.loads(raw)
    errors = judge(BUILT_IN.find(endpoint_id).edition(CONTRACT), body).errors
    broken = [error.rule.id for error in errors]
    named = {error.rule.id: error.rule.id if endpoint_id in FOUNDING else error.rule.kind for error in errors}
    tally = findings.endpoints.setdefault(endpoint_id, Tally())
    beyond = outside(endpoint_id)
    kept = _without(ours, broken, beyond)
    if _equal(ours, theirs):
        tally.count("agreed", dict.fromkeys(named.values(), "agreed"))
    elif _equal(kept, theirs):
        tally.count("outside", {name: "outside" if rule in beyond else "agreed" for rule, name in named.items()})
    elif known := next((one for one in DIFFERENCES if one.matches(endpoint_id, body, kept, theirs)), None):
        tally.count("known", dict.fromkeys(named.values(), "known"))
        findings.known[known.name] += 1
    else:
        tally.count("unexplained", dict.fromkeys(named.values(), "unexplained"))
        shown = {"ours": [ours[0], ours[1].decode()], "theirs": [theirs[0], theirs[1].decode()]}
        findings.unexplained.append({"endpoint_id": endpoint_id, "body": raw.decode(), **shown})


def _equal(ours: Answer, theirs: Answer) -> bool:
    """Equal status, and for refusals equal bytes; a result is the emulator's own."""
    return ours == theirs if REFUSED in (ours[0], theirs[0]) else ours[0] == theirs[0]


def _without(ours: Answer, broken: list[str], beyond: frozenset[str]) -> Answer:
    """Our answer without the items whose rules no schema holds."""
    if ours[0] != REFUSED or not beyond.intersection(broken):
        return ours
    items = json.loads(ours[1])["detail"]
    kept = [item for item, rule in zip(items, broken, strict=True) if rule not in beyond]
    if not kept:
        return ACCEPTED, b""
    return REFUSED, jsonio.dump({"detail": kept})


def of_models(report: Mapping[str, Any]) -> dict[str, Any]:
    """What a report says of the models that are not in depth: sums by model, and by kind of rule."""
    tallies = {one: tally for one, tally in report["endpoints"].items() if one not in FOUNDING}
    kinds: dict[str, Counter[str]] = {}
    for tally in tallies.values():
        for kind, counts in tally["rules"].items():
            kinds.setdefault(kind, Counter()).update(counts)
    return {
        **{name: report[name] for name in ("oracle", "contract", "versions", "known", "unexplained")},
        "models": {one: {name: tally[name] for name in OUTCOMES} for one, tally in tallies.items()},
        "kinds": {kind: dict(sorted(counts.items())) for kind, counts in sorted(kinds.items())},
    }


class Pair:
    """An emulator and fal's own runtime, both on loopback sockets."""

    def __init__(self, emulator_port: int, runtime_port: int, versions: dict[str, str]) -> None:
        self.versions = versions
        self._ours = HTTPConnection("127.0.0.1", emulator_port, timeout=LIMIT)
        self._theirs = HTTPConnection("127.0.0.1", runtime_port, timeout=LIMIT)

    def close(self) -> None:
        """Close the connections to both."""
        self._ours.close()
        self._theirs.close()

    def ask(self, endpoint_id: str, raw: bytes) -> tuple[Answer, Answer]:
        """The answers of both."""
        made = "generated" if endpoint_id in FOUNDING else "written"
        theirs = _call(self._theirs, "POST", f"/{made}/{endpoint_id}", raw)
        status, submitted = _call(self._ours, "POST", f"/queue/{endpoint_id}", raw)
        if status != ACCEPTED:
            return (status, submitted), theirs
        return _call(self._ours, "GET", urlsplit(json.loads(submitted)["response_url"]).path), theirs


def _call(connection: HTTPConnection, method: str, path: str, raw: bytes | None = None) -> Answer:
    connection.request(method, path, raw, HEADERS)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    if answer.status == FAILED:  # the server closes what failed, and does not say so
        connection.close()
    return found


@contextmanager
def pair(models: Sequence[str] = ()) -> Iterator[Pair]:
    """Start both, and stop them at the end; fal's runtime also serves these models of the catalogue."""
    command = [str(PYTHON), str(Path(__file__).with_name("runtime_app.py")), *models]
    with (
        serving(Settings(profile="instant", contract=CONTRACT, max_requests=100, max_files=100)) as where,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as runtime,
    ):
        assert runtime.stdout is not None
        ready = json.loads(runtime.stdout.readline())
        both = Pair(where.port, ready["port"], ready["versions"] | VERSIONS)
        try:
            yield both
        finally:
            both.close()
            runtime.terminate()


def chunk(both: Pair, endpoint_id: str, cases: int, number: int) -> Findings:
    """Compare so many cases; the number of the chunk is its seed."""
    findings = Findings()

    @seed(number)
    @settings(max_examples=cases, deadline=None, database=None, phases=[Phase.generate])
    @given(bodies(endpoint_id))
    def one(body: Any) -> None:
        raw = json.dumps(body).encode()
        compare(endpoint_id, raw, *both.ask(endpoint_id, raw), findings)

    with by_seed_alone():
        one()
    return findings


def each_rule(both: Pair, endpoint_id: str, cases: int = 4) -> Findings:
    """Compare so many bodies for every rule by itself; the megabytes that break a size are outside anyway."""
    findings = Findings()
    for rule in asked(endpoint_id):

        @seed(0)
        @settings(max_examples=cases, deadline=None, database=None, phases=[Phase.generate])
        @given(invalid(endpoint_id, contract=CONTRACT, rules=[rule]))
        def one(broken: Broken) -> None:
            raw = json.dumps(broken.arguments).encode()
            compare(endpoint_id, raw, *both.ask(endpoint_id, raw), findings)

        with by_seed_alone():
            one()
    return findings


def each_breach(both: Pair, endpoint_id: str) -> Findings:
    """Compare the plainest body for every known way to break a rule, and on both sides of every limit."""
    findings, edition = Findings(), BUILT_IN.find(endpoint_id).edition(CONTRACT)
    wanted = set(asked(endpoint_id))
    for breach in breaches(edition):
        if breach.rule.id in wanted:
            found = [breach.broken(edition, Builder())]
            found += [breach.kept(edition, Builder())] if breach.inside is not None else []
            for body in found:
                raw = json.dumps(body.arguments).encode()
                compare(endpoint_id, raw, *both.ask(endpoint_id, raw), findings)
    return findings


_worker: dict[str, Any] = {}


def _start(models: Sequence[str]) -> None:
    _worker["stack"] = stack = ExitStack()
    _worker["pair"] = stack.enter_context(pair(models))


def _work(task: tuple[str, int, int]) -> tuple[Findings, dict[str, str]]:
    endpoint_id, cases, _ = task
    both = _worker["pair"]
    if cases:
        found = chunk(both, *task)
    else:
        found = each_rule(both, endpoint_id) if endpoint_id in FOUNDING else each_breach(both, endpoint_id)
    return found, both.versions


def tasks(cases: int, models: Sequence[str] = ()) -> list[tuple[str, int, int]]:
    """The chunks of a comparison: endpoint, number of cases, seed; first, with no cases, each rule by itself."""
    every = (*FOUNDING, *models)
    each = -(-cases // len(every))
    return [(endpoint_id, 0, 0) for endpoint_id in every] + [
        (endpoint_id, min(CHUNK, each - done), done // CHUNK) for done in range(0, each, CHUNK) for endpoint_id in every
    ]


def main() -> int:
    """Compare, print a summary, write the report."""
    parser = argparse.ArgumentParser(description="Compare the emulator with fal's own runtime.")
    parser.add_argument("--cases", type=int, default=2_000, help="generated requests in all")
    parser.add_argument("--models", type=int, default=0, help="models of the catalogue that are asked besides")
    parser.add_argument("--family", default="", help="documents to ask, by how ids begin: fal-ai/kling-video")
    parser.add_argument("--workers", type=int, default=1, help="pairs of servers at a time")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many, and report until then")
    parser.add_argument("--report", type=Path, help="where the report is written as JSON")
    parser.add_argument("--keep", type=Path, help="where the sums of models that are not in depth are written")
    given_ = parser.parse_args()
    if not READY.exists():
        sys.exit("fal's own runtime is not installed: make oracle-runtime")
    end = time.monotonic() + 60 * given_.minutes
    findings, versions = Findings(), dict[str, str]()
    models = tuple(dict.fromkeys((*sample(given_.models), *(family(given_.family) if given_.family else ()))))
    with multiprocessing.get_context("spawn").Pool(given_.workers, _start, [models]) as pool:
        for found, seen in pool.imap(_work, tasks(given_.cases, models)):
            versions.update(seen)
            findings.add(found)
            done = sum(tally.cases for tally in findings.endpoints.values())
            sys.stderr.write(f"{done:,} of {given_.cases:,}, {len(findings.unexplained)} unexplained\n")
            if time.monotonic() > end:
                break
    report = findings.report(versions)
    if given_.report:
        given_.report.write_text(json.dumps(report, indent=1) + "\n")
    if given_.keep:
        given_.keep.write_text(json.dumps(of_models(report), indent=1) + "\n")
    sys.stdout.write(summary(report))
    return int(bool(findings.unexplained))


def summary(report: dict[str, Any]) -> str:
    """The report in a few lines."""
    sums = {name: sum(one[name] for one in report["endpoints"].values()) for name in OUTCOMES}
    counts = ", ".join(f"{count:,} {name}" for name, count in sums.items())
    lines = [f"{len(report['endpoints'])} endpoints: {counts}"]
    lines += [json.dumps(one)[:LONGEST_SHOWN] for one in report["unexplained"]]
    return "\n".join(["", *lines, ""])


if __name__ == "__main__":
    sys.exit(main())
