"""Results follow the files of their requests: their size, their sound, their length, their number."""

from __future__ import annotations

import base64
import io
from functools import cache
from typing import Any

import pytest
from PIL import Image

from fakefal.files.made import MadeFile, made_at
from fakefal.files.making import MadeFiles, content_of
from fakefal.files.result import result_of
from fakefal.files.wanted import WantedFiles
from fakefal.state.endings import CDN_MARK
from fakefal_contracts import judge
from fakefal_contracts.catalogue import BUILT_IN
from support.results import judged

pytestmark = pytest.mark.quick

LARGE = MadeFile("mp4", 1920, 1080, 3.0)
SMALL = MadeFile("mp4", 1280, 720, 3.0)
UPRIGHT = MadeFile("mp4", 720, 1280, 2.0)
LOUD = MadeFile("mp4", 960, 960, 3.0, sound=True)
TONE = MadeFile("mp3", seconds=4.8)


@cache
def uri(made: MadeFile) -> str:
    return f"data:{made.media_type};base64,{base64.b64encode(content_of(made)).decode()}"


def result(endpoint_id: str, **arguments: Any) -> dict[str, Any]:
    given = {name: uri(one) if isinstance(one, MadeFile) else one for name, one in arguments.items()}
    return result_of(WantedFiles(judged(endpoint_id, **given), "a-request"), MadeFiles())


def clip_of(endpoint_id: str, **arguments: Any) -> MadeFile:
    """The clip of a result."""
    video = result(endpoint_id, **arguments)["video"]
    made = made_at((video[0] if isinstance(video, list) else video)["url"].removeprefix(CDN_MARK))
    assert made is not None
    return made


class TestSizes:
    @pytest.mark.parametrize(
        "endpoint_id",
        [
            "bria/video/background-removal",
            "fal-ai/ffmpeg-api/merge-audio-video",
            "fal-ai/mmaudio-v2",
            "fal-ai/rife/video",
            "fal-ai/sync-lipsync/v2",
            "fal-ai/workflow-utilities/reverse-video",
        ],
    )
    @pytest.mark.parametrize("given", [LARGE, UPRIGHT, LOUD])
    def test_a_clip_made_from_a_clip_has_its_size(self, endpoint_id: str, given: MadeFile) -> None:
        made = clip_of(endpoint_id, video_url=given)
        assert (made.width, made.height) == (given.width, given.height)

    @pytest.mark.parametrize(
        ("endpoint_id", "given", "asked", "size"),
        [
            ("fal-ai/topaz/upscale/video", UPRIGHT, {"upscale_factor": 1.5}, (1080, 1920)),
            ("fal-ai/topaz/upscale/video", SMALL, {"upscale_factor": 3}, (3840, 2160)),
            ("fal-ai/topaz/upscale/video", LARGE, {"upscale_factor": 4}, (3840, 2160)),
            ("fal-ai/video-upscaler", SMALL, {"scale": 3}, (3840, 2160)),
            ("clarityai/crystal-video-upscaler", LARGE, {"scale_factor": 2}, (3840, 2160)),
            ("fal-ai/seedvr/upscale/video", SMALL, {"upscale_factor": 3}, (3840, 2160)),
            (
                "fal-ai/seedvr/upscale/video",
                SMALL,
                {"upscale_mode": "target", "target_resolution": "1080p"},
                (1920, 1080),
            ),
            ("fal-ai/bytedance-upscaler/upscale/video", UPRIGHT, {"target_resolution": "4k"}, (2160, 3840)),
            ("fal-ai/workflow-utilities/scale-video", LARGE, {"width": 1280, "height": None}, (1280, 720)),
            ("fal-ai/luma-dream-machine/ray-2/reframe", LARGE, {"aspect_ratio": "9:16"}, (1080, 1920)),
        ],
    )
    def test_a_factor_a_resolution_or_a_shape_changes_it(
        self, endpoint_id: str, given: MadeFile, asked: dict[str, Any], size: tuple[int, int]
    ) -> None:
        made = clip_of(endpoint_id, video_url=given, **asked)
        assert (made.width, made.height) == size

    def test_an_upscaled_clip_is_no_larger_than_the_largest_master(self) -> None:
        given = {"video_url": uri(LARGE), "upscale_factor": 4}
        wanted = WantedFiles(judged("fal-ai/topaz/upscale/video", **given), "a-request")
        assert wanted.clip_size == (3840, 2160)


