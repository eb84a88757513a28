"""The wheel, installed in an empty environment and used from another folder."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from conftest import ROOT
from media import measure


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


def test_it_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    top = {name.partition("/")[0] for name in names}
    info = {name for name in top if name.endswith(".dist-info")}
    assert top - info == {"fakefal", "fakefal_contracts", "fakefal_fixtures"}
    assert sum(name.endswith(".mp4") for name in names) == 102
    assert any(name.endswith("preload.cjs") for name in names)
    assert sum(name.endswith(".lua") for name in names) == 3
    assert wheel.stat().st_size < 8_000_000


def test_four_videos_come_out_of_it(wheel: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(wheel)], check=True, capture_output=True)
    (tmp_path / "elsewhere").mkdir()
    command = [tmp_path / "venv" / "bin" / "fakefal", "demo"]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path / "elsewhere", timeout=60)
    videos = sorted((tmp_path / "elsewhere" / "fakefal-demo").glob("*.mp4"))
    assert [measure(path)["frames"] for path in videos] == [121, 121, 121, 193]
