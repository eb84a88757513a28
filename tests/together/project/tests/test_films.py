"""Tests of a program that uses fal, in a project that has folders named as fakefal's own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import fal_client
import pytest
from contracts.shots import Shot

from client import films
from fakefal.testing import Fakefal


def test_a_clip_is_saved(fakefal: Fakefal, tmp_path: Path) -> None:
    saved = films.make(Shot("A lighthouse at dawn", 10), tmp_path / "clip.mp4")
    assert saved.read_bytes()[4:8] == b"ftyp"
    fakefal.assert_billed("1.12")


def test_a_coroutine_makes_one(fakefal: Fakefal) -> None:
    assert asyncio.run(films.make_soon(Shot("A lighthouse at dawn"))).endswith(".mp4")
    fakefal.assert_completed(1)


@pytest.mark.fakefal(effects="content_policy_violation when prompt='crown'")
def test_a_refusal_is_passed_on(fakefal: Fakefal, tmp_path: Path) -> None:
    with pytest.raises(fal_client.FalClientHTTPError, match="content_policy_violation"):
        films.make(Shot("a crown"), tmp_path / "clip.mp4")
    fakefal.assert_no_duplicates()


def test_the_folders_are_this_projects_own() -> None:
    assert Path(films.__file__).parent.name == "client"