class TestSound:
    @pytest.mark.parametrize(
        ("endpoint_id", "arguments"),
        [
            ("fal-ai/ffmpeg-api/merge-audio-video", {"video_url": LARGE, "audio_url": TONE}),
            ("fal-ai/sync-lipsync/v2", {"video_url": LARGE, "audio_url": TONE}),
            ("fal-ai/latentsync", {"video_url": LARGE}),
            ("fal-ai/mmaudio-v2", {"video_url": LARGE}),
            ("fal-ai/hunyuan-video-foley", {"video_url": LARGE}),
            ("mirelo-ai/sfx-v1.5/video-to-video", {}),
            ("fal-ai/bytedance/omnihuman", {}),
            ("fal-ai/sadtalker", {}),
            ("fal-ai/ltx-2-19b/audio-to-video", {}),
            ("fal-ai/elevenlabs/dubbing", {"video_url": LARGE}),
            ("fal-ai/ovi", {}),
            ("fal-ai/flashhead", {}),
            ("fal-ai/kling-video/lipsync/text-to-video", {}),
            ("fal-ai/vidu/q3/image-to-video", {"audio": True}),
            ("fal-ai/topaz/upscale/video", {"video_url": LOUD}),
            ("bria/video/background-removal", {"video_url": LOUD, "preserve_audio": True}),
            ("fal-ai/kling-video/o1/video-to-video/edit", {"video_url": LOUD, "keep_audio": True}),
        ],
    )
    def test_is_there_where_it_is_made_brought_or_kept(self, endpoint_id: str, arguments: dict[str, Any]) -> None:
        assert clip_of(endpoint_id, **arguments).sound

    @pytest.mark.parametrize(
        ("endpoint_id", "arguments"),
        [
            ("fal-ai/topaz/upscale/video", {"video_url": LARGE}),
            ("bria/video/background-removal", {"video_url": LOUD, "preserve_audio": False}),
            ("fal-ai/kling-video/o1/video-to-video/edit", {"video_url": LOUD, "keep_audio": False}),
            ("fal-ai/kling-video/o1/video-to-video/edit", {"video_url": LARGE, "keep_audio": True}),
            ("fal-ai/ltx-2-19b/distilled/video-to-video", {"video_url": LOUD, "generate_audio": False}),
            ("fal-ai/vidu/q3/image-to-video", {"audio": False}),
            ("fal-ai/veo2", {}),
        ],
    )
    def test_is_absent_elsewhere(self, endpoint_id: str, arguments: dict[str, Any]) -> None:
        assert not clip_of(endpoint_id, **arguments).sound


