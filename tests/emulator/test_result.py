"""The result of every model: valid under its own schema, with files of ours that open and are as it says."""

from __future__ import annotations

import io
import json
import re
import tarfile
import wave
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from fakefal.files.file_kinds import ending_of_field
from fakefal.files.made import MadeFile, made_at
from fakefal.files.making import MadeFiles, content_of
from fakefal.files.media_types import MEDIA_TYPES, MediaFamily
from fakefal.files.result import result_of
from fakefal.files.wanted import WantedFiles
from fakefal.state.endings import CDN_MARK
from fakefal_contracts.catalogue import BUILT_IN
from fakefal_contracts.probe import read_data_uri
from fakefal_fixtures import WEBM
from support.results import judged

ADDRESS = re.compile(rf"{CDN_MARK}(/files/[^\s\"]+)")
ELSEWHERE = re.compile(r"https?://(?!www\.w3\.org/)")


@pytest.fixture(scope="module")
def files() -> Iterator[MadeFiles]:
    made = MadeFiles()
    yield made
    made.close()


def result(files: MadeFiles, endpoint_id: str, **arguments: Any) -> dict[str, Any]:
    return result_of(WantedFiles(judged(endpoint_id, **arguments), "a-request"), files)


def test_every_model_has_a_valid_result_whose_files_open(files: MadeFiles) -> None:
    opened: set[MadeFile] = set()
    for endpoint_id in BUILT_IN:
        made = result(files, endpoint_id)
        text = json.dumps(made)
        assert not ELSEWHERE.search(text), (endpoint_id, text)
        whole = text.replace(CDN_MARK, "http://127.0.0.1:8000/cdn")
        BUILT_IN.find(endpoint_id).output.model_validate_json(whole)
        paths = ADDRESS.findall(text)
        assert len(paths) == len(set(paths)), (endpoint_id, text)
        for path in paths:
            one = made_at(path)
            assert one is not None, (endpoint_id, path)
            if one.family is not MediaFamily.PICTURE or one.ending not in {file.ending for file in opened}:
                if one not in opened:
                    open_with_a_reader(one, files.get(one).source)
                opened.add(one)
        for file in files_in(made):
            kind, size = served(files, file["url"])
            assert file.get("content_type", kind) == kind
            assert file.get("file_size", size) == size
    assert {one.family for one in opened} == set(MediaFamily)


def test_what_was_made_once_has_a_size_in_all_emulators_of_the_process(files: MadeFiles) -> None:
    made = MadeFile("mp4", 1280, 720, 7.25)
    size, other = files.get(made).size, MadeFiles()
    assert (other.size(made), made in other) == (size, False) == (len(content_of(made)), False)
    assert other.size(replace(made, seconds=7.26)) is None
    assert other.size(replace(made, caption="rendered")) is None


@pytest.mark.quick
@pytest.mark.parametrize("size", [{"height": -115}, {"width": 0, "height": 0}])
def test_a_size_of_no_pixels_is_no_size(size: dict[str, int], files: MadeFiles) -> None:
    wanted = WantedFiles(judged("fal-ai/ltx-2.3-quality/outpaint/lora", resolution=size), "a-request")
    assert wanted.given_clip_size is None
    assert result_of(wanted, files)["video"]["url"].endswith("output.mp4")


def test_a_gif_of_a_clip_moves_as_long_as_the_clip_would(files: MadeFiles) -> None:
    asked = {"video_output_type": "GIF (.gif)", "num_frames": 97, "frames_per_second": 24}
    made = made_at(result(files, "fal-ai/ltx-2-19b/text-to-video", **asked)["video"]["url"].removeprefix(CDN_MARK))
    assert made is not None
    with Image.open(io.BytesIO(content_of(made))) as picture:
        shown = [picture.seek(number) or picture.convert("RGB").tobytes() for number in range(picture.n_frames)]
        assert (picture.format, picture.size, picture.info["duration"]) == ("GIF", (made.width, made.height), 250)
    assert len(set(shown)) == len(shown) == 4 * round(made.seconds) == 16


