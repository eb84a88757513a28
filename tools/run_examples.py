"""Runs the examples, each in a copy of its folder, by its README: ``python -m tools.run_examples fastapi``.

The npm package of this checkout is placed where their package.json expects it. Commands that install packages have
network access. All others have only loopback, if ``unshare`` can make such a network.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
LOOPBACK = ("unshare", "-rn", sys.executable, str(ROOT / "tests" / "support" / "loopback_only.py"))
"""The prefix of commands that must not have network access."""
COMPOSED = "docker-compose"
"""The example whose README needs a container engine; tests/together/test_container.py has its steps."""
NAMES = tuple(sorted({path.parent.name for path in EXAMPLES.glob("*/README.md")} - {COMPOSED}))
MOST_SECONDS = 600.0
_INSTALLS = ("pip install ", "npm ci")


class ExampleFailed(Exception):
    """An example failed, or its output is not as described."""


def blocks(name: str) -> list[str]:
    """The commands of an example, from its README."""
    text = (EXAMPLES / name / "README.md").read_text("utf-8")
    return re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def run_example(name: str, programs: Sequence[Path], prefix: Sequence[str], *, install: bool) -> str:
    """Run the blocks of an example.

    Args:
        name: its folder.
        programs: folders with `fakefal`, `python` and `pytest`, which come first in the search path.
        prefix: the prefix of commands that need only loopback.
        install: whether to run the blocks that install packages; otherwise the packages are already installed.

    Returns:
        The output.

    Raises:
        ExampleFailed: a command failed.
    """
    said = ""
    with tempfile.TemporaryDirectory(prefix="fakefal-example-") as folder:
        copy = Path(folder) / "examples" / name
        for given, to in ((EXAMPLES / name, copy), (ROOT / "js", Path(folder) / "js")):
            shutil.copytree(given, to, ignore=shutil.ignore_patterns("node_modules"))
        path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
        for block in blocks(name):
            installs = block.startswith(_INSTALLS)
            if installs and not install:
                continue
            command = [*([] if installs else prefix), "bash", "-euo", "pipefail", "-c", block]
            done = subprocess.run(
                command,
                cwd=copy,
                env={**os.environ, "PATH": path, "NEXT_TELEMETRY_DISABLED": "1"},
                stdin=subprocess.DEVNULL,
                check=False,
                capture_output=True,
                text=True,
                timeout=MOST_SECONDS,
            )
            said += done.stdout + done.stderr
            if done.returncode:
                raise ExampleFailed(f"examples/{name}: {block}\n{said[-6000:]}")
    return said


def main() -> None:
    """Run the named examples, or all."""
    parser = argparse.ArgumentParser(prog="python -m tools.run_examples", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="without, all of them")
    parser.add_argument("--python", default=sys.executable, help="an interpreter whose environment has fakefal")
    given = parser.parse_args()
    programs = Path(given.python).absolute().parent
    for name in given.names or NAMES:
        said = run_example(name, [programs], LOOPBACK, install=True)
        print(name, *re.findall(r"^fakefal: \d.*", said, re.MULTILINE), sep="\n  ", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
