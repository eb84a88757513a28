"""What is found before anything is sent."""

from __future__ import annotations

import io
import socket
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import anyio
import pytest
import respx
from PIL import Image

from fakefal_client import (
    AsyncClient,
    Client,
    InvalidRequest,
    RequestWarning,
    TestPromptRefused,
    UnknownMedia,
    UsageError,
)
from fakefal_client.kling import KlingO1ImageToVideo, KlingO1ReferenceToVideo, KlingO3ProReferenceToVideo
from fakefal_contracts import UnknownEndpoint
from support.clients import MakeClient
from support.endpoints import I2V, O1
from support.media import picture
from support.server import Serve, Server

pytestmark = pytest.mark.quick

PICTURE = "https://example.com/a.png"
LOCAL = "http://localhost:3000/a.png"


@pytest.fixture
def nothing_sent() -> Iterator[None]:
    """Every call fails the test."""
    with respx.mock():
        yield


@pytest.fixture
def at_fal(make_client: MakeClient) -> Iterator[Any]:
    """A client for fal, with nothing behind it."""
    with respx.mock():
        yield make_client("fal", key="id:secret", environ={})


class TestUnreachableMedia:
    def test_fal_is_not_asked_to_download_from_this_machine(self, at_fal: Client) -> None:
        for address in (LOCAL, "http://127.0.0.1:8710/cdn/files/b/0/a.png"):
            with pytest.raises(InvalidRequest, match=r"image-to-video\.start_image_url\.reachable"):
                at_fal.submit(I2V, {"prompt": "x", "start_image_url": address})

    def test_a_fake_is_not_asked_either_but_knows_its_own_files(self, make_client: MakeClient, server: Server) -> None:
        client = make_client(server.url)
        with pytest.raises(InvalidRequest, match=r"image-to-video\.start_image_url\.reachable"):
            client.submit(I2V, {"prompt": "x", "start_image_url": LOCAL})
        uploaded = client.upload(picture(), file_name="a.png")
        assert "127.0.0.1" in uploaded
        assert client.run(I2V, {"prompt": "x", "start_image_url": uploaded})["video"]


class TestBeforeAnyNetwork:
    @pytest.mark.parametrize(
        ("arguments", "rule"),
        [
            ({}, "o1.reference-to-video.prompt.required"),
            ({"prompt": "x" * 2501}, "o1.reference-to-video.prompt.max_length"),
            ({"prompt": "x", "duration": "12"}, "o1.reference-to-video.duration.one_of"),
            ({"prompt": "x", "image_urls": [PICTURE] * 8}, "o1.reference-to-video.body.max_references"),
        ],
    )
    @pytest.mark.parametrize("target", ["fal", "http://127.0.0.1:9"])
    @pytest.mark.usefixtures("nothing_sent")
    def test_errors_raise(self, make_client: MakeClient, target: str, arguments: dict[str, Any], rule: str) -> None:
        client = make_client(target, key="id:secret", environ={})
        for call in (client.submit, client.subscribe, client.run):
            with pytest.raises(InvalidRequest) as caught:
                call(O1, arguments)
            assert [error.rule.id for error in caught.value.report.errors] == [rule]
            assert not caught.value.maybe_paid

    def test_a_test_prompt_never_leaves_for_fal(self, at_fal: Any) -> None:
        for request in (
            KlingO1ReferenceToVideo(prompt="please fakefal:stuck now"),
            KlingO3ProReferenceToVideo.model_validate({"multi_prompt": [{"prompt": "fakefal:internal_server_error"}]}),
        ):
            with pytest.raises(TestPromptRefused, match="fakefal:"):
                at_fal.submit(request)
        with pytest.raises(TestPromptRefused):
            at_fal.submit("fal-ai/flux/dev", {"prompt": "fakefal:stuck"}, preflight=False)

    def test_check_and_estimate_stand_alone(self, at_fal: Any) -> None:
        assert at_fal.estimate(KlingO1ReferenceToVideo(prompt="x", duration="10")).usd == Decimal("1.12")
        assert at_fal.check(O1, {"prompt": "x"}).cost.units == 5
        assert not at_fal.check(O1, {}).ok
        with pytest.raises(InvalidRequest):
            at_fal.estimate(O1, {})
        with pytest.raises(UnknownEndpoint):
            at_fal.check("me/none", {})

    @pytest.mark.parametrize(
        ("request_", "arguments"), [(O1, None), (KlingO1ReferenceToVideo(prompt="x"), {}), (7, {})]
    )
    def test_what_is_no_request(self, at_fal: Any, request_: Any, arguments: Any) -> None:
        with pytest.raises(UsageError):
            at_fal.submit(request_, arguments)

    @pytest.mark.parametrize(("option", "meant"), [("deadline", "deadline_seconds"), ("webhook", "webhook_url")])
    def test_a_misspelt_option_is_refused(self, at_fal: Any, option: str, meant: str) -> None:
        for call in (at_fal.submit, at_fal.subscribe, at_fal.run):
            with pytest.raises(UsageError, match=f"no option '{option}': did you mean '{meant}'"):
                call(O1, {"prompt": "x"}, **{option: 5})

    @pytest.mark.parametrize("option", ["webhook_url", "max_queue_length"])
    def test_run_takes_no_option_of_the_queue(self, at_fal: Any, option: str) -> None:
        with pytest.raises(UsageError, match=option):
            at_fal.run(O1, {"prompt": "x"}, **{option: "5"})

    @pytest.mark.parametrize("value", [Decimal(5), {1, 2}, float("nan"), object()])
    def test_what_is_no_json(self, at_fal: Any, value: Any) -> None:
        with pytest.raises(UsageError, match="JSON"):
            at_fal.submit("fal-ai/flux/dev", {"prompt": "x", "seed": value})
        assert at_fal.budget.pending == 0