def test_a_flac_is_the_same_sound_as_a_wav() -> None:
    def samples(ending: str) -> bytes:
        with av.open(io.BytesIO(content_of(MadeFile(ending, seconds=1.3)))) as file:
            return b"".join(bytes(one.planes[0])[: 2 * one.samples] for one in file.decode(audio=0))

    assert samples("flac") == samples("wav")


def test_times_and_timings_are_numbers(files: MadeFiles) -> None:
    for endpoint_id in ("fal-ai/whisper", "fal-ai/wizper"):
        (chunk,) = result(files, endpoint_id)["chunks"]
        assert chunk["timestamp"] == [0.0, 5.0]
    for endpoint_id in ("fal-ai/flux/dev", "ideogram/v4/fast"):
        assert result(files, endpoint_id)["timings"] == {"inference": 1.0}


def test_a_stream_of_which_nothing_is_said_answers_as_its_model(files: MadeFiles) -> None:
    made = result(files, "fal-ai/maya/stream", text="Hello", prompt="A voice")
    BUILT_IN.find("fal-ai/maya").output.model_validate(made)
    assert made["audio"]["content_type"] == "audio/mpeg"


def served(files: MadeFiles, address: str) -> tuple[str, int]:
    """Media type and size of what lies at an address."""
    if address.startswith("data:"):
        kind, content = read_data_uri(address)
        return kind, len(content)
    one = made_at(address.removeprefix(CDN_MARK))
    assert one is not None, address
    return one.media_type, files.get(one).size


def files_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "url" in value and "content_type" in value:
            yield value
        for one in value.values():
            yield from files_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from files_in(one)