class TestLengths:
    @pytest.mark.parametrize(
        ("endpoint_id", "asked", "seconds"),
        [
            ("fal-ai/elevenlabs/music", {"music_length_ms": 9000}, 9.0),
            ("fal-ai/diffrhythm", {"music_duration": "285s"}, 285.0),
            ("fal-ai/stable-audio-25/audio-to-audio", {"audio_url": TONE, "total_seconds": 30}, 30.0),
            ("fal-ai/stable-audio-25/audio-to-audio", {"audio_url": TONE}, 4.8),
            (
                "fal-ai/stable-audio-3/medium/audio-outpainting",
                {"audio_url": TONE, "extend_seconds_before": 2, "extend_seconds_after": 3},
                9.8,
            ),
            (
                "fal-ai/ace-step/audio-outpaint",
                {"audio_url": TONE, "extend_before_duration": 5, "extend_after_duration": 0},
                9.8,
            ),
            ("mirelo-ai/sfx1.6/extend-audio", {"audio_url": TONE, "append_duration": 7}, 11.8),
            ("fal-ai/ffmpeg-api/merge-audios", {"audio_urls": [uri(TONE), uri(TONE)]}, 9.6),
        ],
    )
    def test_of_sounds(self, endpoint_id: str, asked: dict[str, Any], seconds: float) -> None:
        found = result(endpoint_id, **asked)["audio"]
        made = made_at((found[0] if isinstance(found, list) else found)["url"].removeprefix(CDN_MARK))
        assert made is not None
        assert made.seconds == pytest.approx(seconds, abs=0.05)

    @pytest.mark.parametrize(
        ("endpoint_id", "asked", "seconds"),
        [
            ("fal-ai/rife/video", {"video_url": LARGE, "num_frames": 4}, 3.04),
            ("fal-ai/film/video", {"video_url": SMALL, "num_frames": 1, "use_calculated_fps": False}, 3.04),
            ("fal-ai/fast-animatediff/video-to-video", {"video_url": LARGE, "first_n_seconds": 2}, 2.0),
            ("fal-ai/fast-animatediff/video-to-video", {"video_url": LARGE, "first_n_seconds": 4}, 3.04),
            ("fal-ai/ltx-2-19b/video-to-video", {"video_url": LARGE}, 3.04),
            ("fal-ai/ltx-2-19b/video-to-video", {"video_url": LARGE, "match_video_length": False}, 4.84),
            ("fal-ai/ltx-2-19b/audio-to-video", {"audio_url": TONE}, 4.8),
            (
                "fal-ai/wan-vace-14b/depth",
                {"video_url": LARGE, "match_input_num_frames": True, "match_input_frames_per_second": True},
                3.04,
            ),
            (
                "fal-ai/wan-vace-14b/depth",
                {"video_url": LARGE, "match_input_num_frames": True, "frames_per_second": 12},
                6.08,
            ),
            ("fal-ai/ffmpeg-api/merge-videos", {"video_urls": [uri(LARGE), uri(SMALL), uri(LARGE)]}, 9.12),
            ("fal-ai/workflow-utilities/trim-video", {"video_url": LARGE, "start_time": 1, "duration": 1.5}, 1.5),
            ("fal-ai/workflow-utilities/trim-video", {"video_url": LARGE, "start_time": 1, "end_time": 9}, 2.04),
            ("fal-ai/ltx-2/retake-video", {"video_url": SMALL, "start_time": 1, "duration": 2}, 3.04),
            ("fal-ai/wan/v2.7/edit-video", {"video_url": SMALL, "duration": 0}, 3.04),
        ],
    )
    def test_of_clips(self, endpoint_id: str, asked: dict[str, Any], seconds: float) -> None:
        assert clip_of(endpoint_id, **asked).seconds == pytest.approx(seconds, abs=0.05)


class TestStatements:
    def test_of_a_cut_clip_are_the_lengths_of_input_and_output(self) -> None:
        made = result("fal-ai/workflow-utilities/trim-video", video_url=LARGE, start_time=1, duration=1.5)
        assert (made["original_duration"], made["trimmed_duration"]) == (pytest.approx(3.04, abs=0.01), 1.5)

    def test_of_a_scaled_clip_are_the_sizes_of_input_and_output(self) -> None:
        made = result("fal-ai/workflow-utilities/scale-video", video_url=UPRIGHT, width=1920, height=1080)
        names = "original_width", "original_height", "scaled_width", "scaled_height"
        assert [made[name] for name in names] == [720, 1280, 1920, 1080]

    @pytest.mark.parametrize("frames", [97, 300, 481])
    def test_of_a_gif_are_its_frames(self, frames: int) -> None:
        asked = {"video_output_type": "GIF (.gif)", "num_frames": frames, "frames_per_second": 24}
        video = result("fal-ai/ltx-2-19b/text-to-video", **asked)["video"]
        made = made_at(video["url"].removeprefix(CDN_MARK))
        assert made is not None
        with Image.open(io.BytesIO(content_of(made))) as picture:
            shown = [picture.seek(number) or picture.info["duration"] for number in range(picture.n_frames)]
        assert (video["num_frames"], video["duration"]) == (len(shown), sum(shown) / 1000)
        assert video["fps"] == pytest.approx(len(shown) / video["duration"], abs=0.001)
        assert (video["width"], video["height"]) == (made.width, made.height)


