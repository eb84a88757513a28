"""A suite of Vitest with fal's own client, as a user of JavaScript has it."""

from __future__ import annotations

import re
import shutil
import sys

from support.machine import ROOT, required_in_ci
from support.waiting import LIMIT, run_program

JS = ROOT / "tests" / "js"


def test_a_suite_of_vitest_passes_against_the_emulator(offline: list[str]) -> None:
    if not (shutil.which("npx") and (JS / "node_modules" / "vitest").is_dir()):
        required_in_ci("Node or its packages are missing (make js)")
    run = [sys.executable, "-m", "fakefal", "run", "--profile", "instant", "--"]
    suite = ["npx", "--no-install", "vitest", "run", "--dir", "vitest", f"--testTimeout={LIMIT * 1000:.0f}"]
    done = run_program([*offline, *run, *suite], cwd=JS)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert re.search(r"fakefal: \d+ requests, \d+ done, \d+ refused( \(.*\))?, \$[\d.]+ not spent", done.stderr), (
        done.stderr
    )
