"""The canned clips: exactly those that can be returned, by fal's law of lengths, all different."""

from __future__ import annotations

import hashlib

import av
import pytest
from PIL import ImageChops, ImageStat

from fakefal.files.clips import clip_address, clip_at, clip_for
from fakefal_contracts import check
from fakefal_fixtures import CLIPS, FOLDER, FRAME_SIZES, Clip
from support.endpoints import O3
from support.machine import ROOT
from support.media import measure


def test_the_folder_holds_them_and_no_others() -> None:
    assert {clip.path for clip in CLIPS} == set((FOLDER / "videos").iterdir())


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.path.stem)
def test_each_is_what_its_name_says(clip: Clip) -> None:
    assert measure(clip.path, decode=False) == {
        "size": FRAME_SIZES[clip.tier, clip.ratio],
        "codec": "h264",
        "rate": 24.0,
        "frames": 24 * clip.seconds + 1,
        "audio": "aac" if clip.audio else None,
    }


def test_no_two_are_alike() -> None:
    assert len({hashlib.sha256(clip.path.read_bytes()).digest() for clip in CLIPS}) == len(CLIPS)


def test_frames_differ_visibly_from_clip_to_clip_and_within_one() -> None:
    def frames(clip: Clip) -> list[av.VideoFrame]:
        with av.open(str(clip.path)) as file:
            return [
                frame.to_image().resize((64, 36)) for frame, _ in zip(file.decode(video=0), range(20), strict=False)
            ]

    def difference(one: object, other: object) -> float:
        return max(ImageStat.Stat(ImageChops.difference(one, other)).rms)

    first, second = frames(CLIPS[0]), frames(CLIPS[1])
    assert difference(first[0], second[0]) > 1
    assert difference(first[0], first[12]) > 1


def test_a_result_address_names_its_clip() -> None:
    for clip in CLIPS:
        address = clip_address(clip, f"request-{clip.seconds}")
        assert clip_at(address) == clip
        assert clip_at(address.replace("_output", "_other")) is None
    assert clip_at("/files/b/00000000/aaaaaaaaaaaaaaaaaaaaa_output.mp4") is None


def test_every_accepted_request_has_a_clip() -> None:
    for seconds in range(1, 16):
        for ratio in ("16:9", "9:16", "1:1"):
            for audio in (False, True):
                shots = [{"prompt": "x", "duration": str(seconds)}]
                report = check(O3, {"multi_prompt": shots, "aspect_ratio": ratio, "generate_audio": audio})
                clip = clip_for(report)
                assert clip in CLIPS
                assert (clip.ratio, clip.audio, clip.seconds) == (ratio, audio, max(3, seconds))


def test_the_scripts_that_drew_them_are_kept() -> None:
    assert (ROOT / "fixtures" / "make_videos.py").is_file()
    assert (ROOT / "fixtures" / "make_pictures.py").is_file()
