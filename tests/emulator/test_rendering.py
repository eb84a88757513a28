"""Clips that show the pictures of their requests: ``render``."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import av
import fal_client
import httpx
import pytest
from PIL import Image, ImageChops, ImageOps, ImageStat

from fakefal.engine.emulator import Emulator
from fakefal.files.made import MadeFile
from fakefal.files.rendering import NotRendered, Renderer, Scene, scene_of
from fakefal.files.wanted import WantedFiles
from fakefal.report.run_report import part_of_run
from fakefal.settings import Settings, SettingsError
from fakefal.testing import Fakefal
from fakefal_contracts import judge
from fakefal_contracts.catalogue import BUILT_IN
from support.endpoints import STANDARD
from support.media import clip
from support.server import Serve, Server, served
from support.site import PERMISSIVE, Site
from support.uploads import upload
from support.waiting import until

T2V = "fal-ai/kling-video/o3/standard/text-to-video"
O3_STANDARD = "fal-ai/kling-video/o3/standard/reference-to-video"
SHAPED, SIZED = "fal-ai/bytedance/seedance/v1/lite/text-to-video", "fal-ai/ltx-2-19b/text-to-video"
PICTURE = {"prompt": "a fox in the snow", "duration": "3"}
ALIKE, OTHER = 8, 20
"""How far a frame of a clip may be from its picture, and how far it is at least from others."""


@cache
def photo(turn: int, form: str = "JPEG", size: tuple[int, int] = (400, 300)) -> bytes:
    """A picture of soft colours and grain, as cameras make them; others by other turns."""
    parts = Image.radial_gradient("L"), Image.linear_gradient("L").rotate(90 * turn), Image.effect_noise((64, 64), 40)
    picture = Image.merge("RGB", [one.resize(size) for one in parts])
    out = io.BytesIO()
    picture.rotate(180 * (turn % 2)).save(out, form)
    return out.getvalue()


def content(url: str) -> bytes:
    answer = httpx.get(url, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.content


class Decoded:
    """A clip, by a decoder of others."""

    def __init__(self, clip: bytes) -> None:
        with av.open(io.BytesIO(clip)) as file:
            decoded = list(file.decode(video=0))
            self.count = len(decoded)
            self.first, self.middle, self.last = (decoded[at].to_image() for at in (0, self.count // 2, -1))
            self.size = self.first.size
            self.sound = file.streams.audio[0].codec_context.name if file.streams.audio else None
            self.seconds = file.duration / av.time_base


def difference(frame: Image.Image, picture: bytes) -> float:
    """How far a frame is from a picture that fills it, of 255."""
    shown = ImageOps.fit(Image.open(io.BytesIO(picture)).convert("RGB"), frame.size)
    return sum(ImageStat.Stat(ImageChops.difference(frame, shown)).mean) / 3


def as_data(picture: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"


@pytest.fixture(scope="module")
def rendering() -> Iterator[Server]:
    """A server that renders."""
    with served(Emulator(Settings(profile="instant", render=True))) as server:
        yield server


def video(server: Server, endpoint_id: str, arguments: Any) -> dict[str, Any]:
    answer = server.http.post(f"/run/{endpoint_id}", json=arguments)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()["video"]
    assert made["file_size"] == len(content(made["url"]))
    return made


def rendered(server: Server) -> set[Path]:
    """The rendered clips that are kept: a clip that is rendered anew is another file."""
    return {one.source for one in server.emulator.files.all() if re.fullmatch(r"rendered/\w+\.mp4", one.url_path)}


HANGING = """
import os, pathlib, time
begun = pathlib.Path(__file__).with_name("begun")
begun.with_suffix(".part").write_text(str(os.getpid()))
begun.with_suffix(".part").replace(begun)
time.sleep(1000)
"""


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


class TestWhatItShows:
    def test_it_begins_with_the_first_frame_and_ends_with_the_last(self, rendering: Server) -> None:
        first, last = photo(0), photo(1)
        asked = PICTURE | {"start_image_url": upload(rendering, first), "end_image_url": as_data(last)}
        clip = Decoded(content(video(rendering, STANDARD, asked)["url"]))
        assert clip.count == 24 * 3 + 1
        assert clip.size == (960, 720)
        assert not clip.sound
        assert difference(clip.first, first) < ALIKE
        assert difference(clip.last, last) < ALIKE
        assert difference(clip.first, last) > OTHER
        assert min(difference(clip.middle, first), difference(clip.middle, last)) > ALIKE

    def test_references_come_in_turn_with_sound_in_the_asked_shape(self, rendering: Server) -> None:
        references = [photo(turn, "PNG") for turn in range(2)]
        asked = {"image_urls": [upload(rendering, one) for one in references], "aspect_ratio": "9:16"}
        asked |= {"duration": "3", "prompt": "@Image1 and @Image2", "generate_audio": True}
        clip = Decoded(content(video(rendering, O3_STANDARD, asked)["url"]))
        assert clip.size == (720, 1280)
        assert clip.sound == "aac"
        assert abs(clip.seconds - 73 / 24) < 0.05
        assert difference(clip.first, references[0]) < ALIKE
        assert difference(clip.last, references[1]) < ALIKE

    def test_without_pictures_a_drawn_one_moves(self, rendering: Server) -> None:
        clip = Decoded(content(video(rendering, T2V, {"prompt": "a fox in the snow", "duration": "3"})["url"]))
        assert clip.count == 24 * 3 + 1
        assert clip.size == (1280, 720)
        assert clip.first.getpixel((5, 5)) != (0, 0, 0)
        assert ImageChops.difference(clip.first, clip.last).getbbox()

    def test_foreign_pictures_that_are_downloaded(self, serve: Serve, site: Site) -> None:
        site.pages["/fox.jpg"] = (200, {}, photo(2))
        server = serve(render=True, fetch=True, parts={"fetcher": PERMISSIVE})
        asked = PICTURE | {"start_image_url": site.url("/fox.jpg")}
        assert difference(Decoded(content(video(server, STANDARD, asked)["url"])).first, photo(2)) < ALIKE

    @pytest.mark.parametrize(
        ("endpoint_id", "asked", "size"),
        [
            (SHAPED, {"aspect_ratio": "1:1"}, (960, 960)),
            (SHAPED, {"aspect_ratio": "4:3", "resolution": "1080p"}, (1440, 1080)),
            (SHAPED, {"aspect_ratio": "16:9", "resolution": "480p"}, (856, 480)),
            (SHAPED, {"aspect_ratio": "21:9"}, (1464, 632)),
            (SIZED, {"video_size": {"width": 641, "height": 360}}, (640, 360)),
            (SIZED, {"video_size": {"width": 1, "height": 1}}, (16, 16)),
        ],
    )
    def test_the_size_is_that_of_the_arguments(
        self, endpoint_id: str, asked: dict[str, Any], size: tuple[int, int]
    ) -> None:
        endpoint = BUILT_IN.find(endpoint_id)
        report = judge(endpoint.edition("latest"), {"prompt": "a fox"} | asked)
        assert report.ok, report.errors
        scene = scene_of(WantedFiles(report, "a-request"), lambda _: None)
        assert scene is not None
        assert (scene.made.width, scene.made.height) == size

    @pytest.mark.anyio
    async def test_of_a_clip_its_first_frame(self, rendering: Server, tmp_path: Path) -> None:
        grey = clip(tmp_path / "grey.mp4", width=96, height=64, seconds=1)
        scene = Scene((grey,), rests=False, caption="", made=MadeFile("mov", 96, 64, 1.0))
        made = await Renderer(rendering.emulator.files).render(scene)
        with av.open(str(rendering.emulator.cdn.made.get(made).source)) as file:
            pixel = next(file.decode(video=0)).to_image().getpixel((50, 30))
        assert all(abs(part - 128) < 5 for part in pixel)


def test_thumbnails_and_posters_show_its_first_frame(serve: Serve) -> None:
    server = serve(render=True)
    asked = {"prompt": "a fox", "image_url": as_data(photo(0)), "aspect_ratio": "16:9", "duration": 4}
    answer = server.http.post("/run/fal-ai/sora-2/image-to-video", json=asked)
    assert answer.status_code == 200, answer.text
    thumbnail = answer.json()["thumbnail"]
    assert thumbnail["content_type"] == "image/jpeg"
    assert "duration" not in thumbnail
    with Image.open(io.BytesIO(content(thumbnail["url"]))) as frame:
        assert frame.size == (1280, 720)
        assert difference(frame, photo(0)) < ALIKE
    (job,) = asyncio.run(part_of_run(server.emulator, "")).jobs
    assert job.poster is not None
    with Image.open(io.BytesIO(base64.b64decode(job.poster.partition(",")[2]))) as poster:
        assert difference(poster, content(thumbnail["url"])) < ALIKE


def test_in_the_process_of_a_test() -> None:
    with Fakefal(render=True) as fal:
        result = fal_client.subscribe(STANDARD, arguments=PICTURE | {"start_image_url": as_data(photo(0))})
        clip = httpx.get(result["video"]["url"]).content
        assert difference(Decoded(clip).first, photo(0)) < ALIKE
        fal.assert_completed(1)


class TestMovedByReads:
    """With the profile stepped a job moves when it is read; until its clip is there, no read ends it."""

    def test_advancing_it_to_its_end_waits_for_its_clip(self) -> None:
        with Fakefal(render=True, profile="stepped") as fal:
            job = fal_client.submit(STANDARD, arguments=PICTURE | {"start_image_url": as_data(photo(0))})
            fal.advance("end", job.request_id)
            assert difference(Decoded(httpx.get(job.get()["video"]["url"]).content).first, photo(0)) < ALIKE

    def test_a_status_stream_waits_for_its_clip(self, serve: Serve) -> None:
        server = serve(render=True, profile="stepped")
        submitted = server.submit(STANDARD, PICTURE | {"start_image_url": as_data(photo(0))})
        with server.http.stream("GET", f"{submitted['status_url']}/stream") as answer:
            seen = [json.loads(line[6:])["status"] for line in answer.iter_lines() if line]
        assert seen == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
        made = server.http.get(submitted["response_url"]).json()["video"]
        assert difference(Decoded(content(made["url"])).first, photo(0)) < ALIKE


@pytest.mark.both_stores
def test_equal_inputs_are_rendered_once_and_are_no_uploads(serve: Serve) -> None:
    server = serve(render=True)
    once = video(server, STANDARD, PICTURE | {"start_image_url": upload(server, photo(0))})["url"]
    before = rendered(server)
    again = video(server, STANDARD, PICTURE | {"start_image_url": as_data(photo(0))})["url"]
    assert again != once
    assert content(again) == content(once)
    assert rendered(server) == before
    assert len(before) == 1
    assert {one["role"] for one in server.control("media")} == {"upload", "result"}
    assert not any("rendered" in str(one) for one in server.control("media"))
    server.emulator.files.reset()
    assert Decoded(content(once)).count == 24 * 3 + 1  # a canned clip lies there from then on


class TestWhereItCannotBeMade:
    def canned(self, server: Server) -> str:
        """Submit what would be rendered: the clip is a test card, and the log says why."""
        submitted = server.submit(T2V, {"prompt": "a fox", "duration": "3"})
        server.advance(1)  # this waits until it was judged
        made = server.http.get(submitted["response_url"]).json()["video"]
        assert len(content(made["url"])) == made["file_size"]
        assert not rendered(server)
        status = server.http.get(submitted["status_url"], params={"logs": 1}).json()
        (why,) = (one["message"] for one in status["logs"] if one["message"].startswith("Not rendered"))
        return str(why).removeprefix("Not rendered; the clip is a test card: ")

    def test_a_crash_of_the_encoder_hurts_nobody(
        self, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "crashing.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
        monkeypatch.syspath_prepend(tmp_path)
        server = serve(render=True)
        server.emulator._acceptance._renderer = Renderer(server.emulator.files, "crashing")
        assert self.canned(server) == "the encoder ended with -9: "
        assert server.control("health")["status"] == "ok"

    def test_a_cancelled_job_ends_its_encoder(
        self, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "hanging.py").write_text(HANGING)
        monkeypatch.syspath_prepend(tmp_path)
        server = serve(render=True)
        server.emulator._acceptance._renderer = Renderer(server.emulator.files, "hanging")
        submitted = server.submit(T2V, {"prompt": "a fox"})
        until((begun := tmp_path / "begun").exists)
        assert server.http.get(submitted["status_url"]).json()["status"] == "IN_PROGRESS"
        assert server.http.put(submitted["cancel_url"]).is_success
        until(lambda: not is_there(int(begun.read_text())))

    def test_its_time_is_bounded(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("fakefal.files.rendering.MOST_WORK_SECONDS", 0)
        assert self.canned(serve(render=True)) == "it took more than 0 s"

    def test_no_room_for_it(self, serve: Serve) -> None:
        assert "bytes" in self.canned(serve(render=True, max_file_bytes=1000))

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        ("made", "why"),
        [
            (MadeFile("mp4", 4098, 2304, 3.0), "4098x2304 is more than 9,437,184 pixels"),
            (MadeFile("mp4", 96, 64, 30.5), "30.5 s is more than 30 s"),
            (MadeFile("webm", 96, 64, 3.0), "only MP4 and QuickTime clips are rendered, not WebM"),
        ],
    )
    async def test_what_is_too_much(self, made: MadeFile, why: str, rendering: Server) -> None:
        with pytest.raises(NotRendered, match=why):
            await Renderer(rendering.emulator.files).render(Scene((b"",), rests=False, caption="", made=made))

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        "hostile", [b"no picture", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"#EXTM3U\n#EXTINF:9,\n/etc/passwd\n"]
    )
    async def test_what_is_neither_picture_nor_clip_is_not_opened(self, hostile: bytes, rendering: Server) -> None:
        scene = Scene((hostile,), rests=False, caption="", made=MadeFile("mp4", 96, 64, 3.0))
        with pytest.raises(NotRendered, match=r"^the encoder ended with 1: av\.error\.InvalidDataError"):
            await Renderer(rendering.emulator.files).render(scene)


def test_without_pyav_the_setting_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(SettingsError, match=r"^render needs PyAV: pip install 'fakefal\[render\] @ git\+https:"):
        Settings(render=True)
    assert not Settings().render
