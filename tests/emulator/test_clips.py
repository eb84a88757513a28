"""Clips are the beginnings of masters: any length, with sound or without, fully decodable."""

from __future__ import annotations

import os
from pathlib import Path

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from fakefal.files.clips import nearest_master, opened, opened_webm
from fakefal_fixtures import MASTERS, WEBM, Master
from support.media import measure

LENGTHS = (1, 2, 5, 15, 31)
EVERY_LENGTH = range(1, 32) if os.environ.get("EVERY_CUT") else ()
"""`make cuts` decodes them all."""


@pytest.mark.parametrize("master", [*MASTERS, WEBM], ids=lambda master: master.path.name)
def test_each_master_is_what_its_name_says(master: Master) -> None:
    assert measure(master.path, decode=False) == {
        "size": master.size,
        "codec": "vp9" if master is WEBM else "h264",
        "rate": 24.0,
        "frames": 24 * master.seconds + 1,
        "audio": "opus" if master is WEBM else "aac",
    }
    with Image.open(master.poster) as poster:
        assert poster.size == master.size


@pytest.mark.parametrize("master", MASTERS, ids=lambda master: master.path.stem)
@pytest.mark.parametrize("sound", [True, False], ids=["sound", "silent"])
def test_a_cut_of_n_seconds_decodes_to_24_n_and_one_frames(master: Master, sound: bool, tmp_path: Path) -> None:
    sample = LENGTHS if master is MASTERS[0] else (LENGTHS[MASTERS.index(master) % 3],)
    for seconds in EVERY_LENGTH or sample:
        path = tmp_path / "cut.mp4"
        path.write_bytes(opened(master).cut(seconds, sound=sound))
        assert measure(path) == {
            "size": master.size,
            "codec": "h264",
            "rate": 24.0,
            "frames": 24 * seconds + 1,
            "audio": "aac" if sound else None,
        }
        with av.open(str(path)) as file:
            times = [packet.pts * packet.time_base for packet in file.demux(video=0) if packet.size]
            assert times == [times[0] + frame * times[1] for frame in range(len(times))]
            assert file.duration == pytest.approx((seconds + 1 / 24) * 1e6, abs=2000)
        if sound:
            assert sounding(path) == pytest.approx(seconds + 1 / 24, abs=0.05)


@pytest.mark.parametrize("sound", [True, False], ids=["sound", "silent"])
@pytest.mark.parametrize("seconds", EVERY_LENGTH or (1, 5, 7.5, 31))
def test_a_cut_of_webm(seconds: float, sound: bool, tmp_path: Path) -> None:
    path = tmp_path / "cut.webm"
    path.write_bytes(opened_webm().cut(seconds, sound=sound))
    frames = round(24 * seconds) + 1
    seen = {"size": WEBM.size, "codec": "vp9", "rate": 24.0, "frames": frames, "audio": "opus" if sound else None}
    assert measure(path) == seen
    with av.open(str(path)) as file:
        assert file.format.name == "matroska,webm"
        times = [packet.pts for packet in file.demux(video=0) if packet.size]
        assert times == [round(frame * 1000 / 24) for frame in range(frames)]
        assert file.duration == pytest.approx(frames / 24 * 1e6, abs=2000)
        file.seek(max(0, round(seconds) - 1) * 1_000_000)
        assert next(file.decode(video=0)).time == pytest.approx(max(0, round(seconds) - 1), abs=0.001)
    if sound:
        assert sounding(path) == pytest.approx(frames / 24, abs=0.05)


def test_a_cut_of_webm_shows_what_its_master_shows_and_begins_again(tmp_path: Path) -> None:
    cut = tmp_path / "cut.webm"
    cut.write_bytes(opened_webm().cut(31, sound=True))
    with av.open(str(WEBM.path)) as whole, av.open(str(cut)) as part:
        shown = [frame.to_image().tobytes() for frame in part.decode(video=0)]
        assert [frame.to_image().tobytes() for frame in whole.decode(video=0)][:720] == shown[:720]
    assert shown[720:] == shown[:25]


def test_a_cut_is_the_beginning_of_its_master(tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(opened(MASTERS[0]).cut(2, sound=True))
    with av.open(str(MASTERS[0].path)) as whole, av.open(str(cut)) as part:
        for one, other in zip(part.decode(video=0), whole.decode(video=0), strict=False):
            assert one.to_image().tobytes() == other.to_image().tobytes()


def test_beyond_its_end_a_master_begins_again(tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(opened(MASTERS[0]).cut(31, sound=False))
    with av.open(str(cut)) as file:
        frames = [frame.to_image() for frame in file.decode(video=0)]
    assert frames[720].tobytes() == frames[0].tobytes()
    assert max(ImageStat.Stat(ImageChops.difference(frames[732], frames[0])).rms) > 1


@pytest.mark.parametrize("seconds", [1, 7.3, 45])
def test_sound_can_be_cut_alone(seconds: float, tmp_path: Path) -> None:
    for name, content in (
        ("a.m4a", opened(MASTERS[0]).cut_sound(seconds)),
        ("a.aac", opened(MASTERS[0]).adts(seconds)),
    ):
        (tmp_path / name).write_bytes(content)
        assert sounding(tmp_path / name) == pytest.approx(seconds, abs=0.1)


def test_a_cut_for_quicktime_says_so() -> None:
    assert opened(MASTERS[0]).cut(1, sound=False, quicktime=True)[4:12] == b"ftypqt  "


@pytest.mark.parametrize(
    ("size", "nearest"),
    [
        ((1280, 720), (1280, 720)),
        ((1281, 721), (1280, 720)),
        ((640, 360), (1280, 720)),
        ((1920, 1088), (1920, 1080)),
        ((2560, 1080), (1920, 1080)),
        ((512, 512), (960, 960)),
        ((768, 1024), (720, 1280)),
        ((4096, 4096), (2880, 2880)),
        ((1, 10_000), (720, 1280)),
    ],
)
def test_the_nearest_shape_counts_before_the_nearest_size(size: tuple[int, int], nearest: tuple[int, int]) -> None:
    assert nearest_master(*size).size == nearest


def sounding(path: Path) -> float:
    """The seconds of sound in a file."""
    with av.open(str(path)) as file:
        rate = file.streams.audio[0].rate
        return float(sum(frame.samples for frame in file.decode(audio=0)) / rate)