class TestNumbers:
    def test_a_batch_of_texts_has_a_sound_of_each(self) -> None:
        texts = ["x" * 150, "x" * 45, "x" * 60]
        made = result("fal-ai/maya/batch", texts=texts, prompts=["a voice"] * 3)
        sounds = [made_at(one["url"].removeprefix(CDN_MARK)) for one in made["audios"]]
        assert [one and one.seconds for one in sounds] == made["durations"] == [10.0, 3.0, 4.0]

    @pytest.mark.parametrize("number", [1, 4])
    def test_a_batch_of_inputs_has_an_output_of_each(self, number: int) -> None:
        inputs = [{"image_url": "https://example.com/a.png", "prompt": "What is it?"}] * number
        assert len(result("fal-ai/moondream/batched", inputs=inputs)["outputs"]) == number

    @pytest.mark.parametrize("endpoint_id", ["fal-ai/patina/material", "fal-ai/patina/material/extract"])
    def test_pictures_without_a_schema_are_as_many_as_asked(self, endpoint_id: str) -> None:
        images = result(endpoint_id, num_images=3, image_size="square", output_format="webp")["images"]
        assert [made_at(one["url"].removeprefix(CDN_MARK)) is not None for one in images] == [True] * 3
        assert {one["content_type"] for one in images} == {"image/webp"}

    def test_songs(self) -> None:
        assert len(result("sonauto/v2/text-to-music", num_songs=2)["audio"]) == 2


def test_a_canvas_is_the_size_of_the_picture() -> None:
    image = result("fal-ai/bria/expand", canvas_size=[800, 900])["image"]
    assert (image["width"], image["height"]) == (800, 900)


class TestInspection:
    @pytest.mark.parametrize("given", [LARGE, UPRIGHT, LOUD])
    def test_of_a_clip(self, given: MadeFile) -> None:
        media = result("fal-ai/ffmpeg-api/metadata", media_url=given)["media"]
        assert (media["media_type"], media["content_type"], media["fps"]) == ("video", "video/mp4", 24)
        assert (media["resolution"]["width"], media["resolution"]["height"]) == (given.width, given.height)
        assert (media["frame_count"], media["file_size"]) == (24 * given.seconds + 1, len(content_of(given)))
        assert (media["audio"] is not None) is given.sound

    def test_of_a_sound(self) -> None:
        media = result("fal-ai/ffmpeg-api/metadata", media_url=TONE)["media"]
        assert (media["media_type"], media["content_type"], media["sample_rate"]) == ("audio", "audio/mpeg", 24_000)
        assert media["duration"] == pytest.approx(4.8, abs=0.05)

    def test_of_a_picture(self) -> None:
        media = result("fal-ai/ffmpeg-api/metadata", media_url=MadeFile("png", 640, 480, caption="x"))["media"]
        assert media["resolution"] == {"aspect_ratio": "4:3", "width": 640, "height": 480}
        assert media["content_type"] == "image/png"

    @pytest.mark.parametrize(("rate", "given", "points"), [(10, TONE, 48), (4, LARGE, 12)])
    def test_of_the_loudness(self, rate: int, given: MadeFile, points: int) -> None:
        made = result("fal-ai/ffmpeg-api/waveform", media_url=given, points_per_second=rate)
        assert (made["points"], len(made["waveform"])) == (points, points)

    @pytest.mark.parametrize("path", ["metadata", "waveform"])
    def test_of_an_address_that_cannot_be_opened_is_refused(self, path: str) -> None:
        report = judge(
            BUILT_IN.find(f"fal-ai/ffmpeg-api/{path}").edition("latest"), {"media_url": "data:audio/wav;base64,?"}
        )
        assert [one.type for one in report.errors] == ["file_download_error"]
