"""Measure how many paid jobs one call becomes, and write the tables of `docs/retry-safety.md`.

Run by hand (`make docs-retry-safety`) when a client or an effect changes; its output is committed, and a test
measures again (`--check`).  It needs Node and `make js`.

Every client of `clients` is a program that reads cases as JSON from its standard input, makes the call of
each, and prints what it saw by the case's key.  A case has a key of its own, so its effect, its count of calls
and its ledger are its own, too, and many cases run at the same time on one emulator.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import httpx

from fakefal_fixtures import FOLDER

ROOT = Path(__file__).parent.parent
PAGE = Path(__file__).parent / "retry-safety.md"
MEASURED = re.compile("(?<=<!-- measured -->\n).*(?=\n<!-- end -->)", re.DOTALL)
"""The part of the page that is written here; the rest is written by hand."""

PYTHON_PROGRAM = ROOT / "tests" / "together" / "programs" / "retry_safety.py"
OWN_PROGRAM = PYTHON_PROGRAM.with_name("own_retry_safety.py")
JS = ROOT / "tests" / "js"
JS_PACKAGE = JS / "node_modules" / "@fal-ai" / "client" / "package.json"

FIRST, EVERY = "first", "every"
CALLS = ("submit", "subscribe", "run")
LIMIT = {"submit": "queue_full", "subscribe": "queue_full", "run": "concurrent_requests_limit"}
BEFORE_BODY, WITHIN_BODY = "drop_before_accept(bytes=0)", "drop_before_accept(bytes=1000000)"
DROPS = (BEFORE_BODY, WITHIN_BODY, "drop_before_accept", "accept_then_drop", "accept_then_drop(bytes=20)")
FAULTS = (*DROPS, "slow_response", "ingress_502", "gateway_503", LIMIT)
FAULTS_OF_JOBS = ("runner_disconnected",)

#: How long a client waits for an answer that comes much later.  Where the next try is to succeed, it gets time
#: enough on a busy machine; where none does, nobody waits longer than needed.
TIMEOUT_SECONDS = {FIRST: 4.0, EVERY: 1.0}
LATE_SECONDS = 600

LARGE = 3 * 1024 * 1024
"""Bytes of the picture in the body that is cut: far more than a client sends at once."""


@dataclass(frozen=True)
class Client:
    """One column: its heading, its version, and the command that makes calls."""

    title: str
    version: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """One cell: a call, the effect that it meets, and whether its first try does, or every one."""

    client: int
    call: str
    effect: str
    when: str

    @property
    def key(self) -> str:
        """The id of the key that this case calls with."""
        return f"{self.client}-{self.call}-{self.effect}-{self.when}"

    @property
    def timeout_seconds(self) -> float | None:
        """How long the client waits for an answer, where that matters."""
        return TIMEOUT_SECONDS[self.when] if self.effect == "slow_response" else None

    @property
    def arguments(self) -> dict[str, Any]:
        """What is asked for: little, or where the body is cut, a picture within it."""
        return {"prompt": "@Image1", "image_urls": [large_picture()]} if self.effect == WITHIN_BODY else {"prompt": "x"}

    @property
    def rule(self) -> dict[str, Any]:
        """The effect as the control API takes it."""
        late = f"(seconds={LATE_SECONDS})" if self.effect == "slow_response" else ""
        return {"effect": self.effect + late, "key": self.key, "nth": 1 if self.when == FIRST else None}


@dataclass(frozen=True)
class Outcome:
    """What became of a case: accepted jobs, how many of them are paid, and what the program saw."""

    jobs: int
    paid: int
    seen: str

    def __str__(self) -> str:
        unpaid = "" if self.paid == self.jobs else f" ({self.paid} paid)"
        wanted = 1 if self.seen == "result" else 0
        jobs = f"**{self.jobs}**" if self.paid > wanted else f"{self.jobs}"
        return f"{jobs}{unpaid}, {self.seen}"


@cache
def large_picture() -> str:
    """A picture as a data URI; what follows its end makes it large."""
    path, *_ = FOLDER.glob("pictures/*.png")
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes().ljust(LARGE, bytes(1))).decode()}"


def clients() -> list[Client]:
    """The columns; one more client is one more line."""
    python, of_python = (sys.executable, str(PYTHON_PROGRAM)), version("fal-client")
    of_javascript = json.loads(JS_PACKAGE.read_text("utf-8"))["version"]
    return [
        Client("fal-client, `SyncClient`", of_python, (*python, "sync")),
        Client("fal-client, `AsyncClient`", of_python, (*python, "async")),
        Client("@fal-ai/client", of_javascript, ("node", str(JS / "retry_safety.mjs"))),
        Client("fakefal_client, `Client`", version("fakefal"), (sys.executable, str(OWN_PROGRAM), "sync")),
        Client("fakefal_client, `AsyncClient`", version("fakefal"), (sys.executable, str(OWN_PROGRAM), "async")),
    ]


def cases(client: int) -> Iterator[Case]:
    """Every case of a client, in the order of the page."""
    for call in CALLS:
        faults = [fault if isinstance(fault, str) else fault[call] for fault in FAULTS]
        for effect, when in product([*faults, *(FAULTS_OF_JOBS if call != "submit" else ())], (FIRST, EVERY)):
            yield Case(client, call, effect, when)


def measure() -> dict[Case, Outcome]:
    """Make every call, and count in the ledger what it became."""
    columns = clients()
    wanted = [case for number in range(len(columns)) for case in cases(number)]
    with httpx.Client(base_url=f"{os.environ['FAKEFAL_URL']}/_fakefal/", timeout=300) as control:
        for case in wanted:
            control.post("scenarios", json=case.rule).raise_for_status()
        seen = _make_calls(columns, wanted)
        return {case: _outcome(control, case, seen[case.key]) for case in wanted}


def _outcome(control: httpx.Client, case: Case, seen: str) -> Outcome:
    jobs = control.get("ledger", params={"key": case.key}).raise_for_status().json()["jobs"]
    return Outcome(len(jobs), sum(job["usd"] > 0 for job in jobs), seen)


def _make_calls(columns: list[Client], wanted: list[Case]) -> dict[str, str]:
    """What each program saw.  The calls that are timed come by themselves, when nothing holds them up."""
    seen: dict[str, str] = {}
    for number, client in enumerate(columns):
        seen |= _run(client, [case for case in wanted if case.client == number and case.timeout_seconds is None])
    timed = [
        [case for case in wanted if case.client == number and case.timeout_seconds] for number in range(len(columns))
    ]
    with ThreadPoolExecutor() as pool:
        for found in pool.map(_run, columns, timed):
            seen |= found
    return seen


def _run(client: Client, wanted: list[Case]) -> dict[str, str]:
    told = [{name: getattr(one, name) for name in ("key", "call", "arguments", "timeout_seconds")} for one in wanted]
    done = subprocess.run(client.command, input=json.dumps(told), stdout=subprocess.PIPE, text=True, check=True)
    seen: dict[str, str] = json.loads(done.stdout)
    return seen


def tables(outcomes: dict[Case, Outcome]) -> str:
    """The measured part of the page: a table for each call."""
    return "\n\n".join(f"## `{call}`\n\n{_table(call, outcomes)}" for call in CALLS)


def _table(call: str, outcomes: dict[Case, Outcome]) -> str:
    columns = clients()
    lines = [["what the call meets", "how often", *(client.title for client in columns)]]
    lines.append(["---"] * len(lines[0]))
    for first in (case for case in outcomes if case.call == call and case.client == 0):
        row = [Case(**asdict(first) | {"client": number}) for number in range(len(columns))]
        often = f"{first.when} try"
        lines.append([f"`{first.effect}`", often, *(str(outcomes[case]) for case in row)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def measured_part(measured: str) -> str:
    """The tables, and whose they are."""
    versions = dict.fromkeys(f"{client.title.partition(',')[0]} {client.version}" for client in clients())
    return f"Measured with {' and '.join(versions)}.\n\n{measured}"


def main() -> None:
    """Write the page, or with --check say whether its tables are still true."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the page differs")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not given.inside:  # the clients have to meet the emulator, and so does this script
        under = (sys.executable, "-m", "fakefal", "run", "--profile", "instant", "--", sys.executable, __file__)
        sys.exit(subprocess.run([*under, *sys.argv[1:], "--inside"], check=False).returncode)
    measured = tables(measure())
    text = PAGE.read_text("utf-8")
    if not given.check:
        PAGE.write_text(MEASURED.sub(lambda _: measured_part(measured), text), "utf-8")
    elif measured not in text:
        sys.exit(f"{PAGE.name} is stale: run `make docs-retry-safety`.  Measured was:\n\n{measured}")


if __name__ == "__main__":
    main()
