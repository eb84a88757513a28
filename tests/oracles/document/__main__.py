"""The emulator against its own OpenAPI document, by Schemathesis: all phases, all checks.

Usage: PYTHONPATH=tests python -m oracles.document [--examples N] [--histories N] [--steps N] [--report FILE]
Ends with 1 where a check fails, or an operation was never called or never answered well.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from oracles.document.run import check, summary


def main() -> int:
    """Check, print a summary, write the report."""
    parser = argparse.ArgumentParser(description="Hold the emulator against its own OpenAPI document.")
    parser.add_argument("--examples", type=int, default=40, help="generated cases per operation")
    parser.add_argument("--histories", type=int, default=400, help="histories of the stateful phase")
    parser.add_argument("--steps", type=int, default=10, help="calls in one history of the stateful phase")
    parser.add_argument("--report", type=Path, help="where the report is written as JSON")
    given = parser.parse_args()
    findings = check(given.examples, given.histories, given.steps)
    if given.report:
        given.report.parent.mkdir(exist_ok=True)
        given.report.write_text(json.dumps(asdict(findings), indent=1) + "\n")
    sys.stdout.write(summary(findings))
    return int(not findings.good)


if __name__ == "__main__":
    sys.exit(main())
