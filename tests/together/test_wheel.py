"""What a release uploads: built, inspected, installed in an empty environment and used from another folder."""

from __future__ import annotations

import os
import re
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from fakefal.control.page import page_files
from fakefal.store.redis.scripts import NEEDS
from fakefal_fixtures import MASTERS
from support.action import run_step
from support.machine import ROOT
from support.media import measure
from support.waiting import run_program
from tools.release import PYTHONS, build, in_sdist, inspect, smoke, wanted_in_sdist


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source distribution, and the wheel that is built from it."""
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def wheel(built: tuple[Path, Path]) -> Path:
    return built[1]


def test_the_source_distribution_holds_what_it_needs_and_nothing_else(built: tuple[Path, Path]) -> None:
    found = in_sdist(built[0])
    assert found == wanted_in_sdist()
    places = {name.partition("/")[0] for name in found}
    assert places == {
        *("fakefal", "client", "contracts", "fixtures"),
        *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "PKG-INFO", ".gitignore"),
    }
    assert not any("/make_" in name for name in found), "what makes the fixtures stays in the checkout"


def test_the_tools_of_the_index_find_nothing(built: tuple[Path, Path]) -> None:
    inspect(*built)


def test_the_release_publishes_by_pinned_actions_and_without_a_secret() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    used = [step["uses"] for job in jobs.values() for step in job["steps"] if "uses" in step]
    assert [one for one in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", one)] == []
    assert "secrets." not in text
    publishing = {name for name, job in jobs.items() if job["permissions"] == {"id-token": "write"}}
    assert publishing == {name for name, job in jobs.items() if "environment" in job} == {"pypi", "npm"}
    assert all(jobs[name]["needs"] == "build" for name in publishing)
    assert jobs["build"]["permissions"] == {"contents": "read"}
    (python,) = [step for step in jobs["build"]["steps"] if "setup-python" in step.get("uses", "")]
    assert {*python["with"]["python-version"].split()} == {PYTHONS[0], PYTHONS[-1]}


def test_it_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    top = {name.partition("/")[0] for name in names}
    info = {name for name in top if name.endswith(".dist-info")}
    assert top - info == {"fakefal", "fakefal_client", "fakefal_contracts", "fakefal_fixtures"}
    assert sum(name.endswith(".mp4") for name in names) == len(MASTERS)
    assert sum(name.endswith(".webm") for name in names) == 1
    assert any(name.endswith("preload.cjs") for name in names)
    assert sum(name.endswith(".lua") for name in names) == len(NEEDS)
    assert {f"fakefal/page/{name}" for name in page_files()} <= {*names}
    assert sum(name.endswith("-LICENSE.txt") for name in names) == 2
    assert wheel.stat().st_size < 6_000_000


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the wheel and what it needs, made by the GitHub action's first step."""
    folder = tmp_path_factory.mktemp("environment")
    (folder / "bin").mkdir()
    (folder / "bin" / "python3").symlink_to(sys.executable)
    with pytest.MonkeyPatch.context() as patch:
        if pins := os.environ.get("CONSTRAINTS", "constraints.txt"):
            patch.setenv("PIP_CONSTRAINT", str(ROOT / pins))
        done = run_step("Install", folder, folder, action=wheel)
    assert done.returncode == 0, done.stderr
    return folder / "fakefal" / "bin"


def install(programs: Path, *what: str | Path) -> None:
    pins = os.environ.get("CONSTRAINTS", "constraints.txt")
    pinned = ["-c", ROOT / pins] if pins else []
    run_program([programs / "python", "-m", "pip", "install", "--quiet", *pinned, *what], check=True)


def test_four_videos_come_out_of_it(installed: Path, tmp_path: Path) -> None:
    command = [installed / "fakefal", "demo"]
    run_program(command, check=True, cwd=tmp_path)
    videos = sorted((tmp_path / "fakefal-demo").glob("*.mp4"))
    assert [measure(path)["frames"] for path in videos] == [121, 121, 121, 193]


def test_it_does_what_a_release_must(installed: Path) -> None:
    install(installed, "fal-client")
    smoke(installed / "python")


def test_a_project_with_folders_of_the_same_names_has_the_plugin(installed: Path, tmp_path: Path) -> None:
    install(installed, "pytest", "fal-client")
    project = shutil.copytree(ROOT / "tests" / "together" / "project", tmp_path / "project")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    done = run_program([installed / "python", "-m", "pytest"], cwd=project, env=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fakefal: 3 requests, 2 done, 1 refused (1 may be charged, $0.56), $1.68 not spent" in done.stdout
    assert " 4 passed " in done.stdout