def open_with_a_reader(made: MadeFile, path: Path) -> None:
    """Open a file with a program of others, which finds in it what its address says."""
    content = path.read_bytes()
    assert content
    if made.ending == "svg":
        assert f'width="{made.width}" height="{made.height}"'.encode() in content
    elif made.ending == "exr":
        with av.open(io.BytesIO(content), format="exr_pipe") as file:
            (frame,) = file.decode(video=0)
            assert (frame.width, frame.height) == (made.width, made.height)
    elif made.family is MediaFamily.PICTURE:
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
            assert picture.size == (made.width, made.height)
            assert Image.MIME[picture.format or ""] == made.media_type
    elif made.family is MediaFamily.CLIP:
        with av.open(io.BytesIO(content)) as file:
            first = next(file.decode(video=0))
            assert (first.width, first.height) == (made.width, made.height)
            assert bool(file.streams.audio) is made.sound
        with av.open(io.BytesIO(content)) as file:
            assert sum(bool(packet.size) for packet in file.demux(video=0)) == round(24 * made.seconds) + 1
    elif made.ending == "wav":
        with wave.open(io.BytesIO(content)) as sound:
            assert sound.getnframes() / sound.getframerate() == pytest.approx(made.seconds, abs=0.001)
    elif made.family is MediaFamily.SOUND:
        with av.open(io.BytesIO(content)) as file:
            samples = sum(frame.samples for frame in file.decode(audio=0))
            assert samples / file.streams.audio[0].rate == pytest.approx(made.seconds, abs=0.1)
    elif made.ending in ("zip", "usdz", "pt"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            assert archive.namelist()
    elif made.ending == "tar":
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            assert archive.getnames()
    elif made.ending in ("json", "gltf"):
        assert json.loads(content)


class TestWhatTheArgumentsAskFor:
    def test_number_size_type_and_echoes_of_pictures(self, files: MadeFiles) -> None:
        asked = {"num_images": 3, "image_size": "portrait_16_9", "output_format": "png", "seed": 7, "prompt": "a fox"}
        made = result(files, "fal-ai/flux/dev", **asked)
        assert [(one["width"], one["height"], one["content_type"]) for one in made["images"]] == [
            (576, 1024, "image/png")
        ] * 3
        assert len({content_of(made_at_address(one["url"])) for one in made["images"]}) == 3
        assert (made["seed"], made["prompt"], made["has_nsfw_concepts"]) == (7, "a fox", [False] * 3)

    def test_a_size_of_ones_own(self, files: MadeFiles) -> None:
        (one,) = result(files, "fal-ai/flux/dev", image_size={"width": 333, "height": 777})["images"]
        assert (one["width"], one["height"]) == (333, 777)
        content = content_of(made_at_address(one["url"]))
        assert Image.open(io.BytesIO(content)).size == (333, 777)

    def test_without_a_seed_two_requests_have_two(self, files: MadeFiles) -> None:
        report = judged("fal-ai/flux/dev")
        one, other = (result_of(WantedFiles(report, request_id), files) for request_id in ("one", "other"))
        assert one["seed"] != other["seed"]
        assert content_of(made_at_address(one["images"][0]["url"])) != content_of(
            made_at_address(other["images"][0]["url"])
        )

    def test_equal_arguments_with_a_seed_give_equal_bytes_at_two_addresses(self, files: MadeFiles) -> None:
        report = judged("fal-ai/flux/dev", seed=1)
        one, other = (
            result_of(WantedFiles(report, request_id), files)["images"][0]["url"] for request_id in ("one", "other")
        )
        assert one != other
        assert content_of(made_at_address(one)) == content_of(made_at_address(other))

    def test_sync_mode_gives_the_file_itself(self, files: MadeFiles) -> None:
        (one,) = result(files, "fal-ai/flux/dev", sync_mode=True, output_format="png")["images"]
        kind, content = read_data_uri(one["url"])
        assert kind == "image/png"
        assert Image.open(io.BytesIO(content)).size == (one["width"], one["height"])

    @pytest.mark.parametrize(
        ("resolution", "ratio", "size"),
        [("1K", "1:1", (1024, 1024)), ("2K", "1:1", (2048, 2048)), ("4K", "16:9", (5464, 3072))],
    )
    def test_resolution_and_shape_of_pictures(
        self, resolution: str, ratio: str, size: tuple[int, int], files: MadeFiles
    ) -> None:
        made = result(files, "fal-ai/nano-banana-pro", resolution=resolution, aspect_ratio=ratio, output_format="png")
        one = made_at_address(made["images"][0]["url"])
        assert (one.width, one.height) == size

    def test_length_shape_and_sound_of_clips(self, files: MadeFiles) -> None:
        video = result(files, "fal-ai/veo3", duration="8s", aspect_ratio="9:16", resolution="1080p")["video"]
        one = made_at_address(video["url"])
        assert (one.width, one.height, one.seconds, one.sound) == (1080, 1920, 8, True)
        silent = result(files, "fal-ai/veo3", generate_audio=False)["video"]
        assert not made_at_address(silent["url"]).sound

    @pytest.mark.parametrize(
        ("endpoint_id", "arguments"),
        [
            ("fal-ai/wan-alpha", {}),
            ("fal-ai/sam-3/video", {"video_output_type": "VP9 (.webm)"}),
            ("fal-ai/ben/v2/video", {"output_format": "webm"}),
        ],
    )
    def test_a_clip_that_was_asked_for_as_webm_is_one(
        self, endpoint_id: str, arguments: dict[str, Any], files: MadeFiles
    ) -> None:
        made = result(files, endpoint_id, **arguments)
        clip = next(one for one in made.values() if isinstance(one, dict) and one["content_type"] == "video/webm")
        assert clip["url"].endswith("_output.webm")
        with av.open(str(files.get(made_at_address(clip["url"])).source)) as file:
            assert (file.format.name, file.streams.video[0].codec_context.name) == ("matroska,webm", "vp9")
            assert next(file.decode(video=0)).to_image().size == WEBM.size

    def test_the_thumbnail_of_a_clip_is_its_first_frame(self, files: MadeFiles) -> None:
        made = result(files, "fal-ai/sora-2/text-to-video")
        frame, video = made_at_address(made["thumbnail"]["url"]), made_at_address(made["video"]["url"])
        with av.open(str(files.get(video).source)) as file:
            first = next(file.decode(video=0)).to_image()
        with Image.open(files.get(frame).source) as poster:
            assert poster.size == first.size
            assert max(ImageStat.Stat(ImageChops.difference(poster, first)).mean) < 5

    def test_length_and_kind_of_sounds(self, files: MadeFiles) -> None:
        made = result(files, "fal-ai/minimax/speech-2.8-turbo", prompt="x" * 150, output_format="url")
        assert made["duration_ms"] == 10_000
        assert made_at_address(made["audio"]["url"]) == MadeFile("mp3", seconds=10.0)

    def test_a_3d_model_of_the_asked_format(self, files: MadeFiles) -> None:
        mesh = result(files, "fal-ai/hyper3d/rodin", geometry_file_format="obj")["model_mesh"]
        assert (mesh["content_type"], mesh["file_name"]) == ("model/obj", "output.obj")


@pytest.mark.parametrize(
    ("name", "example", "category", "ending"),
    [
        ("image", {"url": "https://x.media/a.webp?x=1", "content_type": "image/png"}, None, "webp"),
        ("video", {"url": "https://x.media/a", "content_type": "video/quicktime"}, None, "mov"),
        ("body_mesh_ply", None, None, "ply"),
        ("preprocessing_mask_video", None, None, "mp4"),
        ("lora_file", None, "text-to-image", "safetensors"),
        ("output", None, "image-to-3d", "glb"),
        ("output", None, "text-to-speech", "mp3"),
        ("output", {"url": "https://x.media/a", "content_type": "application/octet-stream"}, None, "bin"),
    ],
)
def test_the_kind_of_a_file_is_told_by_example_then_name_then_category(
    name: str, example: Any, category: str | None, ending: str
) -> None:
    assert ending_of_field(name, {}, "File", example, category) == ending


def made_at_address(address: str) -> MadeFile:
    found = made_at(address.removeprefix(CDN_MARK))
    assert found is not None
    return found


class TestAddresses:
    ONE = MadeFile("png", 64, 48, caption="fal-ai/flux\nein Käfer 猫")

    def test_carry_the_whole_file(self) -> None:
        assert made_at(self.ONE.path("a", 0)) == self.ONE
        assert self.ONE.path("a", 0) != self.ONE.path("a", 1)

    def test_of_clips_have_the_form_of_fals(self) -> None:
        path = MadeFile("mp4", 1920, 1080, 5.0).path("a", 0)
        assert re.fullmatch(r"/files/b/[0-9a-f]{8}/[\w-]{21}_output\.mp4", path)

    @pytest.mark.parametrize("broken", ["/files/b/00000000/aaaaaaaaaaaaaaaaaaaaa_output.mp4", "/files/b/x.png", ""])
    def test_that_nobody_was_given_lead_nowhere(self, broken: str) -> None:
        assert made_at(broken) is None
        assert made_at(self.ONE.path("a", 0).replace("_output", "_other")) is None
        assert made_at(self.ONE.path("a", 0).replace(".png", ".jpg")) is None

    def test_of_files_beyond_the_bounds_lead_nowhere(self) -> None:
        assert made_at(MadeFile("png", 60_000, 60_000, caption="x").path("a", 0)) is None


@pytest.mark.parametrize("ending", sorted(MEDIA_TYPES))
def test_every_kind_of_file_opens_and_is_the_same_twice(ending: str, tmp_path: Path) -> None:
    made = MadeFile(ending, 64, 48, 0.0 if ending == "jpg" else 2.0, caption="a caption")  # else it is a clip's frame
    if made.family is MediaFamily.CLIP:
        made = MadeFile(ending, 1280, 720, 2.0)
    content = content_of(made)
    assert content == content_of(made)
    (tmp_path / "file").write_bytes(content)
    open_with_a_reader(made, tmp_path / "file")


class TestKeeping:
    def test_a_file_is_made_once_and_the_oldest_go(self) -> None:
        kept = MadeFiles(max_bytes=3000)
        pictures = [MadeFile("png", 64, 64, caption=str(number)) for number in range(40)]
        first = kept.get(pictures[0])
        assert kept.get(pictures[0]).source == first.source
        for one in pictures[1:]:
            kept.get(one)
        folder = first.source.parent
        assert sum(path.stat().st_size for path in folder.iterdir()) <= 3000
        assert kept.get(pictures[0]).source.read_bytes() == content_of(pictures[0])
        kept.close()
        assert not folder.exists()
