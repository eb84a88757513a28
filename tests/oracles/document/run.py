"""Runs Schemathesis against an emulator on a socket, and counts what it did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from fakefal.engine.emulator import Emulator
from fakefal.server.serving import serving
from fakefal.settings import Settings
from support.endpoints import APP

HERE = Path(__file__).parent
KEY_ID, SECRET, CONTROL_TOKEN = "checked", "secret", "control"
DAY_SECONDS = 24 * 3600.0
PHASES = ("examples", "coverage", "fuzzing", "stateful")
OK, REFUSED = 200, 300
RUNNERS = 100_000
"""Requests that never end must not keep the others waiting."""

NEVER_WELL = {"POST /run/{owner}/{app}": "no model has the name of the application alone: fal answers 404"}
"""Operations that need not answer with a 2xx, and why."""


@dataclass
class Findings:
    """What came of a run.

    Attributes:
        calls: by operation, how often it was called.
        well: by operation, how often the answer was a 2xx.
        phases: by phase, how many calls it made.
        checks: by check, how often it was made.
        failures: what Schemathesis says of every check that failed.
        output: all that it printed.
        ended: its exit code.
    """

    calls: dict[str, int] = field(default_factory=dict)
    well: dict[str, int] = field(default_factory=dict)
    phases: dict[str, int] = field(default_factory=dict)
    checks: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    output: str = ""
    ended: int = 0

    @property
    def uncalled(self) -> list[str]:
        """Operations that were never called."""
        return [name for name, count in self.calls.items() if not count]

    @property
    def never_well(self) -> list[str]:
        """Operations that never answered with a 2xx."""
        return [name for name, count in self.well.items() if not count and name not in NEVER_WELL]

    @property
    def good(self) -> bool:
        """Whether every check held and every operation was called and answered well."""
        return not (self.ended or self.failures or self.uncalled or self.never_well)


def check(examples: int, histories: int, steps: int) -> Findings:
    """Hold a fresh emulator against its document.

    Args:
        examples: generated cases per operation.
        histories: histories of the stateful phase.
        steps: the most calls in one.
    """
    keys = {KEY_ID: SECRET}
    settings = Settings(
        profile="instant", runners=RUNNERS, keys=keys, control_token=CONTROL_TOKEN, balance=Decimal(10**6)
    )
    emulator = Emulator(settings)
    with serving(emulator=emulator) as where, tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.ndjson"
        config = _config(Path(folder), histories, steps)
        options = ["--checks", "all", "--phases", ",".join(PHASES), "--max-examples", str(examples)]
        options += ["--continue-on-failure", "--no-color", "--report", "ndjson", "--report-ndjson-path", str(events)]
        program = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)]
        command = [*program, "run", f"{where.url}/openapi.json", *options]
        done = subprocess.run(
            command, cwd=folder, env=_environment(emulator), capture_output=True, text=True, check=False
        )
        document = httpx.get(f"{where.url}/openapi.json", trust_env=False).json()
        return _count(document, events, done)


def summary(findings: Findings) -> str:
    """The findings as text."""
    width = max(map(len, findings.calls))
    lines = [f"{name:{width}} {count:7,} calls {findings.well[name]:7,} well" for name, count in findings.calls.items()]
    calls, checks = sum(findings.phases.values()), sum(findings.checks.values())
    by_phase = ", ".join(f"{name} {count:,}" for name, count in findings.phases.items())
    lines.append(f"{len(findings.calls)} operations, {calls:,} calls ({by_phase}), {checks:,} checks")
    lines.append(f"{len(findings.failures)} failures; never called: {findings.uncalled or 'none'}; ")
    lines[-1] += f"never answered well: {findings.never_well or 'none'}"
    if findings.ended:
        lines = [findings.output, *lines]
    return "\n".join(lines) + "\n"


def _config(folder: Path, histories: int, steps: int) -> Path:
    """The settings, with the number and length of histories, which no option says."""
    config = folder / "schemathesis.toml"
    text = (HERE / "schemathesis.toml").read_text("utf-8")
    config.write_text(text.replace("${HISTORIES}", str(histories)).replace("${STEPS}", str(steps)), "utf-8")
    return config


def _environment(emulator: Emulator) -> dict[str, str]:
    """What the settings name, and where the hooks are; a token is needed before the first call."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        "PYTHONPATH": os.pathsep.join([str(HERE.parent.parent), *sys.path]),
        "SCHEMATHESIS_HOOKS": "oracles.document.hooks",
        "NO_PROXY": "*",
        "FAKEFAL_CHECKED_KEY": f"{KEY_ID}:{SECRET}",
        "FAKEFAL_CHECKED_BROWSER": emulator.tokens.issue(DAY_SECONDS, user=KEY_ID, apps=[APP]),
        "FAKEFAL_CHECKED_UPLOAD": emulator.tokens.issue(DAY_SECONDS, bearer=KEY_ID),
        "FAKEFAL_CHECKED_CONTROL": CONTROL_TOKEN,
    }


def _count(document: dict[str, Any], events: Path, done: subprocess.CompletedProcess[str]) -> Findings:
    names = [f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item]
    calls, well, phases, checks = Counter(names), Counter(names), Counter[str](), Counter[str]()
    calls.subtract(names)
    well.subtract(names)
    failures = []
    for phase, recorder in _scenarios(events):
        cases = recorder.get("cases", {})
        for case_id, interaction in recorder.get("interactions", {}).items():
            case = cases[case_id]["value"]
            name = f"{case['method']} {case['path']}"
            phases[phase] += 1
            if name in calls:  # else a method that is not documented
                calls[name] += 1
                well[name] += OK <= (interaction["response"] or {}).get("status_code", 0) < REFUSED
        for case_id, made in recorder.get("checks", {}).items():
            for one in made:
                checks[one["name"]] += 1
                if one["status"] != "success":
                    failures.append(f"{recorder['label']} {case_id}: {json.dumps(one)}")
    return Findings(
        dict(calls), dict(well), dict(phases), dict(checks), failures, done.stdout + done.stderr, done.returncode
    )


def _scenarios(events: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with events.open(encoding="utf-8") as lines:
        for line in lines:
            if found := json.loads(line).get("ScenarioFinished"):
                yield found["phase"], found["recorder"]