class TestContracts:
    """`documented` allows durations 5 and 10 only, and any `shot_type`; `latest` 3 to 10 and two."""

    @pytest.mark.parametrize(
        ("contract", "duration", "refused"),
        [("documented", "7", True), ("latest", "7", False), ("2026-01-28", "7", False), ("documented", "5", False)],
    )
    def test_the_fakes_own_contract_counts(
        self, make_client: MakeClient, serve: Serve, contract: str, duration: str, refused: bool
    ) -> None:
        server = serve(contract=contract)
        client = make_client(server.url, poll_seconds=0.005, environ={})
        if refused:
            with pytest.raises(InvalidRequest, match="contract: documented"):
                client.submit(KlingO1ReferenceToVideo(prompt="x", duration=duration))
        else:
            assert client.subscribe(KlingO1ReferenceToVideo(prompt="x", duration=duration)).video.url

    def test_a_check_waits_for_a_fake_no_longer_than_told(self, make_client: MakeClient) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            client = make_client(f"http://127.0.0.1:{silent.getsockname()[1]}", environ={})
            assert client.check(O1, {"prompt": "x", "duration": "7"}, deadline_seconds=0.05).ok, "by the newest schema"
            assert client.estimate(O1, {"prompt": "x", "duration": "7"}, deadline_seconds=0.05).units == 7

    def test_what_any_revision_accepts_is_a_warning_at_fal(
        self, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FAKEFAL_ALLOW_REAL", "1")
        o3 = "fal-ai/kling-video/o3/pro/reference-to-video"
        body = {"prompt": "x", "shot_type": "close-up", "start_image_url": PICTURE}
        with respx.mock() as mock:
            mock.post(f"https://queue.fal.run/{o3}").respond(json={"request_id": "abc", "status": "IN_QUEUE"})
            client = make_client("fal", key="id:secret", environ={}, budget=5)
            with pytest.warns(RequestWarning, match="shot_type.*other_revision"):
                job = client.submit(o3, body)
        assert [(one.code, one.loc) for one in job.warnings if one.code == "other_revision"] == [
            ("other_revision", ("shot_type",))
        ]
        assert client.budget.pending == job.estimated_usd > 0
        assert client.estimate(o3, body).usd == job.estimated_usd
        report = client.check(o3, body)
        assert report.ok
        assert report.warnings == job.warnings

    def test_an_unknown_model_is_sent_with_a_warning(
        self, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FAKEFAL_ALLOW_REAL", "1")
        with respx.mock() as mock:
            mock.post("https://queue.fal.run/me/own").respond(json={"request_id": "abc"})
            client = make_client("fal", key="id:secret", environ={})
            with pytest.warns(RequestWarning, match="fakefal knows no model me/own"):
                job = client.submit("me/own", {"prompt": "x"})
        assert [one.code for one in job.warnings] == ["unknown_model"]
        assert (job.report, job.estimated_usd) == (None, None)

    BODY: ClassVar = {"prompt": "@Image3 walks", "negative_prompt": "x"}
    CODES: ClassVar = {"unknown_reference", "unknown_key"}

    @pytest.mark.parametrize("road", ["submit", "subscribe", "run"])
    def test_warnings_reach_the_caller(self, client: Any, road: str) -> None:
        with pytest.warns(RequestWarning) as warned:
            made = getattr(client, road)(O1, self.BODY)
        assert {one.message.advice.code for one in warned} == self.CODES
        if road == "submit":
            assert {one.code for one in made.warnings} == self.CODES
        assert {one.code for one in client.check(O1, self.BODY).warnings} == self.CODES

    @pytest.mark.parametrize("kind", ["sync", "async"])
    def test_warnings_point_at_the_line_that_calls(self, server: Server, kind: str) -> None:
        def call() -> None:
            with Client(server.url) as client:
                client.submit(O1, self.BODY)  # here

        async def call_async() -> None:
            async with AsyncClient(server.url) as client:
                await client.submit(O1, self.BODY)  # here

        with pytest.warns(RequestWarning) as warned:
            call() if kind == "sync" else anyio.run(call_async)
        lines = Path(__file__).read_text("utf-8").splitlines()
        assert {one.filename for one in warned} == {__file__}
        assert all(lines[one.lineno - 1].endswith("# here") for one in warned)

    def test_a_program_that_makes_errors_of_warnings_sends_nothing(
        self, make_client: MakeClient, server: Server
    ) -> None:
        client = make_client(server.url, budget=1)
        with pytest.raises(RequestWarning, match="names nothing"):
            client.submit(O1, self.BODY)
        assert (client.budget.pending, server.http.get("/_fakefal/requests").json()) == (0, [])

    def test_a_contract_that_does_not_exist_is_refused_at_once(self, make_client: MakeClient) -> None:
        with pytest.raises(ValueError, match="not a contract"):
            make_client("http://127.0.0.1:9", contract="newest", environ={})


class TestLocalMedia:
    @pytest.mark.parametrize("kind", ["path", "bytes", "picture"])
    def test_it_is_uploaded_and_the_request_accepted(
        self, client: Any, server: Server, tmp_path: Path, kind: str
    ) -> None:
        path = tmp_path / "fråme 1.png"
        path.write_bytes(picture(640, 480))
        given = {"path": path, "bytes": picture(640, 480), "picture": Image.open(io.BytesIO(picture(640, 480)))}[kind]
        client.subscribe(I2V, {"prompt": "x", "start_image_url": given})
        (sent,) = server.http.get("/_fakefal/requests").json()
        address = sent["arguments"]["start_image_url"]
        assert address.startswith(f"{server.url}/cdn/files/b/")
        assert Image.open(io.BytesIO(server.http.get(address).content)).size == (640, 480)
        assert sent["hint"] == ""

    def test_who_sends_none_does_not_mind_a_half_imported_pillow(
        self, make_client: MakeClient, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = make_client(server.url, contract="documented")
        monkeypatch.setitem(sys.modules, "PIL.Image", ModuleType("PIL.Image"))  # as long as another thread is at it
        assert client.submit(O1, {"prompt": "x"}).request_id

    @pytest.mark.usefixtures("nothing_sent")
    def test_it_is_judged_before_anything_is_sent(self, make_client: MakeClient, tmp_path: Path) -> None:
        small, text = tmp_path / "small.png", tmp_path / "text.png"
        small.write_bytes(picture(200, 200))
        text.write_bytes(b"no picture")
        client = make_client("http://127.0.0.1:9", environ={})
        for given, kind in ((small, "min_pixels"), (text, "readable"), (picture(2000, 400), "ratio")):
            with pytest.raises(InvalidRequest) as caught:
                client.submit(I2V, {"prompt": "x", "start_image_url": given})
            (error,) = caught.value.report.errors
            assert (error.rule.id, error.loc) == (f"o1.image-to-video.start_image_url.{kind}", ("start_image_url",))

    def test_deep_inside_and_twice_the_same(self, client: Any, server: Server, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(picture(640, 480))
        element = {"frontal_image_url": path, "reference_image_urls": [path]}
        client.subscribe(O1, {"prompt": "@Element1", "elements": [element]})
        (sent,) = server.http.get("/_fakefal/requests").json()
        found = sent["arguments"]["elements"][0]
        assert [found["frontal_image_url"]] == found["reference_image_urls"]

    @pytest.mark.parametrize("text", ["photo.png", "/etc/hostname", "fakefal-local:0"])
    @pytest.mark.usefixtures("nothing_sent")
    def test_a_text_is_never_a_file_of_this_machine(self, make_client: MakeClient, text: str) -> None:
        client = make_client("http://127.0.0.1:9", environ={})
        with pytest.raises(InvalidRequest, match="reachable"):
            client.submit(I2V, {"prompt": "x", "start_image_url": text})

    def test_a_file_in_a_field_that_takes_no_media(self, make_client: MakeClient, tmp_path: Path) -> None:
        path = tmp_path / "prompt.txt"
        path.write_text("private")
        with respx.mock(), pytest.raises(UnknownMedia, match="takes no media"):
            make_client("http://127.0.0.1:9", environ={}).submit(O1, {"prompt": path})

    def test_a_picture_is_sent_as_it_is_seen(self, client: Any, server: Server) -> None:
        turned = Image.new("RGB", (640, 480))
        exif = turned.getexif()
        exif[0x0112] = 6
        written = io.BytesIO()
        turned.save(written, "JPEG", exif=exif)
        client.subscribe(I2V, {"prompt": "x", "start_image_url": Image.open(io.BytesIO(written.getvalue()))})
        (sent,) = server.http.get("/_fakefal/requests").json()
        found = Image.open(io.BytesIO(server.http.get(sent["arguments"]["start_image_url"]).content))
        assert (found.size, found.format) == ((480, 640), "JPEG")

    @pytest.mark.usefixtures("nothing_sent")
    def test_a_picture_whose_file_is_cut_off(self, make_client: MakeClient) -> None:
        client = make_client("http://127.0.0.1:9", environ={})
        for call in (client.submit, client.check):
            cut_off = Image.open(io.BytesIO(picture(640, 480)[:200]))
            with pytest.raises(UnknownMedia, match="cannot be read"):
                call(I2V, {"prompt": "x", "start_image_url": cut_off})

    def test_pictures_are_written_down_where_they_hold_no_loop_up(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        writers: list[int] = []
        save = Image.Image.save

        def watched(*arguments: Any, **named: Any) -> None:
            writers.append(threading.get_ident())
            save(*arguments, **named)

        async def main() -> None:
            async with AsyncClient(server.url) as client:
                body = {"prompt": "x", "start_image_url": Image.new("RGB", (640, 480))}
                await client.check(I2V, body)
                await client.upload(Image.new("RGB", (640, 480)))
                await client.submit(I2V, body)

        monkeypatch.setattr(Image.Image, "save", watched)
        anyio.run(main)
        assert len(writers) == 3
        assert threading.get_ident() not in writers

    @pytest.mark.usefixtures("nothing_sent")
    def test_a_file_that_is_not_there(self, make_client: MakeClient) -> None:
        with pytest.raises(UnknownMedia, match="no file"):
            make_client("http://127.0.0.1:9", environ={}).submit(I2V, {"prompt": "x", "start_image_url": Path("no")})


def test_typed_requests_send_only_what_was_said(make_client: MakeClient, server: Server) -> None:
    make_client(server.url).submit(KlingO1ImageToVideo(prompt="x", start_image_url=PICTURE))
    (sent,) = server.http.get("/_fakefal/requests").json()
    assert sent["arguments"] == {"prompt": "x", "start_image_url": PICTURE}
