"""The container's files, carried out step by step: no container engine is needed, and none is proven."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

from support.machine import ROOT, not_tested_here, required_in_ci
from support.waiting import run_program


@pytest.fixture(scope="module")
def carried_out(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the image and the composed services did."""
    if shutil.which("redis-server") is None:
        required_in_ci("there is no redis-server (apt-get install redis-server)")
    if os.geteuid() != 0:
        not_tested_here("only root can carry out the Dockerfile's steps")
    folder = tmp_path_factory.mktemp("container")
    if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", folder], check=False).returncode:
        required_in_ci("the kernel forbids a mount namespace")
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    command = ["unshare", "-m", sys.executable, ROOT / "tests" / "support" / "containers.py", folder]
    done = run_program(command, env=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_image_serves_as_another_user_and_guards_its_control_api(carried_out: dict[str, Any]) -> None:
    alone = carried_out["alone"]
    assert alone["user"] == 10001
    assert alone["added_bytes"] < 150_000_000
    assert (alone["submit"], alone["control_without_token"], alone["exit"]) == (200, 401, 0)
    assert "The control API needs this token: " in alone["said"]


def test_the_composed_replicas_share_one_queue(carried_out: dict[str, Any]) -> None:
    composed = carried_out["composed"]
    assert composed["seen"] == [[composed["job"]]] * 2
    assert composed["status_at_the_other"] in (200, 202)
    assert composed["ready_by_its_name"] == 200
    assert composed["exits"] == [0, 0]


def test_the_example_has_its_picture_from_the_emulator(carried_out: dict[str, Any]) -> None:
    example = carried_out["example"]
    kind, size = example["picture"]
    assert (kind, size > 1_000) == ("image/jpeg", True)
    assert example["prompts"] == ["A lighthouse"]
    assert "fakefal: 1 request, 1 done, 0 refused, $0.025 not spent" in example["said"]
    assert example["exit"] == 0


def test_the_image_holds_what_the_wheel_needs_and_no_more() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert lines[0] == "*"
    assert all((ROOT / line[1:]).exists() for line in lines if line.startswith("!"))
    assert not {"!tests", "!docs", "!.git"} & {*lines}
