"""Networks of a program's own, in which no test can reach anybody."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from support.machine import ROOT, required_in_ci


@dataclass(frozen=True)
class StandIn:
    """A stand-in of fal's hosts: the command prefix of programs that meet it, and what arrived there."""

    prefix: list[str]
    log: Path

    @property
    def arrived(self) -> list[str]:
        """What came over each connection of the last program."""
        return [json.loads(line) for line in self.log.read_text("utf-8").splitlines()]


def namespace(kind: str, program: str, *arguments: str) -> list[str]:
    prefix = ["unshare", kind, sys.executable, str(ROOT / "tests" / "support" / program)]
    try:
        tried = subprocess.run([*prefix, *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        required_in_ci("there is no unshare")
        raise
    if tried.returncode:
        required_in_ci(f"the kernel forbids a network namespace: {tried.stderr.decode()[-200:]}")
    return [*prefix, *arguments[:-1]]
