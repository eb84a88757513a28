"""What docs/processes.md and docs/docker.md show is what runs."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
import yaml

from fakefal.settings import OTHER_VARIABLES, PREFIX, Settings
from support.machine import ROOT
from support.waiting import run_program

PROCESSES = (ROOT / "docs" / "processes.md").read_text("utf-8")
DOCKER = (ROOT / "docs" / "docker.md").read_text("utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```", PROCESSES, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("code", BLOCKS, ids=lambda code: code.split("\n")[0][:40])
def test_the_commands_of_the_page(code: str, tmp_path: Path, offline: list[str]) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "fakefal").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fakefal "$@"\n')
    (tmp_path / "bin" / "fakefal").chmod(0o755)
    path = f"{tmp_path}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = [*offline, "bash", "-euo", "pipefail", "-c", code]
    done = run_program(command, cwd=tmp_path, env={**os.environ, "PATH": path})
    assert done.returncode == 0, done.stdout + done.stderr
    job = (tmp_path / "id").read_text() if (tmp_path / "id").exists() else done.stdout.splitlines()[-1]
    assert re.fullmatch(r"[0-9a-f-]{36}", job.strip())
    if (tmp_path / "id").exists():
        assert "/cdn/files/b/" in done.stdout, "the worker reads what the web process submitted"


def test_the_page_has_a_block_for_each_way() -> None:
    assert [bool(re.search(word, code)) for word, code in zip(["env", "attach", "tls"], BLOCKS, strict=True)] == [
        True
    ] * 3


def test_the_variables_of_the_container_are_settings() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | OTHER_VARIABLES
    services = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
    named = set(re.findall(rf"{PREFIX}[A-Z_]+\b", DOCKER)) | {*services["fakefal"]["environment"]}
    assert named <= known
