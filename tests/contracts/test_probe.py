"""Facts of pictures and clips, from files of all formats and from broken ones."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymediainfo import MediaInfo

from fakefal_contracts.errors import Unreadable
from fakefal_contracts.kling.shared import OPENAPI
from fakefal_contracts.media import ClipLimits
from fakefal_contracts.probe import probe_clip, probe_picture, read_data_uri
from fakefal_contracts.strategies.clipfile import write_clip
from fakefal_fixtures import MASTERS
from support.media import clip, picture


@pytest.mark.versions
@pytest.mark.parametrize("form", ["JPEG", "MPO", "PNG", "WEBP", "GIF", "AVIF"])
def test_pictures_of_every_format_that_fal_lists(form: str, tmp_path: Path) -> None:
    content = picture(400, 300, form)
    facts = probe_picture(content)
    assert (facts.width, facts.height, facts.bytes) == (400, 300, len(content))
    assert facts.format == {"MPO": "jpeg"}.get(form, form.lower())
    (tmp_path / "picture").write_bytes(content)
    assert probe_picture(tmp_path / "picture") == facts


def test_a_picture_is_measured_as_a_viewer_turns_it() -> None:
    facts = probe_picture(picture(800, 400, "JPEG", orientation=6))
    assert (facts.width, facts.height) == (400, 800)


@pytest.mark.versions
@pytest.mark.parametrize("form", ["mp4", "mov"])
def test_clips(form: str, tmp_path: Path) -> None:
    path = clip(tmp_path / f"clip.{form}", width=722, height=740, seconds=4, fps=30, form=form)
    for source in (path, path.read_bytes()):
        facts = probe_clip(source)
        assert (facts.format, facts.width, facts.height) == (form, 722, 740)
        assert facts.seconds == pytest.approx(4, abs=0.05)
        assert facts.fps == pytest.approx(30, abs=0.1)


def test_the_facts_are_those_of_mediainfo() -> None:
    for canned in MASTERS:
        read = MediaInfo.parse(canned.path)
        video = read.video_tracks[0]
        facts = probe_clip(canned.path)
        assert (facts.width, facts.height) == (video.width, video.height)
        assert (facts.seconds, facts.fps) == (float(video.duration) / 1000, float(video.frame_rate))


@pytest.mark.parametrize(
    ("milliseconds", "frames", "rate"), [(9995, 600, 60), (10_010, 300, 29.97), (10_010, 240, 23.976)]
)
def test_a_rate_that_is_nearly_whole_is_meant_to_be(milliseconds: int, frames: int, rate: float) -> None:
    assert probe_clip(write_clip("mp4", 720, 720, milliseconds, frames)).fps == rate


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"<svg/>", picture()[:20]])
def test_what_cannot_be_measured_is_unreadable(content: bytes) -> None:
    with pytest.raises(Unreadable):
        probe_picture(content)
    with pytest.raises(Unreadable):
        probe_clip(content)


def test_a_picture_is_no_clip(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        probe_clip(picture())
    with pytest.raises(Unreadable):
        probe_picture(clip(tmp_path / "clip.mp4"))


@pytest.mark.parametrize("form", ["JPEG", "MPO", "PNG"])
def test_more_behind_the_end_of_a_picture_is_ignored(form: str) -> None:
    assert probe_picture(picture(400, 300, form) + b"more").width == 400


class TestReferencesInsideMedia:
    """Playlists and links in a clip must not make this machine read its files or call anybody."""

    PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n"

    @pytest.mark.parametrize("scheme", ["", "file://"])
    def test_other_files_are_not_read(self, scheme: str, tmp_path: Path) -> None:
        secret = clip(tmp_path / "secret.mp4")
        text = self.PLAYLIST.format(target=f"{scheme}{secret}").encode()
        (tmp_path / "list.m3u8").write_bytes(text)
        for source in (text, tmp_path / "list.m3u8"):
            with pytest.raises(Unreadable):
                probe_clip(source)

    @pytest.mark.parametrize(
        "text",
        [
            PLAYLIST.format(target="http://127.0.0.1:{port}/a.ts"),
            '<?xml version="1.0"?><MPD><BaseURL>http://127.0.0.1:{port}/a.mp4</BaseURL></MPD>',
            "[playlist]\nFile1=http://127.0.0.1:{port}/a.mp4\n",
        ],
    )
    def test_nobody_is_called(self, text: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(0)
            with pytest.raises(Unreadable):
                probe_clip(text.replace("{port}", str(listener.getsockname()[1])).encode())
            with pytest.raises(BlockingIOError):
                listener.accept()


@pytest.mark.parametrize("form", ["webm", "avi"])
def test_other_containers_are_named(form: str, tmp_path: Path) -> None:
    facts = probe_clip(clip(tmp_path / f"clip.{form}", form=form))
    assert (facts.format, facts.unread) == (form, f"of {form} only the format and the bytes are read")
    limits = ClipLimits(min_width=10_000, min_seconds=60, max_fps=1, evidence=OPENAPI)
    assert list(limits.judge(facts)) == []
    assert limits.unjudged(facts) == facts.unread


def test_an_animation_is_a_clip_that_nobody_measures() -> None:
    content = picture(64, 64, "GIF")
    facts = probe_clip(content)
    assert (facts.bytes, facts.format, facts.unread) == (
        len(content),
        "gif",
        "of gif only the format and the bytes are read",
    )


@given(st.binary(max_size=400), st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "AVIF"]), st.integers(0, 400))
def test_any_bytes_are_measured_or_unreadable(noise: bytes, form: str, at: int) -> None:
    whole = picture(64, 64, form)
    for content in (noise, whole[:at] + noise, whole[:at]):
        with suppress(Unreadable):
            probe_picture(content)


@given(st.sampled_from(["mp4", "mov"]), st.integers(0, 2000), st.binary(max_size=8))
def test_any_clip_is_measured_or_unreadable(form: str, at: int, noise: bytes) -> None:
    whole = write_clip(form, 320, 240, 3000, 72)
    with suppress(Unreadable):
        probe_clip(whole[:at] + noise + whole[at + len(noise) :])


@given(st.text(max_size=60))
def test_any_data_uri_is_read_or_unreadable(rest: str) -> None:
    try:
        content_type, content = read_data_uri(f"data:{rest}")
    except Unreadable:
        return
    assert isinstance(content_type, str)
    assert isinstance(content, bytes)
