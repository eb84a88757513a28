"""The machine and the versions that the numbers belong to, and the cores to which its processes are pinned."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from fakefal.version import VERSION
from tools.bench.table import NotInstalled

PACKAGES = ("fastapi", "starlette", "uvicorn", "pydantic", "httpx", "respx", "uvloop", "httptools", "redis")
WRK = "wrk is not installed: apt-get install wrk"


def need(program: str, advice: str) -> str:
    """The path of a program.

    Raises:
        NotInstalled: it is not installed.
    """
    found = shutil.which(program)
    if found is None:
        raise NotInstalled(advice)
    return found


@cache
def pinned(side: int) -> tuple[str, ...]:
    """The prefix of a command that runs on one core: 0 for servers, 1 for their callers."""
    taskset, cores = (
        shutil.which("taskset"),
        sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [],
    )
    if taskset is None or len(cores) <= side:
        return ()
    return (taskset, "-c", str(cores[side]))


def machine() -> dict[str, Any]:
    """The conditions of the numbers: processor, system, versions, and how busy the machine is."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "pinned": bool(pinned(1)),
        "load": [round(one, 2) for one in os.getloadavg()],
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """The versions of all components that are installed."""
    found = {"fakefal": VERSION, platform.python_implementation(): platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    for name, option, pattern in (
        ("wrk", "-v", r"wrk \S*?(\d[\d.]*)"),
        ("node", "-v", r"v(\S+)"),
        ("java", "-version", r'"(.+)"'),
    ):
        if version := _program_version(name, option, pattern):
            found[name] = version
    return found


def _program_version(name: str, option: str, pattern: str) -> str:
    path = shutil.which(name)
    if path is None:
        return ""
    said = subprocess.run([path, option], capture_output=True, text=True, check=False)  # noqa: S603 - a fixed program
    match = re.search(pattern, said.stdout + said.stderr)
    return match[1] if match else "?"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists() and (match := re.search(r"model name\s*: (.+)", info.read_text("utf-8"))):
        return match[1].strip()
    return platform.processor() or platform.machine()
