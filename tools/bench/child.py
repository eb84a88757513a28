"""Runs one measurement in a new process, so that no measurement sees the memory and the imports of another.

``python -m tools.bench.child MODULE FUNCTION NUMBER ...`` prints the result of the function as JSON.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from typing import Any

from tools.bench.machine import pinned
from tools.bench.servers import environment
from tools.bench.table import NotInstalled

ABSENT = 3
"""The exit code of a child whose requirements are not installed."""


def measured(module: str, function: str, *numbers: float) -> dict[str, Any]:
    """The result of a function of a module here, run in a process of its own.

    Raises:
        NotInstalled: the child reported that something is not installed.
    """
    command = [sys.executable, "-m", "tools.bench.child", module, function, *map(str, numbers)]
    done = subprocess.run([*pinned(0), *command], env=environment(), capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode == ABSENT:
        raise NotInstalled(done.stderr.strip())
    if done.returncode:
        raise RuntimeError(f"measuring {function} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure and print."""
    module, function, *numbers = sys.argv[1:]
    try:
        found = getattr(importlib.import_module(f"tools.bench.{module}"), function)(*map(int, numbers))
    except NotInstalled as error:
        sys.stderr.write(str(error))
        sys.exit(ABSENT)
    sys.stdout.write(f"{json.dumps(found)}\n")


if __name__ == "__main__":
    main()
